/* Compiles templates. Used by the loader's thread and, for the cache file, at start.
 *
 * The placeholders outside of strings are masked by null and spaces in a copy of the same length, which must
 * be a JSON object. So positions in the copy, which the JSON reader tells, are positions in the text. The
 * body is checked on the same copy (template_check.h).
 */
#include "templater/template.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "proto/mp.h"
#include "templater/placeholder.h"

/* What the JSON says about the text. */
struct outline {
    size_t members;      /* at the top, without "$mega" */
    size_t members_seen; /* at the top */
    int has_mega;
    struct span mega;       /* its value, in the masked copy */
    size_t cut_at, cut_end; /* "$mega" with its comma; nothing is cut when both are equal */
    int has_client_msg_id;
    size_t close_at; /* of the } at the top */
};

struct compilation {
    struct template *t;
    char *masked;              /* owned; as long as t->text */
    struct placeholder *found; /* owned */
    size_t found_count;
    struct outline outline;
    struct buf *error;
};

static void find_placeholders(struct compilation *c);
static int read_outline(struct compilation *c);
static int read_mega(struct compilation *c);
static void collect_names(struct compilation *c);
static void cut_parts(struct compilation *c);

struct template *template_compile(struct span text, struct buf *error)
{
    struct template *t = mem_new(sizeof *t);
    t->text = (struct span){span_dup(text), text.bytes};
    struct compilation c = {.t = t, .error = error, .masked = span_dup(text)};
    find_placeholders(&c);
    int result = read_outline(&c);
    if (result == 0)
        result = read_mega(&c);
    if (result == 0) {
        struct span masked = {c.masked, text.bytes};
        template_check(t->text, masked, t->mega.kind->name, &t->findings);
        collect_names(&c);
        cut_parts(&c);
    }
    free(c.masked);
    free(c.found);
    if (result != 0)
        template_destroy(&t);
    return t;
}

struct template *template_load(struct span key, struct span text, struct buf *error)
{
    struct template *t = template_compile(text, error);
    if (t == NULL)
        return NULL;
    if (template_fault(t, key, error))
        template_destroy(&t);
    return t;
}

int template_fault(const struct template *t, struct span key, struct buf *error)
{
    if (t->findings.fault.bytes > 0)
        buf_append(error, t->findings.fault.data, t->findings.fault.bytes);
    else if (span_equal(buf_span(&t->mega.fallback), key))
        buf_append_str(error, "$mega.fallback: is this template itself; name another one or take it out");
    else
        return 0;
    return 1;
}

void template_destroy(struct template **self)
{
    struct template *t = *self;
    if (t == NULL)
        return;
    free((char *)t->text.data);
    free(t->parts);
    free(t->names);
    template_mega_free(&t->mega);
    template_findings_free(&t->findings);
    free(t);
    *self = NULL;
}

static int span_compare(struct span a, struct span b)
{
    int order = memcmp(a.data, b.data, a.bytes < b.bytes ? a.bytes : b.bytes);
    return order != 0 ? order : (a.bytes > b.bytes) - (a.bytes < b.bytes);
}

