#include <pthread.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/process/libmega_calls.h"

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct load {
    struct mega *mega;
    const char *prefix;
    long answered, busy, doubled;
    struct one *again; /* 503: to be handed over once more */
};

struct one {
    struct load *load;
    long number;
    int answers;
    struct one *next;
};

static void answered(void *argument, const struct mega_result *result)
{
    struct one *one = argument;
    struct load *l = one->load;
    if (result->code == 503) {
        l->busy++;
        one->next = l->again;
        l->again = one;
        return;
    }
    CHECK(result->error == 0 && result->code == 200, "%ld: %d %d %s", one->number, result->error, result->code, result->message);
    l->doubled += one->answers++ > 0;
    l->answered++;
}

static void push(struct load *l, struct one *one)
{
    char id[64], openid[64];
    struct mega_var vars[] = {mega_integer("n", one->number)};
    snprintf(id, sizeof id, "%s-%ld", l->prefix, one->number);
    snprintf(openid, sizeof openid, "o%ld", one->number % 1000);
    struct mega_message message = {.openid = openid, .key = "test", .id = id, .vars = vars, .var_count = 1};
    int error = mega_push_async(l->mega, &message, answered, one);
    CHECK(error == 0, "%s: %s", mega_strerror(error), mega_last_error());
}

/* All that were refused with 503, after a while. */
static void push_again(struct load *l)
{
    struct one *one = l->again;
    if (one == NULL)
        return;
    poll(NULL, 0, 100);
    l->again = NULL;
    for (struct one *next; one; one = next) {
        next = one->next;
        push(l, one);
    }
}

int load_scene(const char *endpoint, const char *prefix, long count, long window)
{
    struct mega_options options = {.timeout_ms = 60000};
    struct load l = {.mega = mega_open(endpoint, &options), .prefix = prefix};
    struct one *all = calloc((size_t)count, sizeof *all);
    CHECK(l.mega && all, "%s", mega_last_error());
    double began_s = now_s();
    int told = 0;
    for (long i = 0; l.answered < count;) {
        for (; i < count && mega_pending(l.mega) < (size_t)window && !(i % 256 == 0 && mega_dispatch(l.mega, 0) < 0); i++) {
            all[i] = (struct one){.load = &l, .number = i};
            push(&l, &all[i]);
        }
        int called = mega_dispatch(l.mega, 1000);
        CHECK(called >= 0, "%s", mega_last_error());
        push_again(&l);
        for (; told < 3 && l.answered >= (told + 1) * count / 4; told++) {
            printf("%d/4\n", told + 1);
            fflush(stdout);
        }
    }
    double seconds = now_s() - began_s;
    long once = 0;
    for (long i = 0; i < count; i++)
        once += all[i].answers == 1;
    CHECK(mega_pending(l.mega) == 0, "%zu are pending", mega_pending(l.mega));
    printf("{\"answered\":%ld,\"once\":%ld,\"doubled\":%ld,\"busy\":%ld,\"per_s\":%.0f}\n", l.answered, once, l.doubled, l.busy,
           (double)count / seconds);
    mega_close(&l.mega);
    free(all);
    return 0;
}

struct worker {
    pthread_t thread;
    struct mega *mega;
    const char *prefix;
    long number, count, answered;
};

static void *work(void *argument)
{
    struct worker *w = argument;
    for (long i = 0; i < w->count; i++) {
        char id[64];
        struct mega_result result;
        struct mega_var vars[] = {mega_integer("n", i)};
        snprintf(id, sizeof id, "%s-%ld", w->prefix, w->number * w->count + i);
        struct mega_message message = {.openid = "o1", .key = "test", .id = id, .vars = vars, .var_count = 1};
        int error = mega_push(w->mega, &message, &result);
        CHECK(error == 0 && result.code == 200, "%d %s", result.code, result.message);
        w->answered++;
    }
    return NULL;
}

int threads_scene(const char *endpoint, const char *prefix, long count)
{
    struct worker workers[8];
    struct mega *mega = mega_open(endpoint, NULL);
    long answers = 0;
    CHECK(mega, "%s", mega_last_error());
    for (int i = 0; i < 8; i++) {
        workers[i] = (struct worker){.mega = mega, .prefix = prefix, .number = i, .count = count};
        CHECK(pthread_create(&workers[i].thread, NULL, work, &workers[i]) == 0, "%d", i);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(workers[i].thread, NULL);
        answers += workers[i].answered;
    }
    mega_close(&mega);
    printf("{\"answered\":%ld}\n", answers);
    return 0;
}
