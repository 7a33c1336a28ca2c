/* What is raised: from what is wrong now to what people are told of. Pure: times are arguments.
 *
 *   nothing ──wrong──▶ pending ──wrong for long enough──▶ raised ──fine for fine_for──▶ nothing
 *                        └──fine──▶ nothing                 │ wrong again: it stays raised
 *                                                           └─ every `repeat`: a reminder
 *
 * What nobody can tell now (the broker is away) neither raises nor recovers. What is silenced is raised and recovers without a word; if
 * it is still raised when the silence ends, it is told then.
 */
#ifndef CONSOLE_ALARM_WATCH_H
#define CONSOLE_ALARM_WATCH_H

#include "console/alarm_rules.h"

#define ALARM_SILENCES_MAX 64

enum alarm_event_type { ALARM_EVENT_RAISED, ALARM_EVENT_REMINDER, ALARM_EVENT_RECOVERED, ALARM_EVENT_TEST };

/* What people are told. */
struct alarm_event {
    enum alarm_event_type type;
    enum alarm_kind kind; /* ALARM_KINDS: of a test */
    char subject[ALARM_SUBJECT_BYTES_MAX];
    char text[ALARM_TEXT_BYTES_MAX];
    int64_t at_ms;     /* wall time: now */
    int64_t since_ms;  /* wall time: it has been wrong since */
};

enum alarm_state { ALARM_PENDING, ALARM_RAISED };

struct alarm {
    enum alarm_state state;
    enum alarm_kind kind;
    char subject[ALARM_SUBJECT_BYTES_MAX];
    char text[ALARM_TEXT_BYTES_MAX]; /* as it was last seen wrong */
    int64_t since_ms;   /* wall time: wrong since */
    int64_t wrong_ms;   /* monotonic: the same */
    int64_t fine_ms;    /* monotonic: fine since, of one that was wrong before; -1 = it is wrong now */
    int64_t told_ms;    /* monotonic: people were told last; ALARM_UNTOLD = never of this one */
};

#define ALARM_UNTOLD INT64_MIN

struct alarm_silence {
    char name[ALARM_ID_BYTES_MAX]; /* KIND, KIND:SUBJECT or "all" */
    int64_t until_ms;              /* wall time */
};

struct alarm_watch {
    const struct conf_alarm *conf;
    struct alarm list[ALARM_FINDINGS_MAX];
    size_t count;
    struct alarm_silence silences[ALARM_SILENCES_MAX];
    size_t silence_count;
    int changed; /* 1: something of it that outlives a restart is another than when this was set to 0 */
};

/* What happened is told by `tell`, which keeps nothing of the event. */
struct alarm_listener {
    void *self;
    void (*tell)(void *self, const struct alarm_event *event);
};

void alarm_watch_take(struct alarm_watch *w, const struct alarm_findings *found, int64_t mono_ms, int64_t wall_ms,
                      const struct alarm_listener *listener);

/* Nobody is told of `name` until then; 0 ends a silence. Returns 0, or -1 with what is wrong in `error` (constant). */
int alarm_watch_silence(struct alarm_watch *w, struct span name, int64_t until_ms, int64_t wall_ms, const char **error);

/* Until when it is silenced, wall time; 0: it is not. */
int64_t alarm_watch_silenced_until(const struct alarm_watch *w, const struct alarm *a, int64_t wall_ms);

#endif
