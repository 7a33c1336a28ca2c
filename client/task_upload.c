#include "client/task_upload.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/term.h"
#include "client/ask.h"
#include "client/queue.h"
#include "client/task_link.h"

#define AGAIN_MS      3000 /* without an answer all is sent again; the wait doubles */
#define AGAIN_MS_MAX  15000
#define AWAY_AGAIN_MS 50 /* while there is no connection */
#define ABORT_MS      2000
#define LOOK_MS       200 /* between two looks at is_stopped */

/* One ask that is kept. */
struct piece {
    struct task_ask ask; /* its ref is that of the copy that was sent last */
    struct buf data;     /* its rows */
    uint64_t end;        /* see task_upload_ask */
};

struct task_upload {
    zsock_t *socket;
    char *endpoint;
    int64_t timeout_ms;
    const volatile sig_atomic_t *is_stopped;
    char by[QUEUE_BY_BYTES_MAX + 1];
    char upload[TASK_UPLOAD_BYTES + 1];
    uint64_t ref;                              /* that was sent last */
    struct buf packed;                         /* what is being sent */
    struct piece pieces[TASK_UPLOAD_KEPT_MAX]; /* a ring */
    size_t first, count;
    int64_t heard_ms;      /* mono: when the last useful answer came, or the first ask went */
    int64_t again_ms;      /* mono: when all is sent again */
    int64_t again_wait_ms; /* how long the next wait is */
    struct buf bytes;      /* of the answer that was taken last */
    struct answer answer;  /* points into them */
    struct buf reason;     /* of the last "not now" */
    int is_quiet;          /* 1: failures are not printed */
    enum status status;
};

struct task_upload *task_upload_new(const struct access *access, const char *endpoint, int64_t timeout_ms,
                                    const volatile sig_atomic_t *is_stopped)
{
    zsock_t *socket = queue_socket_new(access, endpoint, 0);
    if (socket == NULL)
        return NULL;
    struct task_upload *u = mem_new(sizeof *u);
    u->socket = socket;
    u->endpoint = mem_dup(endpoint);
    u->timeout_ms = timeout_ms;
    u->is_stopped = is_stopped;
    queue_name_asker(u->by);
    snprintf(u->upload, sizeof u->upload, "%016" PRIx64, hash_random_u64());
    return u;
}

void task_upload_destroy(struct task_upload **self)
{
    struct task_upload *u = *self;
    if (u == NULL)
        return;
    zsock_destroy(&u->socket);
    for (size_t i = 0; i < TASK_UPLOAD_KEPT_MAX; i++)
        buf_free(&u->pieces[i].data);
    buf_free(&u->packed);
    buf_free(&u->bytes);
    buf_free(&u->reason);
    free(u->endpoint);
    free(u);
    *self = NULL;
}

const struct answer *task_upload_answer(const struct task_upload *u)
{
    return &u->answer;
}

static struct piece *piece_at(struct task_upload *u, size_t i)
{
    return &u->pieces[(u->first + i) % TASK_UPLOAD_KEPT_MAX];
}

static enum status fail(struct task_upload *u, enum status status)
{
    u->status = status;
    u->count = 0;
    return status;
}

static enum status give_up(struct task_upload *u)
{
    if (!u->is_quiet && u->reason.bytes)
        fprintf(stderr, "mega: 503 %s\n", buf_str(&u->reason));
    else if (!u->is_quiet)
        fprintf(stderr, "mega: no answer from %s within %" PRId64 " ms\n", u->endpoint, u->timeout_ms);
    return fail(u, STATUS_AWAY);
}

/* --- sending -------------------------------------------------------------------------------------------- */

/* Under a ref of its own each time: an answer is only one to the copy that was sent last, so that none of a piece is still on its
 * way when it is forgotten here. Returns 0, or -1 while there is no connection. */
static int send_piece(struct task_upload *u, struct piece *p)
{
    p->ask.ref = ++u->ref;
    buf_clear(&u->packed);
    task_ask_pack(&p->ask, &u->packed);
    return zmq_send(zsock_resolve(u->socket), u->packed.data, u->packed.bytes, ZMQ_DONTWAIT) < 0 ? -1 : 0;
}

/* Sends everything again when it is time. */
static void send_again(struct task_upload *u)
{
    int64_t now_ms = clock_mono_ms();
    if (u->count == 0 || now_ms < u->again_ms)
        return;
    u->again_ms = now_ms + u->again_wait_ms;
    u->again_wait_ms = u->again_wait_ms * 2 > AGAIN_MS_MAX ? AGAIN_MS_MAX : u->again_wait_ms * 2;
    for (size_t i = 0; i < u->count; i++)
        if (send_piece(u, piece_at(u, i))) {
            u->again_ms = now_ms + AWAY_AGAIN_MS;
            u->again_wait_ms = AGAIN_MS;
            return;
        }
}

static void note_heard(struct task_upload *u)
{
    u->heard_ms = clock_mono_ms();
    u->again_wait_ms = AGAIN_MS;
    u->again_ms = u->heard_ms + AGAIN_MS;
    buf_clear(&u->reason);
}

