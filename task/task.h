/* The task runner: keeps bulk tasks on disk, feeds their rows to the broker and keeps what became of each.
 *
 * DESIGN. One thread, one loop; libmega talks to the broker's frontend in a thread of its own. A task is a row of states (facts.h)
 * and a spool (spool.h). Its rows are fed in order, a bounded number at a time, so that neither another task nor a single message
 * stands behind a whole task, and a pause takes effect at once. A row's message id is made of the task's uid, the row and its
 * round: feeding it again is a question, so nothing has to be remembered of what was fed: after a kill the first rows without a
 * result are fed again.
 *
 *   runner.c   sockets, the loop                       asks.c    what mega task wants
 *   tasks.c    which tasks there are                   making.c  a task that is being made
 *   feed.c     whose rows go next, and how many        info.c    a task as it is shown
 *   flight.c   one row on its way, and its result      failed.c  who did not get it
 *   life.c     what a task does next                   steer.c   pauses and cancels at the broker
 *
 * What cannot be written to disk is not counted: the task waits and says so.
 */
#ifndef TASK_TASK_H
#define TASK_TASK_H

#include <mega.h>
#include <uthash.h>

#include "base/audit.h"
#include "base/curve_guard.h"
#include "base/program.h"
#include "task/spool.h"

#define TASKS_MAX        1000   /* with their counts in memory; of those that have ended nothing else */
#define MAKINGS_MAX      16     /* tasks that are being made at once */
#define FLIGHTS_MAX      32768  /* rows on their way, some 400 bytes each and as much in libmega */
#define WINDOW_MIN       64     /* rows of an account's tasks on their way, even when nothing comes back */
#define WINDOW_LEAST     4      /* of one of many tasks */
#define WINDOW_MAX       8192
#define LOOK_ROWS        16384  /* rows that may have been on their way when the process ended: two windows */
#define SLOT_MS          250    /* results are counted in slots of time */
#define SLOTS_KEPT       41     /* ten seconds of them, and the one that goes on */
#define CANCEL_AGAIN_MS  3000   /* while what is being stopped has not ended */
#define SPOOL_KEPT_MS    10000  /* files of a task that has ended stay open so long after a page of failures */
#define NOTE_BYTES       256
#define MARKS_CACHED     256

struct runner;

/* Rows that may go at a rate. */
struct bucket {
    double rows;
    int64_t filled_ms; /* monotonic */
};

struct task {
    UT_hash_handle hh; /* by facts.name */
    struct runner *runner;
    struct facts facts;
    char *folder;        /* owned */
    struct spool *spool; /* NULL: closed, since the task has ended */
    int is_making;
    int64_t touched_ms;  /* monotonic; of one that is being made: its last ask; of one that has ended: its last page of failures */

    /* feed.c */
    uint64_t cursor;     /* rows before it have been looked at */
    struct mark marks[MARKS_CACHED]; /* those from marks_first on, as they were read */
    uint64_t marks_first;
    size_t marks_count;
    int is_loaded;       /* 1: read from disk at the start of the process: rows may have been on their way before */
    int is_found;        /* 1: some that were looked at were known to the broker, so there may be more behind them */
    size_t looks;        /* rows without a result that are still asked about before anything else: see flight.c */
    struct bucket rate;  /* by facts.rate_per_s */
    struct bucket pace;  /* while others want more too */
    size_t share;        /* of runner.shares, while it runs */
    int is_hungry;       /* 1: it could have been fed more when it was looked at last */
    uint64_t settled[SLOTS_KEPT]; /* results in each of the last slots of time */
    int64_t slot;        /* monotonic, of settled[slot % SLOTS_KEPT] */
    int64_t began_ms;    /* monotonic: it runs since then */
    size_t grown;        /* rows that the window is larger by, since nothing comes back */
    int64_t grown_ms;    /* monotonic: since when */

