#include "broker/tset.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/log.h"
#include "broker/audit_log.h"
#include "broker/broker.h"

#define TSETS_MAX      1024  /* waiting at once; more get 503 */
#define TSET_LIMIT_MS  30000 /* a templater whose source answers nothing gives up itself before that */
#define TEMPLATERS_MAX 64

enum part_state { WAITS, DONE, UNCHANGED, LEFT };

struct part {
    uint64_t epoch; /* of a templater */
    enum part_state answer;
};

struct tset {
    struct tset *prev, *next;
    uint64_t ref;
    uint64_t version;
    int64_t began_ms; /* monotonic */
    struct caller caller;
    struct audit_who who;
    struct part parts[TEMPLATERS_MAX];
    size_t part_count;
    int code;         /* the worst so far; 200 when all had it */
    struct buf message;
    struct buf key;
};

static void tset_destroy(struct tset *t)
{
    buf_free(&t->message);
    buf_free(&t->key);
    free(t);
}

void tset_free(struct tset_list *list)
{
    struct tset *t, *next;
    DL_FOREACH_SAFE(list->first, t, next)
    {
        DL_DELETE(list->first, t);
        tset_destroy(t);
    }
}

static void answer(struct broker *b, const struct caller *caller, int code, const char *message)
{
    struct result r = {.code = (enum code)code, .message = span_of(message), .epoch = b->epoch};
    outbox_answer(b->outbox, caller, &r);
}

static void refuse(struct broker *b, const struct caller *caller, const struct audit_who *who, struct span key, const char *why)
{
    audit_log_tset(b, who, key, CODE_BUSY, span_of(why));
    b->refusals.counts[REFUSAL_TSET]++;
    answer(b, caller, CODE_BUSY, why);
}

static void ask(struct broker *b, const char *stage, uint64_t ref, struct span key, uint64_t version)
{
    struct control m = {.type = CONTROL_TSET, .ref = ref, .key = key, .key_version = version};
    outbox_control(b->outbox, stage, &m);
}

void tset_begin(struct broker *b, const struct caller *caller, struct span key)
{
    struct audit_who who;
    audit_log_who(b, (struct span){NULL, 0}, &who);
    if (b->tsets.count == TSETS_MAX) {
        refuse(b, caller, &who, key, "tset: too many at once; try again");
        return;
    }
    struct tset *t = mem_new(sizeof *t);
    for (size_t i = 0; i < b->ring.stage_count && t->part_count < TEMPLATERS_MAX; i++) {
        const struct stage *s = &b->ring.stages[i];
        if (s->kind == STAGE_TEMPLATER && fence_is_living(&b->ring.fence, s->epoch))
            t->parts[t->part_count++] = (struct part){.epoch = s->epoch};
    }
    if (t->part_count == 0) {
        tset_destroy(t);
        refuse(b, caller, &who, key, "no templater is connected; try again");
        return;
    }
    t->ref = ++b->tsets.next_ref;
    t->version = keys_next_version(b->keys);
    t->began_ms = b->mono_ms;
    t->caller = *caller;
    t->who = who;
    t->code = CODE_OK;
    buf_append(&t->key, key.data, key.bytes);
    DL_APPEND(b->tsets.first, t);
    b->tsets.count++;
    for (size_t i = 0; i < t->part_count; i++)
        ask(b, ring_find_epoch(&b->ring, t->parts[i].epoch)->name, t->ref, key, t->version);
}

static size_t count_parts(const struct tset *t, enum part_state kind)
{
    size_t n = 0;
    for (size_t i = 0; i < t->part_count; i++)
        n += t->parts[i].answer == kind;
    return n;
}

/* Some templaters have the new text and others could not read it: those take no jobs until they can. */
static void send_behind(struct broker *b, const struct tset *t)
{
    if (count_parts(t, DONE) == 0)
        return;
    for (size_t i = 0; i < t->part_count; i++) {
        struct stage *s = ring_find_epoch(&b->ring, t->parts[i].epoch);
        if (s == NULL || t->parts[i].answer == DONE || t->parts[i].answer == LEFT)
            continue;
        log_warn("templater is behind", log_str("name", s->name), log_span("key", buf_span(&t->key)));
        s->behind = 1;
        ask(b, s->name, 0, buf_span(&t->key), t->version);
    }
}

static void finish(struct broker *b, struct tset *t)
{
    send_behind(b, t);
    if (t->code == CODE_OK && count_parts(t, DONE) == 0) {
        t->code = CODE_BUSY;
        buf_append_str(&t->message, "the templater was lost meanwhile; try again");
    }
    if (t->code == CODE_OK)
        trouble_lift_template(b, buf_span(&t->key));
    audit_log_tset(b, &t->who, buf_span(&t->key), (enum code)t->code, buf_span(&t->message));
    answer(b, &t->caller, t->code, buf_str(&t->message));
    DL_DELETE(b->tsets.first, t);
    b->tsets.count--;
    tset_destroy(t);
}

static struct part *find_part(struct tset *t, uint64_t epoch)
{
    for (size_t i = 0; i < t->part_count; i++)
        if (t->parts[i].epoch == epoch && t->parts[i].answer == WAITS)
            return &t->parts[i];
    return NULL;
}

/* What one templater found out changes the list of keys, whoever asked. */
static void apply(struct broker *b, const struct control *m)
{
    if (m->code == CODE_OK && m->keys.bytes) {
        if (keys_put(b->keys, m->keys))
            log_error("template list entry not understood");
    } else if (m->code == CODE_REFUSED && span_is(m->message, "template key not exists")) {
        keys_remove(b->keys, m->key);
    }
}

void tset_on_answer(struct broker *b, const struct stage *from, const struct control *m)
{
    struct tset *t, *next;
    apply(b, m);
    DL_FOREACH_SAFE(b->tsets.first, t, next)
    {
        struct part *part = t->ref == m->ref ? find_part(t, from->epoch) : NULL;
        if (part == NULL)
            continue;
        /* "Not there (any more)" is an answer of the source like any other; only an unread template leaves one behind. */
        part->answer = m->code == CODE_OK || m->code == CODE_REFUSED ? DONE : UNCHANGED;
        if (m->code > t->code) {
            t->code = m->code;
            buf_clear(&t->message);
            buf_append(&t->message, m->message.data, m->message.bytes);
        }
        if (count_parts(t, WAITS) == 0)
            finish(b, t);
        return;
    }
}

void tset_on_leave(struct broker *b, uint64_t epoch)
{
    struct tset *t, *next;
    DL_FOREACH_SAFE(b->tsets.first, t, next)
    {
        struct part *part = find_part(t, epoch);
        if (part == NULL)
            continue;
        part->answer = LEFT;
        if (count_parts(t, WAITS) == 0)
            finish(b, t);
    }
}

void tset_tick(struct broker *b)
{
    struct tset *t, *next;
    DL_FOREACH_SAFE(b->tsets.first, t, next)
    {
        if (b->mono_ms - t->began_ms < TSET_LIMIT_MS)
            continue;
        t->code = CODE_FAILED;
        buf_clear(&t->message);
        buf_append_str(&t->message, "a templater did not answer in time");
        finish(b, t);
    }
}
