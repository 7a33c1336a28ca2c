/* A job on its way round the ring, and what became of a call.
 *
 *   broker --job--> templater --rendered--> sender --outcome--> broker
 *
 * `seq` names the message in the store; `turn` counts how often it was given out, so that (seq, turn) names one giving-out
 * and an answer of an earlier one is recognised. `generation` belongs to the fence: a stage drops what is older than the
 * generation it was told. `call` is part of client_msg_id: it goes up only when an earlier call is known to have failed.
 */
#ifndef PROTO_JOB_H
#define PROTO_JOB_H

#include <stdint.h>

#include "base/buf.h"
#include "proto/limits.h"

struct job {
    uint64_t seq;
    uint32_t turn;        /* from 1 */
    uint64_t generation;
    uint32_t call;        /* from 0 */
    struct span sender;   /* endpoint of the PULL socket of the sender it is for */
    struct span id;
    struct span app;
    struct span openid;
    struct span key;
    uint64_t version;     /* of the template; the templater must have this one or a later one */
    struct span vars;     /* packed map; may be empty */
};

struct rendered {
    uint64_t seq;
    uint32_t turn;
    uint64_t generation;
    struct span id;
    struct span app;
    struct span openid;
    struct span kind;     /* "template", "custom", "subscribe", "bizsubscribe" or "onetime" */
    struct span body;     /* JSON, as WeChat gets it */
};

/* How one giving-out of a job ended. */
enum outcome {
    OUTCOME_NONE,
    OUTCOME_SENT,     /* final: WeChat took it */
    OUTCOME_PENDING,  /* final: WeChat took it and reviews it (40252) */
    OUTCOME_REFUSED,  /* final: WeChat refused it for good */
    OUTCOME_DEAD,     /* final: it cannot be sent (does not render); kept for a person */
    OUTCOME_RETRY,    /* the call failed and certainly did nothing: try again later with a new call number */
    OUTCOME_UNKNOWN,  /* the call may have been taken: time-out, connection lost, HTTP 5xx, no sensible answer */
    OUTCOME_RETURNED  /* no call was made (no token, template behind, stopping): give it out again; does not count */
};

/* What stood in the way of a call that was not taken: whom it concerns beside the message itself. */
enum cause {
    CAUSE_NONE,      /* only this message, or nothing */
    CAUSE_DOUBTFUL,  /* REFUSED with a code that WeChat is known to give by mistake: one more try tells */
    CAUSE_BUSY,      /* RETRY, UNKNOWN: WeChat is overloaded */
    CAUSE_NETWORK,   /* RETRY, UNKNOWN: no connection, no answer in time */
    CAUSE_RECIPIENT, /* RETRY: nothing goes to this recipient for a while */
    CAUSE_TOKEN,     /* RETRY: the access token was rejected; it is not the message's failure */
    CAUSE_TOKENS,    /* RETRY: the next access token was rejected as well: nobody knows whether it is this message, or the account */
    CAUSE_PACE,      /* RETRY: the account calls too fast: nothing until WeChat's next minute, and slower from then on */
    CAUSE_TEMPLATE,  /* RETRY: the template is banned or disabled in this account */
    CAUSE_QUOTA,     /* RETRY: an allowance of the account is used up; a probe tells when it is back */
    CAUSE_ACCOUNT    /* RETRY: a person has to put the account or this host right */
};

struct outcome_report {
    uint64_t seq;
    uint32_t turn;
    enum outcome outcome;
    int64_t errcode;      /* WeChat's, 0 if none */
    int64_t msgid;        /* WeChat's, 0 if none */
    uint32_t http_status; /* 0 when there was no answer */
    uint32_t calls;       /* HTTP calls tried in this turn: one, a second after a refreshed token, more at other addresses */
    struct span message;  /* REFUSED: WeChat's JSON with the openid added; else a sentence for people */
    enum cause cause;     /* of REFUSED, RETRY and UNKNOWN */
};

void job_pack(const struct job *j, struct buf *out);
int job_unpack(struct span packed, struct job *j); /* 0, or -1 when it is none */

void rendered_pack(const struct rendered *r, struct buf *out);
int rendered_unpack(struct span packed, struct rendered *r);

void outcome_pack(const struct outcome_report *r, struct buf *out);
/* Reads one report from a cursor into a larger message. Returns 0 or -1. */
struct mp_cursor;
int outcome_read(struct mp_cursor *c, struct outcome_report *r);

const char *outcome_name(enum outcome o);
enum outcome outcome_find(struct span name); /* OUTCOME_NONE when it is none */

const char *cause_name(enum cause c); /* "" for CAUSE_NONE */
enum cause cause_find(struct span name); /* CAUSE_NONE when it is none that is known */

/* 1 for SENT, PENDING, REFUSED, DEAD. */
int outcome_is_final(enum outcome o);

/* The 32 hexadecimal digits of client_msg_id: the same for the same account, id and call number, for ever.
 * Source: "only one message is sent per (openid, client_msg_id)", valid 10 minutes (WeChat: api_sendtemplatemessage). */
void job_client_msg_id(struct span app, struct span id, uint32_t call, char out[32]);

#endif
