/* The command line of mega queue. */
#ifndef CLIENT_QUEUE_OPTIONS_H
#define CLIENT_QUEUE_OPTIONS_H

#include "client/options.h"
#include "proto/operator.h"

enum queue_command {
    QUEUE_STATUS,
    QUEUE_TOP,
    QUEUE_LIST,
    QUEUE_SHOW,
    QUEUE_CANCEL,
    QUEUE_PAUSE,
    QUEUE_RESUME,
    QUEUE_PAUSES,
    QUEUE_RATE,
    QUEUE_DELIVERY,
    QUEUE_WINDOWS,
    QUEUE_DRAIN,
    QUEUE_DEAD,
    QUEUE_REQUEUE,
    QUEUE_PURGE,
    QUEUE_EXPORT
};

enum export_format { EXPORT_NONE, EXPORT_CSV, EXPORT_JSONL };

struct queue_options {
    enum queue_command command;
    const char *name; /* of the command */
    char *endpoint;   /* owned; of the control socket */
    struct access access;
    int json;
    int yes;              /* do not ask before a destructive command */
    int64_t timeout_ms;   /* without any answer; of drain: in all */
    int64_t every_ms;     /* top */
    int64_t for_ms;       /* pause; 0 = until resumed */
    int64_t ttl_ms;       /* requeue; 0 = none */
    int sets_rate;        /* rate: 1: rate_per_s is to be set; 0: rates are shown */
    int64_t rate_per_s;   /* 0 = no limit, RATE_OF_CONF = as the configuration says */
    uint64_t limit;       /* list, dead: entries; 0 = all */
    struct filter filter; /* spans point into argv; id is empty: see ids */
    char **ids;           /* into argv; of windows: the openid */
    size_t id_count;
    enum export_format format; /* export: CSV unless it or --json said JSON lines */
    const char *output;        /* export: a file; NULL = standard output */
};

/* Reads the command line behind "mega" (argv[0] is "queue") and, unless --control is given, the configuration. Times that are so
 * long ago count from now_ms (wall time). Returns STATUS_DONE to go on, -1 when help was printed, or STATUS_USAGE with the
 * reason printed. */
int queue_options_read(struct queue_options *o, int argc, char **argv, int64_t now_ms);
void queue_options_free(struct queue_options *o);

/* The text of mega queue --help. */
extern const char queue_help_text[];

#endif
