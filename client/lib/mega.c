/* The calls: blocking, asynchronous, and the callbacks of the latter. */
#include "client/lib/mega.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/lib/error.h"
#include "client/lib/handle.h"

/* --- going in and out; each with the mutex held ------------------------------------------------------------------- */

static void leave(struct mega *m)
{
    m->inside--;
    if (m->closing && m->inside == 0)
        pthread_cond_signal(&m->left);
}

static int closed(void)
{
    return error_set(MEGA_CLOSED, "the handle was closed by another thread");
}

/* --- a call ------------------------------------------------------------------------------------------------------- */

/* Makes the call, with an id and a room among the pending ones, and goes in. */
static int begin(struct mega *m, struct form *f, struct call **out)
{
    char id_room[ID_BYTES_MAX];
    int needs_id = (f->request.op == OP_PUSH || f->request.op == OP_SEND) && f->request.id.bytes == 0;
    pthread_mutex_lock(&m->mutex);
    int error = m->closing ? closed() : 0;
    if (!error && m->count >= m->count_max)
        error = error_set(MEGA_FULL, "%zu requests wait for their answers; at most requests_max", m->count);
    uint64_t ref = m->last_ref + 1;
    if (!error) {
        m->last_ref++;
        m->count++;
        m->inside++;
        if (needs_id)
            f->request.id = id_maker_next(&m->ids, id_room);
    }
    pthread_mutex_unlock(&m->mutex);
    if (error)
        return error;
    error = call_new(f, ref, out);
    if (error == 0)
        return 0;
    pthread_mutex_lock(&m->mutex);
    m->count--;
    leave(m);
    pthread_mutex_unlock(&m->mutex);
    return error;
}

/* With the mutex held. Deadlines are set here, so that they ascend in the queue. Returns 0 or MEGA_CLOSED. */
static int hand_over(struct mega *m, struct call *c)
{
    if (m->closing)
        return closed();
    int64_t timeout_ms = m->timeout_ms[c->patience];
    c->deadline_ms = timeout_ms ? clock_mono_ms() + timeout_ms : INT64_MAX;
    calls_append(&m->handed, c);
    if (!m->awake) {
        m->awake = 1;
        handle_signal(m->wake_fd);
    }
    return 0;
}

static int check_handle(const struct mega *m, int has_target, const char *target)
{
    if (m == NULL)
        return error_set(MEGA_INVALID, "mega: NULL");
    return has_target ? 0 : error_set(MEGA_INVALID, "%s: NULL", target);
}

static int call_async(struct mega *m, struct form *f, mega_done *done, void *argument)
{
    struct call *c;
    if (check_handle(m, done != NULL, "done"))
        return MEGA_INVALID;
    int error = begin(m, f, &c);
    if (error)
        return error;
    c->done = done;
    c->argument = argument;
    pthread_mutex_lock(&m->mutex);
    error = hand_over(m, c);
    if (error)
        m->count--;
    leave(m);
    pthread_mutex_unlock(&m->mutex);
    if (error)
        call_free(c);
    return error;
}

/* The result of what was not even handed over, with the text of mega_last_error. */
static int refuse(const struct form *f, int error, struct mega_result *result)
{
    const struct call none = {.error = error, .op = f->request.op};
    call_result(&none, "", 0, result);
    span_to_text(result->message, sizeof result->message, span_of(mega_last_error()));
    return error;
}

static int call_blocking(struct mega *m, struct form *f, struct mega_result *result)
{
    struct call *c;
    struct blocked blocked = {.finished = 0};
    int error = begin(m, f, &c);
    if (error)
        return refuse(f, error, result);
    pthread_cond_init(&blocked.cond, NULL);
    c->blocked = &blocked;
    pthread_mutex_lock(&m->mutex);
    c->error = hand_over(m, c);
    while (!c->error && !blocked.finished)
        pthread_cond_wait(&blocked.cond, &m->mutex);
    pthread_mutex_unlock(&m->mutex);
    pthread_cond_destroy(&blocked.cond);
    call_result(c, m->endpoint, m->timeout_ms[c->patience], result);
    error = c->error;
    call_free(c);
    pthread_mutex_lock(&m->mutex);
    m->count--;
    leave(m);
    pthread_mutex_unlock(&m->mutex);
    return error ? error_set(error, "%s", result->message) : 0;
}

static int call_either(struct mega *m, int wrong, struct form *f, struct mega_result *result)
{
    if (check_handle(m, result != NULL, "result"))
        return MEGA_INVALID;
    if (!wrong)
        return call_blocking(m, f, result);
    return refuse(f, wrong, result);
}

/* --- the public ones ---------------------------------------------------------------------------------------------- */

int mega_push(struct mega *m, const struct mega_message *message, struct mega_result *result)
{
    struct form f;
    return call_either(m, form_message(OP_PUSH, message, &f), &f, result);
}

int mega_send(struct mega *m, const struct mega_message *message, struct mega_result *result)
{
    struct form f;
    return call_either(m, form_message(OP_SEND, message, &f), &f, result);
}

int mega_check(struct mega *m, const struct mega_message *message, struct mega_result *result)
{
    struct form f;
    return call_either(m, form_message(OP_CHECK, message, &f), &f, result);
}

int mega_status(struct mega *m, const char *app, const char *id, struct mega_result *result)
{
    struct form f;
    return call_either(m, form_status(app, id, 0, &f), &f, result);
}

int mega_wait(struct mega *m, const char *app, const char *id, struct mega_result *result)
{
    struct form f;
    return call_either(m, form_status(app, id, 1, &f), &f, result);
}

int mega_cancel(struct mega *m, const struct mega_selection *selection, struct mega_result *result)
{
    struct form f;
    return call_either(m, form_selection(selection, &f), &f, result);
}