/* --- answers -------------------------------------------------------------------------------------------- */

/* The first `count` are done. */
static void release(struct task_upload *u, size_t count)
{
    u->first = (u->first + count) % TASK_UPLOAD_KEPT_MAX;
    u->count -= count;
    note_heard(u);
}

/* Another process answered than the one that had the rows, or it lost some: what is kept is sent again,
 * unless it lacks more. */
static void go_back(struct task_upload *u, size_t i, const struct answer *a)
{
    const struct piece *oldest = piece_at(u, 0);
    if (i > 0 || a->code == CODE_BUSY) {
        int64_t soon_ms = clock_mono_ms() + TASK_BUSY_AGAIN_MS;
        if (u->again_ms > soon_ms)
            u->again_ms = soon_ms;
        u->again_wait_ms = TASK_BUSY_AGAIN_MS;
        return;
    }
    if (!u->is_quiet)
        fprintf(stderr,
                "mega: mega-task has only %" PRIu64 " of %" PRIu64
                " rows that it had taken; make the task again\n",
                a->done, oldest->end);
    fail(u, STATUS_FAILED);
}

static void on_answer(struct task_upload *u, const struct answer *a)
{
    size_t i = 0;
    while (i < u->count && piece_at(u, i)->ask.ref != a->ref)
        i++;
    if (i == u->count) { /* to an earlier copy: it is at work */
        if (a->code == CODE_OK && u->count)
            note_heard(u);
        return;
    }
    const struct piece *p = piece_at(u, i);
    if (a->code == CODE_OK && (p->ask.op != TASK_ROWS || a->done >= p->end)) {
        release(u, i + 1); /* in order: what stands before it was done before it */
        return;
    }
    if (a->code == CODE_BUSY) {
        buf_clear(&u->reason);
        term_append(a->message, &u->reason);
    }
    if (a->code == CODE_OK || a->code == CODE_BUSY || i > 0) {
        go_back(u, i, a);
        return;
    }
    if (!u->is_quiet)
        queue_refused(a);
    fail(u, status_of_code(a->code));
}

/* Returns 1 when there was one. */
static int take_answer(struct task_upload *u)
{
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    int got = zmq_msg_recv(&frame, zsock_resolve(u->socket), ZMQ_DONTWAIT);
    if (got >= 0) {
        buf_clear(&u->bytes);
        buf_append(&u->bytes, zmq_msg_data(&frame), zmq_msg_size(&frame));
        u->answer = (struct answer){0};
        if (answer_unpack(buf_span(&u->bytes), &u->answer) == 0)
            on_answer(u, &u->answer);
    }
    zmq_msg_close(&frame);
    return got >= 0;
}

/* Takes what has come; with `kept_max` fewer asks unanswered than there are, waits for it. */
static enum status wait_for(struct task_upload *u, size_t kept_max)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(u->socket), .events = ZMQ_POLLIN};
    for (;;) {
        while (u->status == STATUS_DONE && take_answer(u)) {
        }
        if (u->is_stopped && *u->is_stopped && u->status == STATUS_DONE)
            return fail(u, STATUS_REFUSED);
        if (u->status != STATUS_DONE || u->count <= kept_max)
            return u->status;
        int64_t now_ms = clock_mono_ms(), wait_ms = u->again_ms - now_ms;
        if (now_ms >= u->heard_ms + u->timeout_ms)
            return give_up(u);
        wait_ms = wait_ms < 0 ? 0 : wait_ms > LOOK_MS ? LOOK_MS : wait_ms;
        zmq_poll(&item, 1, (long)wait_ms);
        if (!(item.revents & ZMQ_POLLIN))
            send_again(u);
    }
}

/* --- asking --------------------------------------------------------------------------------------------- */

enum status task_upload_ask(struct task_upload *u, const struct task_ask *a, uint64_t end)
{
    if (wait_for(u, TASK_UPLOAD_KEPT_MAX - 1) != STATUS_DONE)
        return u->status;
    if (u->count == 0)
        note_heard(u); /* nobody had anything to say until now */
    struct piece *p = piece_at(u, u->count++);
    buf_clear(&p->data);
    buf_append(&p->data, a->data.data, a->data.bytes);
    p->end = end;
    p->ask = *a;
    p->ask.data = buf_span(&p->data);
    p->ask.upload = span_of(u->upload);
    p->ask.by = span_of(u->by);
    if (send_piece(u, p))
        u->again_ms = clock_mono_ms() + AWAY_AGAIN_MS;
    return STATUS_DONE;
}

enum status task_upload_wait(struct task_upload *u)
{
    return wait_for(u, 0);
}

void task_upload_abort(struct task_upload *u, const char *name)
{
    const struct task_ask abort = {.op = TASK_ABORT, .name = span_of(name), .lane = -1};
    u->status = STATUS_DONE;
    u->count = 0;
    u->is_quiet = 1;
    u->is_stopped = NULL;
    if (u->timeout_ms > ABORT_MS)
        u->timeout_ms = ABORT_MS;
    task_upload_ask(u, &abort, 0);
    task_upload_wait(u);
}
