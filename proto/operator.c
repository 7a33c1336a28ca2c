#include "proto/operator.h"

#include <assert.h>
#include <string.h>

#include "proto/field.h"
#include "proto/mp.h"

#define BY_BYTES_MAX      64
#define FROM_BYTES_MAX    1024 /* `next` of an answer holds a place and names; this is more than it needs */
#define STATES_BYTES_MAX  256  /* the names of all states in one list, and some to spare */

static const char *const op_names[] = {
    [ASK_STATUS] = "status", [ASK_LIST] = "list",       [ASK_SHOW] = "show",
    [ASK_PAUSES] = "pauses", [ASK_PAUSE] = "pause",     [ASK_RESUME] = "resume",
    [ASK_RATE] = "rate",     [ASK_WINDOWS] = "windows",
    [ASK_CANCEL] = "cancel", [ASK_REQUEUE] = "requeue", [ASK_DISCARD] = "discard"};

/* The single states stand in the order of their bits, the groups behind them, those that hold others later. */
static const struct {
    const char *name;
    unsigned states;
} state_names[] = {{"ready", ENTRY_READY},     {"scheduled", ENTRY_SCHEDULED},
                   {"parked", ENTRY_PARKED},   {"paused", ENTRY_PAUSED},
                   {"out", ENTRY_OUT},         {"sent", ENTRY_SENT},
                   {"pending", ENTRY_PENDING}, {"refused", ENTRY_REFUSED},
                   {"expired", ENTRY_EXPIRED}, {"cancelled", ENTRY_CANCELLED},
                   {"dead", ENTRY_DEAD},       {"purged", ENTRY_PURGED},
                   {"delivered", ENTRY_DELIVERED}, {"blocked", ENTRY_BLOCKED},
                   {"failed", ENTRY_FAILED},
                   {"waiting", ENTRY_WAITING}, {"live", ENTRY_LIVE},
                   {"settled", ENTRY_SETTLED}, {"all", ENTRY_ALL}};

#define STATES       15
#define STATES_NAMED (sizeof state_names / sizeof *state_names)

const char *ask_name(enum ask_op op)
{
    return op == ASK_NONE ? NULL : op_names[op];
}

/* --- states ------------------------------------------------------------------------------------------------------- */

static unsigned state_find(struct span word)
{
    for (size_t i = 0; i < STATES_NAMED; i++)
        if (span_is(word, state_names[i].name))
            return state_names[i].states;
    return 0;
}

unsigned entry_states_read(struct span text)
{
    unsigned states = 0;
    for (size_t from = 0; from <= text.bytes;) {
        const char *comma = text.bytes > from ? memchr(text.data + from, ',', text.bytes - from) : NULL;
        size_t end = comma ? (size_t)(comma - text.data) : text.bytes;
        unsigned found = end > from ? state_find((struct span){text.data + from, end - from}) : 0;
        if (found == 0)
            return 0;
        states |= found;
        from = end + 1;
    }
    return states;
}

const char *entry_state_name(enum entry_state state)
{
    size_t i = 0;
    while (i < STATES && state_names[i].states != (unsigned)state)
        i++;
    assert(i < STATES);
    return state_names[i].name;
}

/* --- packing: what is zero or empty is left out ------------------------------------------------------------------- */

static void pack_state(size_t i, unsigned *left, struct buf *text)
{
    if ((*left & state_names[i].states) != state_names[i].states)
        return;
    buf_printf(text, "%s%s", text->bytes ? "," : "", state_names[i].name);
    *left &= ~state_names[i].states;
}

/* Groups by their own names, the largest first: by those a broker of an earlier version understands all states that it knows. */
static size_t pack_states(struct buf *out, unsigned states)
{
    struct buf text = {0};
    for (size_t i = STATES_NAMED; i-- > STATES;)
        pack_state(i, &states, &text);
    for (size_t i = 0; i < STATES; i++)
        pack_state(i, &states, &text);
    size_t count = mp_opt_span(out, "state", buf_span(&text));
    buf_free(&text);
    return count;
}