    /* flight.c */
    struct flight *flights; /* by row */
    size_t out;          /* of them */
    size_t pushes;       /* of them: not yet known to be accepted */
    size_t attaches;     /* of them: not yet known to have been fed before */
    struct flight *again_first, *again_last; /* to be asked again, at again_ms or later */
    int64_t again_ms;    /* monotonic */
    int64_t again_wait_ms; /* how long the last wait was; 0 = all goes well */
    struct result_row *results; /* owned; not on disk yet */
    size_t result_count, result_room;
    int64_t flush_ms;    /* monotonic: not written before, since the disk has failed */

    /* steer.c */
    enum ask_op steer_op; /* under way; ASK_NONE = nothing */
    uint64_t steer_ref;
    int64_t steer_again_ms; /* monotonic */
    int is_paused_there;  /* 1: the broker has confirmed the pause */
    int is_cancelled_there;
    int64_t cancelled_ms; /* monotonic: when it was done last */
    int is_discarded_there;

    char note[NOTE_BYTES]; /* why it does not go on; empty = it does */
    const char *doubt;     /* told when there is no note, until it is resumed or stopped; NULL = none */
};

/* An asker whose answer waits until what he wants is so. */
struct waiting {
    struct waiting *next;
    char peer[64]; /* routing id */
    size_t peer_bytes;
    uint64_t ref;
    enum task_op op;
    char name[TASK_NAME_BYTES_MAX + 1];
    int64_t until_ms; /* monotonic: answered then as it is */
};

/* The running tasks of an account. */
struct share {
    const char *app;
    double per_s;  /* results */
    size_t hungry; /* tasks that could have been fed more */
    size_t out;    /* rows on their way */
};

struct runner {
    struct program *program;
    const struct conf *conf;
    void *socket;        /* zsock: asks */
    struct curve_guard *guard; /* of that */
    void *control;       /* zsock: the broker's */
    int control_is_full; /* 1: it takes no more asks now; the loop waits until it does */
    struct mega *mega;
    struct audit *audit;
    const void *reading; /* zmq_msg_t of the ask that is being read */
    struct task *tasks;  /* by name */
    size_t flights;      /* of all */
    struct share shares[CONF_ACCOUNTS_MAX + 1]; /* feed.c; of this turn */
    size_t share_count;
    size_t makings;
    uint64_t next_ref;   /* of what the broker is asked on its control socket */
    struct waiting *waiting;
    size_t waiting_count;
    int64_t now_ms;      /* wall time of this turn */
    int64_t mono_ms;
    int64_t began_ms;    /* monotonic */
    int64_t alive_ms;    /* monotonic: noted last then (tasks_note_alive); 0 = never */
    struct buf scratch;  /* of whoever needs it within one function */
    struct buf row;      /* the bytes of the row that is being fed */
};

/* --- runner.c ------------------------------------------------------------------------------------------------------- */

/* Reads the tasks, binds and connects. NULL when that fails; the reason is logged. */
struct runner *runner_new(struct program *program);
void runner_destroy(struct runner **self);

/* Runs until TERM. Returns the exit status. */
int runner_run(struct runner *r);

/* --- tasks.c -------------------------------------------------------------------------------------------------------- */

/* Reads every task of [task] dir; one that cannot be read is logged and left alone. Returns -1 when the folder cannot be used. */
int tasks_load(struct runner *r);

/* Notes now and then that this process runs: what was away for so long that the broker has forgotten results is paused at the next start,
 * since nobody could tell any more which of its rows were sent. */
void tasks_note_alive(struct runner *r);

/* NULL when there is none. */
struct task *tasks_find(struct runner *r, struct span name);

/* A new one, with its folder and its empty spool; facts are to be filled in. NULL with the reason in `error`. */
struct task *tasks_add(struct runner *r, struct span name, struct buf *error);

/* Removes it from disk and memory. Returns 0; -1 when it is still there, with the reason in its note. */
int tasks_delete(struct task *t);
void tasks_free_all(struct runner *r);

