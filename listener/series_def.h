/* What a series is: which event starts it, which messages it sends when, what ends it. Read from a file by series_file.c, kept by
 * series_set.c. docs/series.md describes the keys for people.
 */
#ifndef LISTENER_SERIES_DEF_H
#define LISTENER_SERIES_DEF_H

#include "base/conf.h"
#include "listener/zone.h"
#include "proto/series.h"

#define SERIES_STEPS_MAX         64
#define SERIES_TRIGGERS_MAX      32  /* start[], and as many end[] */
#define SERIES_VARS_MAX          32  /* var[] */
#define SERIES_AFTER_MS_MAX      AT_AHEAD_MS_MAX       /* of a step: the broker takes no message for a later time */
#define SERIES_CLOCK_AFTER_MS_MAX (397LL * 86400 * 1000) /* of one that waits for a time of day, or for the end of quiet hours, as well */
#define SERIES_ZONE_DEFAULT      "Asia/Shanghai"
#define SERIES_AGAIN_ALWAYS      0
#define SERIES_AGAIN_NEVER       (-1)

struct series_step {
    int64_t after_ms; /* since the start */
    int32_t clock_ms; /* then at this time of day, ms since midnight; -1: at once */
    int64_t ttl_ms;   /* 0 = the template's */
    char key[KEY_TEXT_BYTES_MAX + 1];
};

struct series {
    char name[SERIES_NAME_BYTES_MAX + 1]; /* of the file, without .ini */
    char app[CONF_ACCOUNT_BYTES_MAX];
    struct series_trigger_text {
        struct series_trigger trigger; /* its text points to `text` */
        char text[SERIES_TEXT_BYTES_MAX + 1];
    } starts[SERIES_TRIGGERS_MAX], ends[SERIES_TRIGGERS_MAX];
    size_t start_count, end_count;
    struct series_step steps[SERIES_STEPS_MAX]; /* step 1 is [0] */
    size_t step_count;
    struct zone zone;
    int32_t quiet_from_ms, quiet_to_ms; /* ms since midnight; both -1: no quiet hours */
    int64_t again_ms;                   /* from one start to the next of the same person; SERIES_AGAIN_ALWAYS, SERIES_AGAIN_NEVER */
    struct buf vars;                    /* packed map; empty: none */
};

#endif
