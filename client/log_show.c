#include "client/log_show.h"

#include "base/json.h"
#include "base/term.h"
#include "base/utf8.h"

/* 1 when a field before it has the same name: a JSON object names each once. */
static int is_repeated(const struct log_parsed *p, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (span_equal(p->fields[k].key, p->fields[i].key))
            return 1;
    return 0;
}

static void append_string(struct span text, struct buf *scratch, struct buf *out)
{
    buf_clear(scratch);
    utf8_append(text, scratch);
    buf_append_str(out, "\"");
    json_escape(buf_span(scratch), out);
    buf_append_str(out, "\"");
}

void log_show_json(const struct log_parsed *p, struct buf *out)
{
    struct buf scratch = {0};
    const char *before = "{";
    for (size_t i = 0; i < p->count; i++) {
        if (is_repeated(p, i))
            continue;
        buf_append_str(out, before);
        append_string(p->fields[i].key, &scratch, out);
        buf_append_str(out, ":");
        append_string(p->fields[i].value, &scratch, out);
        before = ",";
    }
    buf_append_str(out, *before == '{' ? "{}\n" : "}\n");
    buf_free(&scratch);
}

static int is_among(struct span key, const char *const *names)
{
    for (; *names; names++)
        if (span_is(key, *names))
            return 1;
    return 0;
}

void log_show_rest(const struct log_parsed *p, const char *const *left_out, struct buf *out)
{
    const char *before = "";
    for (size_t i = 0; i < p->count; i++) {
        const struct log_parsed_field *f = &p->fields[i];
        if (is_among(f->key, left_out))
            continue;
        int has_space = f->value.bytes == 0 || memchr(f->value.data, ' ', f->value.bytes) != NULL;
        buf_append_str(out, before);
        term_append(f->key, out);
        buf_append_str(out, has_space ? "=\"" : "=");
        term_append(f->value, out);
        buf_append_str(out, has_space ? "\"" : "");
        before = "  ";
    }
}
