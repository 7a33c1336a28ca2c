/* The alarms there are. Their names are stable: people silence by them, programs that get notices look at them, and
 * docs/operations.md has a row for each under "Alarms". */
#ifndef CONSOLE_ALARM_KIND_H
#define CONSOLE_ALARM_KIND_H

#include "base/buf.h"

enum alarm_kind {
    ALARM_BROKER_GONE,
    ALARM_STAGE_GONE,
    ALARM_STAGES_MISSING,
    ALARM_REFUSING,
    ALARM_NOT_READY,
    ALARM_OLDEST,
    ALARM_ACCOUNT_STOPPED,
    ALARM_TOKEN,
    ALARM_DEAD,
    ALARM_DAMAGED,
    ALARM_DISK,
    ALARM_STORE,
    ALARM_CLOCK_STEP,
    ALARM_FAILED_CALLS,
    ALARM_CALLBACKS_REFUSED,
    ALARM_CALLBACKS_WAITING,
    ALARM_KINDS
};

#define ALARM_NAME_BYTES_MAX    32  /* of a kind's name, with its NUL */
#define ALARM_SUBJECT_BYTES_MAX 65  /* what it is about (a stage, an account), with its NUL; empty: the installation */
#define ALARM_TEXT_BYTES_MAX    320 /* what is wrong, with figure and limit; with its NUL */
#define ALARM_ID_BYTES_MAX      (ALARM_NAME_BYTES_MAX + ALARM_SUBJECT_BYTES_MAX) /* KIND or KIND:SUBJECT */

const char *alarm_kind_name(enum alarm_kind kind);

/* The kind of that name, or ALARM_KINDS. */
enum alarm_kind alarm_kind_find(struct span name);

/* 1: messages are lost, refused or stand still now. 0: they will, or something is to be looked at. */
int alarm_kind_is_critical(enum alarm_kind kind);

/* KIND, or KIND:SUBJECT where there is one. */
void alarm_id(enum alarm_kind kind, const char *subject, char out[ALARM_ID_BYTES_MAX]);

#endif
