/* The log: one line an event, key=value (logfmt) or JSON, to standard error or a file.
 *
 * The only mutable state at file scope in the project lives here. The same event is written at most 20 times in 10 s;
 * then one line says how many were left out. Lines about single messages (log_step, log_trouble) have their own rule: [log] messages. Never log a token, a secret or a message's content.
 *
 *   log_info("sender lost", log_str("name", name), log_u64("epoch", epoch));
 *   -> t=2026-01-02T03:04:05.678Z level=info prog=mega-broker event="sender lost" name=sender-1 epoch=17
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum log_level { LEVEL_DEBUG, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR, LEVEL_FATAL };

/* [log] messages: which messages leave lines of their own, whatever log_level is. */
enum log_messages {
    MESSAGES_NONE,
    MESSAGES_FAILED, /* those whose call failed, that are refused, dead, expired, sent anew; each event 200 times in 10 s at most */
    MESSAGES_ALL     /* each step of each one; never limited */
};

enum log_kind { LOG_STR, LOG_SPAN, LOG_I64, LOG_U64 };

struct log_field {
    const char *key;
    enum log_kind kind;
    union {
        const char *str; /* NULL is written as an empty value */
        struct span span;
        int64_t i64;
        uint64_t u64;
    } value;
};

struct log_options {
    const char *program; /* the prog= of each line; kept, not copied */
    const char *path;    /* file to append to; NULL or "" is standard error; copied */
    const char *prefix;  /* prefix= of each line; NULL or "" leaves it out; copied */
    const char *stage;   /* stage= of lines about messages: its name; NULL or "" leaves it out; copied */
    enum log_level level;
    enum log_messages messages;
    int json; /* 1: JSON objects instead of logfmt */
};

/* Returns -1 (errno set) when the file cannot be opened; the log then stays on standard error. */
int log_open(const struct log_options *options);

/* As log_open, for a log that is open: when the file cannot be opened (-1, errno set) the log stays as it was. */
int log_set_options(const struct log_options *options);

/* Opens the file again, after it was moved away by a log rotation. */
int log_reopen(void);

enum log_level log_level_now(void);
enum log_messages log_messages_now(void);

/* Where lines are written, for a signal handler, which can call nothing else of this. */
int log_fd(void);

/* Values are escaped; control characters never reach the file raw. */
void log_fields(enum log_level level, const char *event, const struct log_field *fields, size_t count);

/* A line about one message, if [log] messages wants it: use log_step and log_trouble. */
void log_message_fields(enum log_level level, const char *event, const struct log_field *fields, size_t count);

static inline struct log_field log_str(const char *key, const char *value)
{
    return (struct log_field){key, LOG_STR, {.str = value}};
}

static inline struct log_field log_span(const char *key, struct span value)
{
    return (struct log_field){key, LOG_SPAN, {.span = value}};
}

static inline struct log_field log_i64(const char *key, int64_t value)
{
    return (struct log_field){key, LOG_I64, {.i64 = value}};
}

static inline struct log_field log_u64(const char *key, uint64_t value)
{
    return (struct log_field){key, LOG_U64, {.u64 = value}};
}

/* The same, left out when it is empty or zero. */
static inline struct log_field log_some(const char *key, struct span value)
{
    return log_span(value.bytes ? key : NULL, value);
}

static inline struct log_field log_some_i64(const char *key, int64_t value)
{
    return log_i64(value ? key : NULL, value);
}

/* The empty first element lets an event have no fields at all; log_fields skips it. */
#define log_write(level, event, ...)                                                                                   \
    log_fields(level, event, (struct log_field[]){{0}, ##__VA_ARGS__},                                                 \
               sizeof((struct log_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct log_field))

/* One step on the way of a message, as docs/operations.md (Logs) lists them. The fields are evaluated only when the line is wanted. */
#define log_step(event, ...)                                                                                           \
    (log_messages_now() < MESSAGES_ALL                                                                                 \
         ? (void)0                                                                                                     \
         : log_message_fields(LEVEL_INFO, event, (struct log_field[]){{0}, ##__VA_ARGS__},                             \
                              sizeof((struct log_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct log_field)))

/* The same of a message with which something went wrong: what, and what happens next. */
#define log_trouble(level, event, ...)                                                                                 \
    (log_messages_now() < MESSAGES_FAILED                                                                              \
         ? (void)0                                                                                                     \
         : log_message_fields(level, event, (struct log_field[]){{0}, ##__VA_ARGS__},                                  \
                              sizeof((struct log_field[]){{0}, ##__VA_ARGS__}) / sizeof(struct log_field)))

#define log_debug(event, ...) log_write(LEVEL_DEBUG, event, ##__VA_ARGS__)
#define log_info(event, ...)  log_write(LEVEL_INFO, event, ##__VA_ARGS__)
#define log_warn(event, ...)  log_write(LEVEL_WARN, event, ##__VA_ARGS__)
#define log_error(event, ...) log_write(LEVEL_ERROR, event, ##__VA_ARGS__)
#define log_fatal(event, ...) log_write(LEVEL_FATAL, event, ##__VA_ARGS__)

#endif
