/* The states of conn.h. What a client sends is read in pieces of GATEWAY_READ_BYTES into a buffer that all
 * share, and frames are taken right out of it; only what is left over is copied. Answers of one turn are
 * gathered and written at its end.
 *
 * Nothing a client does is an error of the gateway: a broken connection is closed and forgotten.
 */
#include "gateway/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "gateway/answer.h"
#include "gateway/limits.h"
#include "gateway/message_log.h"

/* A buffer of at least this many bytes is given back when little is in it. */
#define INPUT_ROOM_KEPT_BYTES 4096

static void read_some(struct conn_shared *shared, struct conn *c);
static void feed(struct conn_shared *shared, struct conn *c, const char *data, size_t bytes);
static size_t take_frames(struct conn_shared *shared, struct conn *c, struct span text);
static int take_frame(struct conn_shared *shared, struct conn *c, enum frame_status status,
                      const struct frame *f);
static void hold(struct conn_shared *shared, struct conn *c, enum conn_held held);
static int gather(struct conn_shared *shared, struct conn *c, size_t wanted_bytes);
static void gather_done(struct conn_shared *shared, struct conn *c);
static void forget_input(struct conn_shared *shared, struct conn *c);
static void fit_input(struct conn *c);
static void linger(struct conn_shared *shared, struct conn *c);
static void check_slow(struct conn_shared *shared, struct conn *c);
static void set_timer(struct conn_shared *shared, struct conn *c);
static void restart_timer(struct conn *c);

void conn_open(struct conn_shared *shared, int fd, const struct ip_address *from)
{
    struct conn *c = mem_new(sizeof *c);
    c->watch.kind = WATCH_CONN;
    c->fd = fd;
    c->from = *from;
    c->watched = EPOLLIN;
    if (watch_add(shared->epoll_fd, fd, c->watched, &c->watch) != 0) {
        log_warn("connection cannot be watched; closed", log_i64("errno", errno));
        close(fd);
        door_leave(shared->door, from);
        free(c);
        return;
    }
    shared->count++;
    queue_add(&shared->fresh, &c->fresh, shared->now_ms);
    queue_add(&shared->all, &c->all, 0);
    set_timer(shared, c);
}

void conn_event(struct conn_shared *shared, struct conn *c, uint32_t events)
{
    if (c->state == CONN_GONE)
        return; /* closed earlier in this turn */
    if ((events & EPOLLIN) && (c->watched & EPOLLIN))
        read_some(shared, c);
    else if (events & (EPOLLERR | EPOLLHUP))
        conn_close(shared, c, "reset by the client");
    if (c->state != CONN_GONE && (events & EPOLLOUT))
        conn_flush(shared, c);
}

/* --- coming in ------------------------------------------------------------------------------------------ */

static void read_some(struct conn_shared *shared, struct conn *c)
{
    size_t room = GATEWAY_READ_BYTES;
    if (c->wanted_bytes > c->in.bytes && c->wanted_bytes - c->in.bytes < room)
        room = c->wanted_bytes - c->in.bytes; /* a long frame's memory is just as long as the frame */
    ssize_t got = recv(c->fd, shared->read_room, room, 0);
    if (got < 0) {
        if (errno != EAGAIN && errno != EINTR)
            conn_close(shared, c, "reset by the client");
        return;
    }
    if (c->state == CONN_LINGERING) {
        if (got == 0)
            conn_close(shared, c, "ended");
        return;
    }
    if (got == 0) {
        c->ended = 1;
        forget_input(shared, c); /* a frame that will never be whole */
        conn_flush(shared, c);
        return;
    }
    feed(shared, c, shared->read_room, (size_t)got);
}

void conn_resume(struct conn_shared *shared, struct conn *c)
{
    c->held = HELD_NOT;
    queue_remove(&c->held_place);
    restart_timer(c); /* the clock of a frame stands while nothing is read */
    feed(shared, c, NULL, 0);
}

