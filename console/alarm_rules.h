/* What is wrong now: the rules of all alarms, over what is known of the installation. Pure: the time, the status and what else was
 * seen are arguments; what it remembers are the stages that were there and the counts of the last minutes.
 *
 * A rule says only that something is wrong, not that it is told to anybody: see alarm_watch.h.
 */
#ifndef CONSOLE_ALARM_RULES_H
#define CONSOLE_ALARM_RULES_H

#include "base/conf.h"
#include "console/alarm_growth.h"
#include "console/alarm_kind.h"
#include "console/alarm_stages.h"

#define ALARM_FINDINGS_MAX 256 /* wrong at once; more are not told one by one */

/* A program that the broker does not tell of. */
struct alarm_process {
    struct span kind, name;
    enum alarm_presence presence;
};

/* What is known now. */
struct alarm_view {
    int64_t mono_ms;
    struct span status;              /* of the broker, packed (MESSAGES.md); empty: it does not answer */
    struct span tokens;              /* of the token keeper; empty: likewise */
    struct span listener;            /* of mega-listener; empty: likewise */
    const struct alarm_process *processes;
    size_t process_count;
};

struct alarm_finding {
    enum alarm_kind kind;
    char subject[ALARM_SUBJECT_BYTES_MAX];
    char text[ALARM_TEXT_BYTES_MAX]; /* for people; harmless UTF-8 on one line */
    int64_t for_ms;                  /* so long it must be wrong before anybody is told */
};

struct alarm_findings {
    struct alarm_finding list[ALARM_FINDINGS_MAX];
    size_t count;
    unsigned unknown; /* a bit for each enum alarm_kind of which nothing can be said now */
};

struct alarm_rules {
    const struct conf_alarm *conf;
    struct alarm_stages stages;
    struct alarm_growth dead, damaged, callbacks;
};

/* Fills `found` anew. */
void alarm_rules_look(struct alarm_rules *rules, const struct alarm_view *view, struct alarm_findings *found);

/* 1 when there should be one of this kind: `expect` says so, or it was seen and did not say goodbye. */
int alarm_rules_expect(const struct alarm_rules *rules, const char *kind);

#endif
