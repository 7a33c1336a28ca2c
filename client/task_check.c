#include "client/task_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/ask.h"
#include "client/hand_over.h"
#include "proto/mp_json.h"

#define CHECK_MS     5000              /* how long the broker may take */
#define OUTPUT_BYTES (4 * 1024 * 1024) /* of one preview */
#define TEMPLATE_BAD 1                 /* mega-template: cannot be rendered, or would be refused */

void task_samples_add(struct task_samples *s, struct span openid, struct span vars)
{
    if (s->count == TASK_SAMPLES)
        return;
    buf_append(&s->rows[s->count].openid, openid.data, openid.bytes);
    buf_append(&s->rows[s->count].vars, vars.data, vars.bytes);
    s->count++;
}

void task_samples_free(struct task_samples *s)
{
    for (size_t i = 0; i < s->count; i++) {
        buf_free(&s->rows[i].openid);
        buf_free(&s->rows[i].vars);
    }
    s->count = 0;
}

void task_check_first(const struct task_options *o, const struct task_samples *s,
                      struct task_checked *checked)
{
    struct options check = {.op = OP_CHECK, .endpoint = o->frontend, .access = o->access, .timeout_ms = CHECK_MS};
    struct buf bytes = {0};
    struct result result;
    if (o->timeout_ms < CHECK_MS)
        check.timeout_ms = o->timeout_ms;
    check.request = (struct request){.op = OP_CHECK,
                                     .app = o->app,
                                     .key = o->key,
                                     .openid = buf_span(&s->rows[0].openid),
                                     .vars = buf_span(&s->rows[0].vars),
                                     .ttl_ms = o->ttl_ms,
                                     .lane = o->lane};
    checked->verdict = VERDICT_UNKNOWN;
    if (ask_result(&check, &bytes, &result) == STATUS_DONE) {
        checked->code = (int)result.code;
        buf_append(&checked->message, result.message.data, result.message.bytes);
        if (result.code == CODE_OK)
            checked->verdict = VERDICT_GOOD;
        else if (result.code != CODE_BUSY)
            checked->verdict = VERDICT_REFUSED;
    }
    buf_free(&bytes);
}

/* --- mega-template -------------------------------------------------------------------------------------- */

#define WORDS 14

/* The command line of one preview; the texts are owned. */
struct preview {
    char *argv[WORDS];
    size_t count;
};

static void add(struct preview *p, struct span word)
{
    p->argv[p->count++] = span_dup(word);
}

static void preview_open(struct preview *p, const struct task_options *o, struct span openid,
                         struct span vars, int json)
{
    struct buf text = {0};
    *p = (struct preview){0};
    if (vars.bytes)
        mp_json(vars, &text);
    add(p, span_of("")); /* the name: hand_over fills it in, and it is put back as NULL */
    add(p, span_of("preview"));
    if (o->access.config) {
        add(p, span_of("--config"));
        add(p, span_of(o->access.config));
    }
    add(p, span_of(json ? "--json" : "--brief"));
    add(p, span_of("--openid"));
    add(p, openid);
    add(p, span_of("--vars"));
    add(p, text.bytes ? buf_span(&text) : span_of("{}"));
    add(p, span_of("--"));
    add(p, o->key);
    buf_free(&text);
}

static void preview_close(struct preview *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->argv[i]);
}

static void say_missing(void)
{
    fputs("mega: the program mega-template cannot be started; the messages are not shown\n", stderr);
}

int task_check_preview(const struct task_options *o, const struct task_samples *s)
{
    int wrong = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct preview p;
        printf("message %zu\n", i + 1);
        preview_open(&p, o, buf_span(&s->rows[i].openid), buf_span(&s->rows[i].vars), 0);
        int status = hand_over_run("mega-template", p.argv);
        preview_close(&p);
        if (status < 0) {
            say_missing();
            return wrong;
        }
        if (status == TEMPLATE_BAD)
            wrong = -1;
    }
    return wrong;
}

static void read_all(int fd, struct buf *out)
{
    ssize_t got = 1;
    while (got > 0 && out->bytes < OUTPUT_BYTES) {
        got = read(fd, buf_reserve(out, 4096), 4096);
        if (got > 0)
            out->bytes += (size_t)got;
        else if (got < 0 && errno == EINTR)
            got = 1;
    }
}

int task_check_preview_json(const struct task_options *o, const struct task_samples *s, struct buf *out)
{
    int wrong = 0;
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct preview p;
        struct buf text = {0};
        pid_t pid;
        preview_open(&p, o, buf_span(&s->rows[i].openid), buf_span(&s->rows[i].vars), 1);
        int fd = hand_over_open("mega-template", p.argv, &pid), status = HAND_OVER_MISSING;
        preview_close(&p);
        if (fd >= 0) {
            read_all(fd, &text);
            status = hand_over_close(fd, pid);
        }
        while (text.bytes && text.data[text.bytes - 1] == '\n')
            text.bytes--;
        if (status == HAND_OVER_MISSING)
            say_missing();
        if (status == TEMPLATE_BAD)
            wrong = -1;
        if (text.bytes && text.data[0] == '{')
            buf_printf(out, "%s%s", count++ ? "," : "", buf_str(&text));
        buf_free(&text);
        if (status == HAND_OVER_MISSING)
            break;
    }
    return wrong;
}
