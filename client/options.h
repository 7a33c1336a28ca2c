/* The command line of mega. */
#ifndef CLIENT_OPTIONS_H
#define CLIENT_OPTIONS_H

#include "base/buf.h"
#include "client/endpoint.h"
#include "proto/frontend.h"

/* Exit statuses of mega; scripts rely on them. */
enum status {
    STATUS_DONE = 0,
    STATUS_REFUSED = 1,  /* 400, 408, 409: refused by the broker or by WeChat, expired, cancelled */
    STATUS_USAGE = 2,    /* wrong command line or configuration */
    STATUS_UNKNOWN = 3,  /* 404: no such id */
    STATUS_FAILED = 4,   /* 500: could not be sent; the message is dead */
    STATUS_AWAY = 5      /* 503, no answer in time, not ready: try again */
};

struct options {
    enum op op;
    char *endpoint;        /* owned; of the frontend */
    struct access access;
    int json;              /* results as JSON lines */
    int wait;              /* ready: until it is */
    int64_t timeout_ms;
    struct request request; /* spans point into argv and `vars` */
    struct buf vars;
};

/* Reads the command line and, unless --frontend is given, the configuration. Returns STATUS_DONE to go on, -1 when help was
 * printed, or STATUS_USAGE with the reason printed. */
int options_read(struct options *o, int argc, char **argv);
void options_free(struct options *o);

#endif
