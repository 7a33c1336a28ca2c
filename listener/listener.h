/* The listener: takes WeChat's callbacks, and does what follows from them. A client of the broker's frontend like any other.
 *
 * DESIGN. One thread, one loop: HTTP (http/web.h), libmega, and a ROUTER for mega series are polled together. What a turn has brought,
 * all events and all answers, is one transaction of the file (db.h); its commit is what WeChat's answer waits for. So an event that
 * was answered has been applied, with everything that follows from it, whatever is killed then; and one that was not is repeated
 * by WeChat. The busier it is, the more events share a commit.
 *
 * What cannot be written to disk is answered 503. While the broker is away events are taken all the same: what they lead to waits in
 * the outbox.
 */
#ifndef LISTENER_LISTENER_H
#define LISTENER_LISTENER_H

#include <mega.h>

#include "base/curve_guard.h"
#include "base/program.h"
#include "http/web.h"
#include "listener/callback.h"
#include "listener/outbox_sender.h"
#include "listener/series_asks.h"

struct listener {
    struct program *program;
    const struct conf *conf;
    struct web *web;
    struct forward *forward;
    struct callback *callback;
    struct db *db;
    struct outbox_sender *outbox;
    struct series_set *series;
    struct series_asks *asks;
    struct mega *mega;
    void *socket;              /* zsock: asks of mega series */
    struct curve_guard *guard; /* of that */
    int64_t purge_ms;          /* monotonic: old keys of dedupe.h are looked for again then */
    int64_t sweep_ms;          /* monotonic: series_tick is called again then */
    int64_t ending_ms;         /* monotonic: TERM came, it ends then at the latest; 0 = it did not */
    uint64_t commits;          /* since the start */
    int64_t now_ms;            /* wall time of this turn */
    int64_t mono_ms;
};

/* Opens its file, connects, binds and listens. NULL when that fails; the reason is logged. */
struct listener *listener_new(struct program *program);
void listener_destroy(struct listener **self);

/* Runs until TERM. Returns the exit status. */
int listener_run(struct listener *l);

#endif