/* Opens the spool of a task that has ended. Returns 0, or -1 with the reason in `error`. */
int tasks_open_spool(struct task *t, struct buf *error);

/* Counts the marks, whose spool must be open. Returns 0, or -1 when they cannot be read. */
int tasks_recount(struct task *t);

/* Writes the facts; a failure is logged and told in the note. Returns 0 or -1. */
int tasks_keep(struct task *t);

/* --- life.c --------------------------------------------------------------------------------------------------------- */

/* Each returns CODE_OK, CODE_REFUSED or, when the disk does not take it now, CODE_BUSY, with the reason in `error`. What is so already is no
 * error. */
enum code life_start(struct task *t, struct buf *error);
enum code life_pause(struct task *t, struct buf *error);
enum code life_resume(struct task *t, struct buf *error);
enum code life_stop(struct task *t, struct buf *error);
enum code life_resend(struct task *t, int resends, struct buf *error);

/* What follows from time and from what has come back; after every turn. */
void life_tick(struct task *t);

/* 1 when what `op` wants is so, at the broker too. */
int life_is_done(const struct task *t, enum task_op op);

/* --- feed.c --------------------------------------------------------------------------------------------------------- */

/* Feeds all tasks what they may have. Returns milliseconds until something more may be fed, at most `limit_ms`. */
int feed_tick(struct runner *r, int limit_ms);

/* Rows are looked at from the first one on again. */
void feed_rewind(struct task *t);

/* Counts results of now. */
void feed_count(struct task *t, uint64_t results);

/* Results a second over the last ten seconds, or since it runs when that is shorter. */
double feed_per_s_told(const struct task *t);

/* --- flight.c ------------------------------------------------------------------------------------------------------- */

/* A row sets out. Only asks what became of it when `is_look`; it is forgotten when the broker does not know it. */
void flight_begin(struct task *t, uint64_t row, const struct mark *mark, int is_look);

/* The message id of a row in a round: unique among all tasks there ever were, and the same whenever it is fed. At most 59 bytes. */
void flight_id(const struct task *t, uint64_t row, unsigned round, char id[MEGA_ID_BYTES]);

int flight_is_out(const struct task *t, uint64_t row);

/* Asks again what has to be asked again. */
void flight_tick(struct task *t);

/* Writes results down and counts them. Returns 0; -1 while the disk does not take them. */
int flight_flush(struct task *t);

/* Forgets all rows on their way. Nothing may be answered any more: the handle of libmega is closed, or there are none. */
void flight_drop_all(struct task *t);

/* --- steer.c -------------------------------------------------------------------------------------------------------- */

/* Connects to the broker's control socket. */
void steer_open(struct runner *r);

/* Asks what a task needs of the broker, and asks again what was not answered. */
void steer_tick(struct task *t);

/* Reads answers. */
void steer_receive(struct runner *r);

/* --- asks.c, making.c, failed.c, info.c ------------------------------------------------------------------------------ */

/* Reads asks, at most a turn's worth. */
void asks_receive(struct runner *r);

/* Answers those who wait for something that is so now. */
void asks_tick(struct runner *r);

/* Each fills in the answer; texts and data point into r->scratch. */
void making_on_ask(struct runner *r, const struct task_ask *a, struct answer *answer);
void failed_on_ask(struct runner *r, struct task *t, const struct task_ask *a, struct answer *answer);

/* Forgets makings that nobody goes on with. */
void making_tick(struct runner *r);

/* Appends the map of a task; without its columns, which may be many, in a list. */
void info_pack(const struct task *t, int has_columns, struct buf *out);

/* Appends the map of the status: of all tasks together. */
void info_pack_status(const struct runner *r, struct buf *out);

/* Rows whose states are the given ones. */
uint64_t info_failed(const struct task *t, int resends);

#endif
