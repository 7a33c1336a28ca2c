/* One request on its way: its packed bytes, what is kept about it until it is answered, and where the answer goes.
 *
 * A call is made by the caller's thread, handed to the I/O thread, and given back when it is finished; it belongs to one of them at a
 * time, so nothing in it is locked.
 */
#ifndef MEGA_LIB_CALL_H
#define MEGA_LIB_CALL_H

#include <pthread.h>

#include "client/lib/mega.h"
#include "proto/frontend.h"

/* What is asked, before it is packed: checked as far as proto/ does not check it. */
struct form {
    struct request request;
    const struct mega_var *vars; /* packed into request.vars by call_new */
    size_t var_count;
};

/* Each returns 0, or MEGA_INVALID with the text of mega_last_error. Spans point into the arguments. */
int form_message(enum op op, const struct mega_message *message, struct form *f);
int form_status(const char *app, const char *id, int waits, struct form *f);
int form_selection(const struct mega_selection *selection, struct form *f);
int form_receipt(const struct mega_receipt *receipt, struct form *f);
int form_window(const struct mega_window *window, struct form *f);
int form_tset(const char *key, struct form *f);
int form_ping(struct form *f);

/* How long an answer may take; each has its own time-out. */
enum patience { PATIENCE_QUICK, PATIENCE_SEND, PATIENCE_WAIT, PATIENCES };

/* The lists of pending.c that a call is in. */
enum call_list { BY_AGE, BY_ASKING, BY_DEADLINE, CALL_LISTS };

/* A thread that waits for its answer. */
struct blocked {
    pthread_cond_t cond;
    int finished;
};

struct call {
    struct call *next;                               /* in the queue, the table or the finished ones */
    struct call *before[CALL_LISTS], *after[CALL_LISTS];
    uint64_t ref;
    enum op op;
    enum patience patience;
    int asked;               /* 1: it is with the broker, as far as is known */
    uint32_t ping;           /* number of the last ping that went out before it */
    int64_t asked_ms;        /* monotonic */
    int64_t deadline_ms;     /* monotonic; INT64_MAX = none */
    mega_done *done;         /* of an asynchronous call */
    void *argument;
    struct blocked *blocked; /* of a blocking one */
    int error;               /* when it is finished: 0 or an enum mega_error */
    int reached;             /* MEGA_TIMEOUT: the broker was there then */
    char *answer;            /* packed result; `packed` when it fits, else owned */
    size_t answer_bytes;
    char id[MEGA_ID_BYTES];  /* of the message; empty when there is none */
    size_t bytes, room;
    char packed[];
};

/* Packs and checks. 0 with the call, MEGA_INVALID or MEGA_MEMORY with the text. */
int call_new(const struct form *f, uint64_t ref, struct call **out);
void call_free(struct call *c);

/* Keeps a copy of the packed result. */
void call_answer(struct call *c, struct span packed);

/* The result of a finished call. With an error its message says what `endpoint` did not do within the call's time. */
void call_result(const struct call *c, const char *endpoint, int64_t timeout_ms, struct mega_result *result);

#endif
