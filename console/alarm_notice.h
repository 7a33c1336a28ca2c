/* What goes out by one way at once: some alarms, told to people. Pure; the formats are held to golden texts by tests.
 *
 * It holds no secret and nothing of a message: the installation's name, alarms, figures and limits, and where to read what to do.
 */
#ifndef CONSOLE_ALARM_NOTICE_H
#define CONSOLE_ALARM_NOTICE_H

#include "console/alarm_watch.h"

#define ALARM_NOTICE_EVENTS_MAX 20 /* told one by one; of more only their number is */

struct alarm_notice {
    char id[33];   /* random, unique; of the mail's Message-ID */
    int64_t at_ms; /* wall time at which it was put together */
    struct alarm_event events[ALARM_NOTICE_EVENTS_MAX];
    size_t count;
    size_t more; /* events for which there was no room */
};

void alarm_notice_add(struct alarm_notice *n, const struct alarm_event *event);

/* "[mega-wechat NAME] ALARM stage-gone:sender-1", "[…] 2 alarms, 1 recovered: stage-gone:sender-1, …". On one line. */
void alarm_notice_subject(const struct alarm_notice *n, const char *name, struct buf *out);

/* For mail and for people: a paragraph for each event. */
void alarm_notice_text(const struct alarm_notice *n, const char *name, struct buf *out);

/* An object as console/README.md describes it. */
void alarm_notice_json(const struct alarm_notice *n, const char *name, struct buf *out);

/* "raised", "reminder", "recovered", "test"; and as people are told: "ALARM", "STILL", "OK", "TEST". */
const char *alarm_event_name(enum alarm_event_type type);
const char *alarm_event_word(enum alarm_event_type type);

/* Where to read what to do. */
#define ALARM_HELP "docs/operations.md, Alarms"

/* Appends a member of a JSON object behind others: ,"NAME":"TEXT". */
void alarm_json_member(struct buf *out, const char *name, const char *text);

#endif
