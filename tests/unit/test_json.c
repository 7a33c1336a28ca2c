/* The strict JSON reader and what goes with it. */
#include <math.h>

#include "base/json.h"
#include "tests/unit/test.h"

/* Reads a text and writes its tokens as letters: { } [ ] as they are, N name, S string, # number, t f n, $
 * end, ! error. The text is copied to a block of its own size, so that the sanitizer sees a step outside. */
static void read_all(struct span text, char *out, size_t room, struct json_reader *r)
{
    static const char letters[] = "!${}[]NS#tfn";
    char *exact = malloc(text.bytes + 1);
    memcpy(exact + 1, text.data, text.bytes);
    json_open(r, (struct span){exact + 1, text.bytes});
    size_t count = 0;
    struct json_token token;
    do {
        token = json_next(r);
        CHECK(count + 1 < room);
        out[count++] = letters[token.type];
    } while (token.type != JSON_ERROR && token.type != JSON_END);
    out[count] = '\0';
    CHECK(json_next(r).type == token.type); /* both stay */
    free(exact);
}

static void test_good(void)
{
    static const struct {
        const char *text, *tokens;
    } cases[] = {
        {"null", "n$"},
        {" \t\r\n true ", "t$"},
        {"false", "f$"},
        {"{}", "{}$"},
        {"[ ]", "[]$"},
        {"{\"a\":1,\"b\":[1,2,{}],\"c\":{\"d\":null}}", "{N#N[##{}]N{Nn}}$"},
        {"[[],[[]],{}]", "[[][[]]{}]$"},
        {"\"\"", "S$"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFFF\\uD83D\\uDE00\"", "S$"},
        {"\"\xE4\xBD\xA0\x7F\"", "S$"},
        {"[0,-0,0.0,1e5,1E+5,-1.25e-10,123456789012345678901234567890]", "[#######]$"},
        {"{ \"a\" : [ ] , \"a\" : 1 }", "{N[]N#}$"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char tokens[64];
        struct json_reader r;
        read_all(span_of(cases[i].text), tokens, sizeof tokens, &r);
        CHECK_STR(tokens, cases[i].tokens);
        CHECK_STR(json_error(&r), NULL);
    }
}

static void test_bad(void)
{
    static const struct {
        const char *text, *error;
        size_t at;
    } cases[] = {
        {"", "text ends where a value must be", 0},
        {"  ", "text ends where a value must be", 2},
        {"{", "text ends inside an object", 1},
        {"[", "text ends where a value must be", 1},
        {"[1", "text ends inside an array", 2},
        {"[1,", "text ends where a value must be", 3},
        {"[1,]", "a value must be here", 3},
        {"[,1]", "a value must be here", 1},
        {"[1 2]", "array: a comma or ] must be here", 3},
        {"[1}", "array: a comma or ] must be here", 2},
        {"{\"a\"}", "object: a colon must follow the name", 4},
        {"{\"a\":}", "a value must be here", 5},
        {"{\"a\":1,}", "object: a name in quotes must be here", 7},
        {"{\"a\":1", "text ends inside an object", 6},
        {"{\"a\":1]", "object: a comma or } must be here", 6},
        {"{a:1}", "object: a name in quotes must be here", 1},
        {"{1:1}", "object: a name in quotes must be here", 1},
        {"1 2", "something stands behind the value", 2},
        {"{}}", "something stands behind the value", 2},
        {"]", "a value must be here", 0},
        {"'a'", "a value must be here", 0},
        {"+1", "a value must be here", 0},
        {".5", "a value must be here", 0},
        {"NaN", "a value must be here", 0},
        {"TRUE", "a value must be here", 0},
        {"tru", "a value must be here (true, false and null are lower case)", 0},
        {"nulL", "a value must be here (true, false and null are lower case)", 0},
        {"truex", "something stands behind the value", 4},
        {"01", "number: leading zero", 2},
        {"-", "number: a digit must be here", 1},
        {"-a", "number: a digit must be here", 1},
        {"1.", "number: a digit must follow the point", 2},
        {"1.e5", "number: a digit must follow the point", 2},
        {"1e", "number: a digit must be in the exponent", 2},
        {"1e+", "number: a digit must be in the exponent", 3},
        {"0x10", "something stands behind the value", 1},
        {"\"", "string: no closing quote", 1},
        {"\"abc", "string: no closing quote", 4},
        {"\"abc\\", "string: no closing quote", 5},
        {"\"a\nb\"", "string: a control character must be escaped", 2},
        {"\"\\x\"", "string: unknown escape", 2},
        {"\"\\u12\"", "string: four hexadecimal digits must follow \\u", 3},
        {"\"\\u12", "string: four hexadecimal digits must follow \\u", 3},
        {"\"\\u12G4\"", "string: four hexadecimal digits must follow \\u", 3},
        {"\"\\uD83D\"", "string: \\u is half of a surrogate pair", 7},
        {"\"\\uD83D\\n\"", "string: \\u is half of a surrogate pair", 7},
        {"\"\\uD83D\\u0041\"", "string: \\u is half of a surrogate pair", 7},
        {"\"\\uDE00\"", "string: \\u is half of a surrogate pair", 3},
        {"\"\xFF\"", "string: not UTF-8", 2},
        {"\"\xED\xA0\x80\"", "string: not UTF-8", 4},
        {"\"\xE4\xBD\"", "string: not UTF-8", 3},
        {"\xEF\xBB\xBF{}", "a value must be here", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char tokens[64];
        struct json_reader r;
        read_all(span_of(cases[i].text), tokens, sizeof tokens, &r);
        if (json_error(&r) == NULL || strcmp(json_error(&r), cases[i].error) != 0)
            fprintf(stderr, "case %zu: %s\n", i, cases[i].text);
        CHECK_STR(json_error(&r), cases[i].error);
        CHECK_U64(r.at, cases[i].at);
    }
}

static void test_nul_bytes(void)
{
    char tokens[64];
    struct json_reader r;
    read_all((struct span){"1\0", 2}, tokens, sizeof tokens, &r);
    CHECK_STR(json_error(&r), "something stands behind the value");
    read_all((struct span){"\"\\\0\"", 4}, tokens, sizeof tokens, &r);
    CHECK_STR(json_error(&r), "string: unknown escape");
}

static void test_depth(void)
{
    struct buf text = {0};
    char tokens[2 * JSON_DEPTH_MAX + 8];
    struct json_reader r;
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        buf_append_str(&text, "[");
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        buf_append_str(&text, "]");
    read_all(buf_span(&text), tokens, sizeof tokens, &r);
    CHECK_STR(json_error(&r), NULL);
    buf_clear(&text);
    for (int i = 0; i <= JSON_DEPTH_MAX; i++)
        buf_append_str(&text, "[");
    read_all(buf_span(&text), tokens, sizeof tokens, &r);
    CHECK_STR(json_error(&r), "nested deeper than 64");
    CHECK_U64(r.at, JSON_DEPTH_MAX);
    buf_free(&text);
}

static void test_raw(void)
{
    struct json_reader r;
    json_open(&r, span_of(" { \"a\" : -1.50 , \"b\" : \"x\\n\" } "));
    CHECK_SPAN(json_next(&r).raw, "{");
    CHECK_SPAN(json_next(&r).raw, "\"a\"");
    CHECK_SPAN(json_next(&r).raw, "-1.50");
    CHECK_SPAN(json_next(&r).raw, "\"b\"");
    CHECK_SPAN(json_next(&r).raw, "\"x\\n\"");
    CHECK_SPAN(json_next(&r).raw, "}");
    CHECK(json_next(&r).type == JSON_END);
}

static void test_skip(void)
{
    struct json_reader r;
    json_open(&r, span_of("{\"a\":[1,{\"x\":[]},2],\"b\":7,\"c\":{}}"));
    CHECK(json_next(&r).type == JSON_OBJECT);
    CHECK(json_next(&r).type == JSON_NAME);
    CHECK_INT(json_skip(&r, json_next(&r)), 0);
    CHECK_INT(json_skip(&r, json_next(&r)), 0); /* a name goes with its value */
    CHECK_SPAN(json_next(&r).raw, "\"c\"");
    CHECK_INT(json_skip(&r, json_next(&r)), 0);
    CHECK(json_next(&r).type == JSON_OBJECT_END);
    CHECK_INT(json_skip(&r, json_next(&r)), 0); /* the end */

    json_open(&r, span_of("[[1,[2,]]]"));
    json_next(&r);
    CHECK_INT(json_skip(&r, json_next(&r)), -1);
    CHECK_STR(json_error(&r), "a value must be here");
    CHECK_INT(json_skip(&r, json_next(&r)), -1);
}

static void test_unescape(void)
{
    struct buf out = {0};
    json_unescape(span_of("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\""), &out);
    CHECK_SPAN(buf_span(&out), "a\"\\/\b\f\n\r\tz");
    buf_clear(&out);
    json_unescape(span_of("\"\\u0041\\u00e9\\u4F60\\uD83D\\uDE00\\u0000!\""), &out);
    CHECK_BYTES(buf_span(&out), ((struct span){"A\xC3\xA9\xE4\xBD\xA0\xF0\x9F\x98\x80\0!", 12}));
    buf_clear(&out);
    json_unescape(span_of("\"\""), &out);
    CHECK_U64(out.bytes, 0);
    buf_free(&out);
}

static void test_escape(void)
{
    struct buf out = {0};
    json_escape((struct span){"a\"\\/\b\f\n\r\t\v\0\x1F\x7F\xE4\xBD\xA0z", 17}, &out);
    CHECK_SPAN(buf_span(&out), "a\\\"\\\\/\\b\\f\\n\\r\\t\\u000b\\u0000\\u001f\x7F\xE4\xBD\xA0z");
    buf_clear(&out);
    json_escape((struct span){NULL, 0}, &out);
    CHECK_U64(out.bytes, 0);
    buf_free(&out);
}

/* Every byte comes back from its escape. */
static void test_escape_round_trip(void)
{
    struct buf text = {0}, quoted = {0}, back = {0};
    for (int c = 0; c < 128; c++)
        buf_append(&text, &(char){(char)c}, 1);
    buf_append_str(&quoted, "\"");
    json_escape(buf_span(&text), &quoted);
    buf_append_str(&quoted, "\"");
    struct json_reader r;
    json_open(&r, buf_span(&quoted));
    CHECK(json_next(&r).type == JSON_STRING);
    json_unescape(buf_span(&quoted), &back);
    CHECK_BYTES(buf_span(&back), buf_span(&text));
    buf_free(&text);
    buf_free(&quoted);
    buf_free(&back);
}

static void test_doubles(void)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {-0.0, "0"},
        {1, "1"},
        {-1, "-1"},
        {1000, "1000"},
        {39.80, "39.8"},
        {0.1, "0.1"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1e20, "100000000000000000000"},
        {123456789012345680000.0, "123456789012345680000"},
        {1e21, "1e+21"},
        {1.5e25, "1.5e+25"},
        {1e25, "1e+25"},
        {0.000001, "0.000001"},
        {0.00001, "0.00001"},
        {1e-7, "1e-7"},
        {-1.25e-10, "-1.25e-10"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {-1.7976931348623157e308, "-1.7976931348623157e+308"},
        {0x1p-44, "5.684341886080802e-14"}, /* the nearest 16 digits, ..801, read back as another double */
        {0x1p-1017, "7.120236347223045e-307"},
        {4.35, "4.35"},
        {-0.000012345678901234567, "-0.000012345678901234568"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[JSON_DOUBLE_BYTES_MAX];
        size_t bytes = json_format_double(cases[i].value, text);
        CHECK_BYTES(((struct span){text, bytes}), span_of(cases[i].text));
    }
}

static void test_doubles_read_back(void)
{
    uint64_t bits = 0x9E3779B97F4A7C15; /* a fixed walk through all exponents */
    for (int i = 0; i < 20000; i++) {
        double value;
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        char text[JSON_DOUBLE_BYTES_MAX + 1];
        size_t bytes = json_format_double(value, text);
        CHECK(bytes <= JSON_DOUBLE_BYTES_MAX);
        text[bytes] = '\0';
        CHECK(strtod(text, NULL) == value);
        struct json_reader r;
        json_open(&r, (struct span){text, bytes});
        CHECK(json_next(&r).type == JSON_NUMBER);
    }
}

int main(void)
{
    test_good();
    test_bad();
    test_nul_bytes();
    test_depth();
    test_raw();
    test_skip();
    test_unescape();
    test_escape();
    test_escape_round_trip();
    test_doubles();
    test_doubles_read_back();
    return 0;
}
