/* libmega: hands WeChat messages to Mega-WeChat and asks what became of them.
 *
 *   struct mega *mega = mega_open("tcp://127.0.0.1:9502", NULL);
 *   struct mega_var vars[] = {mega_text("item", "tea")};
 *   struct mega_message message = {.openid = "oABCD", .key = "order", .id = "order-4711", .vars = vars, .var_count = 1};
 *   struct mega_result result;
 *   if (mega_push(mega, &message, &result) == 0)
 *       printf("%d %s\n", result.code, result.state);
 *   mega_close(&mega);
 *
 * It speaks to the broker's frontend, keeps every request until it is answered or its time is over, asks again when an answer is
 * overdue, the connection was lost or the broker was started again; the connection comes back by itself. A message without an id gets
 * one, so that asking again never makes a second message. Requests of one thread take effect in their order, but for those that are
 * asked again.
 *
 * Threads: a handle may be used by any number of threads at once. It has one thread of its own (and those of libzmq), which only
 * moves bytes and takes no signals: callbacks run in mega_dispatch, in the thread that calls it. After fork the child must not use
 * the handle, nor close it.
 *
 * Strings are UTF-8 and end with NUL; an empty one is refused, NULL leaves it out. What is passed in is copied and may be freed as
 * soon as the call has returned. Nothing here writes to standard error or ends the process.
 */
#ifndef MEGA_H
#define MEGA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default) /* everything else in the library is hidden */
#endif

#define MEGA_ID_BYTES 65 /* of a message id, with its NUL */

/* What functions return besides 0. The texts of mega_strerror say more. */
enum mega_error {
    MEGA_INVALID = -1, /* an argument is wrong: mega_last_error names it and its limit. Nothing was sent */
    MEGA_TIMEOUT = -2, /* no answer in time. A push or send may have been accepted all the same: ask for its status by result->id */
    MEGA_FULL = -3,    /* requests_max requests are pending: dispatch, or try again later. Nothing was sent */
    MEGA_CLOSED = -4,  /* mega_close was called by another thread */
    MEGA_MEMORY = -5,  /* no memory for the request or its answer */
    MEGA_SYSTEM = -6   /* threads or descriptors: mega_last_error says what */
};

struct mega;

/* Zero means the default. */
struct mega_options {
    int64_t timeout_ms;       /* of push, check, status, cancel, receipt, ping: 1 to 86,400,000; default 10,000 */
    int64_t send_timeout_ms;  /* of send and tset: 1 to 86,400,000; default 90,000, which is beyond the default send_patience */
    int64_t wait_timeout_ms;  /* of wait: 1 to 34,560,000,000; default: no limit */
    int64_t ask_again_ms;     /* a push, check, status, cancel or receipt whose answer seems lost is asked again after so long, the others after
                                 30,000: 100 to 60,000; default 3,000 */
    size_t requests_max;      /* pending at once, see mega_pending: 1 to 1,000,000; default 65,536 */
    const char *key_file;     /* for tcp under CURVE: path of our pair of keys, as mega keygen has made it; read by mega_open. NULL: no CURVE */
    const char *server_key;   /* with key_file: public key of the broker, its 40 characters or the path of a file */
};

enum mega_type { MEGA_TEXT, MEGA_INTEGER, MEGA_NUMBER, MEGA_BOOL, MEGA_NULL };

/* A variable of a template. */
struct mega_var {
    const char *name; /* at most 256 bytes */
    enum mega_type type;
    union {
        const char *text;
        int64_t integer;
        double number; /* finite; written as short as it goes: 39.80 becomes 39.8, so give prices as text */
        int boolean;
    } as;
};

static inline struct mega_var mega_text(const char *name, const char *text)
{
    struct mega_var v;
    v.name = name;
    v.type = MEGA_TEXT;
    v.as.text = text;
    return v;
}

static inline struct mega_var mega_integer(const char *name, int64_t integer)
{
    struct mega_var v;
    v.name = name;
    v.type = MEGA_INTEGER;
    v.as.integer = integer;
    return v;
}

