/* Messages of the control socket: between the broker (ROUTER) and its stages (DEALER, routing id = the stage's name).
 *
 *   stage -> broker: hello, beat, held, begin, results, keys, tset, lost, bye
 *   broker -> stage: welcome, beat, fence, begun, confirm, senders, tset, who, refused
 *
 * One frame is one message, a map whose member "t" names it; a ZeroMQ message may hold several. See proto/MESSAGES.md.
 */
#ifndef PROTO_CONTROL_H
#define PROTO_CONTROL_H

#include <stdint.h>

#include "base/buf.h"
#include "proto/job.h"

enum control_type {
    CONTROL_NONE,
    CONTROL_HELLO,
    CONTROL_BEAT,
    CONTROL_HELD,
    CONTROL_BEGIN,
    CONTROL_RESULTS,
    CONTROL_KEYS,
    CONTROL_TSET,
    CONTROL_LOST,
    CONTROL_BYE,
    CONTROL_WELCOME,
    CONTROL_FENCE,
    CONTROL_BEGUN,
    CONTROL_CONFIRM,
    CONTROL_SENDERS,
    CONTROL_WHO,
    CONTROL_REFUSED
};

enum stage_kind { STAGE_NONE, STAGE_TEMPLATER, STAGE_SENDER };

/* One giving-out of a job: what a stage holds or wants to begin, what the broker allows or confirms. */
struct holding {
    uint64_t seq;
    uint32_t turn;
};

/* A template as the broker needs to know it. */
struct key_info {
    struct span key;
    uint64_t version;
    int64_t ttl_ms;      /* $mega.ttl; 0 = none */
    int lane;            /* $mega.lane: enum lane, -1 = none */
    struct span needs;   /* packed array of str: variables that a message must bring (missing_variable = reject), else empty array */
    uint32_t rate_per_s; /* $mega.rate: messages a second of one account at most; 0 = no limit */
    struct span fallback; /* $mega.fallback: template to be tried instead; empty = none */
    struct span fallback_on; /* packed array of int: the errcodes on which it is tried; with a fallback never empty */
    struct span kind;    /* as in struct rendered; empty = not told, by a templater of an earlier version */
};

/* A control message. Which members mean something depends on `type`; the others are zero. Spans point into the packed bytes. */
struct control {
    enum control_type type;
    uint64_t epoch;       /* of the stage: random at its start. Every message of a stage has it; welcome echoes it */
    /* hello */
    enum stage_kind kind;
    struct span name;
    struct span version;  /* of the program */
    uint32_t slots;       /* sender: calls in flight at most */
    struct span endpoint; /* sender: where it takes rendered jobs */
    /* hello, beat, welcome: the stage's clock_mono_ms when it wrote; echoed, so that the stage counts its lease from there */
    int64_t clock_ms;
    /* beat of a sender: accounts it cannot send for now, packed map name -> reason; empty = none */
    struct span stopped;
    /* beat: 1 while the stage takes no jobs; a templater: because a template is behind or none was ever loaded; a sender: because it stops */
    int behind;
    /* beat, once a second: what the stage's process takes, see base/usage.h; 0 = this beat carries no figures */
    int64_t cpu_us;
    uint64_t rss_bytes;
    struct span latency; /* with them, of a sender: packed map {le, of: [[account, kind, n, sum], …]}, see proto/histogram.h */
    /* welcome, beat, fence, held */
    uint64_t generation;
    uint64_t broker;      /* the broker's epoch: welcome, beat */
    int64_t lease_ms;     /* welcome */
    struct span versions; /* welcome of a templater: packed map key -> version, which it must have before it takes jobs */
    /* held, begin, begun, confirm: packed array of [seq, turn]; read with control_holding_next */
    struct span holdings;
    /* results: packed array of reports; read with outcome_read */
    struct span results;
    /* keys: packed array; the full list. tset (answer): array of at most one. Read with control_key_next */
    struct span keys;
    /* senders: packed array of str: endpoints that are alive */
    struct span endpoints;
    /* tset: both ways */
    uint64_t ref;
    struct span key;
    uint64_t key_version; /* request: the version that this reading gets */
    int code;             /* answer: enum code */
    struct span message;  /* answer; refused, lost: why */
};

void control_pack(const struct control *m, struct buf *out);
int control_unpack(struct span packed, struct control *m); /* 0, or -1 when it is none */

/* Arrays inside: open, then next until it returns 0; -1 = damaged. An empty span is an empty array. Writers put
 * mp_array(count) before the elements. */
struct mp_cursor;
void control_array_open(struct mp_cursor *c, struct span packed);
int control_holding_next(struct mp_cursor *c, struct holding *h);
int control_key_next(struct mp_cursor *c, struct key_info *k);

void control_holding_pack(const struct holding *h, struct buf *out);
void control_key_pack(const struct key_info *k, struct buf *out);

const char *stage_kind_name(enum stage_kind kind);

#endif
