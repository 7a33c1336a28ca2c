/* What mega-task is asked on its socket ([task] endpoint): by mega task, and by whatever else makes and steers bulk tasks.
 * proto/MESSAGES.md describes it for people.
 *
 * An ask is a map of the type "ask", as on the control socket of the broker; the answer is a struct answer of proto/operator.h.
 * Asking the same again under the same ref is harmless: every operation says what is to be, not what is to change, and rows
 * are numbered.
 */
#ifndef PROTO_TASK_H
#define PROTO_TASK_H

#include "proto/operator.h"

#define TASK_NAME_BYTES_MAX   32      /* of a task; with round and row it becomes an id of 64 bytes at most */
#define TASK_UPLOAD_BYTES     16      /* hexadecimal digits that name one making of a task */
#define TASK_COLUMNS_MAX      VARS_MAX
#define TASK_ROWS_MAX         100000000 /* of one task */
#define TASK_ROW_BYTES_MAX    (320 * 1024)
#define TASK_DATA_BYTES_MAX   (1024 * 1024) /* rows in one ask */
#define TASK_DROPS_MAX        65536         /* row numbers in one ask */
#define TASK_SOURCE_BYTES_MAX 255
#define TASK_FAILED_MAX       1000          /* entries of a page */

enum task_op {
    TASK_NONE,
    TASK_OPEN,   /* a task is being made: what it is; nothing of it is seen until it is committed */
    TASK_ROWS,   /* its rows, a piece at a time */
    TASK_DROP,   /* rows of it that are not to be sent after all: repeated recipients */
    TASK_COMMIT, /* it is there */
    TASK_ABORT,  /* it is not to be */
    TASK_LIST,
    TASK_SHOW,
    TASK_START,
    TASK_PAUSE,
    TASK_RESUME,
    TASK_STOP,
    TASK_RATE,
    TASK_FAILED, /* rows that were not sent, and why: one page */
    TASK_RESEND,
    TASK_DELETE,
    TASK_STATUS  /* of the runner: how many tasks and rows there are, by state */
};

struct task_ask {
    enum task_op op;
    uint64_t ref;       /* echoed */
    struct span name;   /* of the task: letters, digits, . _ -, the first one a letter or digit; all but list and status need it */
    struct span upload; /* open to abort: names this making of the task, so that asking again is no second one */
    /* open */
    struct span key, app;
    struct span source; /* where the rows come from, for people */
    struct span columns; /* packed array of str: names of the variables, in order */
    int lane;           /* enum lane, or -1: as the template says */
    int64_t rate_per_s; /* open, rate: messages a second; 0 = no limit of its own */
    int64_t at_ms;      /* open: starts by itself then, wall time; 0 = when it is told to */
    int64_t ttl_ms;     /* open: of each message, from the moment it is fed; 0 = the template's */
    /* rows */
    uint64_t row;       /* number of the first one, from 0 */
    struct span data;   /* rows one behind the other, each a packed array [line in its source, openid, vars] */
    /* drop */
    struct span drops;  /* packed array of row numbers */
    /* commit */
    uint64_t rows;      /* how many there must be */
    uint64_t bad;       /* lines of the source that were left out */
    int start;          /* 1: starts at once */
    /* failed */
    uint64_t from;      /* `next` of the page before; 0 = from the beginning */
    uint32_t limit;     /* at most TASK_FAILED_MAX; 0 = that many */
    /* resend: to whom again; at least one */
    int failed;         /* refused, expired, dead */
    int cancelled;      /* cancelled, and what was never sent because the task was stopped */
    struct span by;     /* who asks, for the log; at most 64 bytes */
};

void task_ask_pack(const struct task_ask *a, struct buf *out);

/* Returns 0, or -1 with a message in `error` (cleared first) that names the member and the limit; a->ref is set even then when it
 * could be read. Drops are checked to be integers; rows are not looked at (see task_row_next). */
int task_ask_unpack(struct span packed, struct task_ask *a, struct buf *error);

const char *task_op_name(enum task_op op); /* NULL for TASK_NONE */

/* 1 when the text can be the name of a task: 1 to TASK_NAME_BYTES_MAX bytes of letters, digits, `.`, `_` and `-`, the first one a
 * letter or digit. It is a folder's name and a label. */
int task_name_is_good(struct span text);

/* One row of `data`. */
struct task_row {
    uint64_t line;      /* in its source, from 1 */
    struct span openid; /* 1 to OPENID_BYTES_MAX bytes of UTF-8 */
    struct span vars;   /* packed map, or empty */
    struct span packed; /* the whole row */
};

void task_row_pack(const struct task_row *r, struct buf *out);

/* Takes the next row from the front of `data`. Returns 1 and the row; 0 at the end; -1 when what stands there is no row (its form,
 * its openid, its size); whether vars are good variables is for the broker to say. */
int task_row_next(struct span *data, struct task_row *r);

#endif
