/* The HTTP side: WeChat's calls of /callback and /callback/NAME.
 *
 * A call is answered in these steps, and at the first one that it does not pass:
 *   address    of an account that has a `token`: else 404
 *   signature  of the URL, and its timestamp: else 403, before a byte of the body is read
 *   size       EVENT_BODY_BYTES_MAX: else 413
 *   envelope   an account with encoding_aes_key takes nothing but encrypted calls, others nothing but plain ones: a plain body is not
 *              covered by any signature. 403
 *   form       XML or JSON of WeChat: else 400
 *   repeat     what was applied already is answered as it was then, and does nothing
 *   commit     the event and what follows from it are in the file: `success`; else 503, and WeChat repeats it
 *
 * An exchange is held from on_request until the turn's commit, and longer where the owner's system may have a reply (forward.h).
 *
 * Timestamps: WeChat signs each try anew and repeats within seconds, so a timestamp is never far from now. One that is CALLBACK_SKEW_S off is
 * refused: a URL of an old log could otherwise be used for ever, with any body, since in plain mode the signature covers only the
 * URL. The limit leaves room for clocks that are some minutes off; what comes again within it is found by dedupe.h.
 */
#ifndef LISTENER_CALLBACK_H
#define LISTENER_CALLBACK_H

#include "base/conf.h"
#include "http/web.h"
#include "listener/applied.h"
#include "listener/forward.h"
#include "listener/genuine.h"
#include "listener/series_set.h"

const char *callback_refusal_name(enum callback_refusal refusal);

/* Since the start. */
struct callback_counts {
    uint64_t events[EVENT_KINDS]; /* applied */
    uint64_t repeats;
    uint64_t refused[CALLBACK_REFUSALS];
    uint64_t echoes; /* GETs of the WeChat console, answered */
};

struct callback;

/* One call whose event is in the transaction of this turn, or that waits for a reply. */
struct call;

/* All are kept. */
struct callback *callback_new(const struct conf *conf, struct db *db, struct series_set *series,
                              struct forward *forward);
void callback_destroy(struct callback **self); /* after the web, which tells it that nobody waits any more */

/* For web_new: calls come in by it. */
struct web_handler callback_handler(struct callback *c);

/* Clocks of the turn, before web_run. is_ending: calls that come now are answered 503. */
void callback_begin_turn(struct callback *c, int64_t now_ms, int is_ending);

/* After the turn's commit: answers all whose event was in it. */
void callback_after_commit(struct callback *c, int is_kept);

/* Calls that wait for a reply. */
size_t callback_held(const struct callback *c);

const struct callback_counts *callback_counts(const struct callback *c);

#endif
