/* Compiling and rendering of templates, by tables. */
#include "proto/frontend.h"
#include "proto/limits.h"
#include "sender/kind.h"
#include "templater/render.h"
#include "templater/template.h"
#include "tests/unit/json_vars.h"
#include "tests/unit/test.h"

#define MSG_ID "0123456789abcdef0123456789abcdef"
#define MEGA_FALLBACK(codes) "{\"$mega\":{\"fallback\":\"b\",\"fallback_on\":" codes "}}"
#define ADDED  ",\"client_msg_id\":\"" MSG_ID "\"}"

/* Renders with the recipient oAB. Returns 0 and the body or -1 and the error in `out`. */
static int render(const char *text, struct span vars, enum conf_missing missing, struct buf *out)
{
    struct buf error = {0};
    struct template *t = template_compile(span_of(text), &error);
    if (t == NULL) {
        fprintf(stderr, "%s: %s\n", text, buf_str(&error));
        exit(1);
    }
    struct render_input in = {.openid = span_of("oAB"), .vars = vars, .client_msg_id = MSG_ID, .missing = missing};
    int result = render_body(t, &in, out, &error);
    if (result != 0) {
        buf_clear(out);
        buf_append(out, error.data, error.bytes);
    }
    template_destroy(&t);
    buf_free(&error);
    return result;
}

/* A template, variables as JSON, and the body without its end ('}' or client_msg_id, which ADDED stands for).
 */