static size_t pack_filter(struct buf *out, const struct filter *f)
{
    struct buf map = {0};
    size_t place = mp_map_open(&map), count = 0;
    count += mp_opt_span(&map, "app", f->app);
    count += mp_opt_span(&map, "id", f->id);
    count += mp_opt_span(&map, "openid", f->openid);
    count += mp_opt_span(&map, "key", f->key);
    count += mp_opt_span(&map, "task", f->task);
    count += pack_states(&map, f->states);
    count += mp_opt_i64(&map, "since", f->since_ms);
    count += mp_opt_i64(&map, "until", f->until_ms);
    count += mp_opt_i64(&map, "errcode", f->errcode);
    count += mp_opt_flag(&map, "all", f->all);
    mp_map_close(&map, place, count);
    if (count > 0)
        count = mp_opt_raw(out, "filter", buf_span(&map));
    buf_free(&map);
    return count;
}

void ask_pack(const struct ask *a, struct buf *out)
{
    assert(a->op > ASK_NONE && a->op <= ASK_DISCARD);
    size_t place = mp_map_open(out), count = 2;
    mp_put_str(out, "t", "ask");
    count += mp_opt_u64(out, "ref", a->ref);
    mp_put_str(out, "op", op_names[a->op]);
    count += pack_filter(out, &a->filter);
    count += mp_opt_i64(out, "for", a->for_ms);
    count += mp_opt_i64(out, "ttl", a->ttl_ms);
    if (a->op == ASK_RATE && a->rate_per_s != RATE_OF_CONF) {
        mp_put_i64(out, "rate", a->rate_per_s);
        count++;
    }
    count += mp_opt_u64(out, "limit", a->limit);
    count += mp_opt_bin(out, "from", a->from);
    count += mp_opt_span(out, "by", a->by);
    mp_map_close(out, place, count);
}

void answer_pack(const struct answer *a, struct buf *out)
{
    size_t place = mp_map_open(out), count = 2;
    mp_put_str(out, "t", "answer");
    count += mp_opt_u64(out, "ref", a->ref);
    mp_put_i64(out, "code", (int64_t)a->code);
    count += mp_opt_span(out, "message", a->message);
    count += mp_opt_u64(out, "done", a->done);
    count += mp_opt_u64(out, "left", a->left);
    count += mp_opt_u64(out, "looked", a->looked);
    count += mp_opt_u64(out, "indexing", a->indexing);
    count += mp_opt_bin(out, "next", a->next);
    count += mp_opt_raw(out, "data", a->data);
    mp_map_close(out, place, count);
}

/* --- unpacking ---------------------------------------------------------------------------------------------------- */

static int refuse(struct buf *error, const char *text)
{
    buf_append_str(error, text);
    return -1;
}

static int read_states(struct mp_cursor *c, unsigned *states, struct buf *error)
{
    struct span text = {NULL, 0};
    if (field_text(c, "filter.state", STATES_BYTES_MAX, &text, error))
        return -1;
    if (text.data == NULL)
        return 0;
    *states = entry_states_read(text);
    if (*states)
        return 0;
    return refuse(
        error,
        "filter.state: unknown; give one or several of ready, scheduled, parked, paused, out, sent, pending, "
        "refused, expired, cancelled, dead, purged, delivered, blocked, failed, waiting, live, settled, all, with commas between them");
}

static int read_filter_member(struct mp_cursor *c, struct span name, struct filter *f, struct buf *error)
{
    if (span_is(name, "app"))
        return field_name(c, "filter.app", ACCOUNT_BYTES_MAX, &f->app, error);
    if (span_is(name, "id"))
        return field_name(c, "filter.id", ID_BYTES_MAX, &f->id, error);
    if (span_is(name, "openid"))
        return field_text(c, "filter.openid", OPENID_BYTES_MAX, &f->openid, error);
    if (span_is(name, "key"))
        return field_text(c, "filter.key", KEY_TEXT_BYTES_MAX, &f->key, error);
    if (span_is(name, "task"))
        return field_name(c, "filter.task", TASK_BYTES_MAX, &f->task, error);
    if (span_is(name, "state"))
        return read_states(c, &f->states, error);
    if (span_is(name, "since"))
        return field_int(c, "filter.since", 0, INT64_MAX, "ms", &f->since_ms, error);
    if (span_is(name, "until"))
        return field_int(c, "filter.until", 0, INT64_MAX, "ms", &f->until_ms, error);
    if (span_is(name, "errcode"))
        return field_int(c, "filter.errcode", INT64_MIN, INT64_MAX, "", &f->errcode, error);
    if (span_is(name, "all"))
        return field_bool(c, "filter.all", &f->all, error);
    return field_unknown("filter.", name, error);
}

