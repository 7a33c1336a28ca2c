/* The three ways by which a notice goes out: a command, a webhook, a mail. Each is there when it is configured; each has a delivery of
 * notices and one of tests, which know nothing of each other. */
#ifndef CONSOLE_ALARM_WAYS_H
#define CONSOLE_ALARM_WAYS_H

#include "console/alarm_notice.h"

enum alarm_way { ALARM_BY_COMMAND, ALARM_BY_WEBHOOK, ALARM_BY_MAIL, ALARM_WAYS };

struct alarm_ways;

/* Whom to tell: of which way, of a test or a notice; `error` is NULL when it was taken, and valid during the call. */
struct alarm_ear {
    void *self;
    void (*done)(void *self, enum alarm_way way, int is_test, const char *error);
};

/* `conf` and `name` (of the installation) are kept. */
struct alarm_ways *alarm_ways_new(const struct conf_alarm *conf, const char *name, struct alarm_ear ear);
void alarm_ways_destroy(struct alarm_ways **self);

/* "command", "webhook", "mail". */
const char *alarm_way_name(enum alarm_way way);

/* 1 when it is configured. */
int alarm_way_is_on(const struct conf_alarm *conf, enum alarm_way way);

/* Appends to whom it goes, without secrets: the program, the webhook's host, the mail's recipients. */
void alarm_way_target(const struct conf_alarm *conf, enum alarm_way way, struct buf *out);

/* Begins a delivery, of which `done` is called once, perhaps within the call. One test and one notice of a way at once. */
void alarm_ways_deliver(struct alarm_ways *ways, enum alarm_way way, int is_test, const struct alarm_notice *notice);

/* Readable when alarm_ways_run has something to do; and how long until it has in any case, at most limit_ms. */
int alarm_ways_fd(const struct alarm_ways *ways);
int64_t alarm_ways_wait_ms(const struct alarm_ways *ways, int64_t limit_ms);

void alarm_ways_run(struct alarm_ways *ways);

#endif
