/* Findings and tokens. Nothing here fails: the text is JSON. */
#include "templater/walk.h"

#include "templater/placeholder.h"
#include "templater/template_mega.h"

/* --- findings ------------------------------------------------------------------------------------------ */

int walk_failed(const struct walk *w)
{
    return w->out->fault.bytes > 0;
}

void walk_fault(struct walk *w, const char *what)
{
    if (walk_failed(w))
        return;
    buf_append(&w->out->fault, w->path.data, w->path.bytes);
    buf_printf(&w->out->fault, ": %s", what);
}

void walk_warn(struct walk *w, const char *what)
{
    if (walk_failed(w) || w->out->warning_count++ >= TEMPLATE_WARNINGS_MAX)
        return;
    buf_append(&w->out->warnings, w->path.data, w->path.bytes);
    buf_printf(&w->out->warnings, ": %s\n", what);
}

/* Something that WeChat refuses where it needs the member, and may overlook elsewhere. */
void walk_judge(struct walk *w, const struct rule *rule, const char *what)
{
    if (rule->need == NEED_SURE)
        walk_fault(w, what);
    else
        walk_warn(w, what);
}

/* Appends a text of the template, fit for one line of a terminal. */
void walk_append_clean(struct buf *to, struct span text)
{
    size_t from = to->bytes;
    template_quote(text, to);
    for (size_t i = from; i < to->bytes; i++)
        if ((unsigned char)to->data[i] < ' ' || to->data[i] == 0x7f)
            to->data[i] = '?';
}

/* Goes into a member. Returns what walk_leave wants. */
size_t walk_enter(struct walk *w, struct span name)
{
    size_t before = w->path.bytes;
    if (before > 0)
        buf_append_str(&w->path, ".");
    walk_append_clean(&w->path, name);
    return before;
}

void walk_leave(struct walk *w, size_t before)
{
    w->path.bytes = before;
}

/* --- tokens -------------------------------------------------------------------------------------------- */

size_t walk_at(const struct walk *w, struct json_token t)
{
    return (size_t)(t.raw.data - w->masked.data);
}

/* 1 for a placeholder outside of strings: no JSON has a $ there. */
int walk_is_placeholder(const struct walk *w, struct json_token t)
{
    return t.type == JSON_NULL && w->text.data[walk_at(w, t)] == '$';
}

/* 1 when there is a placeholder inside a string or name. */
int walk_has_placeholder(struct json_token t)
{
    struct placeholder_scan scan = {0};
    struct placeholder p;
    return placeholder_next(t.raw, &scan, &p);
}

/* The content of a string or name, until the next call. */
struct span walk_content(struct walk *w, struct json_token t)
{
    buf_clear(&w->scratch);
    json_unescape(t.raw, &w->scratch);
    return buf_span(&w->scratch);
}

/* Reads a value to its end. Returns 1 when it says nothing: null, "", [] or {}. */
int walk_skip(struct walk *w, struct json_token t)
{
    if (t.type != JSON_OBJECT && t.type != JSON_ARRAY)
        return t.type == JSON_NULL || (t.type == JSON_STRING && t.raw.bytes == 2);
    unsigned outside = w->r.depth - 1;
    int tokens = 0;
    while (w->r.depth > outside && json_next(&w->r).type != JSON_ERROR)
        tokens++;
    return tokens == 1;
}
