/* Every rendering that was recorded from the original service (tests/data/vectors.json): the same bytes where
 * the original was right, the protocol page's where it was not. client_msg_id is taken out before comparing.
 */
#include "templater/render.h"
#include "templater/template.h"
#include "tests/unit/json_vars.h"
#include "tests/unit/test.h"

#define VECTORS_PATH "tests/data/vectors.json"
#define MSG_ID       "0123456789abcdef0123456789abcdef"
#define BODIES_MAX   4

#define TEST_HEAD                                                                                            \
    "{\"touser\":\"oABCD1234567890abcdefghijkl\",\"template_id\":"                                           \
    "\"ngqIpbwh8bUfcSsECmogfXcV14J0tQlEpBO27izEYtY\","                                                       \
    "\"url\":\"http://weixin.qq.com/"                                                                        \
    "download\",\"data\":{\"first\":{\"value\":\"恭喜你购买成功！\",\"color\":\"#173177\"},"         \
    "\"keynote1\":{\"value\":\""
#define TEST_TAIL                                                                                            \
    "\",\"color\":\"#173177\"},\"remark\":{\"value\":\"欢迎再次购买！\",\"color\":\"#173177\"}}}"
#define PLAIN_HEAD   "{\"touser\":\"oABCD1234567890abcdefghijkl\"," PLAIN_MIDDLE
#define PLAIN_MIDDLE "\"template_id\":\"T2\",\"url\":\"\",\"data\":{\"first\":{\"value\":\"hi "
#define PLAIN_TAIL   "\",\"color\":\"#173177\"}}}"

/* Where the original was wrong. */
static const struct {
    const char *name, *body;
} ours[] = {
    {"send_var_quote", TEST_HEAD "a\\\"b" TEST_TAIL},
    {"send_var_backslash", TEST_HEAD "a\\\\b" TEST_TAIL},
    {"send_var_dollar1",
     TEST_HEAD "cost $1 and \\\\1 and ${1} and $0 and \\\\0 and $12 and $ x $$" TEST_TAIL},
    {"send_var_newline", TEST_HEAD "a\\nb\\tc" TEST_TAIL},
    {"send_var_float_big", TEST_HEAD "1e+25" TEST_TAIL},
    {"send_var_bigint", TEST_HEAD "12345678901234567890" TEST_TAIL},
    {"send_var_third", TEST_HEAD "0.30000000000000004" TEST_TAIL},
    {"send_var_chain", PLAIN_HEAD "${b} B ${b}" PLAIN_TAIL},
    {"send_var_openid_in_value", PLAIN_HEAD "${OPENID} ${b} ${OPENID}" PLAIN_TAIL},
    {"send_var_override_openid", PLAIN_HEAD "${a} ${b} ${a}" PLAIN_TAIL},
    {"send_openid_dollar", "{\"touser\":\"a$1b\\\\1c\"," PLAIN_MIDDLE "${a} ${b} ${a}" PLAIN_TAIL},
    {"send_var_nul", PLAIN_HEAD "x\\u0000y ${b} x\\u0000y" PLAIN_TAIL},
    {"send_var_unicode_sep", PLAIN_HEAD "\xe2\x80\xa8😀 ${b} \xe2\x80\xa8😀" PLAIN_TAIL},
    {"send_body_exp_int", PLAIN_HEAD "1000 1 1000" PLAIN_TAIL},
    {"send_body_float_long", PLAIN_HEAD "3.141592653589793 -0 3.141592653589793" PLAIN_TAIL},
    {"send_body_float_small", PLAIN_HEAD "0.00001 123456789012345678 0.00001" PLAIN_TAIL},
};

/* A vector as far as it is about rendering. */
struct vector {
    struct buf name, render, request_hex;
    struct buf bodies[BODIES_MAX];
    size_t body_count;
};

static void vector_free(struct vector *v)
{
    buf_free(&v->name);
    buf_free(&v->render);
    buf_free(&v->request_hex);
    for (size_t i = 0; i < BODIES_MAX; i++)
        buf_free(&v->bodies[i]);
}

static void read_bodies(struct json_reader *r, struct vector *v)
{
    for (struct json_token t = json_next(r); t.type != JSON_ARRAY_END; t = json_next(r)) {
        CHECK(t.type == JSON_STRING && v->body_count < BODIES_MAX);
        json_unescape(t.raw, &v->bodies[v->body_count++]);
    }
}

/* Reads the members of a vector, and those of its member "original". */
static void read_members(struct json_reader *r, struct vector *v)
{
    struct buf name = {0};
    for (struct json_token t = json_next(r); t.type == JSON_NAME; t = json_next(r)) {
        buf_clear(&name);
        json_unescape(t.raw, &name);
        t = json_next(r);
        if (t.type == JSON_STRING && strcmp(buf_str(&name), "name") == 0)
            json_unescape(t.raw, &v->name);
        else if (t.type == JSON_STRING && strcmp(buf_str(&name), "render") == 0)
            json_unescape(t.raw, &v->render);
        else if (t.type == JSON_STRING && strcmp(buf_str(&name), "request_hex") == 0)
            json_unescape(t.raw, &v->request_hex);
        else if (t.type == JSON_ARRAY && strcmp(buf_str(&name), "wechat_bodies") == 0)
            read_bodies(r, v);
        else if (t.type == JSON_OBJECT && strcmp(buf_str(&name), "original") == 0)
            read_members(r, v);
        else
            CHECK_INT(json_skip(r, t), 0);
    }
    buf_free(&name);
}