static const struct {
    const char *text, *vars, *expected;
} renderings[] = {
    /* names */
    {"{\"a\":\"${x}\"}", "{\"x\":\"1\"}", "{\"a\":\"1\"" ADDED},
    {"{\"a\":\"${x} ${y}${x}\"}", "{\"x\":\"1\",\"y\":\"2\"}", "{\"a\":\"1 21\"" ADDED},
    {"{\"a\":\"${x y.*|z}\"}", "{\"x y.*|z\":\"1\"}", "{\"a\":\"1\"" ADDED},
    {"{\"a\":\"${巧}\"}", "{\"巧\":\"克力\"}", "{\"a\":\"克力\"" ADDED},
    {"{\"a\":\"${0}${1}\"}", "[\"p\",7]", "{\"a\":\"p7\"" ADDED},
    {"{\"${x}\":1}", "{\"x\":\"n\"}", "{\"n\":1" ADDED},
    {"{\"a\":\"${}\"}", "{\"\":\"1\"}", "{\"a\":\"${}\"" ADDED},
    {"{\"a\":\"${x\"}", "{\"x\":\"1\"}", "{\"a\":\"${x\"" ADDED},
    {"{\"a\":\"$x {x} $\"}", "{\"x\":\"1\"}", "{\"a\":\"$x {x} $\"" ADDED},
    {"{\"a\":\"${p${x}}\"}", "{\"x\":\"1\",\"p${x\":\"2\"}", "{\"a\":\"${p1}\"" ADDED},
    {"{\"a\":\"${${x}\"}", "{\"x\":\"1\"}", "{\"a\":\"${1\"" ADDED},
    {"{\"a\":\"$${x}\"}", "{\"x\":\"1\"}", "{\"a\":\"$1\"" ADDED},
    {"{\"a\":\"${x$}\"}", "{\"x$\":\"1\"}", "{\"a\":\"1\"" ADDED},
    {"{\"a\":\"${a\\\"b}\"}", "{\"a\\\"b\":\"1\"}", "{\"a\":\"${a\\\"b}\"" ADDED},
    {"{\"a\":\"\\\\${x}\\\"${x}\"}", "{\"x\":\"1\"}", "{\"a\":\"\\\\1\\\"1\"" ADDED},
    {"{\"a\":\"${1234567890123456789012345678901234567890123456789012345678901234}\"}",
     "{\"1234567890123456789012345678901234567890123456789012345678901234\":\"1\"}", "{\"a\":\"1\"" ADDED},
    {"{\"a\":\"${12345678901234567890123456789012345678901234567890123456789012345}\"}",
     "{\"12345678901234567890123456789012345678901234567890123456789012345\":\"1\"}",
     "{\"a\":\"${12345678901234567890123456789012345678901234567890123456789012345}\"" ADDED},
    /* the recipient */
    {"{\"a\":\"${OPENID}\",\"b\":${OPENID}}", "{\"OPENID\":\"zz\"}", "{\"a\":\"oAB\",\"b\":\"oAB\"" ADDED},
    {"{\"a\":\"${openid}\"}", "null", "{\"a\":\"${openid}\"" ADDED},
    /* values inside a string */
    {"{\"a\":\"${x}\"}", "{\"x\":\"\\\"\\\\\\n\\u0001/\\u2028\"}",
     "{\"a\":\"\\\"\\\\\\n\\u0001/\xe2\x80\xa8\"" ADDED},
    {"{\"a\":\"${x}\"}", "{\"x\":true}", "{\"a\":\"1\"" ADDED},
    {"{\"a\":\"${x}\"}", "{\"x\":false}", "{\"a\":\"\"" ADDED},
    {"{\"a\":\"${x}\"}", "{\"x\":null}", "{\"a\":\"\"" ADDED},
    {"{\"a\":\"${x}\"}", "{\"x\":\"\"}", "{\"a\":\"\"" ADDED},
    {"{\"a\":\"${x}\"}", "{\"x\":18446744073709551615}", "{\"a\":\"18446744073709551615\"" ADDED},
    {"{\"a\":\"${x}\"}", "{\"x\":-9223372036854775808}", "{\"a\":\"-9223372036854775808\"" ADDED},
    {"{\"a\":\"${x}\"}", "{\"x\":123456789012345678901234567890}",
     "{\"a\":\"123456789012345678901234567890\"" ADDED},
    {"{\"a\":\"${x}\"}", "{\"x\":-0}", "{\"a\":\"-0\"" ADDED},
    {"{\"a\":\"${x}\"}", "{\"x\":39.80}", "{\"a\":\"39.8\"" ADDED},
    {"{\"a\":\"${x}\"}", "{\"x\":\"1\",\"x\":\"2\"}", "{\"a\":\"2\"" ADDED},
    {"{\"a\":\"${x}\"}", "{\"x\":\"${y}\",\"y\":\"2\"}", "{\"a\":\"${y}\"" ADDED},
    {"{\"a\":\"${x}{y}\"}", "{\"x\":\"$\",\"y\":\"2\"}", "{\"a\":\"${y}\"" ADDED},
    /* values outside of strings */
    {"{\"a\":${x}}", "{\"x\":\"q\\\"\"}", "{\"a\":\"q\\\"\"" ADDED},
    {"{\"a\":[${x}, ${y}]}", "{\"x\":1.5,\"y\":true}", "{\"a\":[1.5, true]" ADDED},
    {"{\"a\":[${x}, ${y}]}", "{\"x\":null,\"y\":false}", "{\"a\":[null, false]" ADDED},
    {"{\"a\":${long name} }", "{\"long name\":-12}", "{\"a\":-12 " ADDED},
    {"{\"a\":${x}}", "{\"x\":123456789012345678901234567890}", "{\"a\":123456789012345678901234567890" ADDED},
    {"{\"a\":${x}}", "{\"x\":1e25}", "{\"a\":1e+25" ADDED},
    /* what is missing stays */
    {"{\"a\":\"${x} ${y}\"}", "{\"y\":1}", "{\"a\":\"${x} 1\"" ADDED},
    {"{\"a\":\"${x}\"}", "", "{\"a\":\"${x}\"" ADDED},
    /* byte for byte */
    {" {\t\"a\" : \"\\u00e9\\/\" ,\r\n\"b\":1E2 }\n", "null",
     " {\t\"a\" : \"\\u00e9\\/\" ,\r\n\"b\":1E2 " ADDED "\n"},
    /* client_msg_id */
    {"{}", "null", "{\"client_msg_id\":\"" MSG_ID "\"}"},
    {"{ }", "null", "{ \"client_msg_id\":\"" MSG_ID "\"}"},
    {"{\"client_msg_id\":\"mine\"}", "null", "{\"client_msg_id\":\"mine\"}"},
    {"{\"client\\u005fmsg_id\":\"${x}\"}", "{\"x\":1}", "{\"client\\u005fmsg_id\":\"1\"}"},
    {"{\"a\":{\"client_msg_id\":1}}", "null", "{\"a\":{\"client_msg_id\":1}" ADDED},
    /* $mega goes with its comma */
    {"{\"$mega\":{},\"a\":1}", "null", "{\"a\":1" ADDED},
    {"{ \"$mega\" : {\"kind\":\"template\"} , \"a\":1 }", "null", "{  \"a\":1 " ADDED},
    {"{\"a\":1,\"$mega\":{\"ttl\":5},\"b\":2}", "null", "{\"a\":1,\"b\":2" ADDED},
    {"{\"a\":1 , \"$mega\":{} }", "null", "{\"a\":1  " ADDED},
    {"{\"$mega\":{}}", "null", "{\"client_msg_id\":\"" MSG_ID "\"}"},
    {"{\"a\":\"${x}\",\"\\u0024mega\":{},\"b\":\"${x}\"}", "{\"x\":1}", "{\"a\":\"1\",\"b\":\"1\"" ADDED},
    {"{\"a\":{\"$mega\":1},\"b\":\"$mega\"}", "null", "{\"a\":{\"$mega\":1},\"b\":\"$mega\"" ADDED},
    /* kinds without key go out as they are */
    {"{\"$mega\":{\"kind\":\"template\"},\"a\":1}", "null", "{\"a\":1" ADDED},
    {"{\"$mega\":{\"kind\":\"custom\"},\"a\":\"${x}\"}", "{\"x\":1}", "{\"a\":\"1\"}"},
    {"{\"a\":\"${x}\",\"$mega\":{\"kind\":\"subscribe\"}}", "{\"x\":1}", "{\"a\":\"1\"}"},
    {"{\"a\":1,\"$mega\":{\"kind\":\"biz\\u0073ubscribe\"} }", "null", "{\"a\":1 }"},
    {"{\"$mega\":{\"kind\":\"custom\"}}", "null", "{}"},
    {"{\"$mega\":{\"kind\":\"custom\"},\"client_msg_id\":\"${OPENID}\"}", "null",
     "{\"client_msg_id\":\"oAB\"}"},
};