long template_name_find(const struct template *t, struct span name)
{
    size_t low = 0, high = t->name_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = span_compare(name, t->names[middle].name);
        if (order == 0)
            return (long)middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

void template_needs(const struct template *t, enum conf_missing missing, struct buf *packed)
{
    size_t count = 0;
    for (size_t i = 0; i < t->name_count; i++)
        count += missing == MISSING_REJECT || t->names[i].outside;
    mp_array(packed, count);
    for (size_t i = 0; i < t->name_count; i++)
        if (missing == MISSING_REJECT || t->names[i].outside)
            mp_span(packed, t->names[i].name);
}

/* Lists the placeholders and masks those outside of strings; the shortest, ${a}, is just as long as null. */
static void find_placeholders(struct compilation *c)
{
    struct placeholder_scan scan = {0};
    struct placeholder p;
    size_t room = 0;
    while (placeholder_next(c->t->text, &scan, &p)) {
        if (c->found_count == room) {
            room = room == 0 ? 16 : room * 2;
            c->found = mem_resize(c->found, room * sizeof *c->found);
        }
        c->found[c->found_count++] = p;
        if (p.in_string)
            continue;
        memset(c->masked + p.at, ' ', p.bytes);
        memcpy(c->masked + p.at, "null", 4);
    }
}

static int not_json(struct compilation *c, const struct json_reader *r)
{
    buf_printf(c->error, "not JSON at byte %zu: %s", r->at, json_error(r));
    return -1;
}

static size_t token_end(const struct compilation *c, struct json_token t)
{
    return (size_t)(t.raw.data - c->masked) + t.raw.bytes;
}

/* Reads a value to its end. Returns the position behind it, 0 on an error. */
static size_t read_value(const struct compilation *c, struct json_reader *r)
{
    unsigned outside = r->depth;
    struct json_token t = json_next(r);
    while (t.type != JSON_ERROR && r->depth > outside)
        t = json_next(r);
    return t.type == JSON_ERROR ? 0 : token_end(c, t);
}

static size_t skip_space(const struct compilation *c, size_t at)
{
    while (at < c->t->text.bytes && strchr(" \t\r\n", c->masked[at]) != NULL)
        at++;
    return at;
}

/* "$mega" goes with the comma behind it, or as the last member with the one before it. */
static void cut_mega(struct compilation *c, size_t name_at, size_t value_end)
{
    struct outline *o = &c->outline;
    size_t next = skip_space(c, value_end);
    o->cut_at = name_at;
    o->cut_end = value_end;
    if (c->masked[next] == ',') {
        o->cut_end = next + 1;
    } else if (o->members_seen > 1) {
        while (c->masked[o->cut_at] != ',')
            o->cut_at--;
    }
}

/* Notes one member of the top. Returns 0, or -1 with an error. */
static int read_top_member(struct compilation *c, struct json_reader *r, struct json_token name_token)
{
    struct outline *o = &c->outline;
    size_t name_at = (size_t)(name_token.raw.data - c->masked);
    size_t value_at = skip_space(c, r->at);
    size_t value_end = read_value(c, r);
    if (value_end == 0)
        return not_json(c, r);
    struct buf name = {0};
    json_unescape(name_token.raw, &name);
    int is_mega = span_is(buf_span(&name), TEMPLATE_MEGA_NAME);
    int is_client_msg_id = span_is(buf_span(&name), "client_msg_id");
    buf_free(&name);
    o->members_seen++;
    if (!is_mega) {
        o->members++;
        o->has_client_msg_id |= is_client_msg_id;
        return 0;
    }
    if (o->has_mega) {
        buf_append_str(c->error, "$mega: stands there twice");
        return -1;
    }
    o->has_mega = 1;
    o->mega = (struct span){c->masked + value_at, value_end - value_at};
    cut_mega(c, name_at, value_end);
    return 0;
}

static int read_outline(struct compilation *c)
{
    struct json_reader r;
    json_open(&r, (struct span){c->masked, c->t->text.bytes});
    struct json_token t = json_next(&r);
    if (t.type != JSON_ERROR && t.type != JSON_OBJECT) {
        buf_append_str(c->error, "must be a JSON object");
        return -1;
    }
    if (t.type == JSON_OBJECT)
        for (t = json_next(&r); t.type == JSON_NAME; t = json_next(&r))
            if (read_top_member(c, &r, t) != 0)
                return -1;
    if (t.type == JSON_OBJECT_END) {
        c->outline.close_at = token_end(c, t) - 1;
        t = json_next(&r);
    }
    return t.type == JSON_END ? 0 : not_json(c, &r);
}

static int read_mega(struct compilation *c)
{
    c->t->mega = template_mega_default();
    return c->outline.has_mega ? template_mega_read(c->outline.mega, &c->t->mega, c->error) : 0;
}

static int is_cut(const struct compilation *c, const struct placeholder *p)
{
    return p->at >= c->outline.cut_at && p->at < c->outline.cut_end;
}

static int name_order(const void *a, const void *b)
{
    return span_compare(((const struct template_name *)a)->name, ((const struct template_name *)b)->name);
}

static void collect_names(struct compilation *c)
{
    struct template *t = c->t;
    t->names = mem_new((c->found_count + 1) * sizeof *t->names);
    size_t count = 0;
    for (size_t i = 0; i < c->found_count; i++) {
        const struct placeholder *p = &c->found[i];
        if (!is_cut(c, p) && !span_is(p->name, TEMPLATE_OPENID))
            t->names[count++] = (struct template_name){p->name, !p->in_string};
    }
    qsort(t->names, count, sizeof *t->names, name_order);
    for (size_t i = 0; i < count; i++) {
        if (t->name_count > 0 && span_equal(t->names[t->name_count - 1].name, t->names[i].name))
            t->names[t->name_count - 1].outside |= t->names[i].outside;
        else
            t->names[t->name_count++] = t->names[i];
    }
}

static void add_text(struct compilation *c, size_t from, size_t to)
{
    struct template *t = c->t;
    if (from < to)
        t->parts[t->part_count++] =
            (struct template_part){.kind = PART_TEXT, .text = {t->text.data + from, to - from}};
}

/* Adds the text between two positions without what is cut out of it. */
static void add_text_around_cut(struct compilation *c, size_t from, size_t to)
{
    const struct outline *o = &c->outline;
    if (o->cut_at >= to || o->cut_end <= from) {
        add_text(c, from, to);
        return;
    }
    add_text(c, from, o->cut_at);
    add_text(c, o->cut_end, to);
}

/* The limit of the value that a position is in, plus 1; 0 when there is none. Positions come in ascending
 * order, so *from is where the search goes on. */
static size_t find_limit(const struct template_findings *findings, size_t at, size_t *from)
{
    while (*from < findings->limit_count && findings->limits[*from].end <= at)
        (*from)++;
    return *from < findings->limit_count && findings->limits[*from].at <= at ? *from + 1 : 0;
}

static void add_placeholder(struct compilation *c, const struct placeholder *p, size_t limit)
{
    struct template *t = c->t;
    struct template_part part = {.text = {t->text.data + p->at, p->bytes}, .limit = limit};
    if (span_is(p->name, TEMPLATE_OPENID)) {
        part.kind = p->in_string ? PART_OPENID : PART_OPENID_VALUE;
    } else {
        part.kind = p->in_string ? PART_VAR : PART_VAR_VALUE;
        part.name = (size_t)template_name_find(t, p->name);
    }
    t->parts[t->part_count++] = part;
}

static void cut_parts(struct compilation *c)
{
    struct template *t = c->t;
    size_t done = 0, limits_done = 0;
    /* Each placeholder brings two parts; the cut, the end and client_msg_id bring one each. */
    t->parts = mem_new((c->found_count * 2 + 4) * sizeof *t->parts);
    for (size_t i = 0; i < c->found_count; i++) {
        const struct placeholder *p = &c->found[i];
        if (is_cut(c, p))
            continue;
        add_text_around_cut(c, done, p->at);
        add_placeholder(c, p, find_limit(&t->findings, p->at, &limits_done));
        done = p->at + p->bytes;
    }
    add_text_around_cut(c, done, c->outline.close_at);
    if (t->mega.kind->has_key && !c->outline.has_client_msg_id)
        t->parts[t->part_count++] =
            (struct template_part){.kind = PART_CLIENT_MSG_ID, .name = c->outline.members > 0};
    add_text(c, c->outline.close_at, t->text.bytes);
}
