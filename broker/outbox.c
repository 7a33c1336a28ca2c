#include "broker/outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "base/log.h"

#define FRAMES_A_MESSAGE 256           /* results for one caller in one ZeroMQ message */
#define BYTES_A_MESSAGE  (64 * 1024)   /* after which no further one is added */
#define BOX_KEPT_BYTES   (4 * 1024 * 1024) /* a larger box is given back when it is empty */

/* One packed message in a letter box: who it is for, and where its bytes are. Letters for the same reader that follow each other
 * share `to`, so that their bytes are one behind the other. */
struct letter {
    size_t to, to_bytes; /* in box->bytes */
    size_t at, bytes;
    int envelope, packs; /* as in struct caller */
};

struct box {
    struct buf bytes;
    struct letter *letters;
    size_t count, room;
};

struct outbox {
    void *frontend, *control, *jobs; /* libzmq sockets */
    struct box answers, controls, work;
    size_t work_sent; /* letters of `work` that are gone already */
    uint64_t dropped;
};

struct outbox *outbox_new(void *frontend, void *control, void *jobs)
{
    struct outbox *o = mem_new(sizeof *o);
    o->frontend = zsock_resolve(frontend);
    o->control = zsock_resolve(control);
    o->jobs = zsock_resolve(jobs);
    return o;
}

static void box_free(struct box *b)
{
    buf_free(&b->bytes);
    free(b->letters);
}

void outbox_destroy(struct outbox **self)
{
    struct outbox *o = *self;
    if (o == NULL)
        return;
    box_free(&o->answers);
    box_free(&o->controls);
    box_free(&o->work);
    free(o);
    *self = NULL;
}

static void box_clear(struct box *b)
{
    b->count = 0;
    buf_clear(&b->bytes);
    if (b->bytes.room > BOX_KEPT_BYTES)
        buf_free(&b->bytes);
    if (b->room * sizeof *b->letters > BOX_KEPT_BYTES) {
        free(b->letters);
        b->letters = NULL;
        b->room = 0;
    }
}

static int has_same_reader(const struct box *b, const struct letter *l, const void *to, size_t to_bytes)
{
    return l->to_bytes == to_bytes && (to_bytes == 0 || memcmp(b->bytes.data + l->to, to, to_bytes) == 0);
}

/* Begins a letter; its content is appended to b->bytes and closed with box_close. */
static struct letter *box_open(struct box *b, const void *to, size_t to_bytes)
{
    if (b->count == b->room) {
        b->room = b->room ? b->room * 2 : 64;
        b->letters = mem_resize(b->letters, b->room * sizeof *b->letters);
    }
    struct letter *l = &b->letters[b->count++], *before = b->count > 1 ? l - 1 : NULL;
    *l = (struct letter){.to = b->bytes.bytes, .to_bytes = to_bytes};
    if (before && has_same_reader(b, before, to, to_bytes))
        l->to = before->to;
    else if (to_bytes)
        buf_append(&b->bytes, to, to_bytes);
    l->at = b->bytes.bytes;
    return l;
}

static void box_close(struct box *b, struct letter *l)
{
    l->bytes = b->bytes.bytes - l->at;
}

void outbox_answer(struct outbox *o, const struct caller *to, const struct result *r)
{
    struct result full = *r;
    full.ref = (struct span){to->ref, to->ref_bytes};
    struct letter *l = box_open(&o->answers, to->peer, to->peer_bytes);
    l->envelope = to->envelope;
    l->packs = to->packs;
    result_pack(&full, &o->answers.bytes);
    box_close(&o->answers, l);
}

void outbox_control(struct outbox *o, const char *stage, const struct control *m)
{
    struct letter *l = box_open(&o->controls, stage, strlen(stage));
    control_pack(m, &o->controls.bytes);
    box_close(&o->controls, l);
}

void outbox_operator(struct outbox *o, const char *name, const struct answer *a)
{
    struct letter *l = box_open(&o->controls, name, strlen(name));
    answer_pack(a, &o->controls.bytes);
    box_close(&o->controls, l);
}

void outbox_job(struct outbox *o, const struct job *j)
{
    struct letter *l = box_open(&o->work, NULL, 0);
    job_pack(j, &o->work.bytes);
    box_close(&o->work, l);
}

void outbox_drop_jobs(struct outbox *o)
{
    box_clear(&o->work);
    o->work_sent = 0;
}

static int go_together(const struct letter *a, const struct letter *c)
{
    return a->to == c->to && !a->envelope && !c->envelope && a->packs == c->packs;
}

/* The letters from `first` on that go as one message. */
static size_t group_of(const struct box *b, size_t first)
{
    const struct letter *l = &b->letters[first];
    size_t n = 1, bytes = l->bytes;
    while ((l->packs || n < FRAMES_A_MESSAGE) && bytes < BYTES_A_MESSAGE && first + n < b->count &&
           go_together(l, &b->letters[first + n]))
        bytes += b->letters[first + n++].bytes;
    return n;
}

/* Sends the letters from `first` on that are for the same reader as one message. Returns their number. */
static size_t send_group(struct outbox *o, void *socket, const struct box *b, size_t first)
{
    const struct letter *l = &b->letters[first], *last;
    size_t n = group_of(b, first);
    if (zmq_send(socket, b->bytes.data + l->to, l->to_bytes, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        o->dropped += b == &o->answers ? n : 0;
        log_debug("reader is away or does not read", log_u64("messages", n), log_str("error", zmq_strerror(errno)));
        return n;
    }
    if (l->envelope)
        zmq_send(socket, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT);
    last = &b->letters[first + n - 1];
    for (const struct letter *part = l; part <= last; part++) {
        size_t bytes = l->packs ? last->at + last->bytes - l->at : part->bytes;
        int flags = ZMQ_DONTWAIT | (part < last && !l->packs ? ZMQ_SNDMORE : 0);
        if (zmq_send(socket, b->bytes.data + part->at, bytes, flags) < 0)
            log_warn("message cut short", log_str("error", zmq_strerror(errno)));
        if (l->packs)
            break;
    }
    return n;
}

static void flush_letters(struct outbox *o, void *socket, struct box *b)
{
    for (size_t i = 0; i < b->count;)
        i += send_group(o, socket, b, i);
    box_clear(b);
}

static void flush_jobs(struct outbox *o)
{
    struct box *b = &o->work;
    while (o->work_sent < b->count) {
        const struct letter *l = &b->letters[o->work_sent];
        if (zmq_send(o->jobs, b->bytes.data + l->at, l->bytes, ZMQ_DONTWAIT) < 0)
            return;
        o->work_sent++;
    }
    outbox_drop_jobs(o);
}

void outbox_flush(struct outbox *o)
{
    flush_letters(o, o->frontend, &o->answers);
    flush_letters(o, o->control, &o->controls);
    flush_jobs(o);
}

uint64_t outbox_dropped(const struct outbox *o)
{
    return o->dropped;
}
