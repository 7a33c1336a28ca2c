/* Which of an account's addresses of WeChat (api_base) is used now.
 *
 * Used by the sender and the token keeper. Pure: times are arguments, by clock_mono_ms.
 *
 * The first address that is not left is used. One that fails is left for 5 s, and for twice as long each time
 * it fails again, up to 5 min; when that is over one call tries it, and all go back to it when that call was
 * answered. A call that began before the address failed says nothing of it by its answer: connections of before can
 * work on where no new one is made. When all are left, the one whose time comes first is used, and is good again with
 * its first answer. A single address is never left.
 *
 * A call that was not sent is made again at the next address; the caller remembers in `struct host_use` where
 * it has been, so that it is made at each address at most once.
 */
#ifndef SENDER_HOSTS_H
#define SENDER_HOSTS_H

#include <stdint.h>

#include "base/conf.h"

#define HOSTS_MISSES_MAX   3      /* in a row without an answer between: then the address is left */
#define HOSTS_LEAVE_MS     5000   /* the first time; doubled each further time */
#define HOSTS_LEAVE_MS_MAX 300000

struct host {
    int64_t left_ms;  /* how long it was left the last time; 0 = it is not left */
    int64_t until_ms; /* left: when one call may try it */
    uint32_t misses;  /* calls in a row without an answer */
    int is_tried;     /* left: that one call is under way */
};

struct hosts {
    struct host hosts[CONF_BASES_MAX];
    size_t count; /* 1 to CONF_BASES_MAX */
    uint64_t hash; /* of the addresses */
    uint32_t list; /* goes up when they are others */
};

/* What a call has used. All zeroes for a new one. */
struct host_use {
    size_t host;      /* number of the address, as in conf_base */
    int is_try;       /* it is the one call that tries a left address */
    int knew_left;    /* its address was left already when it began */
    uint32_t not_sent; /* bit i: at address i the call was not sent */
    uint32_t list;     /* of the addresses that all this is about */
};

enum host_end {
    HOST_ANSWERED, /* WeChat answered */
    HOST_NOT_SENT, /* name, connection or TLS failed: nothing was written */
    HOST_MISSED,   /* it was written, and no answer of WeChat came */
    HOST_DROPPED   /* it was not made after all: says nothing of the address */
};

enum host_news { HOST_SAME, HOST_LEFT, HOST_BACK };

/* With as many addresses as the account has. */
void hosts_open(struct hosts *h, const struct conf_account *account);

/* The account's addresses may be others from now on; nothing happens when they are the same. What calls that were begun before come
 * to says nothing of these, and they may be made again at each of them. */
void hosts_change(struct hosts *h, const struct conf_account *account);

/* Chooses the address of a call that is about to begin; use->host is its number. There must be one at which it
 * has not failed: see hosts_have_other. Every choice is ended by hosts_end. */
void hosts_pick(struct hosts *h, struct host_use *use, int64_t now_ms);

/* A call has ended. Returns what a log should tell: that the address is left from now on (for how long:
 * hosts_left_ms), or is used again. */
enum host_news hosts_end(struct hosts *h, struct host_use *use, enum host_end end, int64_t now_ms);

/* 1 when there is an address at which the call was not tried in vain. */
int hosts_have_other(const struct hosts *h, const struct host_use *use);

/* How long address `i` is left at a time; 0 when it is not. */
int64_t hosts_left_ms(const struct hosts *h, size_t i);

#endif
