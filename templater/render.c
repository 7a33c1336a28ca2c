/* Renders templates. Used by jobs.c for each job. Variables come from outside: nothing in them is trusted to
 * be of the right type, in UTF-8 or a number, though the frontend has checked them. */
#include "templater/render.h"

#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "proto/mp.h"
#include "templater/template_mega.h"

/* What was filled in of a value that WeChat cuts. */
struct tally {
    uint32_t chars;
    int has_lines;
};

/* One rendering. values[i] belongs to names[i]; MP_ERROR is none. tallies[i] belongs to findings.limits[i];
 * NULL when nobody asks. */
struct rendering {
    const struct template *t;
    const struct render_input *in;
    struct mp_value *values;
    struct tally *tallies;
    struct buf *out, *error;
};

static int read_values(struct rendering *r);
static int put_part(struct rendering *r, const struct template_part *part);
static void tell_cuts(const struct rendering *r);

int render_body(const struct template *t, const struct render_input *in, struct buf *out, struct buf *error)
{
    struct rendering r = {.t = t, .in = in, .out = out, .error = error};
    r.values = mem_new((t->name_count + 1) * sizeof *r.values);
    if (in->on_cut != NULL && t->findings.limit_count > 0)
        r.tallies = mem_new(t->findings.limit_count * sizeof *r.tallies);
    size_t start = out->bytes;
    int result = read_values(&r);
    for (size_t i = 0; i < t->part_count && result == 0; i++) {
        result = put_part(&r, &t->parts[i]);
        if (result == 0 && out->bytes - start > RENDER_BODY_BYTES_MAX) {
            buf_printf(error, "the rendered message is over %d bytes; shorten the variables",
                       RENDER_BODY_BYTES_MAX);
            result = -1;
        }
    }
    if (result == 0 && r.tallies != NULL)
        tell_cuts(&r);
    free(r.values);
    free(r.tallies);
    return result;
}

/* Counts a piece of a value that has a limit. */
static void tally(struct rendering *r, const struct template_part *part, struct span piece)
{
    if (part->limit == 0 || r->tallies == NULL)
        return;
    const struct template_limit *limit = &r->t->findings.limits[part->limit - 1];
    struct tally *sum = &r->tallies[part->limit - 1];
    if (limit->chars_max > 0)
        sum->chars += template_value_chars(limit, piece);
    if (limit->one_line)
        sum->has_lines |= template_value_has_lines(piece);
}

static void tell_cuts(const struct rendering *r)
{
    for (size_t i = 0; i < r->t->findings.limit_count; i++) {
        const struct template_limit *limit = &r->t->findings.limits[i];
        struct render_cut cut = {limit->member, limit->chars_max, limit->chars + r->tallies[i].chars};
        if (cut.chars_max > 0 && cut.chars > cut.chars_max) {
            r->in->on_cut(r->in->to, &cut);
        } else if (r->tallies[i].has_lines) {
            cut.chars_max = 0;
            r->in->on_cut(r->in->to, &cut);
        }
    }
}

static int fail_name(struct rendering *r, struct span name, const char *what)
{
    buf_append_str(r->error, "variable ");
    template_quote(name, r->error);
    buf_append_str(r->error, what);
    return -1;
}

/* 1 when the bytes are one JSON number and nothing else. */
static int is_json_number(struct span text)
{
    struct json_reader reader;
    json_open(&reader, text);
    struct json_token t = json_next(&reader);
    return t.type == JSON_NUMBER && t.raw.bytes == text.bytes;
}

/* NULL when the value can be put in. */
static const char *value_fault(const struct mp_value *v)
{
    switch (v->type) {
    case MP_NIL:
    case MP_BOOL:
    case MP_UINT:
    case MP_INT:
        return NULL;
    case MP_STR:
        return span_is_utf8(v->text) ? NULL : " is not UTF-8";
    case MP_FLOAT:
        return isfinite(v->as.number) ? NULL : " is not a finite number";
    case MP_EXT:
        if (v->ext == MP_EXT_NUMBER && is_json_number(v->text))
            return NULL;
        return " is not a number";
    default:
        return " must be a string, a number, true, false or null";
    }
}

