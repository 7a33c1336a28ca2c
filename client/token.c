/* Asks the keeper for one account or several until each was answered, and prints what it said. */
#include "client/token.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/json.h"
#include "client/options.h"
#include "base/table.h"
#include "base/term.h"
#include "base/utf8.h"
#include "client/token_options.h"
#include "proto/token.h"

#define ASK_AGAIN_MS 1000

/* What the keeper said of one account. */
struct answer {
    enum token_type type; /* TOKEN_NONE_TYPE: nothing yet */
    struct buf token, message;
    int64_t ttl_ms, retry_ms;
};

struct asking {
    const struct token_options *o;
    zsock_t *socket;
    struct answer *answers; /* o->app_count of them */
    struct buf rejected;    /* secret: of reject */
};

static void say(const struct asking *a, enum token_type type, size_t app)
{
    struct buf packed = {0};
    struct token_message m = {.type = type, .app = span_of(a->o->apps[app])};
    if (type == TOKEN_REJECTED)
        m.token = buf_span(&a->rejected);
    token_pack(&m, &packed);
    if (zmq_send(zsock_resolve(a->socket), packed.data, packed.bytes, ZMQ_DONTWAIT) < 0)
        fprintf(stderr, "mega: token: %s: %s\n", a->o->endpoint, zmq_strerror(errno));
    buf_free(&packed);
}

static void take(struct asking *a, struct span packed)
{
    struct token_message m;
    if (token_unpack(packed, &m) != 0 || (m.type != TOKEN_TOKEN && m.type != TOKEN_NONE))
        return;
    for (size_t i = 0; i < a->o->app_count; i++) {
        struct answer *answer = &a->answers[i];
        if (!span_is(m.app, a->o->apps[i]))
            continue;
        answer->type = m.type;
        answer->ttl_ms = m.ttl_ms;
        answer->retry_ms = m.retry_ms;
        buf_clear(&answer->token);
        buf_append(&answer->token, m.token.data, m.token.bytes);
        buf_clear(&answer->message);
        buf_append(&answer->message, m.message.data, m.message.bytes);
    }
}

static void receive(struct asking *a)
{
    zframe_t *frame = zframe_recv(a->socket);
    if (frame != NULL)
        take(a, (struct span){(char *)zframe_data(frame), zframe_size(frame)});
    zframe_destroy(&frame);
}

static size_t ask_missing(const struct asking *a, int sends)
{
    size_t missing = 0;
    for (size_t i = 0; i < a->o->app_count; i++)
        if (a->answers[i].type == TOKEN_NONE_TYPE) {
            missing++;
            if (sends)
                say(a, TOKEN_GET, i);
        }
    return missing;
}

/* Asks until everything was answered or the time is over. A keeper that is just fetching answers when it has. */
static void ask_all(struct asking *a)
{
    int64_t now_ms = clock_mono_ms(), end_ms = now_ms + a->o->timeout_ms, again_ms = now_ms;
    zpoller_t *poller = zpoller_new(a->socket, NULL);
    while (now_ms < end_ms) {
        int sends = now_ms >= again_ms;
        if (sends)
            again_ms = now_ms + ASK_AGAIN_MS;
        if (ask_missing(a, sends) == 0)
            break;
        int64_t wait_ms = (again_ms < end_ms ? again_ms : end_ms) - now_ms;
        if (zpoller_wait(poller, (int)wait_ms))
            receive(a);
        if (zpoller_terminated(poller))
            break;
        now_ms = clock_mono_ms();
    }
    zpoller_destroy(&poller);
}

/* ZeroMQ goes on trying whatever the reason, so that it has to be looked for. */
static const char *hint(const char *endpoint)
{
    static const char ipc[] = "ipc://";
    size_t bytes = sizeof ipc - 1;
    if (strncmp(endpoint, ipc, bytes) == 0 && access(endpoint + bytes, R_OK | W_OK) != 0)
        return errno == EACCES ? "this user may not open that socket; it is for mega-token's user and group"
                               : strerror(errno);
    return "is mega-token running there?";
}

/* Says on standard error why there is no token. */
static int tell_missing(const struct asking *a, const struct answer *answer)
{
    struct buf text = {0};
    if (answer->type == TOKEN_NONE)
        term_append(buf_span(&answer->message), &text);
    else
        buf_printf(&text, "the token keeper does not answer at %s within %" PRId64 " ms: %s", a->o->endpoint,
                   a->o->timeout_ms, hint(a->o->endpoint));
    fprintf(stderr, "mega: token: %s\n", buf_str(&text));
    buf_free(&text);
    return STATUS_REFUSED;
}

/* The inside of a JSON string: what is not UTF-8 becomes U+FFFD. */
static void append_text(struct buf *out, struct span text)
{
    struct buf sound = {0};
    utf8_append(text, &sound);
    json_escape(buf_span(&sound), out);
    buf_free(&sound);
}

static void append_member(struct buf *out, const char *name, struct span text)
{
    buf_printf(out, ",\"%s\":\"", name);
    append_text(out, text);
    buf_append_str(out, "\"");
}

static int flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return STATUS_DONE;
    perror("mega: token: standard output");
    return STATUS_FAILED;
}

