/* Bodies: JSON to variables, number kinds, what is refused, limits. */
#include "proto/body.h"

#include "proto/limits.h"
#include "proto/mp.h"
#include "tests/unit/test.h"

/* The variables as text: name=value;... so that a table can hold them. */
static void print_vars(struct span vars, struct buf *out)
{
    struct mp_cursor c;
    mp_open(&c, vars);
    uint32_t count = vars.bytes > 0 ? mp_read_map(&c) : 0;
    for (uint32_t i = 0; i < count; i++) {
        struct span name = mp_read_str(&c);
        struct mp_value v = mp_read(&c);
        buf_printf(out, "%.*s=", (int)name.bytes, name.data);
        if (v.type == MP_STR)
            buf_printf(out, "'%.*s';", (int)v.text.bytes, v.text.data);
        else if (v.type == MP_UINT)
            buf_printf(out, "u%llu;", (unsigned long long)v.as.u64);
        else if (v.type == MP_INT)
            buf_printf(out, "i%lld;", (long long)v.as.i64);
        else if (v.type == MP_FLOAT)
            buf_printf(out, "d%.17g;", v.as.number);
        else if (v.type == MP_BOOL)
            buf_append_str(out, v.as.boolean ? "true;" : "false;");
        else if (v.type == MP_NIL)
            buf_append_str(out, "nil;");
        else if (v.type == MP_EXT && v.ext == MP_EXT_NUMBER)
            buf_printf(out, "n%.*s;", (int)v.text.bytes, v.text.data);
        else
            buf_append_str(out, "?;");
    }
    CHECK(!c.failed);
    CHECK(vars.bytes == 0 || c.at == c.end);
}

static const char *const taken[][2] = {
    {"", ""},
    {" \t\r\n", ""},
    {"null", ""},
    {" null ", ""},
    {"{}", ""},
    {"[]", ""},
    {"{\"item\":\"x\"}", "item='x';"},
    {" {\"item\" : \"x\"} \n", "item='x';"},
    {"{\"a\":\"1\",\"b\":\"2\"}", "a='1';b='2';"},
    {"{\"a\":1,\"a\":2}", "a=u1;a=u2;"},
    {"{\"\":\"x\"}", "='x';"},
    {"{\"a\":\"\"}", "a='';"},
    {"{\"a\\/b\":\"\\u4e2d\\n\\\"\"}", "a/b='中\n\"';"},
    {"{\"\\u0061\":\"\\ud83d\\ude00\"}", "a='😀';"},
    {"{\"商品\":\"巧克力\"}", "商品='巧克力';"},
    {"{\"a\":true,\"b\":false,\"c\":null}", "a=true;b=false;c=nil;"},
    {"{\"a\":0,\"b\":-1,\"c\":39}", "a=u0;b=i-1;c=u39;"},
    {"{\"a\":9223372036854775807}", "a=u9223372036854775807;"},
    {"{\"a\":18446744073709551615}", "a=u18446744073709551615;"},
    {"{\"a\":-9223372036854775808}", "a=i-9223372036854775808;"},
    {"{\"a\":18446744073709551616}", "a=n18446744073709551616;"},
    {"{\"a\":-9223372036854775809}", "a=n-9223372036854775809;"},
    {"{\"a\":12345678901234567890123}", "a=n12345678901234567890123;"},
    {"{\"a\":-0}", "a=n-0;"},
    {"{\"a\":39.80}", "a=d39.799999999999997;"},
    {"{\"a\":1.0,\"b\":1e3,\"c\":-0.0}", "a=d1;b=d1000;c=d-0;"},
    {"{\"a\":0.00001,\"b\":1e25}", "a=d1.0000000000000001e-05;b=d1.0000000000000001e+25;"},
    {"{\"a\":1e-999}", "a=d0;"},
    {"[\"x\",2,null]", "0='x';1=u2;2=nil;"},
};

static void test_taken(void)
{
    struct body b = {0};
    struct buf text = {0};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        CHECK_INT(body_read(&b, span_of(taken[i][0])), 0);
        buf_clear(&text);
        print_vars(buf_span(&b.vars), &text);
        CHECK_STR(buf_str(&text), taken[i][1]);
        CHECK_U64(b.error.bytes, 0);
    }
    buf_free(&text);
    body_free(&b);
}

