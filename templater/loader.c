/* The loader: a thread, a list of tasks and a list of those done, guarded by one mutex; an eventfd tells the
 * loop. */
#include "templater/loader.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "proto/limits.h"
#include "templater/cache_file.h"

struct task_list {
    struct loader_task *first, *last;
};

struct loader {
    struct source *source; /* used by the thread only */
    uint32_t table_size;
    uint32_t template_bytes_max;
    char *cache_path; /* owned */
    pthread_t thread;
    int fd;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake;
    struct task_list todo, done;
    uint32_t inside; /* todo, in work and done */
    int stopping;
};

/* A reading of everything that goes on. */
struct reading {
    struct loader *loader;
    struct cache *table;
    uint32_t over; /* rows for which there was no room */
};

static void *run(void *arg);

struct loader_task *loader_task_new(enum load_kind kind)
{
    struct loader_task *task = mem_new(sizeof *task);
    task->kind = kind;
    return task;
}

void loader_task_destroy(struct loader_task **self)
{
    struct loader_task *task = *self;
    if (task == NULL)
        return;
    buf_free(&task->key);
    buf_free(&task->content);
    buf_free(&task->own_key);
    buf_free(&task->error);
    template_destroy(&task->template);
    cache_destroy(&task->table);
    free(task);
    *self = NULL;
}

static void list_add(struct task_list *list, struct loader_task *task)
{
    task->next = NULL;
    if (list->last != NULL)
        list->last->next = task;
    else
        list->first = task;
    list->last = task;
}

static struct loader_task *list_take(struct task_list *list)
{
    struct loader_task *task = list->first;
    if (task == NULL)
        return NULL;
    list->first = task->next;
    if (list->first == NULL)
        list->last = NULL;
    return task;
}

static void list_free(struct task_list *list)
{
    for (struct loader_task *task = list_take(list); task != NULL; task = list_take(list))
        loader_task_destroy(&task);
}

struct loader *loader_new(const struct loader_options *options)
{
    struct loader *l = mem_new(sizeof *l);
    l->source = options->source;
    l->table_size = options->table_size;
    l->template_bytes_max = options->template_bytes_max;
    l->cache_path = mem_dup(options->cache_path);
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->wake, NULL);
    l->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (l->fd < 0 || pthread_create(&l->thread, NULL, run, l) != 0) {
        log_fatal("the loader's thread cannot be started", log_str("error", strerror(errno)));
        exit(1);
    }
    return l;
}

int loader_destroy(struct loader **self)
{
    struct loader *l = *self;
    if (l == NULL)
        return 0;
    pthread_mutex_lock(&l->lock);
    l->stopping = 1;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOADER_STOP_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    *self = NULL;
    if (pthread_clockjoin_np(l->thread, NULL, CLOCK_MONOTONIC, &until) != 0) {
        log_warn("the template source does not return; leaving without it");
        pthread_detach(l->thread);
        return 1;
    }
    list_free(&l->todo);
    list_free(&l->done);
    source_destroy(&l->source);
    close(l->fd);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->wake);
    free(l->cache_path);
    free(l);
    return 0;
}

int loader_fd(const struct loader *l)
{
    return l->fd;
}

int loader_submit(struct loader *l, struct loader_task **task)
{
    int result = -1;
    pthread_mutex_lock(&l->lock);
    if (l->inside < LOADER_TASKS_MAX) {
        l->inside++;
        list_add(&l->todo, *task);
        pthread_cond_signal(&l->wake);
        *task = NULL;
        result = 0;
    }
    pthread_mutex_unlock(&l->lock);
    return result;
}

struct loader_task *loader_take(struct loader *l)
{
    uint64_t count;
    pthread_mutex_lock(&l->lock);
    struct loader_task *task = list_take(&l->done);
    if (task != NULL)
        l->inside--;
    if (l->done.first == NULL && read(l->fd, &count, sizeof count) < 0)
        assert(errno == EAGAIN || errno == EINTR); /* nothing was signalled */
    pthread_mutex_unlock(&l->lock);
    return task;
}

/* --- the thread ---------------------------------------------------------------------------------------- */

/* Tells of what WeChat will cut or may refuse, once for each reading. */
static void log_warnings(struct span key, const struct template *t)
{
    const struct template_findings *found = &t->findings;
    struct buf text = {0};
    if (found->warning_count == 0)
        return;
    for (size_t i = 0; i + 1 < found->warnings.bytes; i++)
        if (found->warnings.data[i] == '\n')
            buf_append_str(&text, "; ");
        else
            buf_append(&text, found->warnings.data + i, 1);
    log_warn("template read with warnings", log_span("key", key), log_u64("count", found->warning_count),
             log_span("warnings", buf_span(&text)));
    buf_free(&text);
}

