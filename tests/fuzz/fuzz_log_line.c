/* Lines of logs: any bytes are read without leaving them, and shown as valid JSON; any value that is written is read as it was, and the
 * line stays one line of valid JSON or logfmt. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/log_line.h"
#include "client/log_show.h"
#include "client/trace_lines.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_json(struct span text)
{
    struct json_reader r;
    json_open(&r, text);
    return json_skip(&r, json_next(&r)) == 0 && json_next(&r).type == JSON_END;
}

static void check_any(struct span line)
{
    static const char *const left_out[] = {"id", NULL};
    struct log_parsed p = {0};
    struct buf out = {0};
    if (log_parse(line, &p) == 0) {
        log_show_json(&p, &out);
        assert(is_json(buf_span(&out)));
        log_show_rest(&p, left_out, &out);
    }
    buf_free(&out);
    log_parsed_free(&p);
}

static void check_written(struct span value, int json)
{
    struct log_parsed p = {0};
    struct buf line = {0}, escaped = {0};
    int is_whole = span_is_utf8(value) && value.bytes <= LOG_VALUE_BYTES_MAX;
    log_line_open(&line, json, 1767323045678);
    log_line_text(&line, json, "before", span_of("a b"));
    log_line_text(&line, json, "id", value);
    log_line_text(&line, json, "behind", span_of("c"));
    log_line_close(&line, json);
    assert(memchr(line.data, '\n', line.bytes) == line.data + line.bytes - 1);
    assert(!json || is_json(buf_span(&line)));
    int failed = log_parse((struct span){line.data, line.bytes - 1}, &p);
    assert(!failed && p.ms == 1767323045678 && p.count == 4 && span_is(log_parsed_find(&p, "behind"), "c"));
    assert(!is_whole || span_equal(log_parsed_find(&p, "id"), value));
    if (is_whole && value.bytes) { /* what is looked for in a file is there */
        log_line_escape(value, &escaped);
        assert(memmem(line.data, line.bytes, escaped.data, escaped.bytes) != NULL);
    }
    buf_free(&line);
    buf_free(&escaped);
    log_parsed_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct trace_lines lines = {0};
    check_any(text);
    check_written(text, 0);
    check_written(text, 1);
    trace_lines_add(&lines, &(struct trace_of){{"1", 1}, {NULL, 0}}, text);
    trace_lines_sort(&lines);
    trace_lines_free(&lines);
    return 0;
}