static const char *const refused[][2] = {
    {"hello", "body: not JSON at byte 0: "},
    {"NULL", "body: not JSON"},
    {"{\"item\":\"x\",}", "body: not JSON at byte 12: "},
    {"{\"item\":\"x\"", "body: not JSON"},
    {"{\"item\"", "body: not JSON"},
    {"{'a':'x'}", "body: not JSON"},
    {"{\"a\":007}", "body: not JSON"},
    {"{\"a\":\"\xff\"}", "body: not JSON"},
    {"{\"a\":\"\\ud800\"}", "body: not JSON"},
    {"{\"a\":1} x", "body: not JSON"},
    {"{} {}", "body: not JSON"},
    {"null null", "body: not JSON"},
    {"[1,2", "body: not JSON"},
    {"[1,]", "body: not JSON"},
    {"[", "body: not JSON"},
    {"]", "body: not JSON"},
    {"123", "body: a number; "},
    {"\"x\"", "body: a string; "},
    {"true", "body: true or false; "},
    {"false", "body: true or false; "},
    {"{\"item\":[\"a\"]}", "item: an array; "},
    {"{\"a\":{\"b\":1}}", "a: an object; "},
    {"{\"x\":1,\"\\u0061\\u0062\":{}}", "ab: an object; "},
    {"[1,[2]]", "1: an array; "},
    {"[{}]", "0: an object; "},
    {"{\"a\":1e999}", "a: the number is too large; "},
    {"{\"a\":-1e999}", "a: the number is too large; "},
};

static void test_refused(void)
{
    struct body b = {0};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        CHECK_INT(body_read(&b, span_of(refused[i][0])), -1);
        CHECK_HAS(buf_str(&b.error), refused[i][1]);
        CHECK(strncmp(buf_str(&b.error), refused[i][1], strlen(refused[i][1])) == 0);
    }
    body_free(&b);
}

/* A NUL byte is a byte like others; the rest of the text counts. */
static void test_nul(void)
{
    struct body b = {0};
    CHECK_INT(body_read(&b, span_of("{\"a\":\"x\\u0000y\"}")), 0);
    struct mp_cursor c;
    mp_open(&c, buf_span(&b.vars));
    CHECK_INT(mp_read_map(&c), 1);
    mp_read_str(&c);
    CHECK_BYTES(mp_read_str(&c), ((struct span){"x\0y", 3}));
    CHECK_INT(body_read(&b, (struct span){"{}\0", 3}), -1);
    CHECK_INT(body_read(&b, (struct span){" \0", 2}), -1);
    body_free(&b);
}

/* count variables a0..., as an object or an array. */
static void make_many(struct buf *out, int count, int is_object)
{
    buf_clear(out);
    buf_append_str(out, is_object ? "{" : "[");
    for (int i = 0; i < count; i++) {
        buf_append_str(out, i > 0 ? "," : "");
        if (is_object)
            buf_printf(out, "\"a%d\":", i);
        buf_append_str(out, "1");
    }
    buf_append_str(out, is_object ? "}" : "]");
}

static void test_limits(void)
{
    struct body b = {0};
    struct buf json = {0};
    for (int is_object = 0; is_object <= 1; is_object++) {
        make_many(&json, VARS_MAX, is_object);
        CHECK_INT(body_read(&b, buf_span(&json)), 0);
        make_many(&json, VARS_MAX + 1, is_object);
        CHECK_INT(body_read(&b, buf_span(&json)), -1);
        CHECK_STR(buf_str(&b.error), "body: more than 1024 variables");
    }
    for (int bytes = VAR_NAME_BYTES_MAX; bytes <= VAR_NAME_BYTES_MAX + 1; bytes++) {
        buf_clear(&json);
        buf_printf(&json, "{\"%0*d\":1}", bytes, 0);
        CHECK_INT(body_read(&b, buf_span(&json)), bytes > VAR_NAME_BYTES_MAX ? -1 : 0);
    }
    CHECK_HAS(buf_str(&b.error), "...: the variable's name is too long; at most 256 bytes");

    /* A name in an error is cut between characters. */
    buf_clear(&json);
    buf_append_str(&json, "{\"a");
    for (int i = 0; i < 100; i++)
        buf_append_str(&json, "中");
    buf_append_str(&json, "\":1}");
    CHECK_INT(body_read(&b, buf_span(&json)), -1);
    CHECK(span_is_utf8(buf_span(&b.error)));

    for (int digits = 256; digits <= 257; digits++) {
        buf_clear(&json);
        buf_append_str(&json, "{\"n\":1");
        for (int i = 1; i < digits; i++)
            buf_append_str(&json, "0");
        buf_append_str(&json, "}");
        CHECK_INT(body_read(&b, buf_span(&json)), digits > 256 ? -1 : 0);
    }
    CHECK_HAS(buf_str(&b.error), "n: a number of more than 256 characters");
    buf_free(&json);
    body_free(&b);
}

/* Every beginning of a text, on the heap, so that the sanitizer sees any look behind its end. */
static void test_cut(void)
{
    static const char whole[] = "{\"a\":\"\\u4e2d\",\"b\":[1],\"c\":12.5e3}";
    struct body b = {0};
    for (size_t bytes = 1; bytes < sizeof whole; bytes++) {
        char *copy = malloc(bytes);
        memcpy(copy, whole, bytes);
        CHECK_INT(body_read(&b, (struct span){copy, bytes}), -1);
        CHECK(b.error.bytes > 0);
        free(copy);
    }
    body_free(&b);
}

int main(void)
{
    test_taken();
    test_refused();
    test_nul();
    test_limits();
    test_cut();
    return 0;
}