static void begin_table(void *to)
{
    struct reading *reading = to;
    cache_destroy(&reading->table);
    reading->table = cache_new(reading->loader->table_size);
    reading->over = 0;
}

static void take_row(void *to, const struct source_row *row)
{
    struct reading *reading = to;
    struct buf why = {0};
    struct template *t = NULL;
    const char *fault = template_key_fault(row->key);
    if (fault == NULL && row->text.bytes > reading->loader->template_bytes_max)
        fault = "over template size";
    if (fault == NULL && cache_count(reading->table) >= reading->loader->table_size) {
        reading->over++;
        return;
    }
    if (fault == NULL)
        t = template_load(row->key, row->text, &why);
    if (t != NULL)
        log_warnings(row->key, t);
    if (t == NULL)
        log_warn("template left out", log_span("key", row->key),
                 log_str("reason", fault != NULL ? fault : buf_str(&why)));
    else if (cache_put(reading->table, row->key, 1, &t) != 0)
        reading->over++;
    template_destroy(&t);
    buf_free(&why);
}

static void load_all(struct loader *l, struct loader_task *task)
{
    struct reading reading = {.loader = l};
    const struct source_sink sink = {begin_table, take_row, &reading};
    if (l->source->type->load_all(l->source, &sink, &task->error) != 0) {
        task->state = LOAD_UNREACHABLE;
        cache_destroy(&reading.table);
        return;
    }
    if (reading.over > 0)
        log_warn("more templates than table_size, the last ones by key are left out",
                 log_u64("left_out", reading.over), log_u64("table_size", l->table_size));
    assert(reading.table != NULL); /* a source that succeeds has begun */
    task->table = reading.table;
    task->state = LOAD_DONE;
}

static void load_one(struct loader *l, struct loader_task *task)
{
    struct buf text = {0};
    struct span key = buf_span(&task->key);
    int found = template_key_fault(key) != NULL
                    ? 0
                    : l->source->type->load_one(l->source, key, &task->own_key, &text, &task->error);
    if (found < 0) {
        task->state = LOAD_UNREACHABLE;
    } else if (found == 0 || template_key_fault(buf_span(&task->own_key)) != NULL) {
        task->state = LOAD_ABSENT;
    } else if (text.bytes > l->template_bytes_max) {
        task->state = LOAD_TOO_LONG;
    } else {
        task->template = template_load(buf_span(&task->own_key), buf_span(&text), &task->error);
        task->state = task->template != NULL ? LOAD_DONE : LOAD_BAD;
        if (task->template != NULL)
            log_warnings(buf_span(&task->own_key), task->template);
    }
    buf_free(&text);
}

static void save(struct loader *l, struct loader_task *task)
{
    int written = cache_file_write(l->cache_path, buf_span(&task->content), &task->error);
    task->state = written == 0 ? LOAD_DONE : LOAD_UNREACHABLE;
    buf_free(&task->content);
}

/* A server may answer in its own character set before it was told ours. */
static void make_utf8(struct buf *text)
{
    if (span_is_utf8(buf_span(text)))
        return;
    for (size_t i = 0; i < text->bytes; i++)
        if ((unsigned char)text->data[i] >= 0x80)
            text->data[i] = '?';
}

static void work(struct loader *l, struct loader_task *task)
{
    if (task->kind == LOAD_ALL)
        load_all(l, task);
    else if (task->kind == LOAD_ONE)
        load_one(l, task);
    else
        save(l, task);
    make_utf8(&task->error);
}

/* The next task to do; waits for one. NULL when the thread is to end. */
static struct loader_task *wait_for_task(struct loader *l)
{
    struct loader_task *task = NULL;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        task = list_take(&l->todo);
        if (task != NULL && l->stopping && task->kind != LOAD_SAVE) {
            loader_task_destroy(&task);
            continue;
        }
        if (task != NULL || l->stopping)
            break;
        pthread_cond_wait(&l->wake, &l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return task;
}

static void *run(void *arg)
{
    struct loader *l = arg;
    static const uint64_t one = 1;
    for (struct loader_task *task = wait_for_task(l); task != NULL; task = wait_for_task(l)) {
        work(l, task);
        pthread_mutex_lock(&l->lock);
        list_add(&l->done, task);
        if (write(l->fd, &one, sizeof one) < 0)
            assert(errno == EAGAIN); /* it is readable already */
        pthread_mutex_unlock(&l->lock);
    }
    return NULL;
}
