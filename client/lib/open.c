/* The beginning and the end of a handle. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "client/lib/error.h"
#include "client/lib/handle.h"

#define TIMEOUT_MS      10000
#define SEND_TIMEOUT_MS 90000 /* beyond the default send_patience of the broker */
#define ASK_AGAIN_MS    3000
#define REQUESTS_MAX    65536

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

/* All empty without a key_file. Returns 0, or -1 with the reason told. */
static int read_keys(const struct mega_options *o, struct curve_keys *keys)
{
    struct buf error = {0};
    *keys = (struct curve_keys){0};
    if (o->key_file == NULL && o->server_key == NULL)
        return 0;
    if (o->key_file == NULL || o->server_key == NULL || *o->server_key == '\0')
        buf_append_str(&error, "key_file, server_key: one is given without the other; give both");
    else
        curve_keys_read(o->key_file, o->server_key, keys, &error); /* failed when there is a reason */
    int failed = error.bytes > 0;
    if (failed) {
        error_set(MEGA_INVALID, "%s", buf_str(&error));
        errno = EINVAL;
    }
    buf_free(&error);
    return failed ? -1 : 0;
}

static int64_t or_default(int64_t value, int64_t standard)
{
    return value ? value : standard;
}

/* Fills in everything that needs no thread. Returns 0, or -1 with errno. */
static int prepare(struct mega *m, const char *endpoint, const struct mega_options *o)
{
    struct hash128 random;
    m->timeout_ms[PATIENCE_QUICK] = or_default(o->timeout_ms, TIMEOUT_MS);
    m->timeout_ms[PATIENCE_SEND] = or_default(o->send_timeout_ms, SEND_TIMEOUT_MS);
    m->timeout_ms[PATIENCE_WAIT] = o->wait_timeout_ms; /* 0: no limit */
    m->count_max = o->requests_max ? o->requests_max : REQUESTS_MAX;
    m->endpoint = strdup(endpoint);
    m->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    m->finished_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    m->pending = pending_new(m->count_max, or_default(o->ask_again_ms, ASK_AGAIN_MS));
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
    struct curve_keys keys;
    int is_open = 0;
    m->wake_fd = m->finished_fd = -1;
    pthread_mutex_init(&m->mutex, NULL);
    pthread_cond_init(&m->left, NULL);
    if (read_keys(o, &keys) == 0 && prepare(m, endpoint, o) == 0) {
        m->wire = wire_new(&(struct wire_options){.endpoint = endpoint,
                                                  .keys = &keys,
                                                  .pending = m->pending,
                                                  .ask_again_ms = or_default(o->ask_again_ms, ASK_AGAIN_MS),
                                                  .answered = handle_answered,
                                                  .self = m});
        if (m->wire && start(m) == 0)
            is_open = 1;
    }
    int error = errno;
    explicit_bzero(&keys, sizeof keys);
    if (is_open)
        return m;
    destroy(m);
    errno = error;
    return NULL;
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
    handle_signal(m->wake_fd);
    handle_signal(m->finished_fd);
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