static int show(const struct asking *a)
{
    const struct answer *answer = &a->answers[0];
    struct buf out = {0};
    if (answer->type != TOKEN_TOKEN)
        return tell_missing(a, answer);
    if (a->o->json) {
        buf_append_str(&out, "{\"app\":\"");
        append_text(&out, span_of(a->o->apps[0]));
        buf_append_str(&out, "\"");
        append_member(&out, "token", buf_span(&answer->token));
        buf_printf(&out, ",\"ttl\":%" PRId64 "}", answer->ttl_ms);
    } else {
        buf_append(&out, answer->token.data, answer->token.bytes);
        if (a->o->has_ttl)
            buf_printf(&out, " %" PRId64, answer->ttl_ms);
    }
    puts(buf_str(&out));
    buf_free(&out);
    return flush();
}

static const char *state_of(const struct answer *answer)
{
    return answer->type == TOKEN_TOKEN ? "token" : answer->type == TOKEN_NONE ? "none" : "no answer";
}

static void status_json(const struct asking *a, size_t i, struct buf *out)
{
    const struct answer *answer = &a->answers[i];
    buf_append_str(out, "{\"app\":\"");
    append_text(out, span_of(a->o->apps[i]));
    buf_append_str(out, "\"");
    append_member(out, "state", span_of(state_of(answer)));
    if (answer->type == TOKEN_TOKEN)
        buf_printf(out, ",\"ttl\":%" PRId64, answer->ttl_ms);
    if (answer->type == TOKEN_NONE) {
        append_member(out, "message", buf_span(&answer->message));
        buf_printf(out, ",\"retry\":%" PRId64, answer->retry_ms);
    }
    buf_append_str(out, "}\n");
}

static void status_row(const struct asking *a, size_t i, struct table *table)
{
    const struct answer *answer = &a->answers[i];
    struct buf left = {0};
    if (answer->type == TOKEN_TOKEN)
        term_duration(answer->ttl_ms, &left);
    table_cell(table, span_of(a->o->apps[i]));
    table_cell(table, span_of(state_of(answer)));
    table_cell(table, buf_span(&left));
    table_cell(table, buf_span(&answer->message));
    buf_free(&left);
}

static int status(const struct asking *a)
{
    static const struct column columns[] = {{"ACCOUNT", 32, 0}, {"STATE", 0, 0}, {"LEFT", 0, 1}, {"REASON", 0, 0}};
    struct buf out = {0};
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    int result = STATUS_DONE;
    for (size_t i = 0; i < a->o->app_count; i++) {
        if (a->answers[i].type != TOKEN_TOKEN)
            result = STATUS_REFUSED;
        if (a->o->json)
            status_json(a, i, &out);
        else
            status_row(a, i, table);
    }
    if (!a->o->json)
        table_write(table, 0, &out);
    fputs(buf_str(&out), stdout);
    table_destroy(&table);
    buf_free(&out);
    int flushed = flush();
    return flushed != STATUS_DONE ? flushed : result;
}

/* Reads the line on standard input. */
static int read_rejected(struct asking *a)
{
    char line[TOKEN_BYTES_MAX + 2];
    if (fgets(line, sizeof line, stdin) != NULL)
        buf_append(&a->rejected, line, strcspn(line, "\r\n"));
    explicit_bzero(line, sizeof line);
    if (a->rejected.bytes > 0 && a->rejected.bytes <= TOKEN_BYTES_MAX)
        return STATUS_DONE;
    fputs("mega: token: reject: give the token on standard input, 1 to 2048 bytes on one line\n", stderr);
    return STATUS_USAGE;
}

static int tell_rejected(const struct asking *a)
{
    const struct answer *answer = &a->answers[0];
    if (answer->type != TOKEN_TOKEN)
        return tell_missing(a, answer);
    if (span_equal(buf_span(&answer->token), buf_span(&a->rejected))) {
        fputs("mega: token: the same token was given again and is used on\n", stderr);
        return STATUS_REFUSED;
    }
    puts("another token is in use");
    return flush();
}

static int run(struct asking *a)
{
    int is_reject = a->o->command == TOKEN_COMMAND_REJECT;
    if (is_reject && read_rejected(a) != STATUS_DONE)
        return STATUS_USAGE;
    zsys_handler_set(NULL); /* Ctrl-C ends the program, as people expect */
    a->socket = zsock_new(ZMQ_DEALER);
    zsock_set_linger(a->socket, 0);
    zsock_set_reconnect_ivl(a->socket, 50);
    if (endpoint_connect(a->socket, &a->o->access, a->o->endpoint) != 0)
        return STATUS_USAGE;
    if (is_reject)
        say(a, TOKEN_REJECTED, 0); /* once: the same one may be in use again by the time of a second */
    ask_all(a);
    if (is_reject)
        return tell_rejected(a);
    return a->o->command == TOKEN_COMMAND_SHOW ? show(a) : status(a);
}

int token_main(int argc, char **argv)
{
    struct token_options options;
    int result = token_options_read(&options, argc, argv);
    if (result == STATUS_DONE) {
        struct asking a = {.o = &options, .answers = mem_new(options.app_count * sizeof(struct answer))};
        result = run(&a);
        zsock_destroy(&a.socket);
        for (size_t i = 0; i < options.app_count; i++) {
            buf_free(&a.answers[i].token);
            buf_free(&a.answers[i].message);
        }
        free(a.answers);
        buf_free(&a.rejected);
    }
    token_options_free(&options);
    return result < 0 ? STATUS_DONE : result;
}
