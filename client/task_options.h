/* The command line of mega task. */
#ifndef CLIENT_TASK_OPTIONS_H
#define CLIENT_TASK_OPTIONS_H

#include "client/rows/encoding.h"
#include "client/options.h"
#include "proto/task.h"

enum task_command {
    COMMAND_CREATE,
    COMMAND_START,
    COMMAND_PAUSE,
    COMMAND_RESUME,
    COMMAND_STOP,
    COMMAND_DELETE,
    COMMAND_RATE,
    COMMAND_LIST,
    COMMAND_SHOW,
    COMMAND_WATCH,
    COMMAND_FAILED,
    COMMAND_RESEND
};

enum task_source { SOURCE_NONE, SOURCE_FILE, SOURCE_SQL, SOURCE_FOLLOWERS };

/* Texts and spans point into argv, unless they are owned. */
struct task_options {
    enum task_command command;
    const char *verb;   /* the command as it was typed */
    struct access access;
    char *endpoint;     /* owned; of mega-task */
    char *frontend;     /* owned; of the broker, for create */
    int json;
    int yes;                            /* do not ask before a destructive command */
    int64_t timeout_ms;                 /* without any answer */
    int64_t every_ms;                   /* watch: between two lines */
    char name[TASK_NAME_BYTES_MAX + 1]; /* of the task; empty for list */
    int64_t rate_per_s;                 /* create, rate; 0 = no limit */
    /* create */
    struct span key, app;
    int lane;       /* enum lane, or -1 */
    int64_t ttl_ms; /* 0 = the template's */
    int64_t at_ms;  /* wall time; 0 = when it is told to */
    int start, watch, dry_run, unique, skip_bad;
    enum task_source source;
    const char *file; /* SOURCE_FILE: its name; NULL = standard input */
    const char *sql;
    const char *bad; /* a file for all bad lines; or NULL */
    enum encoding encoding;
    char delimiter; /* 0 = is found */
    const char *columns, *openid_column;
    struct buf var_names, var_values; /* packed strs, one behind the other, of --var */
    size_t var_count;
    /* failed */
    const char *output; /* a file; NULL = standard output */
    /* resend */
    int failed, cancelled;
};

/* Reads the command line behind "mega" (argv[0] is "task") and, unless the addresses are given, the
 * configuration. Times from now on, and the name of a task without one, count from now_ms (wall time).
 * Returns STATUS_DONE to go on, -1 when help was printed, or STATUS_USAGE with the reason printed. */
int task_options_read(struct task_options *o, int argc, char **argv, int64_t now_ms);
void task_options_free(struct task_options *o);

/* KEY, as far as it can be in a name and fits, and the local time: may-sale-20240501-120000. */
void task_options_make_name(struct span key, int64_t now_ms, char name[TASK_NAME_BYTES_MAX + 1]);

/* The text of mega task --help. */
extern const char task_help_text[];

#endif
