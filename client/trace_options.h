/* The command line of mega trace. */
#ifndef CLIENT_TRACE_OPTIONS_H
#define CLIENT_TRACE_OPTIONS_H

#include "client/options.h"

#define TRACE_LOGS_MAX 1024 /* files named */

struct trace_options {
    struct span id;      /* points into argv, as all texts do */
    const char *app;     /* NULL: the default account in the ledger, any in the logs */
    char *endpoint;      /* owned; of the control socket */
    struct access access;
    char *log_path;      /* owned; [log] log_file of the configuration; NULL = none */
    const char *logs[TRACE_LOGS_MAX];
    size_t log_count;    /* 0: where logs usually are */
    int json;
    int64_t timeout_ms;
};

/* Reads the command line and the configuration. Returns STATUS_DONE to go on, -1 when help was printed, or STATUS_USAGE with the reason
 * printed. */
int trace_options_read(struct trace_options *o, int argc, char **argv);
void trace_options_free(struct trace_options *o);

#endif