static void test_renderings(void)
{
    for (size_t i = 0; i < sizeof renderings / sizeof *renderings; i++) {
        struct buf vars = {0}, out = {0};
        vars_pack(span_of(renderings[i].vars), &vars);
        CHECK_INT(render(renderings[i].text, buf_span(&vars), MISSING_KEEP, &out), 0);
        CHECK_SPAN(buf_span(&out), renderings[i].expected);
        buf_free(&vars);
        buf_free(&out);
    }
}

static const struct {
    const char *text, *vars;
    enum conf_missing missing;
    const char *error;
} refused_renderings[] = {
    {"{\"a\":\"${x}\"}", "null", MISSING_REJECT, "variable x is missing"},
    {"{\"a\":\"${x}${y}\"}", "{\"x\":null}", MISSING_REJECT, "variable y is missing"},
    {"{\"a\":${x}}", "null", MISSING_REJECT, "variable x is missing"},
    {"{\"a\":${x}}", "null", MISSING_KEEP, "variable x is missing, and it stands where a JSON value must be"},
};

static void test_missing(void)
{
    for (size_t i = 0; i < sizeof refused_renderings / sizeof *refused_renderings; i++) {
        struct buf vars = {0}, out = {0};
        vars_pack(span_of(refused_renderings[i].vars), &vars);
        CHECK_INT(render(refused_renderings[i].text, buf_span(&vars), refused_renderings[i].missing, &out),
                  -1);
        CHECK_SPAN(buf_span(&out), refused_renderings[i].error);
        buf_free(&vars);
        buf_free(&out);
    }
}

