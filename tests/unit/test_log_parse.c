/* Lines of logs are read as they were written, whatever their values are; what is no such line harms nothing. */
#include "base/json.h"
#include "base/log_line.h"
#include "client/log_parse.h"
#include "client/log_show.h"
#include "tests/unit/test.h"

static struct log_parsed parsed;

static const char *const values[] = {"plain", "", " ", "a b", "a=b", "a\"b", "back\\slash\\", "\"", "\\", "\\\"", "tab\tnew\nline\r", "\x01\x1b[31m",
                                     "\x7f", "\xC2\x85 C1", "中文 openid", "{\"json\":1}", "id=other", "t=2026-01-02T03:04:05.678Z", "=", "'", "\xF0\x9F\x98\x80",
                                     "trailing space ", "a  b", "u\\u0041"};

#define VALUES (sizeof values / sizeof *values)

static void write_line(int json, struct buf *line)
{
    buf_clear(line);
    log_line_open(line, json, 1767323045678);
    for (size_t i = 0; i < VALUES; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%zu", i);
        log_line_text(line, json, key, span_of(values[i]));
    }
    log_line_field(line, json, &(struct log_field){"n", LOG_I64, {.i64 = -17}});
    log_line_close(line, json);
}

/* 1 when the text is one JSON value and nothing behind it. */
static int is_json(struct span text)
{
    struct json_reader r;
    json_open(&r, text);
    return json_skip(&r, json_next(&r)) == 0 && json_next(&r).type == JSON_END;
}

static void test_written_and_read(void)
{
    for (int json = 0; json <= 1; json++) {
        struct buf line = {0};
        write_line(json, &line);
        CHECK_U64(memchr(line.data, '\n', line.bytes) == line.data + line.bytes - 1, 1); /* one line, whatever is in it */
        CHECK(!json || is_json(buf_span(&line)));
        CHECK_INT(log_parse((struct span){line.data, line.bytes - 1}, &parsed), 0);
        CHECK_INT(parsed.ms, 1767323045678);
        CHECK_U64(parsed.count, VALUES + 2);
        for (size_t i = 0; i < VALUES; i++)
            CHECK_SPAN(parsed.fields[i + 1].value, values[i]);
        CHECK_SPAN(log_parsed_find(&parsed, "n"), "-17");
        CHECK(log_parsed_find(&parsed, "k").data == NULL);
        buf_free(&line);
    }
}

static void test_bytes_that_are_no_text(void)
{
    struct buf line = {0};
    for (int byte = 0; byte < 256; byte++) {
        const char value[] = {'a', (char)byte, 'b'};
        buf_clear(&line);
        log_line_open(&line, 1, 0);
        log_line_text(&line, 1, "v", (struct span){value, sizeof value});
        log_line_close(&line, 1);
        CHECK(is_json(buf_span(&line)));
    }
    buf_free(&line);
}

static void test_as_json(void)
{
    struct buf line = {0}, out = {0};
    write_line(0, &line);
    CHECK_INT(log_parse((struct span){line.data, line.bytes - 1}, &parsed), 0);
    log_show_json(&parsed, &out);
    CHECK(is_json(buf_span(&out)));
    struct log_parsed again = {0};
    CHECK_INT(log_parse((struct span){out.data, out.bytes - 1}, &again), 0);
    for (size_t i = 0; i < VALUES; i++)
        CHECK_SPAN(again.fields[i + 1].value, values[i]);
    log_parsed_free(&again);
    buf_clear(&out);
    CHECK_INT(log_parse(span_of("a=1 a=2 b=3"), &parsed), 0);
    log_show_json(&parsed, &out);
    CHECK_SPAN(buf_span(&out), "{\"a\":\"1\",\"b\":\"3\"}\n");
    buf_free(&line);
    buf_free(&out);
}

static void test_what_is_odd(void)
{
    static const struct {
        const char *line, *key, *value; /* value NULL: there is none */
    } cases[] = {
        {"t=x id=12 id=13", "id", "12"},
        {"Nov 28 host mega[1]: t=2026-01-02T03:04:05.678Z id=12", "id", "12"},
        {"Nov 28 host mega[1]: {\"t\":\"2026-01-02T03:04:05Z\",\"id\":\"12\"}", "id", "12"},
        {"bit=7 t=1 id=12", "bit", NULL}, /* what stands before t= is a collector's */
        {"t=1 id=\"cut off", "id", "cut off"},
        {"t=1 id=\"", "id", ""},
        {"t=1 id=", "id", ""},
        {"t=1 =12 id=3", "id", "3"},
        {"t=1 word id=3", "id", "3"},
        {"{\"id\":12,\"t\":", "id", "12"},
        {"{\"id\":{\"a\":[1,2]},\"x\":true}", "id", "{\"a\":[1,2]}"},
        {"{\"id\":{\"a\":[1,2]},\"x\":true}", "x", "true"},
        {"{\"a\":1}", "id", NULL},
        {"t=1 id=12\r", "id", "12"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_INT(log_parse(span_of(cases[i].line), &parsed), 0);
        struct span found = log_parsed_find(&parsed, cases[i].key);
        CHECK_INT(found.data != NULL, cases[i].value != NULL);
        if (cases[i].value)
            CHECK_SPAN(found, cases[i].value);
    }
    CHECK_INT(log_parse(span_of(""), &parsed), -1);
    CHECK_INT(log_parse(span_of("no field here"), &parsed), -1);
    CHECK_INT(log_parse(span_of("{\"broken\""), &parsed), -1);
    CHECK_INT(log_parse(span_of("{}"), &parsed), -1);
    CHECK_INT(parsed.ms, -1);
}

static void test_many_fields(void)
{
    struct buf line = {0};
    for (int i = 0; i < LOG_PARSE_FIELDS_MAX * 3; i++)
        buf_printf(&line, "k%d=\"%d\" ", i, i);
    CHECK_INT(log_parse(buf_span(&line), &parsed), 0);
    CHECK_U64(parsed.count, LOG_PARSE_FIELDS_MAX);
    CHECK_SPAN(log_parsed_find(&parsed, "k47"), "47");
    buf_free(&line);
}

int main(void)
{
    test_written_and_read();
    test_bytes_that_are_no_text();
    test_as_json();
    test_what_is_odd();
    test_many_fields();
    log_parsed_free(&parsed);
    return 0;
}
