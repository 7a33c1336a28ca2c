/*
 * journal.c - writes the journal; see journal.h.
 */
#include "tests/sim/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/memory.h"
#include "tests/sim/text.h"

#define JOURNAL_GATHER_MS    50
#define JOURNAL_GATHER_BYTES 262144

struct journal {
    int fd; /* -1: no journal */
    char *path;
    struct text lines;
    int64_t flush_ms; /* when the first gathered line must be written; 0 while there is none */
    struct loop_turn turn;
};

static int64_t journal_wait_ms(void *argument);
static void journal_turn(void *argument);
static void journal_member(struct text *line, const char *name, const char *value);
static void journal_bytes(struct text *line, const char *name, const char *bytes, size_t count);
static void journal_number(struct text *line, const char *name, bool known, int64_t value);
static void journal_end_line(struct journal *self);

struct journal *journal_new(const char *path, struct loop *loop)
{
    struct journal *self = memory_new(sizeof *self);
    self->fd = -1;
    if (path == NULL)
        return self;
    self->path = memory_copy(path);
    self->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (self->fd < 0) {
        fprintf(stderr, "wechat-sim: --journal %s: %s\n", path, strerror(errno));
        journal_destroy(&self);
        return NULL;
    }
    self->turn = (struct loop_turn){.wait_ms = journal_wait_ms, .run = journal_turn, .argument = self};
    loop_add_turn(loop, &self->turn);
    return self;
}

void journal_destroy(struct journal **self)
{
    if (*self == NULL)
        return;
    journal_flush(*self);
    if ((*self)->fd >= 0)
        close((*self)->fd);
    text_clear(&(*self)->lines);
    free((*self)->path);
    free(*self);
    *self = NULL;
}

void journal_add_message(struct journal *self, const struct journal_message *message)
{
    struct text *line = &self->lines;
    if (self->fd < 0)
        return;
    text_printf(line, "{\"t\":%" PRId64 ",\"done\":%" PRId64, message->arrived_ms, message->done_ms);
    journal_member(line, "path", message->path);
    journal_member(line, "app", message->app);
    journal_member(line, "openid", message->openid);
    journal_member(line, "client_msg_id", message->client_msg_id);
    journal_member(line, "result", message->result);
    journal_member(line, "fault", message->fault);
    text_puts(line, message->answered ? ",\"answered\":true" : ",\"answered\":false");
    journal_number(line, "errcode", message->has_errcode, message->errcode);
    journal_number(line, "http", message->status != 0, message->status);
    journal_number(line, "msgid", message->msgid != 0, message->msgid);
    journal_bytes(line, "body", message->body, message->body_bytes);
    journal_end_line(self);
}

void journal_add_grant(struct journal *self, const struct journal_grant *grant)
{
    struct text *line = &self->lines;
    if (self->fd < 0)
        return;
    text_printf(line, "{\"t\":%" PRId64, grant->arrived_ms);
    journal_member(line, "path", grant->path);
    journal_member(line, "app", grant->app);
    journal_member(line, "result", grant->result);
    journal_number(line, "errcode", grant->has_errcode, grant->errcode);
    journal_end_line(self);
}

void journal_add_callback(struct journal *self, const struct journal_callback *callback)
{
    struct text *line = &self->lines;
    if (self->fd < 0)
        return;
    text_printf(line, "{\"t\":%" PRId64 ",\"done\":%" PRId64, callback->begun_ms, callback->done_ms);
    journal_member(line, "path", "callback");
    journal_member(line, "app", callback->app);
    journal_member(line, "openid", callback->openid);
    journal_member(line, "event", callback->event);
    journal_number(line, "number", true, callback->number);
    journal_number(line, "try", true, callback->tries);
    journal_member(line, "result", callback->result);
    journal_member(line, "why", callback->why);
    journal_number(line, "http", callback->status != 0, callback->status);
    journal_number(line, "ms", true, callback->ms);
    journal_bytes(line, "reply", callback->reply,
                  text_fit(callback->reply, callback->reply_bytes, JOURNAL_REPLY_BYTES_MAX));
    journal_bytes(line, "body", callback->body, callback->body_bytes);
    journal_end_line(self);
}

void journal_flush(struct journal *self)
{
    size_t written = 0;
    while (self->fd >= 0 && written < self->lines.used) {
        ssize_t count = write(self->fd, self->lines.bytes + written, self->lines.used - written);
        if (count < 0 && errno != EINTR) {
            fprintf(stderr, "wechat-sim: journal %s cannot be written: %s; ending\n", self->path,
                    strerror(errno));
            exit(1);
        }
        if (count > 0)
            written += (size_t)count;
    }
    self->lines.used = 0;
    self->flush_ms = 0;
}

static int64_t journal_wait_ms(void *argument)
{
    const struct journal *self = argument;
    if (self->lines.used == 0)
        return -1;
    int64_t left = self->flush_ms - loop_now_ms();
    return left > 0 ? left : 0;
}

static void journal_turn(void *argument)
{
    struct journal *self = argument;
    if (self->lines.used > 0 && loop_now_ms() >= self->flush_ms)
        journal_flush(self);
}

static void journal_member(struct text *line, const char *name, const char *value)
{
    text_printf(line, ",\"%s\":", name);
    if (value != NULL)
        text_json(line, value, strlen(value));
    else
        text_puts(line, "null");
}

static void journal_bytes(struct text *line, const char *name, const char *bytes, size_t count)
{
    text_printf(line, ",\"%s\":", name);
    if (bytes != NULL)
        text_json(line, bytes, count);
    else
        text_puts(line, "null");
}

static void journal_number(struct text *line, const char *name, bool known, int64_t value)
{
    if (known)
        text_printf(line, ",\"%s\":%" PRId64, name, value);
    else
        text_printf(line, ",\"%s\":null", name);
}

/* A line begins the waiting time when it is the first one gathered, and ends it when there are many. */
static void journal_end_line(struct journal *self)
{
    text_puts(&self->lines, "}\n");
    if (self->flush_ms == 0)
        self->flush_ms = loop_now_ms() + JOURNAL_GATHER_MS;
    if (self->lines.used >= JOURNAL_GATHER_BYTES)
        journal_flush(self);
}
