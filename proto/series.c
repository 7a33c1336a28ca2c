#include "proto/series.h"

#include <assert.h>
#include <string.h>

#include "proto/field.h"
#include "proto/mp.h"

#define BY_BYTES_MAX 64

static const char *const op_names[] = {
    [SERIES_LIST] = "list", [SERIES_SHOW] = "show", [SERIES_WHO] = "who",      [SERIES_START] = "start",
    [SERIES_STOP] = "stop", [SERIES_PLAN] = "plan", [SERIES_STATUS] = "status"};

static const char *const trigger_names[] = {[SERIES_FOLLOW] = "follow",
                                            [SERIES_SCAN] = "scan:",
                                            [SERIES_CLICK] = "click:",
                                            [SERIES_KEYWORD] = "keyword:",
                                            [SERIES_BY_SERIES] = "series:"};

const char *series_op_name(enum series_op op)
{
    return op == SERIES_NONE ? NULL : op_names[op];
}

int series_name_is_good(struct span text)
{
    return field_is_plain(text, SERIES_NAME_BYTES_MAX);
}

static int refuse(struct buf *error, const char *text)
{
    buf_append_str(error, text);
    return -1;
}

/* --- events ---------------------------------------------------------------------------------------------------------- */

static int is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span trim(struct span text)
{
    while (text.bytes && is_space(text.data[0]))
        text = (struct span){text.data + 1, text.bytes - 1};
    while (text.bytes && is_space(text.data[text.bytes - 1]))
        text.bytes--;
    return text;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int equal_in_any_case(struct span a, struct span b)
{
    if (a.bytes != b.bytes)
        return 0;
    for (size_t i = 0; i < a.bytes; i++)
        if (lower(a.data[i]) != lower(b.data[i]))
            return 0;
    return 1;
}

static int check_text(enum series_trigger_kind kind, struct span text, struct buf *error)
{
    if (text.bytes == 0 || text.bytes > SERIES_TEXT_BYTES_MAX || !span_is_utf8(text) || memchr(text.data, 0, text.bytes)) {
        buf_printf(error, "\"%s\" needs 1 to %d bytes of UTF-8 behind it", trigger_names[kind], SERIES_TEXT_BYTES_MAX);
        return -1;
    }
    if (kind == SERIES_BY_SERIES && !series_name_is_good(text))
        return refuse(error, "\"series:\" needs the name of a series behind it");
    return 0;
}

int series_trigger_read(struct span text, int is_end, struct series_trigger *out, struct buf *error)
{
    for (int kind = SERIES_FOLLOW; kind <= SERIES_BY_SERIES; kind++) {
        const char *name = trigger_names[kind];
        size_t bytes = strlen(name);
        int is_allowed = is_end ? kind >= SERIES_CLICK : kind <= SERIES_KEYWORD;
        if (!is_allowed || text.bytes < bytes || memcmp(text.data, name, bytes) != 0 || (kind == SERIES_FOLLOW && text.bytes > bytes))
            continue;
        *out = (struct series_trigger){(enum series_trigger_kind)kind, trim((struct span){text.data + bytes, text.bytes - bytes})};
        return kind == SERIES_FOLLOW ? 0 : check_text(out->kind, out->text, error);
    }
    return refuse(error, is_end ? "is no event that ends a series; give keyword:TEXT, click:KEY or series:NAME"
                                : "is no event that starts a series; give follow, scan:SCENE, click:KEY or keyword:TEXT");
}

int series_trigger_matches(const struct series_trigger *trigger, const struct series_trigger *event)
{
    if (trigger->kind != event->kind)
        return 0;
    switch (trigger->kind) {
    case SERIES_FOLLOW:
        return 1;
    case SERIES_SCAN:
        return span_is(trigger->text, "*") || span_equal(trigger->text, event->text);
    case SERIES_KEYWORD:
        return equal_in_any_case(trigger->text, trim(event->text));
    default:
        return span_equal(trigger->text, event->text);
    }
}

int series_trigger_equal(const struct series_trigger *a, const struct series_trigger *b)
{
    return a->kind == b->kind && (a->kind == SERIES_KEYWORD ? equal_in_any_case(a->text, b->text) : span_equal(a->text, b->text));
}

/* --- packing: what is zero or empty is left out ------------------------------------------------------------------------ */

void series_ask_pack(const struct series_ask *a, struct buf *out)
{
    assert(a->op > SERIES_NONE && a->op <= SERIES_STATUS);
    size_t place = mp_map_open(out), count = 2;
    mp_put_str(out, "t", "ask");
    count += mp_opt_u64(out, "ref", a->ref);
    mp_put_str(out, "op", op_names[a->op]);
    count += mp_opt_span(out, "name", a->name);
    count += mp_opt_span(out, "openid", a->openid);
    count += mp_opt_flag(out, "all", a->all);
    count += mp_opt_i64(out, "at", a->at_ms);
    count += mp_opt_span(out, "app", a->app);
    count += mp_opt_span(out, "event", a->event);
    count += mp_opt_u64(out, "limit", a->limit);
    count += mp_opt_bin(out, "from", a->from);
    count += mp_opt_span(out, "by", a->by);
    mp_map_close(out, place, count);
}

/* --- unpacking ------------------------------------------------------------------------------------------------------------ */

static int read_op(struct mp_cursor *c, enum series_op *op, struct buf *error)
{
    int found = field_op(c, op_names, SERIES_LIST, SERIES_STATUS, "list, show, who, start, stop, plan or status", error);
    *op = found > 0 ? (enum series_op)found : SERIES_NONE;
    return found > 0 ? 0 : -1;
}

static int read_event(struct mp_cursor *c, struct span *event, struct buf *error)
{
    struct series_trigger trigger;
    if (field_text(c, "event", SERIES_EVENT_BYTES_MAX, event, error))
        return -1;
    if (event->data == NULL)
        return 0;
    size_t before = error->bytes;
    buf_append_str(error, "event: ");
    if (series_trigger_read(*event, 0, &trigger, error) != 0)
        return -1;
    error->bytes = before;
    return 0;
}

static int read_limit(struct mp_cursor *c, uint32_t *out, struct buf *error)
{
    uint64_t limit = *out;
    if (field_count(c, "limit", SERIES_WHO_MAX, &limit, error))
        return -1;
    *out = (uint32_t)limit;
    return 0;
}

static int read_member(struct mp_cursor *c, struct span name, void *ask, struct buf *error)
{
    struct series_ask *a = ask;
    if (span_is(name, "t"))
        return field_ask_type(c, error);
    if (span_is(name, "ref"))
        return field_count(c, "ref", INT64_MAX, &a->ref, error);
    if (span_is(name, "op"))
        return read_op(c, &a->op, error);
    if (span_is(name, "name"))
        return field_plain(c, "name", SERIES_NAME_BYTES_MAX, &a->name, error);
    if (span_is(name, "openid"))
        return field_text(c, "openid", OPENID_BYTES_MAX, &a->openid, error);
    if (span_is(name, "all"))
        return field_bool(c, "all", &a->all, error);
    if (span_is(name, "at"))
        return field_int(c, "at", 0, INT64_MAX, "ms", &a->at_ms, error);
    if (span_is(name, "app"))
        return field_name(c, "app", ACCOUNT_BYTES_MAX, &a->app, error);
    if (span_is(name, "event"))
        return read_event(c, &a->event, error);
    if (span_is(name, "limit"))
        return read_limit(c, &a->limit, error);
    if (span_is(name, "from"))
        return field_bin(c, "from", SERIES_FROM_BYTES_MAX, &a->from, error);
    if (span_is(name, "by"))
        return field_name(c, "by", BY_BYTES_MAX, &a->by, error);
    return field_unknown("", name, error);
}

static int check_complete(const struct series_ask *a, struct buf *error)
{
    if (a->op == SERIES_NONE)
        return refuse(error, "op: missing; say what is to be done");
    if (a->op >= SERIES_SHOW && a->op <= SERIES_STOP && a->name.bytes == 0)
        return refuse(error, "name: missing; say which series");
    if (a->op == SERIES_START && a->openid.bytes == 0)
        return refuse(error, "openid: missing; say who is to start it");
    if (a->op == SERIES_STOP && (a->openid.bytes > 0) == a->all)
        return refuse(error, "openid: give whom to stop, or all: true, and not both");
    return 0;
}

int series_ask_unpack(struct span packed, struct series_ask *a, struct buf *error)
{
    struct mp_cursor c;
    *a = (struct series_ask){.op = SERIES_NONE};
    buf_clear(error);
    if (field_ask(packed, read_member, a, error) == 0 && check_complete(a, error) == 0)
        return 0;
    /* Refused for a member that stands before the ref: the asker still has to know which ask it was. */
    if (a->ref == 0 && mp_find(packed, "ref", &c))
        a->ref = mp_read_u64(&c);
    return -1;
}
