#include "console/api_rows.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "proto/body.h"
#include "proto/task.h"

void api_rows_free(struct api_rows *rows)
{
    buf_free(&rows->packed);
}

struct reading {
    struct api_rows *rows;
    struct body body;
    struct buf openid;
    struct buf *error;
    uint64_t line;
};

static int refuse(struct reading *r, const char *what)
{
    buf_printf(r->error, "line %" PRIu64 ": %s", r->line, what);
    return -1;
}

/* The text of a member's value, from its first byte to its last. */
static int take_vars(struct reading *r, struct json_reader *json, struct json_token first)
{
    const char *from = first.raw.data;
    if (json_skip(json, first) != 0)
        return refuse(r, json_error(json) ? json_error(json) : "not JSON");
    struct span text = {from, (size_t)(json->text.data + json->at - from)};
    return body_read(&r->body, text) == 0 ? 0 : refuse(r, buf_str(&r->body.error));
}

static int take_member(struct reading *r, struct json_reader *json, struct span raw)
{
    int is_vars = span_is(raw, "\"vars\"");
    struct json_token value = json_next(json);
    if (is_vars)
        return take_vars(r, json, value);
    if (!span_is(raw, "\"openid\""))
        return refuse(r, "a member that is neither openid nor vars");
    if (value.type != JSON_STRING)
        return refuse(r, "openid: give a string");
    buf_clear(&r->openid);
    json_unescape(value.raw, &r->openid);
    return 0;
}

static int take_line(struct reading *r, struct span line)
{
    struct json_reader json;
    struct json_token token;
    buf_clear(&r->openid);
    buf_clear(&r->body.vars);
    json_open(&json, line);
    token = json_next(&json);
    if (token.type == JSON_STRING)
        json_unescape(token.raw, &r->openid);
    else if (token.type != JSON_OBJECT)
        return refuse(r, "give an object with openid and vars");
    if (token.type == JSON_OBJECT) {
        for (token = json_next(&json); token.type == JSON_NAME; token = json_next(&json))
            if (take_member(r, &json, token.raw))
                return -1;
    }
    if (json_next(&json).type != JSON_END)
        return refuse(r, json_error(&json) ? json_error(&json) : "something is behind the row");
    size_t before = r->rows->packed.bytes;
    struct task_row row = {.line = r->line, .openid = buf_span(&r->openid), .vars = buf_span(&r->body.vars)};
    task_row_pack(&row, &r->rows->packed);
    struct span check = {r->rows->packed.data + before, r->rows->packed.bytes - before};
    if (task_row_next(&check, &row) != 1)
        return refuse(r, "no row: give an openid of 1 to 128 bytes, and at most 320 KiB");
    r->rows->count++;
    return 0;
}

static int is_blank(struct span text)
{
    for (size_t i = 0; i < text.bytes; i++)
        if (memchr(" \t\r", text.data[i], 3) == NULL)
            return 0;
    return 1;
}

static int read_lines(struct reading *r, struct span lines)
{
    while (lines.bytes) {
        const char *end = memchr(lines.data, '\n', lines.bytes);
        struct span line = {lines.data, end ? (size_t)(end - lines.data) : lines.bytes};
        size_t used = line.bytes + (end != NULL);
        r->line++;
        if (!is_blank(line) && take_line(r, line))
            return -1;
        lines = (struct span){lines.data + used, lines.bytes - used};
    }
    if (r->rows->count)
        return 0;
    buf_append_str(r->error, "body: no rows; give a JSON object with openid and vars a line");
    return -1;
}

int api_rows_read(struct api_rows *rows, struct span lines, struct buf *error)
{
    struct reading r = {.rows = rows, .error = error};
    int wrong = read_lines(&r, lines);
    body_free(&r.body);
    buf_free(&r.openid);
    return wrong;
}

size_t api_rows_piece(const struct api_rows *rows, size_t at, uint64_t *count)
{
    struct span rest = {rows->packed.data + at, rows->packed.bytes - at};
    size_t bytes = 0;
    struct task_row row;
    *count = 0;
    while (task_row_next(&rest, &row) == 1) {
        size_t so_far = rows->packed.bytes - at - rest.bytes;
        if (*count && so_far > TASK_DATA_BYTES_MAX)
            break;
        bytes = so_far;
        ++*count;
    }
    return bytes;
}