static int read_filter(struct mp_cursor *c, struct filter *f, struct buf *error)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_NIL)
        return 0;
    if (v.type != MP_MAP) {
        buf_printf(error, "filter: %s; give a map", field_type_name(v.type));
        return -1;
    }
    for (uint32_t i = 0; i < v.as.count; i++) {
        struct span name;
        if (mp_read_name(c, &name))
            return refuse(error, "filter: a member's name that is no str");
        if (read_filter_member(c, name, f, error))
            return -1;
    }
    return 0;
}

static int read_op(struct mp_cursor *c, enum ask_op *op, struct buf *error)
{
    int found = field_op(c, op_names, ASK_STATUS, ASK_DISCARD,
                         "status, list, show, pauses, pause, resume, rate, windows, cancel, requeue or discard", error);
    *op = found > 0 ? (enum ask_op)found : ASK_NONE;
    return found > 0 ? 0 : -1;
}

static int read_ref(struct mp_cursor *c, uint64_t *ref, struct buf *error)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_NIL)
        return 0;
    if (v.type != MP_UINT)
        return refuse(error, "ref: give an integer that is not negative");
    *ref = v.as.u64;
    return 0;
}

static int read_limit(struct mp_cursor *c, uint32_t *limit, struct buf *error)
{
    int64_t value = 0;
    if (field_int(c, "limit", 1, LIST_ENTRIES_MAX, "", &value, error))
        return -1;
    *limit = (uint32_t)value;
    return 0;
}

static int read_member(struct mp_cursor *c, struct span name, void *ask, struct buf *error)
{
    struct ask *a = ask;
    if (span_is(name, "t"))
        return field_ask_type(c, error);
    if (span_is(name, "ref"))
        return read_ref(c, &a->ref, error);
    if (span_is(name, "op"))
        return read_op(c, &a->op, error);
    if (span_is(name, "filter"))
        return read_filter(c, &a->filter, error);
    if (span_is(name, "for"))
        return field_int(c, "for", 0, AT_AHEAD_MS_MAX, "ms", &a->for_ms, error);
    if (span_is(name, "ttl"))
        return field_int(c, "ttl", 0, AT_AHEAD_MS_MAX, "ms", &a->ttl_ms, error);
    if (span_is(name, "rate"))
        return field_int(c, "rate", 0, RATE_MAX, "messages a second", &a->rate_per_s, error);
    if (span_is(name, "limit"))
        return read_limit(c, &a->limit, error);
    if (span_is(name, "from"))
        return field_bin(c, "from", FROM_BYTES_MAX, &a->from, error);
    if (span_is(name, "by"))
        return field_name(c, "by", BY_BYTES_MAX, &a->by, error);
    return field_unknown("", name, error);
}

/* --- what an operation cannot do without, and what it must not be given ------------------------------------------- */

/* A pause that left out half of what it was told would hold back more than was meant. */
static int check_pause(const struct filter *f, struct buf *error)
{
    if (f->id.bytes || f->openid.bytes || f->states || f->since_ms || f->until_ms || f->errcode)
        return refuse(error, "filter: only app, key, task and all can be paused and resumed");
    if (f->key.bytes && f->task.bytes)
        return refuse(error, "filter.key: given together with filter.task; give one of them");
    if (f->all && (f->app.bytes || f->key.bytes || f->task.bytes))
        return refuse(error, "filter.all: given together with what it contains; give one of them");
    if (!f->all && !f->app.bytes && !f->key.bytes && !f->task.bytes)
        return refuse(error, "filter: nothing to pause or resume; give app, key, task, or all: true");
    return 0;
}

/* What is left out goes back to the configuration's; an account that was left out would do that to the wrong one. */
static int check_rate(const struct filter *f, struct buf *error)
{
    if (f->id.bytes || f->openid.bytes || f->key.bytes || f->task.bytes || f->states || f->since_ms || f->until_ms ||
        f->errcode || f->all)
        return refuse(error, "filter: only an account has a rate to be set; give app alone");
    return f->app.bytes ? 0 : refuse(error, "filter.app: missing; say which account");
}

static int is_empty(const struct filter *f)
{
    return !f->app.bytes && !f->id.bytes && !f->openid.bytes && !f->key.bytes && !f->task.bytes &&
           !f->states && !f->since_ms && !f->until_ms && !f->errcode;
}

