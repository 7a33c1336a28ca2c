#include "proto/job.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "proto/mp.h"

/* Jobs and reports are arrays: they are the bulk of what crosses the ring, both ends are ours, and an array is half the bytes of a
 * map. An array of another length is not understood, but for reports: those that a sender of an earlier version kept lack their
 * last member. */
#define JOB_MEMBERS       11
#define RENDERED_MEMBERS  8
#define OUTCOME_MEMBERS   9
#define OUTCOME_MEMBERS_1 8 /* without cause */

static const char *const outcome_names[] = {
    [OUTCOME_NONE] = "none",       [OUTCOME_SENT] = "sent",   [OUTCOME_PENDING] = "pending",
    [OUTCOME_REFUSED] = "refused", [OUTCOME_DEAD] = "dead",   [OUTCOME_RETRY] = "retry",
    [OUTCOME_UNKNOWN] = "unknown", [OUTCOME_RETURNED] = "returned"};

#define OUTCOMES (sizeof outcome_names / sizeof *outcome_names)

static const char *const cause_names[] = {
    [CAUSE_NONE] = "",           [CAUSE_DOUBTFUL] = "doubtful",   [CAUSE_BUSY] = "busy",
    [CAUSE_NETWORK] = "network", [CAUSE_RECIPIENT] = "recipient", [CAUSE_TOKEN] = "token",
    [CAUSE_TOKENS] = "tokens",
    [CAUSE_PACE] = "pace",       [CAUSE_TEMPLATE] = "template",   [CAUSE_QUOTA] = "quota",
    [CAUSE_ACCOUNT] = "account"};

#define CAUSES (sizeof cause_names / sizeof *cause_names)

void job_pack(const struct job *j, struct buf *out)
{
    mp_array(out, JOB_MEMBERS);
    mp_u64(out, j->seq);
    mp_u64(out, j->turn);
    mp_u64(out, j->generation);
    mp_u64(out, j->call);
    mp_span(out, j->sender);
    mp_span(out, j->id);
    mp_span(out, j->app);
    mp_span(out, j->openid);
    mp_span(out, j->key);
    mp_u64(out, j->version);
    mp_bin(out, j->vars);
}

int job_unpack(struct span packed, struct job *j)
{
    struct mp_cursor c;
    mp_open(&c, packed);
    if (mp_read_array(&c) != JOB_MEMBERS)
        return -1;
    *j = (struct job){.seq = mp_read_u64(&c)};
    j->turn = (uint32_t)mp_read_u64(&c);
    j->generation = mp_read_u64(&c);
    j->call = (uint32_t)mp_read_u64(&c);
    j->sender = mp_read_str(&c);
    j->id = mp_read_str(&c);
    j->app = mp_read_str(&c);
    j->openid = mp_read_str(&c);
    j->key = mp_read_str(&c);
    j->version = mp_read_u64(&c);
    j->vars = mp_read_str(&c);
    return c.failed ? -1 : 0;
}

void rendered_pack(const struct rendered *r, struct buf *out)
{
    mp_array(out, RENDERED_MEMBERS);
    mp_u64(out, r->seq);
    mp_u64(out, r->turn);
    mp_u64(out, r->generation);
    mp_span(out, r->id);
    mp_span(out, r->app);
    mp_span(out, r->openid);
    mp_span(out, r->kind);
    mp_bin(out, r->body);
}

int rendered_unpack(struct span packed, struct rendered *r)
{
    struct mp_cursor c;
    mp_open(&c, packed);
    if (mp_read_array(&c) != RENDERED_MEMBERS)
        return -1;
    *r = (struct rendered){.seq = mp_read_u64(&c)};
    r->turn = (uint32_t)mp_read_u64(&c);
    r->generation = mp_read_u64(&c);
    r->id = mp_read_str(&c);
    r->app = mp_read_str(&c);
    r->openid = mp_read_str(&c);
    r->kind = mp_read_str(&c);
    r->body = mp_read_str(&c);
    return c.failed ? -1 : 0;
}

void outcome_pack(const struct outcome_report *r, struct buf *out)
{
    mp_array(out, OUTCOME_MEMBERS);
    mp_u64(out, r->seq);
    mp_u64(out, r->turn);
    mp_str(out, outcome_name(r->outcome));
    mp_i64(out, r->errcode);
    mp_i64(out, r->msgid);
    mp_u64(out, r->http_status);
    mp_u64(out, r->calls);
    mp_span(out, r->message);
    mp_str(out, cause_name(r->cause));
}

int outcome_read(struct mp_cursor *c, struct outcome_report *r)
{
    uint32_t members = mp_read_array(c);
    if (members != OUTCOME_MEMBERS && members != OUTCOME_MEMBERS_1)
        return -1;
    *r = (struct outcome_report){.seq = mp_read_u64(c)};
    r->turn = (uint32_t)mp_read_u64(c);
    r->outcome = outcome_find(mp_read_str(c));
    r->errcode = mp_read_i64(c);
    r->msgid = mp_read_i64(c);
    r->http_status = (uint32_t)mp_read_u64(c);
    r->calls = (uint32_t)mp_read_u64(c);
    r->message = mp_read_str(c);
    if (members == OUTCOME_MEMBERS)
        r->cause = cause_find(mp_read_str(c));
    return c->failed || r->outcome == OUTCOME_NONE ? -1 : 0;
}

const char *outcome_name(enum outcome o)
{
    assert((size_t)o < OUTCOMES);
    return outcome_names[o];
}

enum outcome outcome_find(struct span name)
{
    for (size_t i = 1; i < OUTCOMES; i++)
        if (span_is(name, outcome_names[i]))
            return (enum outcome)i;
    return OUTCOME_NONE;
}

const char *cause_name(enum cause c)
{
    assert((size_t)c < CAUSES);
    return cause_names[c];
}

enum cause cause_find(struct span name)
{
    for (size_t i = 1; i < CAUSES; i++)
        if (span_is(name, cause_names[i]))
            return (enum cause)i;
    return CAUSE_NONE;
}

int outcome_is_final(enum outcome o)
{
    return o == OUTCOME_SENT || o == OUTCOME_PENDING || o == OUTCOME_REFUSED || o == OUTCOME_DEAD;
}

void job_client_msg_id(struct span app, struct span id, uint32_t call, char out[32])
{
    char text[ACCOUNT_BYTES_MAX + ID_BYTES_MAX + 6];
    size_t n = 0;
    assert(app.bytes <= ACCOUNT_BYTES_MAX && id.bytes <= ID_BYTES_MAX);
    memcpy(text, app.data, app.bytes);
    n += app.bytes;
    text[n++] = 0; /* no account or id holds a NUL, so the three parts cannot run into each other */
    memcpy(text + n, id.data, id.bytes);
    n += id.bytes;
    text[n++] = 0;
    for (int shift = 24; shift >= 0; shift -= 8)
        text[n++] = (char)(call >> shift & 0xff);
    hash_hex(hash_128(text, n), out);
}