int mega_receipt(struct mega *m, const struct mega_receipt *receipt, struct mega_result *result)
{
    struct form f;
    return call_either(m, form_receipt(receipt, &f), &f, result);
}

int mega_window(struct mega *m, const struct mega_window *window, struct mega_result *result)
{
    struct form f;
    return call_either(m, form_window(window, &f), &f, result);
}

int mega_tset(struct mega *m, const char *key, struct mega_result *result)
{
    struct form f;
    return call_either(m, form_tset(key, &f), &f, result);
}

int mega_ping(struct mega *m, struct mega_result *result)
{
    struct form f;
    return call_either(m, form_ping(&f), &f, result);
}

int mega_push_async(struct mega *m, const struct mega_message *message, mega_done *done, void *argument)
{
    struct form f;
    int wrong = form_message(OP_PUSH, message, &f);
    return wrong ? wrong : call_async(m, &f, done, argument);
}

int mega_send_async(struct mega *m, const struct mega_message *message, mega_done *done, void *argument)
{
    struct form f;
    int wrong = form_message(OP_SEND, message, &f);
    return wrong ? wrong : call_async(m, &f, done, argument);
}

int mega_check_async(struct mega *m, const struct mega_message *message, mega_done *done, void *argument)
{
    struct form f;
    int wrong = form_message(OP_CHECK, message, &f);
    return wrong ? wrong : call_async(m, &f, done, argument);
}

int mega_status_async(struct mega *m, const char *app, const char *id, mega_done *done, void *argument)
{
    struct form f;
    int wrong = form_status(app, id, 0, &f);
    return wrong ? wrong : call_async(m, &f, done, argument);
}

int mega_wait_async(struct mega *m, const char *app, const char *id, mega_done *done, void *argument)
{
    struct form f;
    int wrong = form_status(app, id, 1, &f);
    return wrong ? wrong : call_async(m, &f, done, argument);
}

int mega_cancel_async(struct mega *m, const struct mega_selection *selection, mega_done *done, void *argument)
{
    struct form f;
    int wrong = form_selection(selection, &f);
    return wrong ? wrong : call_async(m, &f, done, argument);
}

int mega_receipt_async(struct mega *m, const struct mega_receipt *receipt, mega_done *done, void *argument)
{
    struct form f;
    int wrong = form_receipt(receipt, &f);
    return wrong ? wrong : call_async(m, &f, done, argument);
}

int mega_window_async(struct mega *m, const struct mega_window *window, mega_done *done, void *argument)
{
    struct form f;
    int wrong = form_window(window, &f);
    return wrong ? wrong : call_async(m, &f, done, argument);
}

int mega_tset_async(struct mega *m, const char *key, mega_done *done, void *argument)
{
    struct form f;
    int wrong = form_tset(key, &f);
    return wrong ? wrong : call_async(m, &f, done, argument);
}

int mega_ping_async(struct mega *m, mega_done *done, void *argument)
{
    struct form f;
    int wrong = form_ping(&f);
    return wrong ? wrong : call_async(m, &f, done, argument);
}

int mega_fd(const struct mega *m)
{
    return m ? m->finished_fd : -1;
}

size_t mega_pending(const struct mega *m)
{
    struct mega *handle = (struct mega *)m; /* the mutex is no part of what the caller sees as constant */
    if (m == NULL)
        return 0;
    pthread_mutex_lock(&handle->mutex);
    size_t count = m->count;
    pthread_mutex_unlock(&handle->mutex);
    return count;
}

/* --- dispatching -------------------------------------------------------------------------------------------------- */

/* Takes all finished calls and makes the descriptor unreadable, unless the handle is being closed. */
static struct call *take_finished(struct mega *m, int *closing)
{
    uint64_t ignored;
    pthread_mutex_lock(&m->mutex);
    struct call *first = m->finished.first;
    m->finished = (struct calls){NULL, NULL};
    *closing = m->closing;
    if (!m->closing) {
        ssize_t bytes = read(m->finished_fd, &ignored, sizeof ignored);
        (void)bytes; /* nothing to read is fine */
    }
    pthread_mutex_unlock(&m->mutex);
    return first;
}

/* The call stops counting before its callback, which may begin another in its place. */
static void call_back(struct mega *m, struct call *c, struct mega_result *result)
{
    call_result(c, m->endpoint, m->timeout_ms[c->patience], result);
    mega_done *done = c->done;
    void *argument = c->argument;
    call_free(c);
    pthread_mutex_lock(&m->mutex);
    m->count--;
    pthread_mutex_unlock(&m->mutex);
    done(argument, result);
}

static int dispatch(struct mega *m, int timeout_ms)
{
    struct mega_result result;
    struct pollfd readable = {.fd = m->finished_fd, .events = POLLIN};
    int closing, count = 0;
    struct call *c = take_finished(m, &closing);
    if (c == NULL && !closing && timeout_ms != 0) {
        if (poll(&readable, 1, timeout_ms < 0 ? -1 : timeout_ms) < 0 && errno != EINTR)
            return error_set(MEGA_SYSTEM, "poll: %s", strerror(errno));
        c = take_finished(m, &closing);
    }
    for (struct call *next; c; c = next, count++) {
        next = c->next;
        if (closing)
            call_free(c);
        else
            call_back(m, c, &result);
    }
    return closing ? closed() : count;
}

int mega_dispatch(struct mega *m, int timeout_ms)
{
    if (check_handle(m, 1, ""))
        return MEGA_INVALID;
    pthread_mutex_lock(&m->mutex);
    m->inside++;
    pthread_mutex_unlock(&m->mutex);
    int count = dispatch(m, timeout_ms);
    pthread_mutex_lock(&m->mutex);
    leave(m);
    pthread_mutex_unlock(&m->mutex);
    return count;
}