/* Leaves the reader inside the value of a member at the top. */
static void open_member(struct json_reader *r, struct span text, const char *member, enum json_type type)
{
    struct buf name = {0};
    json_open(r, text);
    CHECK(json_next(r).type == JSON_OBJECT);
    for (struct json_token t = json_next(r); t.type == JSON_NAME; t = json_next(r)) {
        buf_clear(&name);
        json_unescape(t.raw, &name);
        t = json_next(r);
        if (strcmp(buf_str(&name), member) == 0) {
            CHECK(t.type == type);
            buf_free(&name);
            return;
        }
        CHECK_INT(json_skip(r, t), 0);
    }
    CHECK(!"the member is there");
}

static struct template *compile_named(struct span vectors, struct span key)
{
    struct json_reader r;
    struct buf name = {0}, text = {0}, error = {0};
    open_member(&r, vectors, "templates", JSON_OBJECT);
    for (struct json_token t = json_next(&r); t.type == JSON_NAME && text.bytes == 0; t = json_next(&r)) {
        buf_clear(&name);
        json_unescape(t.raw, &name);
        t = json_next(&r);
        if (span_equal(buf_span(&name), key))
            json_unescape(t.raw, &text);
    }
    struct template *t = template_load(key, buf_span(&text), &error);
    CHECK_STR(buf_str(&error), "");
    CHECK(t != NULL);
    buf_free(&name);
    buf_free(&text);
    buf_free(&error);
    return t;
}

static size_t u32be(const struct buf *b, size_t at)
{
    CHECK(at + 4 <= b->bytes);
    const unsigned char *p = (const unsigned char *)b->data + at;
    return (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
}

static struct buf from_hex(const struct buf *hex)
{
    struct buf out = {0};
    for (size_t i = 0; i + 1 < hex->bytes; i += 2) {
        char digits[3] = {hex->data[i], hex->data[i + 1], 0};
        char byte = (char)strtol(digits, NULL, 16);
        buf_append(&out, &byte, 1);
    }
    return out;
}

/* "send OPENID KEY" */
static void split_header(struct span header, struct span *openid, struct span *key)
{
    const char *first = memchr(header.data, ' ', header.bytes);
    CHECK(first != NULL);
    const char *end = header.data + header.bytes;
    const char *second = memchr(first + 1, ' ', (size_t)(end - first - 1));
    CHECK(second != NULL);
    *openid = (struct span){first + 1, (size_t)(second - first - 1)};
    *key = (struct span){second + 1, (size_t)(end - second - 1)};
}

static void take_out_msg_id(struct buf *body)
{
    static const char added[] = ",\"client_msg_id\":\"" MSG_ID "\"}";
    CHECK(body->bytes > sizeof added);
    CHECK_SPAN(((struct span){body->data + body->bytes - (sizeof added - 1), sizeof added - 1}), added);
    body->bytes -= sizeof added - 1;
    buf_append_str(body, "}");
}

static struct span expected_body(const struct vector *v, size_t i)
{
    if (span_is(buf_span(&v->render), "exact"))
        return buf_span(&v->bodies[i]);
    for (size_t k = 0; k < sizeof ours / sizeof *ours; k++)
        if (span_is(buf_span(&v->name), ours[k].name))
            return span_of(ours[k].body);
    CHECK(!"the table has every rendering of ours");
    return (struct span){NULL, 0};
}

static void check_vector(struct span vectors, const struct vector *v)
{
    struct buf frames = from_hex(&v->request_hex);
    size_t at = 0;
    for (size_t i = 0; i < v->body_count; i++) {
        size_t package_bytes = u32be(&frames, at), header_bytes = u32be(&frames, at + 4);
        size_t body_at = at + 8 + header_bytes + 8;
        struct span openid, key, json = {frames.data + body_at, u32be(&frames, body_at - 4)};
        struct buf vars = {0}, out = {0}, error = {0};
        split_header((struct span){frames.data + at + 8, header_bytes}, &openid, &key);
        struct template *t = compile_named(vectors, key);
        vars_pack(json, &vars);
        struct render_input in = {
            .openid = openid, .vars = buf_span(&vars), .client_msg_id = MSG_ID, .missing = MISSING_KEEP};
        CHECK_INT(render_body(t, &in, &out, &error), 0);
        take_out_msg_id(&out);
        CHECK_BYTES(buf_span(&out), expected_body(v, i));
        template_destroy(&t);
        buf_free(&vars);
        buf_free(&out);
        buf_free(&error);
        at += 4 + package_bytes;
    }
    buf_free(&frames);
}

int main(void)
{
    struct buf text = test_read(VECTORS_PATH);
    struct json_reader r;
    int exact = 0, other = 0;
    open_member(&r, buf_span(&text), "vectors", JSON_ARRAY);
    for (struct json_token t = json_next(&r); t.type == JSON_OBJECT; t = json_next(&r)) {
        struct vector v = {0};
        read_members(&r, &v);
        exact += span_is(buf_span(&v.render), "exact");
        other += span_is(buf_span(&v.render), "ours");
        if (v.render.bytes > 0)
            check_vector(buf_span(&text), &v);
        vector_free(&v);
    }
    CHECK(json_error(&r) == NULL);
    CHECK_INT(exact, 27);
    CHECK_INT(other, 16);
    buf_free(&text);
    return 0;
}
