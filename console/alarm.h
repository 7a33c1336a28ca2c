/* The alarms of mega-console: what is wrong (alarm_rules), what is raised (alarm_watch), who is told by which way (alarm_channel,
 * alarm_ways), and what of it outlives a restart (alarm_state, in a file).
 *
 * DESIGN. The console calls alarms_look every second with what it has heard; everything else follows from that and from time. Nothing
 * blocks: programs run beside, the network is libcurl's multi interface. The file is written when something of it has changed, at most
 * once a second, and not before people have what is on its way to them: a console that is killed in between tells it again. That it cannot be is said in the log, and costs only that a restart tells again what still holds.
 */
#ifndef CONSOLE_ALARM_H
#define CONSOLE_ALARM_H

#include "console/alarm_rules.h"

struct alarms;

/* What the console knows. */
struct alarms_heard {
    struct span broker; /* packed status; empty: it does not answer */
    struct span token;  /* of the token keeper, likewise */
    int has_task;       /* the task runner answers */
    struct span listener; /* of mega-listener, as token */
};

/* Reads the file of what was raised. `conf` is kept. */
struct alarms *alarms_new(const struct conf *conf);

/* Writes the file; drops what is being delivered. */
void alarms_destroy(struct alarms **self);

/* Looks at what is wrong now. Once a second. */
void alarms_look(struct alarms *a, const struct alarms_heard *heard);

/* 1 when there should be a program of this kind, as alarm_rules_expect says. */
int alarms_expect(const struct alarms *a, const char *kind);

/* For the loop: readable when alarms_run has something to do; and how long until it has in any case, at most limit_ms. */
int alarms_fd(const struct alarms *a);
int64_t alarms_wait_ms(const struct alarms *a, int64_t limit_ms);
void alarms_run(struct alarms *a);

/* Appends an object: what is raised, what is silenced, the ways and their last deliveries, the last test. console/README.md
 * describes it. */
void alarms_json(const struct alarms *a, struct buf *out);

/* Sends a test by every way that is configured. Returns 0, or -1 when there is none, or one is under way (constant `error`). */
int alarms_test(struct alarms *a, const char **error);

/* Nobody is told of `name` for so long; 0 ends a silence. Returns 0, or -1 with what is wrong. */
int alarms_silence(struct alarms *a, struct span name, int64_t for_ms, const char **error);

#endif