static int check_change(const struct ask *a, struct buf *error)
{
    if (a->ref == 0)
        return refuse(error, "ref: missing; give an integer above 0, the same when asking again");
    if (is_empty(&a->filter) && !a->filter.all)
        return refuse(error, "filter: empty; say which messages, or all: true");
    if (a->op == ASK_CANCEL && (a->filter.states & ~(unsigned)ENTRY_WAITING))
        return refuse(
            error,
            "filter.state: cancel is for what waits; give waiting, ready, scheduled, parked or paused");
    if (a->op != ASK_CANCEL && (a->filter.states & ~(unsigned)ENTRY_DEAD))
        return refuse(error,
                      "filter.state: requeue and discard are for dead messages; give dead, or leave it out");
    return 0;
}

static int check_windows(const struct filter *f, struct buf *error)
{
    if (f->id.bytes || f->key.bytes || f->task.bytes || f->states || f->since_ms || f->until_ms || f->errcode || f->all)
        return refuse(error, "filter: a recipient has windows; give openid, with or without app, alone");
    return f->openid.bytes ? 0 : refuse(error, "filter.openid: missing; say whose windows");
}

static int check_complete(const struct ask *a, int has_type, struct buf *error)
{
    if (!has_type)
        return refuse(error, "t: missing; give ask");
    switch (a->op) {
    case ASK_NONE:
        return refuse(
            error, "op: missing; give status, list, show, pauses, pause, resume, rate, windows, cancel, requeue or discard");
    case ASK_SHOW:
        return a->filter.id.bytes ? 0 : refuse(error, "filter.id: missing; say which message");
    case ASK_PAUSE:
    case ASK_RESUME:
        return check_pause(&a->filter, error);
    case ASK_RATE:
        return check_rate(&a->filter, error);
    case ASK_WINDOWS:
        return check_windows(&a->filter, error);
    case ASK_CANCEL:
    case ASK_REQUEUE:
    case ASK_DISCARD:
        return check_change(a, error);
    default:
        return 0;
    }
}

int ask_unpack(struct span packed, struct ask *a, struct buf *error)
{
    struct mp_cursor c;
    *a = (struct ask){.rate_per_s = RATE_OF_CONF};
    buf_clear(error);
    if (field_ask(packed, read_member, a, error) == 0 && check_complete(a, mp_find(packed, "t", &c), error) == 0)
        return 0;
    /* Refused for a member that stands before the ref: the asker still has to know which ask it was. */
    if (a->ref == 0 && mp_find(packed, "ref", &c))
        a->ref = mp_read_u64(&c);
    return -1;
}

int ask_is(struct span packed)
{
    struct mp_cursor c;
    if (!mp_find(packed, "t", &c))
        return 0;
    struct mp_value v = mp_read(&c);
    return v.type == MP_STR && span_is(v.text, "ask");
}

/* --- answers: members that are not known are skipped, so that a newer broker can add some ------------------------- */

static int read_counts(struct mp_cursor *c, struct span name, struct answer *a)
{
    if (span_is(name, "done"))
        a->done = mp_read_u64(c);
    else if (span_is(name, "left"))
        a->left = mp_read_u64(c);
    else if (span_is(name, "looked"))
        a->looked = mp_read_u64(c);
    else if (span_is(name, "indexing"))
        a->indexing = mp_read_u64(c);
    else
        return 0;
    return 1;
}

/* 0, which is no code, when it is none of those that HTTP has. */
static enum code read_code(struct mp_cursor *c)
{
    uint64_t code = mp_read_u64(c);
    return code >= 100 && code <= 599 ? (enum code)code : (enum code)0;
}

static void read_answer(struct mp_cursor *c, struct span name, struct answer *a, int *is_answer)
{
    if (span_is(name, "t"))
        *is_answer = span_is(mp_read_str(c), "answer");
    else if (span_is(name, "ref"))
        a->ref = mp_read_u64(c);
    else if (span_is(name, "code"))
        a->code = read_code(c);
    else if (span_is(name, "message"))
        a->message = mp_read_str(c);
    else if (span_is(name, "next"))
        a->next = mp_read_str(c);
    else if (span_is(name, "data"))
        a->data = mp_skip(c);
    else
        mp_skip(c);
}

int answer_unpack(struct span packed, struct answer *a)
{
    struct mp_cursor c;
    int is_answer = 0;
    *a = (struct answer){0};
    mp_open(&c, packed);
    uint32_t count = mp_read_map(&c);
    for (uint32_t i = 0; i < count && !c.failed; i++) {
        struct span name = mp_read_str(&c);
        if (!read_counts(&c, name, a))
            read_answer(&c, name, a, &is_answer);
    }
    return c.failed || !is_answer || a->code == 0 ? -1 : 0;
}
