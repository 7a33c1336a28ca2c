/*
 * loop.c - the event loop; see loop.h.
 */
#include "tests/sim/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/memory.h"

#define LOOP_EVENTS_MAX 256 /* taken from epoll at once */

struct loop {
    int epoll_fd;
    bool ended;
    struct loop_watch signals;
    struct timers timers;
    struct loop_turn *turns;
};

static int loop_take_signals(struct loop *self);
static int loop_turn(struct loop *self);

struct loop *loop_new(void)
{
    struct loop *self = memory_new(sizeof *self);
    self->signals.fd = -1;
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self->epoll_fd >= 0 && loop_take_signals(self) == 0)
        return self;
    fprintf(stderr, "wechat-sim: no event loop: %s\n", strerror(errno));
    loop_destroy(&self);
    return NULL;
}

void loop_destroy(struct loop **self)
{
    if (*self == NULL)
        return;
    if ((*self)->signals.fd >= 0)
        close((*self)->signals.fd);
    if ((*self)->epoll_fd >= 0)
        close((*self)->epoll_fd);
    timers_clear(&(*self)->timers);
    free(*self);
    *self = NULL;
}

int loop_watch(struct loop *self, struct loop_watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    return epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event);
}

void loop_unwatch(struct loop *self, struct loop_watch *watch)
{
    epoll_ctl(self->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
}

void loop_add_turn(struct loop *self, struct loop_turn *turn)
{
    turn->next = self->turns;
    self->turns = turn;
}

void loop_start_timer(struct loop *self, struct timer *timer, int64_t delay_ms, void (*fire)(void *),
                      void *argument)
{
    timers_start(&self->timers, timer, loop_now_ms() + delay_ms, fire, argument);
}

void loop_stop_timer(struct loop *self, struct timer *timer)
{
    timers_stop(&self->timers, timer);
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t loop_now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int64_t loop_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

int loop_run(struct loop *self)
{
    while (!self->ended) {
        if (loop_turn(self) == 0)
            continue;
        fprintf(stderr, "wechat-sim: the event loop failed: %s\n", strerror(errno));
        return 1;
    }
    return 0;
}

static void loop_end(void *argument)
{
    struct loop *self = argument;
    self->ended = true;
}

/* SIGTERM and SIGINT come through a descriptor; a write to a client that left gives EPIPE. */
static int loop_take_signals(struct loop *self)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    self->signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    self->signals.ready = loop_end;
    self->signals.argument = self;
    return self->signals.fd >= 0 ? loop_watch(self, &self->signals, EPOLLIN) : -1;
}

static int loop_wait_ms(const struct loop *self)
{
    int64_t wait = timers_wait_ms(&self->timers, loop_now_ms());
    for (const struct loop_turn *turn = self->turns; turn != NULL; turn = turn->next) {
        int64_t limit = turn->wait_ms(turn->argument);
        if (limit >= 0 && (wait < 0 || limit < wait))
            wait = limit;
    }
    return wait > 60000 ? 60000 : (int)wait;
}

/* One turn. 0, or -1 with errno. */
static int loop_turn(struct loop *self)
{
    struct epoll_event events[LOOP_EVENTS_MAX];
    int count = epoll_wait(self->epoll_fd, events, LOOP_EVENTS_MAX, loop_wait_ms(self));
    if (count < 0 && errno != EINTR)
        return -1;
    for (int i = 0; i < count; i++) {
        struct loop_watch *watch = events[i].data.ptr;
        watch->ready(watch->argument);
    }
    timers_run(&self->timers, loop_now_ms());
    for (struct loop_turn *turn = self->turns; turn != NULL; turn = turn->next)
        turn->run(turn->argument);
    return 0;
}
