/* The I/O thread of a handle: takes what callers hand over, lets wire.c ask it, and gives back what is answered or too late. The mutex is
 * taken twice a turn, however many calls there are. */
#include "client/lib/handle.h"

#include <unistd.h>

#include "base/clock.h"

void handle_signal(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    (void)written; /* full means readable, which is all that is wanted */
}

static void finish(struct mega *m, struct call *c)
{
    pending_remove(m->pending, c);
    calls_append(&m->ready, c);
}

void handle_answered(void *handle, struct call *c, struct span packed)
{
    call_answer(c, packed);
    finish(handle, c);
}

/* Tells who waits for what is ready. */
static void tell(struct mega *m)
{
    if (m->ready.first == NULL)
        return;
    int readable = 0;
    pthread_mutex_lock(&m->mutex);
    for (struct call *c = m->ready.first, *next; c; c = next) {
        next = c->next;
        if (c->blocked) {
            struct blocked *blocked = c->blocked; /* on the stack of a thread that goes on once the mutex is free */
            blocked->finished = 1;
            pthread_cond_signal(&blocked->cond);
        } else {
            readable |= m->finished.first == NULL;
            calls_append(&m->finished, c);
        }
    }
    if (readable)
        handle_signal(m->finished_fd);
    pthread_mutex_unlock(&m->mutex);
    m->ready = (struct calls){NULL, NULL};
}

/* Takes what was handed over; returns 0 when the handle is being closed. With nothing there the thread counts as asleep, and whoever
 * hands over next wakes it; else it must come back here before it sleeps. */
static int take_handed(struct mega *m)
{
    uint64_t ignored;
    pthread_mutex_lock(&m->mutex);
    struct call *c = m->handed.first;
    int goes_on = !m->closing;
    m->handed = (struct calls){NULL, NULL};
    m->awake = m->took = c != NULL;
    if (c == NULL && goes_on) {
        ssize_t bytes = read(m->wake_fd, &ignored, sizeof ignored);
        (void)bytes; /* nothing to read is fine */
    }
    pthread_mutex_unlock(&m->mutex);
    for (struct call *next; c; c = next) {
        next = c->next;
        pending_add(m->pending, c);
    }
    return goes_on;
}

static void give_up_late(struct mega *m, int64_t now_ms)
{
    for (struct call *c = pending_expired(m->pending, now_ms); c; c = pending_expired(m->pending, now_ms)) {
        c->error = MEGA_TIMEOUT;
        c->reached = wire_is_up(m->wire);
        finish(m, c);
    }
}

static void give_up_all(struct mega *m)
{
    for (struct call *c = pending_first(m->pending); c; c = pending_first(m->pending)) {
        c->error = MEGA_CLOSED;
        finish(m, c);
    }
}

void *handle_run(void *handle)
{
    struct mega *m = handle;
    while (take_handed(m)) {
        int64_t now_ms = clock_mono_ms();
        wire_receive(m->wire);
        give_up_late(m, now_ms);
        pending_ask_overdue(m->pending, wire_answered_ping(m->wire), now_ms);
        wire_ask(m->wire, now_ms);
        tell(m);
        if (!m->took)
            wire_wait(m->wire, m->wake_fd, pending_due_ms(m->pending, wire_answered_ping(m->wire)), now_ms);
    }
    give_up_all(m);
    tell(m);
    return NULL;
}