/* Takes the frames of what was left over and of `data`. */
static void feed(struct conn_shared *shared, struct conn *c, const char *data, size_t bytes)
{
    size_t taken;
    if (c->in.bytes == 0) {
        taken = take_frames(shared, c, (struct span){data, bytes});
        if (taken < bytes)
            buf_append(&c->in, data + taken, bytes - taken);
    } else {
        buf_append(&c->in, data, bytes);
        taken = take_frames(shared, c, buf_span(&c->in));
        buf_drop_front(&c->in, taken);
    }
    if (c->state != CONN_OPEN || c->in.bytes == 0)
        forget_input(shared, c);
    else
        fit_input(c);
    if (taken > 0 && c->state == CONN_OPEN)
        restart_timer(c);
    conn_update(shared, c);
}

/* Returns the bytes of the frames that were taken. */
static size_t take_frames(struct conn_shared *shared, struct conn *c, struct span text)
{
    size_t taken = 0;
    while (c->state == CONN_OPEN && c->held == HELD_NOT && taken < text.bytes) {
        struct frame f;
        struct span rest = {text.data + taken, text.bytes - taken};
        enum frame_status status = frame_read(rest, shared->package_bytes_max, &f);
        if (status == FRAME_PARTIAL) {
            if (!gather(shared, c, f.wanted_bytes))
                hold(shared, c, HELD_GATHER);
            break;
        }
        if (!take_frame(shared, c, status, &f))
            break;
        taken += f.bytes;
        queue_remove(&c->fresh);
        gather_done(shared, c);
    }
    return taken < text.bytes ? taken : text.bytes; /* a refused one may be longer than what is there */
}

/* Returns 0 when the frame has to wait. */
static int take_frame(struct conn_shared *shared, struct conn *c, enum frame_status status,
                      const struct frame *f)
{
    if (status == FRAME_IGNORED)
        return 1;
    if (conn_unwritten(c) > GATEWAY_OUT_BYTES_MAX) {
        hold(shared, c, HELD_OUT);
        return 0;
    }
    if (status == FRAME_REFUSED) {
        message_log_bad_frame(c, f);
        conn_answer(shared, c, f->opaque, f->code, f->message, f->closes);
        return 1;
    }
    int is_send = f->op == OP_SEND;
    if (is_send ? c->sends >= GATEWAY_CONN_SENDS_MAX : c->pushes >= GATEWAY_CONN_PUSHES_MAX) {
        hold(shared, c, HELD_OWN);
        return 0;
    }
    enum conn_held held = shared->request(shared->self, c, f);
    if (held == HELD_NOT)
        return 1;
    hold(shared, c, held);
    return 0;
}

/* HELD_OWN and HELD_OUT wait for themselves; the others stand in line. */
static void hold(struct conn_shared *shared, struct conn *c, enum conn_held held)
{
    c->held = held;
    if (held == HELD_ALL_PUSHES)
        queue_add(&shared->held_pushes, &c->held_place, 0);
    else if (held == HELD_ALL_SENDS)
        queue_add(&shared->held_sends, &c->held_place, 0);
    else if (held == HELD_GATHER)
        queue_add(&shared->held_gather, &c->held_place, 0);
    else if (held == HELD_OUT)
        queue_add(&shared->dirty, &c->dirty, 0); /* the kernel may take it all at the end of this turn */
}

/* A frame that needs a share of the memory for long frames has it when this returns 1. Shares are whole
 * frames, so that each one that has begun can be finished. */
static int gather(struct conn_shared *shared, struct conn *c, size_t wanted_bytes)
{
    if (wanted_bytes <= GATEWAY_GATHER_FREE_BYTES || c->gathered_bytes > 0)
        return 1;
    c->wanted_bytes = wanted_bytes;
    if (shared->gathered_bytes > 0 && shared->gathered_bytes + wanted_bytes > GATEWAY_GATHER_BYTES_MAX)
        return 0;
    c->gathered_bytes = wanted_bytes;
    shared->gathered_bytes += wanted_bytes;
    return 1;
}