static int read_values(struct rendering *r)
{
    struct mp_cursor c;
    mp_open(&c, r->in->vars);
    uint32_t count = r->in->vars.bytes > 0 ? mp_read_map(&c) : 0;
    for (uint32_t i = 0; i < count && !c.failed; i++) {
        struct span name = {0}, packed;
        if (mp_read_name(&c, &name) != 0)
            break;
        packed = mp_skip(&c);
        long at = template_name_find(r->t, name);
        if (c.failed || at < 0)
            continue;
        struct mp_cursor one;
        mp_open(&one, packed);
        r->values[at] = mp_read(&one);
    }
    if (c.failed) {
        buf_append_str(r->error, "vars: not a map with names");
        return -1;
    }
    for (size_t i = 0; i < r->t->name_count; i++) {
        const char *fault = r->values[i].type == MP_ERROR ? NULL : value_fault(&r->values[i]);
        if (fault != NULL)
            return fail_name(r, r->t->names[i].name, fault);
    }
    return 0;
}

static void put_quoted(struct span text, struct buf *out)
{
    buf_append(out, "\"", 1);
    json_escape(text, out);
    buf_append(out, "\"", 1);
}

static void put_number(const struct mp_value *v, struct buf *out)
{
    char text[JSON_DOUBLE_BYTES_MAX];
    if (v->type == MP_UINT)
        buf_printf(out, "%llu", (unsigned long long)v->as.u64);
    else if (v->type == MP_INT)
        buf_printf(out, "%lld", (long long)v->as.i64);
    else if (v->type == MP_FLOAT)
        buf_append(out, text, json_format_double(v->as.number, text));
    else
        buf_append(out, v->text.data, v->text.bytes);
}

/* Inside a string true is 1, false and null are empty, as PHP made strings of them. */
static void put_in_string(const struct mp_value *v, struct buf *out)
{
    if (v->type == MP_STR)
        json_escape(v->text, out);
    else if (v->type == MP_BOOL)
        buf_append_str(out, v->as.boolean ? "1" : "");
    else if (v->type != MP_NIL)
        put_number(v, out);
}

static void put_as_json(const struct mp_value *v, struct buf *out)
{
    if (v->type == MP_STR)
        put_quoted(v->text, out);
    else if (v->type == MP_BOOL)
        buf_append_str(out, v->as.boolean ? "true" : "false");
    else if (v->type == MP_NIL)
        buf_append_str(out, "null");
    else
        put_number(v, out);
}

static int put_var(struct rendering *r, const struct template_part *part)
{
    const struct mp_value *v = &r->values[part->name];
    struct span name = r->t->names[part->name].name;
    if (v->type == MP_ERROR && r->in->missing == MISSING_REJECT)
        return fail_name(r, name, " is missing");
    if (v->type == MP_ERROR && part->kind == PART_VAR_VALUE)
        return fail_name(r, name, " is missing, and it stands where a JSON value must be");
    size_t before = r->out->bytes;
    if (v->type == MP_ERROR)
        buf_append(r->out, part->text.data, part->text.bytes);
    else if (part->kind == PART_VAR)
        put_in_string(v, r->out);
    else
        put_as_json(v, r->out);
    /* A string was escaped; what became of any other value has no escapes. */
    tally(r, part,
          v->type == MP_STR ? v->text : (struct span){r->out->data + before, r->out->bytes - before});
    return 0;
}

static int put_openid(struct rendering *r, const struct template_part *part)
{
    if (!span_is_utf8(r->in->openid)) {
        buf_append_str(r->error, "openid is not UTF-8");
        return -1;
    }
    tally(r, part, r->in->openid);
    if (part->kind == PART_OPENID)
        json_escape(r->in->openid, r->out);
    else
        put_quoted(r->in->openid, r->out);
    return 0;
}

static int put_part(struct rendering *r, const struct template_part *part)
{
    switch (part->kind) {
    case PART_TEXT:
        buf_append(r->out, part->text.data, part->text.bytes);
        return 0;
    case PART_OPENID:
    case PART_OPENID_VALUE:
        return put_openid(r, part);
    case PART_VAR:
    case PART_VAR_VALUE:
        return put_var(r, part);
    case PART_CLIENT_MSG_ID:
        buf_printf(r->out, "%s\"client_msg_id\":\"%.32s\"", part->name ? "," : "", r->in->client_msg_id);
        return 0;
    }
    return 0;
}
