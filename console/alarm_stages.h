/* The stages that there should be: those that were seen and did not say goodbye. Pure.
 *
 * Senders and templaters are seen by the broker, which tells who is there and who left how. Other programs (mega-token, mega-task,
 * mega-listener, mega-gateway) are seen by their lock files in the run folder, which those of this machine keep (alarm_locks.h).
 */
#ifndef CONSOLE_ALARM_STAGES_H
#define CONSOLE_ALARM_STAGES_H

#include "base/buf.h"

#define ALARM_STAGES_MAX      320 /* the broker has 256 at most */
#define ALARM_STAGE_NAME_MAX  33  /* with its NUL, as PROGRAM_NAME_BYTES_MAX */
#define ALARM_STAGE_KIND_MAX  16

enum alarm_presence {
    ALARM_UNSEEN,  /* not heard of in this look */
    ALARM_THERE,
    ALARM_ENDED,   /* it said goodbye */
    ALARM_VANISHED /* it is known to have gone without a goodbye */
};

struct alarm_stage {
    char name[ALARM_STAGE_NAME_MAX];
    char kind[ALARM_STAGE_KIND_MAX];
    enum alarm_presence presence;
};

struct alarm_stages {
    struct alarm_stage list[ALARM_STAGES_MAX];
    size_t count;
    int changed; /* 1: the set of names is another one than when this was set to 0 */
};

/* A look begins: nobody of the kinds that are looked at has been heard of. */
void alarm_stages_begin(struct alarm_stages *s, int of_broker);

/* What was seen. One that ended is forgotten; one that vanished and was never there is none of ours. */
void alarm_stages_see(struct alarm_stages *s, struct span kind, struct span name, enum alarm_presence presence);

/* How many of the kind are there. */
size_t alarm_stages_count(const struct alarm_stages *s, const char *kind);

/* 1 when one of the kind is there, or has gone without a goodbye. */
int alarm_stages_has(const struct alarm_stages *s, const char *kind);

/* 1 for kinds that the broker tells of. */
int alarm_stages_is_of_broker(const char *kind);

#endif