static void gather_done(struct conn_shared *shared, struct conn *c)
{
    shared->gathered_bytes -= c->gathered_bytes;
    c->gathered_bytes = 0;
    c->wanted_bytes = 0;
}

/* --- going out ------------------------------------------------------------------------------------------ */

void conn_asked(struct conn *c, enum op op)
{
    if (op == OP_SEND)
        c->sends++;
    else
        c->pushes++;
}

void conn_answered(struct conn_shared *shared, struct conn *c, enum op op, uint32_t opaque, enum code code,
                   struct span message, int closes)
{
    assert(op == OP_SEND ? c->sends > 0 : c->pushes > 0);
    if (op == OP_SEND)
        c->sends--;
    else
        c->pushes--;
    if (c->state == CONN_GONE) {
        if (c->pushes + c->sends == 0 && !queue_has(&c->dirty))
            conn_bury(c);
        return;
    }
    conn_answer(shared, c, opaque, code, message, closes);
    if (c->held == HELD_OWN && !queue_has(&c->held_place))
        queue_add(&shared->ready, &c->held_place, 0);
}

void conn_answer(struct conn_shared *shared, struct conn *c, uint32_t opaque, enum code code,
                 struct span message, int closes)
{
    queue_add(&shared->dirty, &c->dirty, 0); /* also with nothing to write: it may be at its end now */
    if (c->state != CONN_OPEN && c->state != CONN_DRAINING)
        return;
    answer_write(code, opaque, message, &c->out);
    if (closes && c->state == CONN_OPEN)
        conn_drain(shared, c);
}

void conn_flush(struct conn_shared *shared, struct conn *c)
{
    queue_remove(&c->dirty);
    if (c->state != CONN_OPEN)
        forget_input(shared, c);
    while (conn_unwritten(c) > 0) {
        ssize_t sent = send(c->fd, c->out.data + c->out_sent, conn_unwritten(c), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && errno != EAGAIN) {
            conn_close(shared, c, "reset by the client");
            return;
        }
        if (sent < 0)
            break;
        c->out_sent += (size_t)sent;
    }
    if (conn_unwritten(c) == 0) {
        buf_free(&c->out);
        c->out_sent = 0;
    } else if (c->out_sent > GATEWAY_OUT_BYTES_MAX) {
        buf_drop_front(&c->out, c->out_sent);
        c->out_sent = 0;
    }
    check_slow(shared, c);
    int written = conn_unwritten(c) == 0;
    if (c->state == CONN_OPEN && c->ended && written && c->pushes + c->sends == 0 && c->held == HELD_NOT)
        conn_close(shared, c, "ended");
    else if (c->state == CONN_DRAINING && written && c->pushes == 0 && (c->sends == 0 || !shared->stopping))
        linger(shared, c);
    else
        conn_update(shared, c);
}

static void check_slow(struct conn_shared *shared, struct conn *c)
{
    if (conn_unwritten(c) > GATEWAY_OUT_BYTES_MAX) {
        if (!queue_has(&c->slow))
            queue_add(&shared->slow, &c->slow, shared->now_ms + shared->frame_timeout_ms);
        return;
    }
    queue_remove(&c->slow);
    if (c->held == HELD_OUT && !queue_has(&c->held_place))
        queue_add(&shared->ready, &c->held_place, 0);
}

/* --- ending --------------------------------------------------------------------------------------------- */

static void forget_input(struct conn_shared *shared, struct conn *c)
{
    buf_free(&c->in);
    gather_done(shared, c);
}

/* A long frame gets its memory at once. Of a busy connection only the beginning of a frame is left here,
 * in room that was made for a whole piece; ten thousand such rooms would be felt. */
static void fit_input(struct conn *c)
{
    if (c->gathered_bytes > c->in.bytes) {
        buf_reserve(&c->in, c->gathered_bytes - c->in.bytes);
        return;
    }
    if (c->in.room < INPUT_ROOM_KEPT_BYTES || c->in.bytes > c->in.room / 4)
        return;
    struct buf fitting = {0};
    buf_append(&fitting, c->in.data, c->in.bytes);
    buf_free(&c->in);
    c->in = fitting;
}

