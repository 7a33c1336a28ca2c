/* What an event of epoll is about: each thing that is watched begins with a struct watch, and epoll gives
 * its address back. */
#ifndef GATEWAY_WATCH_H
#define GATEWAY_WATCH_H

#include <stdint.h>
#include <sys/epoll.h>

enum watch_kind { WATCH_NONE, WATCH_SIGNAL, WATCH_UPSTREAM, WATCH_LISTENER, WATCH_CONN };

struct watch {
    enum watch_kind kind;
};

/* Adds a descriptor to the set. Returns 0, or -1 with errno. */
static inline int watch_add(int epoll_fd, int fd, uint32_t events, struct watch *watch)
{
    struct epoll_event wanted = {.events = events, .data = {.ptr = watch}};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &wanted);
}

#endif
