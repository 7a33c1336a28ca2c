/* --followers: what the program mega-wechat lists, one openid a line. Its failure is the source's: what it
 * had listed until then are not all of them.
 */
#include "client/task_source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/hand_over.h"

#define PROGRAM    "mega-wechat"
#define READ_BYTES (64 * 1024)
#define WORDS      7

/* The lines of the pipe. */
struct lines {
    struct row_maker *maker;
    struct buf text; /* read and not taken yet: less than a line between two reads */
    uint64_t line;
};

static enum status take_line(struct lines *l, struct span text, struct task_intake *in)
{
    struct row row = {0};
    row_maker_make(l->maker, &text, 1, &row);
    row.line = ++l->line;
    return task_intake_row(in, &row);
}

/* Takes the whole lines; at the end also what has no line end. */
static enum status take_lines(struct lines *l, int is_end, struct task_intake *in)
{
    size_t at = 0;
    enum status status = STATUS_DONE;
    while (status == STATUS_DONE && at < l->text.bytes) {
        const char *from = l->text.data + at, *newline = memchr(from, '\n', l->text.bytes - at);
        size_t bytes = newline ? (size_t)(newline - from) : l->text.bytes - at;
        if (newline == NULL && !is_end && bytes < READ_BYTES)
            break;
        status = take_line(l, (struct span){from, bytes}, in);
        at += bytes + (newline ? 1 : 0);
    }
    buf_drop_front(&l->text, at);
    return status;
}

static enum status read_pipe(struct lines *l, int fd, struct task_intake *in)
{
    for (;;) {
        ssize_t got = read(fd, buf_reserve(&l->text, READ_BYTES), READ_BYTES);
        if (got < 0 && errno == EINTR && !*in->is_stopped)
            continue;
        if (got <= 0)
            return take_lines(l, 1, in);
        l->text.bytes += (size_t)got;
        enum status status = take_lines(l, 0, in);
        if (status != STATUS_DONE)
            return status;
    }
}

static enum status check_end(int ended, struct task_intake *in)
{
    if (ended == 0)
        return STATUS_DONE;
    progress_end(&in->progress);
    if (ended == HAND_OVER_MISSING)
        fputs("mega: --followers: the program " PROGRAM
              " is neither beside mega nor in PATH; install it there\n",
              stderr);
    else
        fputs("mega: --followers: the list of followers is not complete\n", stderr);
    return STATUS_FAILED;
}

static enum status list(const struct task_options *o, struct lines *l, struct task_intake *in)
{
    char *argv[WORDS + 1] = {NULL};
    size_t count = 0;
    pid_t pid;
    const struct span words[WORDS] = {span_of(PROGRAM),
                                      span_of("followers"),
                                      span_of(o->access.config ? "--config" : ""),
                                      span_of(o->access.config ? o->access.config : ""),
                                      span_of(o->app.bytes ? "--app" : ""),
                                      o->app};
    for (size_t i = 0; i < WORDS; i++)
        if (words[i].bytes)
            argv[count++] = span_dup(words[i]);
    int fd = hand_over_open(PROGRAM, argv, &pid);
    for (size_t i = 0; i < count; i++)
        free(argv[i]);
    if (fd < 0) {
        fprintf(stderr, "mega: --followers: no process can be made: %s\n", strerror(errno));
        return STATUS_FAILED;
    }
    enum status status = read_pipe(l, fd, in);
    int ended = hand_over_close(fd, pid);
    return status == STATUS_DONE ? check_end(ended, in) : status;
}

enum status task_source_followers(const struct task_options *o, struct task_intake *in)
{
    const struct span column = span_of("openid");
    struct buf error = {0};
    struct lines l = {.maker = row_maker_new(&column, 1, NULL, &error)};
    enum status status = task_intake_columns(in, &column, 1, 0);
    if (status == STATUS_DONE)
        status = list(o, &l, in);
    row_maker_destroy(&l.maker);
    buf_free(&l.text);
    buf_free(&error);
    return status;
}
