/* Whose callback it is, whether WeChat made it, and what it says: callback.h has the steps. Nothing is answered or logged here, and nothing
 * changed but the reading. */
#ifndef LISTENER_GENUINE_H
#define LISTENER_GENUINE_H

#include "base/conf.h"
#include "http/web.h"
#include "listener/event.h"

#define CALLBACK_SKEW_S  600
#define CALLBACK_AHEAD_S 86400 /* CreateTime may be so far ahead of our clock */

/* Why a call was not taken. */
enum callback_refusal {
    REFUSED_ADDRESS,   /* 404 */
    REFUSED_METHOD,    /* 405 */
    REFUSED_SIGNATURE, /* 403 */
    REFUSED_TIMESTAMP, /* 403 */
    REFUSED_MODE,      /* 403: plain where encrypted is wanted, or the other way round */
    REFUSED_ENVELOPE,  /* 403: cannot be decrypted, or is for another account */
    REFUSED_SIZE,      /* 413 */
    REFUSED_FORM,      /* 400 */
    REFUSED_BUSY,      /* 503: not written down */
    REFUSED_STOPPING,  /* 503: the process is ending */
    CALLBACK_REFUSALS
};

/* A call as it is being read. A zeroed one is empty; it may be used for one call after the other, and genuine_free frees its buffers. */
struct reading {
    struct exchange *x;
    const struct conf_account *account; /* NULL: of none */
    int64_t now_ms;                     /* wall time */
    struct event event;                 /* its spans point into the buffers */
    enum callback_refusal refusal;      /* why not, */
    const char *hint;                   /* and words for the log, which hold nothing of the call. Valid until the next one is read */
    struct buf plain, scratch, error;
};

/* The header of a call of r->x: its account, its method, the signature of its URL. Returns 1, or 0 with the refusal. */
int genuine_header(struct reading *r, const struct conf *conf);

/* Its body, once the header was good, of r->x and r->account: the event. Returns 1, or 0 with the refusal. */
int genuine_body(struct reading *r);

void genuine_free(struct reading *r);

#endif