static inline struct mega_var mega_number(const char *name, double number)
{
    struct mega_var v;
    v.name = name;
    v.type = MEGA_NUMBER;
    v.as.number = number;
    return v;
}

static inline struct mega_var mega_bool(const char *name, int boolean)
{
    struct mega_var v;
    v.name = name;
    v.type = MEGA_BOOL;
    v.as.boolean = boolean;
    return v;
}

/* A message. Members that are NULL or 0 are left out. */
struct mega_message {
    const char *openid; /* recipient, required: 1 to 128 bytes */
    const char *key;    /* template, required: 1 to 32 characters */
    const char *id;     /* your own, 1 to 64 bytes without spaces: the same one twice is one message. Made when NULL */
    const char *app;    /* account [wechat:NAME], 1 to 32 bytes */
    const char *lane;   /* "bulk" or "express", which overtakes it */
    const char *task;   /* label, 1 to 64 bytes without spaces */
    int64_t at_ms;      /* send then: ms since 1970, at most 400 days ahead; what has passed means now */
    int64_t in_ms;      /* send so much later, at most 400 days; not together with at_ms */
    int64_t ttl_ms;     /* give up so long after it fell due, at most 400 days */
    const struct mega_var *vars; /* at most 1,024 */
    size_t var_count;
    /* In the place of vars: a map that is msgpack already, names str, values scalars. The same id asked again by another process must
     * have the same bytes here. */
    const void *packed_vars;
    size_t packed_bytes;
};

/* Which messages a cancel is for: one id; or all that wait of a recipient, a task or both, of one template where key is given. */
struct mega_selection {
    const char *id;
    const char *openid;
    const char *key;
    const char *task;
    const char *app;
};

/* What a callback of WeChat told of a message that it had taken (mega-listener hands these over). */
struct mega_receipt {
    const char *app;     /* account [wechat:NAME]; NULL: the default one */
    const char *openid;  /* recipient, required: 1 to 128 bytes */
    int64_t msgid;       /* WeChat's; 0: it told none, and the message is found by recipient and time */
    const char *state;   /* required: "delivered", "blocked" or "failed" */
    int64_t at_ms;       /* when WeChat made it, ms since 1970; 0: now */
    const char *message; /* WeChat's reason, at most 512 bytes; may be NULL */
};

/* What a recipient did: how long and for how many customer-service messages that opens a window, the broker's configuration says
 * (mega-listener hands these over). */
struct mega_window {
    const char *app;    /* account [wechat:NAME]; NULL: the default one */
    const char *openid; /* who it was, required: 1 to 128 bytes */
    const char *action; /* required: "message" (wrote to the account), "menu", "follow", "scan", "pay"; "unfollow" closes what is open */
    int64_t at_ms;      /* when, ms since 1970, at most a day ahead of the broker's clock; 0: now */
};

/* An answer. Codes read as in HTTP: 200 done, 100 not settled yet, 400 refused, 404 unknown id, 408 expired, 409 cancelled, 500
 * could not be sent, 503 not now (try again with the same id, after a second, then less often). proto/MESSAGES.md has the whole table. */
struct mega_result {
    int code;                /* 0 when there was no answer: error tells why */
    int error;               /* 0, or an enum mega_error */
    char id[MEGA_ID_BYTES];  /* of the message, the made one too */
    char state[16];          /* waiting, out, sent, pending, delivered, blocked, failed, refused, expired, cancelled, dead; of a ping
                                ready, unready */
    int64_t errcode, msgid;  /* WeChat's; 0 when there is none */
    uint64_t count;          /* of a cancel of many: messages cancelled */
    char message[8193];      /* what went wrong, for people; a refusal of WeChat is its JSON. With an error the text of mega_last_error */
};

/* Connects to a frontend, tcp://HOST:PORT or ipc://PATH; it need not be there yet. NULL with errno on failure: EINVAL for an
 * address or an option out of its range. mega_last_error says more. `options` may be NULL. To be closed with mega_close. */
struct mega *mega_open(const char *endpoint, const struct mega_options *options);

