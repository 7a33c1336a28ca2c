/* The console: what speaks HTTP to people and to the programs that watch. A client of broker, token keeper, task runner and listener like
 * any other: it holds nothing that is not there too, so it may be killed at any time.
 *
 * DESIGN. One thread, one loop: HTTP (web.c, libmicrohttpd) and four DEALERs (dealer.c) are polled together. Every second each
 * party is asked for its status, whose packed map is kept (struct heard): /metrics and /readyz are made of what was heard last, so
 * any number of scrapes costs the broker nothing, and no request waits for a party that is away. Requests of the API wait for
 * their answer with their connection suspended; nothing blocks.
 *
 *   web.c      HTTP                                  dealer.c     asks to one party, and their answers
 *   routes.c   which address does what, who may      heard.c     what each party has said last
 *   metrics*.c /metrics                              ready.c     /readyz
 *   api*.c     the JSON API                          alarm*.c    what goes by the state of the set and tells people
 */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include "base/program.h"
#include "console/alarm.h"
#include "console/api.h"
#include "console/dealer.h"
#include "console/heard.h"
#include "console/metrics.h"
#include "http/web.h"

#define POLL_EVERY_MS 1000 /* from one status to the next */

struct console {
    struct program *program;
    const struct conf *conf;
    struct web *web;
    struct dealer *dealers[PARTIES];
    struct heard heard[PARTIES];
    struct alarms *alarms;
    int64_t poll_ms; /* monotonic: all are asked for their status then */
    struct metrics_own own;
    struct api api;
};

/* Connects, and listens. NULL when that fails; the reason is logged. */
struct console *console_new(struct program *program);
void console_destroy(struct console **self);

/* Runs until TERM. Returns the exit status. */
int console_run(struct console *c);

/* Something new was heard of a party, or it has been silent for so long that it counts as away: c->heard[party] is as it is now. */
void console_on_heard(struct console *c, enum party party);

#endif
