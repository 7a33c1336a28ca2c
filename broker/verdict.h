/* What an outcome means for a message: settle it, try again later, put it back, bury it. Pure: the life of a job as a decision
 * on values, without store or sockets. */
#ifndef BROKER_VERDICT_H
#define BROKER_VERDICT_H

#include "base/conf.h"
#include "broker/store.h"
#include "proto/job.h"

/* client_msg_id keeps WeChat from sending a message twice for 10 minutes after its first try (WeChat:
 * api_sendtemplatemessage); a minute is kept for the way there. */
#define UNKNOWN_RETRY_MS_MAX (9 * 60 * 1000)
#define UNKNOWN_LAST_TRY_MS  15000 /* before the end of that time, for a message whose next wait would be longer */

/* Every time here is one of the order clock, which runs on when wall time is set back: what WeChat remembers of a call, and how
 * long a caller is patient, does not depend on what the wall clock says. */
struct verdict_rules {
    const int64_t *backoff_ms; /* waits before the second, third, … try; the last one repeats */
    size_t backoff_count;      /* at least 1 */
    uint32_t jitter_percent;   /* each wait is made longer by up to so much of it */
    int64_t age_max_ms;        /* so long after the first call a failed one is the last */
    uint32_t attempts_max;
    int64_t send_patience_ms;
    enum conf_on_unknown on_unknown;
    int steps_back; /* 1: the message has stopped its account, or failed as the probe of a stopped one (stops.h) */
};

enum verdict_action {
    VERDICT_SETTLE,  /* with `state` and `code` */
    VERDICT_BURY,    /* settled as dead, the message is kept */
    VERDICT_DEFER,   /* waits until due_ms, then its next turn */
    VERDICT_PUT_BACK, /* to its place */
    VERDICT_COOL      /* to its place, and nothing goes to its recipient until until_ms */
};

struct verdict {
    enum verdict_action action;
    enum store_state state;
    enum code code;
    int64_t until_ms; /* COOL: order clock */
};

/* After a sender's report on the turn that `mark` describes. Changes in `m` what the next turn needs: place, call number, failures,
 * unknown_since, note (a span of the report). */
struct verdict verdict_on_report(struct message *m, const struct outcome_report *report, const struct mark *mark, int64_t now_ms,
                                 const struct verdict_rules *rules);

/* After a fence: the job was given out as `mark` says, and its sender is gone. */
struct verdict verdict_on_lost(struct message *m, const struct mark *mark, const struct verdict_rules *rules);

/* Why a message is dead, as figures count it. */
#define BURIAL_UNSENDABLE "unsendable" /* it does not render, or its kind is not known */
#define BURIAL_ATTEMPTS   "attempts"   /* max_attempts */
#define BURIAL_AGE        "age"        /* max_age */
#define BURIAL_PATIENCE   "patience"   /* send_patience */
#define BURIAL_UNKNOWN    "unknown"    /* it may have arrived: on_unknown */
#define BURIAL_LOST       "lost"       /* every sender it was given to was lost */

/* The word for a message that verdict_on_report has buried. */
const char *verdict_why_buried(const struct message *m, const struct outcome_report *report, int64_t now_ms,
                               const struct verdict_rules *rules);

/* Just before a turn: 1 when the message may go out (the call number may have been changed), 0 when it has to be buried, with
 * why in *note (a constant text), or NULL when its own note says it. */
int verdict_before_turn(struct message *m, int64_t now_ms, const struct verdict_rules *rules, const char **note);

#endif