/* Gives up what is not answered: what was accepted stays accepted, blocking calls and mega_dispatch of other threads return
 * MEGA_CLOSED, and no callback is called once this has returned. Waits until those threads are out of the handle, frees it and sets
 * *mega to NULL. No other thread may begin to use it meanwhile, and no callback may call this. NULL is allowed. */
void mega_close(struct mega **mega);

/* --- blocking: each returns 0 with the answer in `result`, or an enum mega_error, which result->error and message tell too ---- */

/* Answered when the message is durable. */
int mega_push(struct mega *mega, const struct mega_message *message, struct mega_result *result);
/* Answered when WeChat has answered, or the message has ended otherwise. */
int mega_send(struct mega *mega, const struct mega_message *message, struct mega_result *result);
/* As push, but nothing is kept: would it be accepted now? */
int mega_check(struct mega *mega, const struct mega_message *message, struct mega_result *result);
/* What became of it so far; `app` may be NULL. */
int mega_status(struct mega *mega, const char *app, const char *id, struct mega_result *result);
/* The same, answered when the message has ended; 404 at once when it is unknown. */
int mega_wait(struct mega *mega, const char *app, const char *id, struct mega_result *result);
int mega_cancel(struct mega *mega, const struct mega_selection *selection, struct mega_result *result);
/* Joins a receipt to the message that it is about: 200 with its id and state; 404: no message waits for it, or not yet, so ask again
 * later. The same receipt again is harmless. */
int mega_receipt(struct mega *mega, const struct mega_receipt *receipt, struct mega_result *result);
/* 200 when the action is on record. One that is older than what is known of its kind, or told again, changes nothing. */
int mega_window(struct mega *mega, const struct mega_window *window, struct mega_result *result);
/* Reads the template again from its source. */
int mega_tset(struct mega *mega, const char *key, struct mega_result *result);
/* state "ready", or "unready" with the reason in message. */
int mega_ping(struct mega *mega, struct mega_result *result);

/* --- asynchronous: each returns 0 when the request is on its way; `done` is called once, by mega_dispatch ------------------------ */

/* `result` is valid during the call; result->error is 0, MEGA_TIMEOUT or MEGA_MEMORY. It may begin further requests, also blocking
 * ones, and must not close the handle or throw. */
typedef void mega_done(void *argument, const struct mega_result *result);

int mega_push_async(struct mega *mega, const struct mega_message *message, mega_done *done, void *argument);
int mega_send_async(struct mega *mega, const struct mega_message *message, mega_done *done, void *argument);
int mega_check_async(struct mega *mega, const struct mega_message *message, mega_done *done, void *argument);
int mega_status_async(struct mega *mega, const char *app, const char *id, mega_done *done, void *argument);
int mega_wait_async(struct mega *mega, const char *app, const char *id, mega_done *done, void *argument);
int mega_cancel_async(struct mega *mega, const struct mega_selection *selection, mega_done *done, void *argument);
int mega_receipt_async(struct mega *mega, const struct mega_receipt *receipt, mega_done *done, void *argument);
int mega_window_async(struct mega *mega, const struct mega_window *window, mega_done *done, void *argument);
int mega_tset_async(struct mega *mega, const char *key, mega_done *done, void *argument);
int mega_ping_async(struct mega *mega, mega_done *done, void *argument);

/* Readable when mega_dispatch has something to do; for poll, epoll and the like. It belongs to the handle: do not read or close it. */
int mega_fd(const struct mega *mega);

/* Calls the callbacks of what has been answered, in the order of the answers, waiting for the first one at most timeout_ms (0: not at
 * all; -1: as long as it takes, with nothing pending until another thread asks for something). A signal ends the waiting. Returns how
 * many were called, or an enum mega_error. One thread at a time calls it. */
int mega_dispatch(struct mega *mega, int timeout_ms);

/* How many requests are on their way: blocking calls that have not returned, and callbacks that have not been called yet. */
size_t mega_pending(const struct mega *mega);

/* What was wrong with the calling thread's last call that failed; valid until its next one that does. A constant text when none has. */
const char *mega_last_error(void);

/* A constant text for an enum mega_error. */
const char *mega_strerror(int error);

/* "0.1.0" */
const char *mega_version(void);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
