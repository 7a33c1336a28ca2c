/* The command line of mega series. */
#ifndef CLIENT_SERIES_OPTIONS_H
#define CLIENT_SERIES_OPTIONS_H

#include "client/options.h"
#include "proto/series.h"

/* Texts and spans point into argv, unless they are owned. */
struct series_options {
    enum series_op command;
    const char *verb; /* the command as it was typed */
    struct access access;
    char *endpoint; /* owned; of mega-listener */
    char *frontend; /* owned; of the broker, for plan */
    int json;
    int yes;            /* do not ask before a stop of all */
    int64_t timeout_ms; /* without any answer */
    struct span name;   /* of the series; empty for list, status and a plan of all */
    struct span openid; /* start, stop, who */
    int all;            /* stop */
    struct span app;    /* plan */
    struct span event;  /* plan */
};

/* Reads the command line behind "mega" (argv[0] is "series") and, unless the addresses are given, the configuration. Returns STATUS_DONE
 * to go on, -1 when help was printed, or STATUS_USAGE with the reason printed. */
int series_options_read(struct series_options *o, int argc, char **argv);
void series_options_free(struct series_options *o);

/* The text of mega series --help. */
extern const char series_help_text[];

#endif
