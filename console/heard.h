/* What a party (broker, token keeper, task runner, listener) has said last: its packed status, and when.
 *
 * `data` is the `data` of the answer to `status` as proto/MESSAGES.md describes it, for each party its own map: read it with proto/mp_view.h.
 * It stays when the party is away; heard_is_up tells that.
 */
#ifndef CONSOLE_HEARD_H
#define CONSOLE_HEARD_H

#include <stdint.h>

#include "base/buf.h"

#define HEARD_MS_MAX 3500 /* a party that was not heard for longer is away: three polls and the time that an answer takes */

enum party { PARTY_BROKER, PARTY_TOKEN, PARTY_TASK, PARTY_LISTENER, PARTIES };

struct heard {
    struct buf data;    /* packed map; empty: never heard */
    int64_t heard_ms;   /* monotonic; 0 = never */
    int64_t start_ms;   /* wall time of its start; the same until it is another one, whatever answers take; 0 = it does not say */
    int64_t since_ms;   /* monotonic: it is up, or away, since then */
    int was_up;         /* as of the last time that it was looked at */
    int is_optional;    /* 1: nobody misses it while it is away: it was never there, or it was ended */
};

void heard_free(struct heard *h);

/* Takes a new status. `now_ms` is wall time. */
void heard_take(struct heard *h, struct span data, int64_t mono_ms, int64_t now_ms);

/* 1 while the party answers. */
int heard_is_up(const struct heard *h, int64_t mono_ms);

/* 1 when it should answer and does not. */
int heard_is_missed(const struct heard *h, int64_t mono_ms);

/* "broker", "token", "task", "listener". */
const char *party_name(enum party party);

#endif