/* Values that no JSON could have brought. */
static void test_wrong_values(void)
{
    static const struct {
        const char *packed;
        size_t bytes;
        const char *error;
    } cases[] = {
        {"\x81\xa1x\xa1\xff", 5, "variable x is not UTF-8"},
        {"\x81\xa1x\xcb\x7f\xf0\0\0\0\0\0\0", 12, "variable x is not a finite number"},
        {"\x81\xa1x\xd4\x01-", 6, "variable x is not a number"},
        {"\x81\xa1x\xd5\x01\x31 ", 7, "variable x is not a number"},
        {"\x81\xa1x\xd4\x02\x31", 6, "variable x is not a number"},
        {"\x81\xa1x\x91\x01", 5, "variable x must be a string, a number, true, false or null"},
        {"\x81\xa1x\x81\xa1y\x01", 7, "variable x must be a string, a number, true, false or null"},
        {"\x81\xa1x\xc4\x01\x31", 6, "variable x must be a string, a number, true, false or null"},
        {"\x82\xa1x\x01", 4, "vars: not a map with names"},
        {"\x81\x01\x01", 3, "vars: not a map with names"},
        {"\x91\x01", 2, "vars: not a map with names"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = {0};
        CHECK_INT(
            render("{\"a\":\"${x}\"}", (struct span){cases[i].packed, cases[i].bytes}, MISSING_KEEP, &out),
            -1);
        CHECK_SPAN(buf_span(&out), cases[i].error);
        buf_free(&out);
    }
}

static void test_wrong_openid(void)
{
    struct buf out = {0}, error = {0};
    struct template *t = template_compile(span_of("{\"a\":\"${OPENID}\"}"), &error);
    struct render_input in = {.openid = span_of("o\xff"), .client_msg_id = MSG_ID, .missing = MISSING_KEEP};
    CHECK_INT(render_body(t, &in, &out, &error), -1);
    CHECK_SPAN(buf_span(&error), "openid is not UTF-8");
    buf_clear(&out);
    buf_clear(&error);
    in.openid = span_of("o\"\\");
    CHECK_INT(render_body(t, &in, &out, &error), 0);
    CHECK_SPAN(buf_span(&out), "{\"a\":\"o\\\"\\\\\"" ADDED);
    template_destroy(&t);
    buf_free(&out);
    buf_free(&error);
}

static void test_body_limit(void)
{
    struct buf text = {0}, vars = {0}, out = {0};
    char *value = mem_new(1024 * 1024);
    memset(value, 'x', 1024 * 1024);
    buf_append_str(&text, "{\"a\":\"");
    for (int i = 0; i < 15; i++)
        buf_append_str(&text, "${x}");
    mp_map(&vars, 1);
    mp_str(&vars, "x");
    mp_span(&vars, (struct span){value, 1024 * 1024});
    buf_append_str(&text, "\"}");
    CHECK_INT(render(buf_str(&text), buf_span(&vars), MISSING_KEEP, &out), 0);
    CHECK(out.bytes > 15 * 1024 * 1024);
    text.bytes -= 2;
    buf_append_str(&text, "${x}\"}");
    buf_clear(&out);
    CHECK_INT(render(buf_str(&text), buf_span(&vars), MISSING_KEEP, &out), -1);
    CHECK_HAS(buf_str(&out), "16777216 bytes");
    free(value);
    buf_free(&text);
    buf_free(&vars);
    buf_free(&out);
}

static const struct {
    const char *text, *error;
} refused_texts[] = {
    {"", "not JSON at byte 0: "},
    {"x", "not JSON at byte 0: "},
    {"[]", "must be a JSON object"},
    {"\"${x}\"", "must be a JSON object"},
    {"${x}", "must be a JSON object"},
    {"{\"a\":1}x", "not JSON at byte 7: "},
    {"{\"a\":1,}", "not JSON at byte 7: "},
    {"{\"a\":${xyz} 1}", "not JSON at byte 12: "},
    {"{${x}:1}", "not JSON at byte 1: "},
    {"{\"a\":-${x}}", "not JSON at byte "},
    {"{\"a\":1${x}}", "not JSON at byte 6: "},
    {"{\"a\":${x}${y}}", "not JSON at byte 9: "},
    {"{\"a\":\"\\${x}\"}", "not JSON at byte 7: "},
    {"{\"a\":\"\\u00${x}\"}", "not JSON at byte "},
    {"{\"a\":\"\\ud83d${x}\"}", "not JSON at byte "},
    {"{\"a\":\"\xe5${x}\"}", "not JSON at byte "},
    {"{\"a\":\"${\xff}\"}", "not JSON at byte "},
    {"{\"a\":${\xff}}", "not JSON at byte 5: "},
    {"{\"a\":\"x", "not JSON at byte "},
    {"{\"$mega\":1}", "$mega: must be an object"},
    {"{\"$mega\":{},\"$mega\":{}}", "$mega: stands there twice"},
    {"{\"$mega\":{\"kind\":\"customs\"}}",
     "$mega.kind: \"customs\" is not supported; supported are \"template\", \"custom\", \"subscribe\", "
     "\"bizsubscribe\" and \"onetime\""},
    {"{\"$mega\":{\"kind\":\"\"}}", "$mega.kind: \"\" is not supported"},
    {"{\"$mega\":{\"kind\":\"Custom\"}}", "$mega.kind: \"Custom\" is not supported"},
    {"{\"$mega\":{\"kind\":\"custom\\u0000\"}}", "$mega.kind: "},
    {"{\"$mega\":{\"kind\":[\"custom\"]}}", "$mega.kind: [ is not supported"},
    {"{\"$mega\":{\"kind\":${x}}}", "$mega.kind: null is not supported"},
    {"{\"$mega\":{\"kind\":7}}", "$mega.kind: 7 is not supported"},
    {"{\"$mega\":{\"fall\":\"b\"}}",
     "$mega.fall: unknown member; known are kind, ttl, lane, rate, fallback and fallback_on"},
    {"{\"$mega\":{\"ttl\":0}}",
     "$mega.ttl: must be whole milliseconds or a text like \"5m\", from 1 ms to 400 days"},
    {"{\"$mega\":{\"ttl\":1.5}}", "$mega.ttl: "},
    {"{\"$mega\":{\"ttl\":-1}}", "$mega.ttl: "},
    {"{\"$mega\":{\"ttl\":34560000001}}", "$mega.ttl: "},
    {"{\"$mega\":{\"ttl\":99999999999999999999999}}", "$mega.ttl: "},
    {"{\"$mega\":{\"ttl\":\"401d\"}}", "$mega.ttl: "},
    {"{\"$mega\":{\"ttl\":\"5m\\u0000\"}}", "$mega.ttl: "},
    {"{\"$mega\":{\"ttl\":\"\"}}", "$mega.ttl: "},
    {"{\"$mega\":{\"ttl\":null}}", "$mega.ttl: "},
    {"{\"$mega\":{\"lane\":\"fast\"}}", "$mega.lane: must be \"express\" or \"bulk\""},
    {"{\"$mega\":{\"lane\":[\"bulk\"]}}", "$mega.lane: "},
    {"{\"$mega\":{\"rate\":0}}",
     "$mega.rate: must be a whole number of messages a second, from 1 to 1000000"},
    {"{\"$mega\":{\"rate\":1000001}}", "$mega.rate: "},
    {"{\"$mega\":{\"rate\":1.5}}", "$mega.rate: "},
    {"{\"$mega\":{\"rate\":-1}}", "$mega.rate: "},
    {"{\"$mega\":{\"rate\":\"10\"}}", "$mega.rate: "},
    {"{\"$mega\":{\"rate\":${x}}}", "$mega.rate: "},
    {"{\"$mega\":{\"rate\":[1]}}", "$mega.rate: "},
    {"{\"$mega\":{\"fallback\":\"\"}}",
     "$mega.fallback: must be the key of another template, a string of 1 to 32 characters"},
    {"{\"$mega\":{\"fallback\":\"123456789012345678901234567890123\"}}", "$mega.fallback: "},
    {"{\"$mega\":{\"fallback\":7}}", "$mega.fallback: "},
    {"{\"$mega\":{\"fallback\":[\"b\"]}}", "$mega.fallback: "},
    {"{\"$mega\":{\"fallback\":${x}}}", "$mega.fallback: "},
    {"{\"$mega\":{\"fallback_on\":[45015]}}",
     "$mega.fallback_on: there is no fallback to try; add it or take this out"},
    {MEGA_FALLBACK("[]"), "$mega.fallback_on: must be an array of 1 to 16 whole errcodes, such as [45015, 45047]"},
    {MEGA_FALLBACK("45015"), "$mega.fallback_on: must be an array"},
    {MEGA_FALLBACK("{\"a\":1}"), "$mega.fallback_on: must be an array"},
    {MEGA_FALLBACK("\"45015\""), "$mega.fallback_on: must be an array"},
    {MEGA_FALLBACK("[\"45015\"]"), "$mega.fallback_on: must be an array"},
    {MEGA_FALLBACK("[45015.0]"), "$mega.fallback_on: must be an array"},
    {MEGA_FALLBACK("[4e4]"), "$mega.fallback_on: must be an array"},
    {MEGA_FALLBACK("[-2]"), "$mega.fallback_on: must be an array"},
    {MEGA_FALLBACK("[-0]"), "$mega.fallback_on: must be an array"},
    {MEGA_FALLBACK("[2147483648]"), "$mega.fallback_on: must be an array"},
    {MEGA_FALLBACK("[[45015]]"), "$mega.fallback_on: must be an array"},
    {MEGA_FALLBACK("[45015,null]"), "$mega.fallback_on: must be an array"},
    {MEGA_FALLBACK("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]"), "$mega.fallback_on: must be an array"},
    {MEGA_FALLBACK("[45015,-1]"), "$mega.fallback_on: -1 is no refusal: WeChat was busy; name codes"},
    {MEGA_FALLBACK("[0]"), "$mega.fallback_on: 0 is no refusal"},
    {MEGA_FALLBACK("[40001]"), "$mega.fallback_on: 40001 is no refusal: the access token is renewed"},
    {MEGA_FALLBACK("[40014]"), "$mega.fallback_on: 40014 is no refusal"},
    {MEGA_FALLBACK("[42001]"), "$mega.fallback_on: 42001 is no refusal"},
};

static void test_refused_texts(void)
{
    for (size_t i = 0; i < sizeof refused_texts / sizeof *refused_texts; i++) {
        struct buf error = {0};
        struct template *t = template_compile(span_of(refused_texts[i].text), &error);
        if (t != NULL)
            fprintf(stderr, "compiled: %s\n", refused_texts[i].text);
        CHECK(t == NULL);
        CHECK_HAS(buf_str(&error), refused_texts[i].error);
        buf_free(&error);
    }
}

static const struct {
    const char *text;
    int64_t ttl_ms;
    int lane;
    const char *kind;
    int has_key;
} megas[] = {
    {"{}", 0, -1, "template", 1},
    {"{\"$mega\":{}}", 0, -1, "template", 1},
    {"{\"$mega\":{\"ttl\":1}}", 1, -1, "template", 1},
    {"{\"$mega\":{\"ttl\":34560000000}}", AT_AHEAD_MS_MAX, -1, "template", 1},
    {"{\"$mega\":{\"ttl\":\"5m\"}}", 300000, -1, "template", 1},
    {"{\"$mega\":{\"ttl\":\"400d\",\"lane\":\"express\"}}", AT_AHEAD_MS_MAX, LANE_EXPRESS, "template", 1},
    {"{\"$mega\":{\"lane\":\"bulk\",\"kind\":\"template\"}}", 0, LANE_BULK, "template", 1},
    {"{\"$mega\":{\"kind\":\"custom\",\"ttl\":1}}", 1, -1, "custom", 0},
    {"{\"$mega\":{\"kind\":\"subscribe\"}}", 0, -1, "subscribe", 0},
    {"{\"$mega\":{\"kind\":\"bizsubscribe\"}}", 0, -1, "bizsubscribe", 0},
    {"{\"$mega\":{\"kind\":\"onetime\"}}", 0, -1, "onetime", 0},
    {"{\"$mega\":{\"kind\":\"custom\",\"kind\":\"template\"}}", 0, -1, "template", 1},
};

static void test_mega(void)
{
    for (size_t i = 0; i < sizeof megas / sizeof *megas; i++) {
        struct buf error = {0};
        struct template *t = template_compile(span_of(megas[i].text), &error);
        CHECK_STR(buf_str(&error), "");
        CHECK(t != NULL);
        CHECK_STR(t->mega.kind->name, megas[i].kind);
        CHECK_INT(t->mega.kind->has_key, megas[i].has_key);
        CHECK_INT(t->mega.ttl_ms, megas[i].ttl_ms);
        CHECK_INT(t->mega.lane, megas[i].lane);
        template_destroy(&t);
        buf_free(&error);
    }
}

/* The sender must know each kind as we do. */
static void test_kinds(void)
{
    static const char *const names[] = {"template", "custom", "subscribe", "bizsubscribe", "onetime"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buf text = {0}, error = {0};
        buf_printf(&text, "{\"$mega\":{\"kind\":\"%s\"}}", names[i]);
        struct template *t = template_compile(buf_span(&text), &error);
        const struct kind *kind = kind_find(span_of(names[i]));
        CHECK(t != NULL && kind != NULL);
        CHECK_STR(t->mega.kind->path, kind->path);
        CHECK_INT(t->mega.kind->has_key, kind->has_key);
        template_destroy(&t);
        buf_free(&text);
        buf_free(&error);
    }
}

/* `codes` is the list, with spaces between. */
static const struct {
    const char *text;
    uint32_t rate_per_s;
    const char *fallback, *codes;
} fallbacks[] = {
    {"{}", 0, "", ""},
    {"{\"$mega\":{\"rate\":1}}", 1, "", ""},
    {"{\"$mega\":{\"rate\":1000000,\"rate\":7}}", 7, "", ""},
    {"{\"$mega\":{\"rate\":1000000}}", 1000000, "", ""},
    {"{\"$mega\":{\"fallback\":\"b\"}}", 0, "b", "45015 45047"},
    {"{\"$mega\":{\"fallback\":\"x\",\"fallback\":\"\\u5de7克力\"}}", 0, "巧克力", "45015 45047"},
    {"{\"$mega\":{\"fallback\":\"12345678901234567890123456789012\"}}", 0, "12345678901234567890123456789012",
     "45015 45047"},
    {MEGA_FALLBACK("[43004]"), 0, "b", "43004"},
    {"{\"$mega\":{\"fallback_on\":[1,2147483647],\"fallback\":\"b\"}}", 0, "b", "1 2147483647"},
    {MEGA_FALLBACK("[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]"), 0, "b", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"},
    {"{\"$mega\":{\"fallback\":\"b\",\"fallback_on\":[1,2],\"fallback_on\":[3]}}", 0, "b", "3"},
};

static void test_rate_and_fallback(void)
{
    for (size_t i = 0; i < sizeof fallbacks / sizeof *fallbacks; i++) {
        struct buf error = {0}, codes = {0};
        struct template *t = template_compile(span_of(fallbacks[i].text), &error);
        CHECK_STR(buf_str(&error), "");
        CHECK(t != NULL);
        CHECK_U64(t->mega.rate_per_s, fallbacks[i].rate_per_s);
        CHECK_SPAN(buf_span(&t->mega.fallback), fallbacks[i].fallback);
        for (size_t k = 0; k < t->mega.fallback_on_count; k++)
            buf_printf(&codes, "%s%d", k == 0 ? "" : " ", t->mega.fallback_on[k]);
        CHECK_STR(buf_str(&codes), fallbacks[i].codes);
        template_destroy(&t);
        buf_free(&error);
        buf_free(&codes);
    }
}

/* `expected` is the list, with spaces between. */
static void check_needs(const char *text, enum conf_missing missing, const char *expected)
{
    struct buf error = {0}, packed = {0}, names = {0};
    struct template *t = template_compile(span_of(text), &error);
    struct mp_cursor c;
    CHECK(t != NULL);
    template_needs(t, missing, &packed);
    mp_open(&c, buf_span(&packed));
    uint32_t count = mp_read_array(&c);
    for (uint32_t i = 0; i < count; i++) {
        struct span name = mp_read_str(&c);
        buf_printf(&names, "%s%.*s", i == 0 ? "" : " ", (int)name.bytes, name.data);
    }
    CHECK(!c.failed && c.at == c.end);
    CHECK_STR(buf_str(&names), expected);
    template_destroy(&t);
    buf_free(&error);
    buf_free(&packed);
    buf_free(&names);
}

static void test_needs(void)
{
    const char *text =
        "{\"a\":\"${z} ${b} ${z} ${OPENID}\",\"c\":${d},\"e\":[\"${f}\",${f}],\"g\":${OPENID}}";
    check_needs(text, MISSING_REJECT, "b d f z");
    check_needs(text, MISSING_KEEP, "d f");
    check_needs("{\"a\":\"${b}\"}", MISSING_KEEP, "");
    check_needs("{\"a\":1,\"$mega\":{}}", MISSING_REJECT, "");
}

int main(void)
{
    test_renderings();
    test_missing();
    test_wrong_values();
    test_wrong_openid();
    test_body_limit();
    test_refused_texts();
    test_mega();
    test_kinds();
    test_rate_and_fallback();
    test_needs();
    return 0;
}
