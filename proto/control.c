#include "proto/control.h"

#include <assert.h>

#include "proto/mp.h"

static const char *const type_names[] = {
    [CONTROL_HELLO] = "hello",     [CONTROL_BEAT] = "beat",       [CONTROL_HELD] = "held",
    [CONTROL_BEGIN] = "begin",     [CONTROL_RESULTS] = "results", [CONTROL_KEYS] = "keys",
    [CONTROL_TSET] = "tset",       [CONTROL_LOST] = "lost",       [CONTROL_BYE] = "bye",
    [CONTROL_WELCOME] = "welcome", [CONTROL_FENCE] = "fence",     [CONTROL_BEGUN] = "begun",
    [CONTROL_CONFIRM] = "confirm", [CONTROL_SENDERS] = "senders", [CONTROL_WHO] = "who",
    [CONTROL_REFUSED] = "refused"};

/* Of a template; a store, or a templater, of an earlier version has those without kind, and without rate and fallback. */
#define KEY_MEMBERS   9
#define KEY_MEMBERS_2 8
#define KEY_MEMBERS_1 5

#define TYPES (sizeof type_names / sizeof *type_names)

static const char *const kind_names[] = {
    [STAGE_NONE] = "", [STAGE_TEMPLATER] = "templater", [STAGE_SENDER] = "sender"};

const char *stage_kind_name(enum stage_kind kind)
{
    return kind_names[kind];
}

static enum control_type type_find(struct span name)
{
    for (size_t i = 1; i < TYPES; i++)
        if (span_is(name, type_names[i]))
            return (enum control_type)i;
    return CONTROL_NONE;
}

static enum stage_kind kind_find(struct span name)
{
    for (int i = STAGE_TEMPLATER; i <= STAGE_SENDER; i++)
        if (span_is(name, kind_names[i]))
            return (enum stage_kind)i;
    return STAGE_NONE;
}

/* --- packing: what is zero or empty is left out ------------------------------------------------------------------- */

void control_pack(const struct control *m, struct buf *out)
{
    assert(m->type > CONTROL_NONE && (size_t)m->type < TYPES);
    size_t place = mp_map_open(out), count = 1;
    mp_put_str(out, "t", type_names[m->type]);
    count += mp_opt_u64(out, "epoch", m->epoch);
    count += mp_opt_span(out, "kind", span_of(kind_names[m->kind]));
    count += mp_opt_span(out, "name", m->name);
    count += mp_opt_span(out, "version", m->version);
    count += mp_opt_u64(out, "slots", m->slots);
    count += mp_opt_span(out, "endpoint", m->endpoint);
    count += mp_opt_i64(out, "clock", m->clock_ms);
    count += mp_opt_raw(out, "stopped", m->stopped);
    count += mp_opt_i64(out, "behind", m->behind);
    count += mp_opt_i64(out, "cpu", m->cpu_us);
    count += mp_opt_u64(out, "rss", m->rss_bytes);
    count += mp_opt_raw(out, "latency", m->latency);
    count += mp_opt_u64(out, "generation", m->generation);
    count += mp_opt_u64(out, "broker", m->broker);
    count += mp_opt_i64(out, "lease", m->lease_ms);
    count += mp_opt_raw(out, "versions", m->versions);
    count += mp_opt_raw(out, "holdings", m->holdings);
    count += mp_opt_raw(out, "results", m->results);
    count += mp_opt_raw(out, "keys", m->keys);
    count += mp_opt_raw(out, "endpoints", m->endpoints);
    count += mp_opt_u64(out, "ref", m->ref);
    count += mp_opt_span(out, "key", m->key);
    count += mp_opt_u64(out, "key_version", m->key_version);
    count += mp_opt_i64(out, "code", m->code);
    count += mp_opt_span(out, "message", m->message);
    mp_map_close(out, place, count);
}

/* --- unpacking: members that are not known are skipped, so that a newer peer can add some ------------------------- */

static int read_identity(struct mp_cursor *c, struct span name, struct control *m)
{
    if (span_is(name, "t"))
        m->type = type_find(mp_read_str(c));
    else if (span_is(name, "epoch"))
        m->epoch = mp_read_u64(c);
    else if (span_is(name, "kind"))
        m->kind = kind_find(mp_read_str(c));
    else if (span_is(name, "name"))
        m->name = mp_read_str(c);
    else if (span_is(name, "version"))
        m->version = mp_read_str(c);
    else if (span_is(name, "slots"))
        m->slots = (uint32_t)mp_read_u64(c);
    else if (span_is(name, "endpoint"))
        m->endpoint = mp_read_str(c);
    else if (span_is(name, "clock"))
        m->clock_ms = mp_read_i64(c);
    else
        return 0;
    return 1;
}