/* May run below take_frames, which still reads c->in; it is forgotten when the connection is flushed. */
void conn_drain(struct conn_shared *shared, struct conn *c)
{
    assert(c->state == CONN_OPEN);
    c->state = CONN_DRAINING;
    c->held = HELD_NOT;
    queue_remove(&c->held_place);
    queue_add(&shared->draining, &c->timer, shared->now_ms + shared->frame_timeout_ms);
    queue_add(&shared->dirty, &c->dirty, 0);
}

void conn_shut(struct conn_shared *shared, struct conn *c)
{
    linger(shared, c);
}

static void linger(struct conn_shared *shared, struct conn *c)
{
    if (shutdown(c->fd, SHUT_WR) != 0) {
        conn_close(shared, c, "reset by the client");
        return;
    }
    c->state = CONN_LINGERING;
    queue_remove(&c->slow);
    queue_add(&shared->lingering, &c->timer, shared->now_ms + (shared->stopping ? GATEWAY_STOP_LINGER_MS : GATEWAY_LINGER_MS));
    conn_update(shared, c);
}

void conn_close(struct conn_shared *shared, struct conn *c, const char *why)
{
    assert(c->state != CONN_GONE);
    log_debug("connection closed", log_i64("fd", c->fd), log_str("why", why), log_u64("pushes", c->pushes),
              log_u64("sends", c->sends));
    c->state = CONN_GONE;
    c->held = HELD_NOT;
    close(c->fd); /* epoll forgets it with that */
    c->fd = -1;
    door_leave(shared->door, &c->from);
    queue_remove(&c->fresh);
    forget_input(shared, c);
    buf_free(&c->out);
    c->out_sent = 0;
    queue_add(&shared->orphans, &c->all, 0);
    queue_remove(&c->timer);
    queue_remove(&c->slow);
    queue_remove(&c->held_place);
    queue_add(&shared->gone, &c->dirty, 0);
    shared->count--;
}

void conn_bury(struct conn *c)
{
    assert(c->state == CONN_GONE);
    queue_remove(&c->all);
    queue_remove(&c->dirty);
    free(c);
}

/* --- what epoll and the clock are asked for ------------------------------------------------------------- */

void conn_update(struct conn_shared *shared, struct conn *c)
{
    uint32_t events = 0;
    int takes_frames = c->state == CONN_OPEN && c->held == HELD_NOT && !c->ended && !shared->stopping;
    if (takes_frames || c->state == CONN_LINGERING)
        events |= EPOLLIN;
    if (conn_unwritten(c) > 0 && !queue_has(&c->dirty))
        events |= EPOLLOUT;
    set_timer(shared, c);
    if (events == c->watched)
        return;
    c->watched = events;
    struct epoll_event wanted = {.events = events, .data = {.ptr = &c->watch}};
    if (epoll_ctl(shared->epoll_fd, EPOLL_CTL_MOD, c->fd, &wanted) != 0)
        conn_close(shared, c, "cannot be watched");
}

/* An OPEN connection has the time of a frame or of idling or none; the other states have set theirs. */
static void set_timer(struct conn_shared *shared, struct conn *c)
{
    if (c->state != CONN_OPEN)
        return;
    if (c->in.bytes > 0 && c->held == HELD_NOT) {
        if (!c->framing)
            queue_add(&shared->framing, &c->timer, shared->now_ms + shared->frame_timeout_ms);
        c->framing = 1;
        return;
    }
    restart_timer(c);
    if (shared->idle_timeout_ms > 0 && c->held == HELD_NOT && c->pushes + c->sends == 0)
        queue_add(&shared->idle, &c->timer, shared->now_ms + shared->idle_timeout_ms);
}

/* What comes in next is another frame. */
static void restart_timer(struct conn *c)
{
    queue_remove(&c->timer);
    c->framing = 0;
}
