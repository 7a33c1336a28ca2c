/* Asks to one party (broker, token keeper, task runner, listener) and their answers: a DEALER with any number of asks under way, up to DEALER_ASKS_MAX.
 *
 * An ask is asked again every DEALER_AGAIN_MS under the same ref until it is answered, which is harmless (proto/MESSAGES.md), and given
 * up when nothing was heard of it for its time. Answers without an ask, and what is no answer, are ignored.
 */
#ifndef CONSOLE_DEALER_H
#define CONSOLE_DEALER_H

#include "base/curve.h"
#include "proto/operator.h"

#define DEALER_AGAIN_MS 3000
#define DEALER_ASKS_MAX 256 /* more than connections (web.h) and the console's own */

struct dealer;

/* Whom to tell of an answer. */
struct ear {
    /* `answer` is NULL when the ask was given up. Spans are valid during the call. Returns 1 when further answers are expected (code
     * 100 of what changes many messages), and has asked nothing anew then; 0 when this was the last. */
    int (*done)(void *self, const struct answer *answer);
    void *self;
};

/* Connects; never blocks. `what` names it in the log. NULL (logged) when the address is no endpoint. */
struct dealer *dealer_new(const char *what, const struct curve_keys *keys, const char *endpoint);
void dealer_destroy(struct dealer **self);

/* A ref for an ask; never the same again. At most 2^53 - 1, so that any JSON reader keeps it. */
uint64_t dealer_ref(struct dealer *p);

/* Asks; the bytes are copied, and must hold that ref. Several asks of one ref all get its answers. Returns 0; -1 when too many are
 * under way. */
int dealer_ask(struct dealer *p, uint64_t ref, struct span packed, int64_t timeout_ms, struct ear ear);

/* Forgets what `self` asks; `done` is not called. */
void dealer_forget(struct dealer *p, const void *self);

/* The zsock to poll for reading. */
void *dealer_socket(struct dealer *p);

/* Reads what is there, a bounded number of answers. */
void dealer_receive(struct dealer *p);

/* Asks again, gives up. Returns milliseconds until it wants to be called again, at most `limit_ms`. */
int64_t dealer_tick(struct dealer *p, int64_t limit_ms);

#endif
