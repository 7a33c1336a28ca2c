/* What a task is, beside its rows: one small file, replaced as a whole whenever something of it changes. */
#ifndef TASK_FACTS_H
#define TASK_FACTS_H

#include "proto/task.h"

#define TASK_UID_DIGITS 8

enum task_state {
    TASK_READY,     /* there, and not started */
    TASK_SCHEDULED, /* starts by itself at its time */
    TASK_RUNNING,
    TASK_PAUSED,
    TASK_STOPPING,  /* what waits is being cancelled, what is out is waited for */
    TASK_STOPPED,
    TASK_DONE,      /* every row has a result */
    TASK_STATES
};

/* What became of a row; stored, so numbers stay as they are. */
enum row_state {
    ROW_TODO,      /* no result of its present round */
    ROW_SENT,
    ROW_PENDING,   /* WeChat took it and reviews it first */
    ROW_REFUSED,
    ROW_EXPIRED,
    ROW_DEAD,
    ROW_CANCELLED,
    ROW_DROPPED,   /* left out when the task was made: its recipient stands in an earlier row */
    ROW_STATES
};

struct facts {
    char name[TASK_NAME_BYTES_MAX + 1];
    char uid[TASK_UID_DIGITS + 1];      /* random: a later task of the same name has other message ids */
    char upload[TASK_UPLOAD_BYTES + 1]; /* the making that it came from */
    char key[KEY_TEXT_BYTES_MAX + 1];
    char app[ACCOUNT_BYTES_MAX + 1];    /* empty = the default account */
    char source[TASK_SOURCE_BYTES_MAX + 1];
    struct buf columns;                 /* owned; packed array of str, or empty */
    int lane;                           /* enum lane, or -1 */
    enum task_state state;
    int is_held;    /* 1: the broker may have a pause of this label, which we asked for */
    int resends;    /* RESEND_*: rows that still have to be put back for another round; 0 = none */
    uint64_t rate_per_s; /* 0 = no limit */
    int64_t ttl_ms;      /* 0 = the template's */
    int64_t at_ms, created_ms, started_ms, ended_ms; /* wall time; 0 = not (yet) */
    uint64_t bad;        /* lines of its source that were left out */
    uint64_t round;      /* of the row that was sent most often, from 1 */
    uint64_t counts[ROW_STATES]; /* kept of a task that has ended; of others the marks are counted */
};

#define RESEND_FAILED    1
#define RESEND_CANCELLED 2

void facts_free(struct facts *f);

/* Writes them to FOLDER/FILE, synced. Returns 0, or -1 with errno set. */
int facts_write(const struct facts *f, const char *folder, const char *file);

/* Returns 0, or -1 with the reason appended to `error`. */
int facts_read(struct facts *f, const char *folder, const char *file, struct buf *error);

/* "ready", "running", … */
const char *task_state_name(enum task_state state);

/* "sent", "refused", … as the broker calls them; "todo" and "dropped" besides. */
const char *row_state_name(enum row_state state);

/* 1 when the state is one in which nothing happens any more by itself. */
int task_state_is_final(enum task_state state);

#endif
