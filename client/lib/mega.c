/* The handle: what callers' threads and the I/O thread share, under one mutex.
 *
 * A call goes from its caller into `handed` (queue), from there to the I/O thread's pending ones, and back: to the thread that waits for
 * it, or into `finished`, from which mega_dispatch takes it. `count` counts all of them, so that memory is bounded by requests_max even
 * when nobody dispatches.
 */
#include "client/lib/mega.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/lib/error.h"
#include "client/lib/handle.h"
#include "proto/id_maker.h"

static const char *option_error(const struct mega_options *o)
{
    if (o->timeout_ms < 0 || o->timeout_ms > 86400000)
        return "timeout_ms: out of range; give 1 to 86400000, or 0 for the default";
    if (o->send_timeout_ms < 0 || o->send_timeout_ms > 86400000)
        return "send_timeout_ms: out of range; give 1 to 86400000, or 0 for the default";
    if (o->wait_timeout_ms < 0 || o->wait_timeout_ms > AT_AHEAD_MS_MAX)
        return "wait_timeout_ms: out of range; give 1 to 34560000000, or 0 for no limit";
    if (o->ask_again_ms != 0 && (o->ask_again_ms < 100 || o->ask_again_ms > 60000))
        return "ask_again_ms: out of range; give 100 to 60000, or 0 for the default";
    if (o->requests_max > 1000000)
        return "requests_max: out of range; give 1 to 1000000, or 0 for the default";
    return NULL;
}

static int64_t or_default(int64_t value, int64_t standard)
{
    return value ? value : standard;
}

/* Fills in everything that needs no thread. Returns 0, or -1 with errno. */
static int prepare(struct mega *m, const char *endpoint, const struct mega_options *o)
{
    struct hash128 random;
    m->timeout_ms[PATIENCE_QUICK] = or_default(o->timeout_ms, 10000);
    m->timeout_ms[PATIENCE_SEND] = or_default(o->send_timeout_ms, 90000);
    m->timeout_ms[PATIENCE_WAIT] = o->wait_timeout_ms; /* 0: no limit */
    m->count_max = o->requests_max ? o->requests_max : 65536;
    m->endpoint = strdup(endpoint);
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    m->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    m->pending = pending_new(m->count_max, or_default(o->ask_again_ms, 3000));
    if (m->endpoint == NULL || m->wake_fd < 0 || m->finished_fd < 0 || m->pending == NULL ||
        getrandom(&random, sizeof random, 0) != sizeof random) {
        error_set(MEGA_SYSTEM, "no memory, descriptor or random bytes: %s", strerror(errno));
        return -1;
    }
    id_maker_open(&m->ids, random);
    return 0;
}

static void destroy(struct mega *m)
{
    wire_destroy(&m->wire);
    pending_destroy(&m->pending);
    if (m->wake_fd >= 0)
        close(m->wake_fd);
    if (m->finished_fd >= 0)
        close(m->finished_fd);
    free(m->endpoint);
    pthread_mutex_destroy(&m->mutex);
    pthread_cond_destroy(&m->left);
    free(m);
}

/* Signals are for the program's own threads. */
static int start(struct mega *m)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&m->thread, NULL, handle_run, m);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        return 0;
    error_set(MEGA_SYSTEM, "no thread: %s", strerror(error));
    errno = error;
    return -1;
}

struct mega *mega_open(const char *endpoint, const struct mega_options *options)
{
    static const struct mega_options standard;
    const struct mega_options *o = options ? options : &standard;
    const char *wrong = option_error(o);
    if (endpoint == NULL || (strncmp(endpoint, "tcp://", 6) != 0 && strncmp(endpoint, "ipc://", 6) != 0))
        wrong = "endpoint: no address; give tcp://HOST:PORT or ipc://PATH";
    if (wrong) {
        error_set(MEGA_INVALID, "%s", wrong);
        errno = EINVAL;
        return NULL;
    }
    struct mega *m = calloc(1, sizeof *m);
    if (m == NULL) {
        error_set(MEGA_MEMORY, "no memory for a handle");
        return NULL;
    }
    m->wake_fd = m->finished_fd = -1;
    pthread_mutex_init(&m->mutex, NULL);
    pthread_cond_init(&m->left, NULL);
    if (prepare(m, endpoint, o) == 0) {
        m->wire = wire_new(endpoint, m->pending, or_default(o->ask_again_ms, 3000), handle_answered, m);
        if (m->wire && start(m) == 0)
            return m;
    }
    int error = errno;
    destroy(m);
    errno = error;
    return NULL;
}

static void signal_fd(int fd)
{
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    (void)written; /* full means readable, which is all that is wanted */
}

/* The I/O thread ends its calls with MEGA_CLOSED, which wakes who waits for them; the last one who leaves lets the handle go. */
void mega_close(struct mega **self)
{
    if (self == NULL || *self == NULL)
        return;
    struct mega *m = *self;
    *self = NULL;
    pthread_mutex_lock(&m->mutex);
    m->closing = 1;
    pthread_mutex_unlock(&m->mutex);
    signal_fd(m->wake_fd);
    signal_fd(m->finished_fd);
    pthread_join(m->thread, NULL);
    pthread_mutex_lock(&m->mutex);
    while (m->inside > 0)
        pthread_cond_wait(&m->left, &m->mutex);
    pthread_mutex_unlock(&m->mutex);
    for (struct call *c = m->finished.first, *next; c; c = next) {
        next = c->next;
        call_free(c);
    }
    destroy(m);
}

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
        signal_fd(m->wake_fd);
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
