/*
 * journal.h - a file with a JSON line for every message call, token call, call about calls (service.h) and try of a callback.
 *
 * Lines are gathered and written together, at the latest after 50 ms, and whenever journal_flush() is called.
 * The file is appended to. If it cannot be written the process ends with a message and exit code 1: a test
 * must not go on with a journal that lacks lines.
 */
#ifndef SIM_JOURNAL_H
#define SIM_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/loop.h"

#define JOURNAL_FAULT_BYTES_MAX 15   /* the longest action name is "cut-after" */
#define JOURNAL_REPLY_BYTES_MAX 2048 /* more of an answer to a callback is left out */

/* A message call, or one for the list of followers: its openid is next_openid. Strings may be NULL: then the member is null. */
struct journal_message {
    int64_t arrived_ms; /* wall clock */
    int64_t done_ms;
    const char *path;
    const char *app;
    const char *openid;
    const char *client_msg_id;
    const char *result;
    const char *fault; /* the action of the rule that applied */
    bool answered;     /* the answer was given to a client that was still there */
    bool has_errcode;
    int errcode;
    int status;    /* HTTP; 0 (null in the file): nothing was answered */
    int64_t msgid; /* 0 (null in the file): none */
    const char *body;
    size_t body_bytes;
};

/* A token call, or a call about calls. Never holds a secret or a token. */
struct journal_grant {
    int64_t arrived_ms;
    const char *path;
    const char *app;
    const char *result;
    bool has_errcode;
    int errcode;
};

/* A try of a callback. */
struct journal_callback {
    int64_t begun_ms; /* wall clock */
    int64_t done_ms;
    const char *app;
    const char *openid;
    const char *event;
    int64_t number; /* of the event */
    int tries;      /* this one included */
    const char *result;
    const char *why;   /* NULL: nothing was wrong */
    int status;        /* HTTP; 0 (null in the file): not answered */
    int64_t ms;        /* how long it took */
    const char *reply; /* NULL: not answered */
    size_t reply_bytes;
    const char *body; /* the text, before it was encrypted; NULL if empty */
    size_t body_bytes;
};

struct journal;

/* `path` NULL: no journal, every call does nothing. NULL after a message if the file cannot be opened. */
struct journal *journal_new(const char *path, struct loop *loop);
void journal_destroy(struct journal **self); /* writes what is gathered */

void journal_add_message(struct journal *self, const struct journal_message *message);
void journal_add_grant(struct journal *self, const struct journal_grant *grant);
void journal_add_callback(struct journal *self, const struct journal_callback *callback);

/* Writes what is gathered. */
void journal_flush(struct journal *self);

#endif
