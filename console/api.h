/* The JSON API under /api/: all that mega queue, mega task and mega series can do, for whoever has the token of [console] token.
 *
 *   GET, POST /api/queue/OP    what the broker is asked            /api/queue/export   a list as JSON lines or CSV, all pages
 *   GET, POST /api/tasks/OP    what the task runner is asked       /api/tasks/export   the rows that failed, likewise
 *   GET, POST /api/series/OP   what the listener is asked
 *   POST      /api/tasks/create  a task of the rows in the body    GET /api/tokens     how it stands with the access tokens
 *   GET       /api/alarms        what is raised                    POST /api/alarms/test, /api/alarms/silence
 *
 * A request is translated (api_ask.c), asked, and answered when its party has answered; meanwhile its connection rests. At most
 * API_HELD_MAX wait at once, of which API_EXPORTS_MAX are exports: more get a 503, so that figures and health always find a connection.
 */
#ifndef CONSOLE_API_H
#define CONSOLE_API_H

#include "console/api_ask.h"
#include "console/dealer.h"
#include "http/web.h"

#define API_TYPE            "application/json; charset=utf-8"
#define API_BODY_BYTES_MAX  (2 * 1024 * 1024) /* twice what the task runner takes in one ask, since JSON is longer */
#define API_HELD_MAX        40
#define API_EXPORTS_MAX     8
#define API_TIMEOUT_MS      10000 /* a party that says nothing for so long does not answer */
#define API_WAIT_MS         20000 /* what goes on for longer is answered 202, and asked about again */

struct console;

struct api {
    size_t held;    /* requests that wait, exports included */
    size_t exports;
};

/* A request that waits for its party. */
struct api_call {
    struct console *console;
    struct exchange *x;
    struct api_op op;
    uint64_t ref;
    struct buf packed;  /* the ask */
    int64_t until_ms;   /* monotonic: then it is answered as far as it is */
};

/* For routes.c. */
size_t api_on_header(struct console *c, struct exchange *x);
void api_on_request(struct console *c, struct exchange *x);

/* --- for the other files of the API ------------------------------------------------------------------------------------ */

/* Answers with {"code", "message"}. */
void api_refuse(struct exchange *x, unsigned status, const char *message);

/* The arguments of the query as a JSON object; those named in `without` (ended by NULL) are left out. */
void api_query_json(const struct exchange *x, enum api_of of, const char *const *without, struct buf *out);

/* Who asks: "console:" and what X-Operator says, or the console's own name. Written to `by`. */
#define API_BY_BYTES 65
struct span api_by(const struct console *c, const struct exchange *x, char by[API_BY_BYTES]);

struct dealer *api_dealer(const struct console *c, enum api_of of);

/* What is said when a party does not answer. */
const char *api_away(enum api_of of);

/* Answers with 503 what cannot be taken now: its party is known to be away, or too many requests wait. Returns 1 then. */
int api_is_full(struct console *c, struct exchange *x, enum api_of of);

/* api_export.c, api_create.c */
void api_export(struct console *c, struct exchange *x, enum api_of of);
void api_create(struct console *c, struct exchange *x);

/* api_alarms.c; `name`: what stands behind /api/alarms. */
void api_alarms(struct console *c, struct exchange *x, const char *name);

#endif