static int read_state(struct mp_cursor *c, struct span name, struct control *m)
{
    if (span_is(name, "stopped"))
        m->stopped = mp_skip(c);
    else if (span_is(name, "behind"))
        m->behind = mp_read_i64(c) != 0;
    else if (span_is(name, "cpu"))
        m->cpu_us = mp_read_i64(c);
    else if (span_is(name, "rss"))
        m->rss_bytes = mp_read_u64(c);
    else if (span_is(name, "latency"))
        m->latency = mp_skip(c);
    else if (span_is(name, "generation"))
        m->generation = mp_read_u64(c);
    else if (span_is(name, "broker"))
        m->broker = mp_read_u64(c);
    else if (span_is(name, "lease"))
        m->lease_ms = mp_read_i64(c);
    else if (span_is(name, "versions"))
        m->versions = mp_skip(c);
    else
        return 0;
    return 1;
}

static void read_payload(struct mp_cursor *c, struct span name, struct control *m)
{
    if (span_is(name, "holdings"))
        m->holdings = mp_skip(c);
    else if (span_is(name, "results"))
        m->results = mp_skip(c);
    else if (span_is(name, "keys"))
        m->keys = mp_skip(c);
    else if (span_is(name, "endpoints"))
        m->endpoints = mp_skip(c);
    else if (span_is(name, "ref"))
        m->ref = mp_read_u64(c);
    else if (span_is(name, "key"))
        m->key = mp_read_str(c);
    else if (span_is(name, "key_version"))
        m->key_version = mp_read_u64(c);
    else if (span_is(name, "code"))
        m->code = (int)mp_read_i64(c);
    else if (span_is(name, "message"))
        m->message = mp_read_str(c);
    else
        mp_skip(c);
}

int control_unpack(struct span packed, struct control *m)
{
    struct mp_cursor c;
    *m = (struct control){0};
    mp_open(&c, packed);
    uint32_t count = mp_read_map(&c);
    for (uint32_t i = 0; i < count && !c.failed; i++) {
        struct span name = mp_read_str(&c);
        if (!read_identity(&c, name, m) && !read_state(&c, name, m))
            read_payload(&c, name, m);
    }
    return c.failed || m->type == CONTROL_NONE ? -1 : 0;
}

/* --- arrays inside ------------------------------------------------------------------------------------------------ */

void control_array_open(struct mp_cursor *c, struct span packed)
{
    mp_open(c, packed);
    if (packed.bytes)
        mp_read_array(c);
}

void control_holding_pack(const struct holding *h, struct buf *out)
{
    mp_array(out, 2);
    mp_u64(out, h->seq);
    mp_u64(out, h->turn);
}

int control_holding_next(struct mp_cursor *c, struct holding *h)
{
    if (!c->failed && c->at == c->end)
        return 0;
    if (mp_read_array(c) != 2)
        return -1;
    h->seq = mp_read_u64(c);
    h->turn = (uint32_t)mp_read_u64(c);
    return c->failed ? -1 : 1;
}

static void pack_list(struct span packed, struct buf *out)
{
    if (packed.bytes)
        mp_raw(out, packed);
    else
        mp_array(out, 0);
}

void control_key_pack(const struct key_info *k, struct buf *out)
{
    mp_array(out, KEY_MEMBERS);
    mp_span(out, k->key);
    mp_u64(out, k->version);
    mp_i64(out, k->ttl_ms);
    mp_i64(out, k->lane);
    pack_list(k->needs, out);
    mp_u64(out, k->rate_per_s);
    mp_span(out, k->fallback);
    pack_list(k->fallback_on, out);
    mp_span(out, k->kind);
}

int control_key_next(struct mp_cursor *c, struct key_info *k)
{
    if (!c->failed && c->at == c->end)
        return 0;
    uint32_t members = mp_read_array(c);
    if (members != KEY_MEMBERS && members != KEY_MEMBERS_2 && members != KEY_MEMBERS_1)
        return -1;
    *k = (struct key_info){.key = mp_read_str(c)};
    k->version = mp_read_u64(c);
    k->ttl_ms = mp_read_i64(c);
    k->lane = (int)mp_read_i64(c);
    k->needs = mp_skip(c);
    if (members >= KEY_MEMBERS_2) {
        k->rate_per_s = (uint32_t)mp_read_u64(c);
        k->fallback = mp_read_str(c);
        k->fallback_on = mp_skip(c);
    }
    if (members == KEY_MEMBERS)
        k->kind = mp_read_str(c);
    return c->failed ? -1 : 1;
}
