/* A `send` like any other: its options are turned into those of mega send. What a code of WeChat means is told by the program
 * mega-wechat, which has the table; without it the code is still printed.
 */
#include "client/send_test.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/term.h"
#include "client/ask.h"
#include "client/endpoint.h"
#include "client/hand_over.h"

#define TTL          "60s"
#define TIMEOUT      "15s"
#define WAIT_TIMEOUT "5m" /* longer than the ttl and the longest call: by then it is settled */
#define LOOK_MS      5000 /* how long the last question for its state may take */
#define OWN_WORDS    14   /* what is put before the arguments at most */

static const char help_text[] =
    "mega wechat send-test - sends one real message through the whole ring and tells what became of it\n\n"
    "  mega wechat send-test OPENID KEY [--var NAME=VALUE]… [--vars JSON]\n\n"
    "The message goes ahead of the others (express), under an id of its own and the label send-test.\n\n"
    "      --var NAME=VALUE   a text variable; may be given again\n"
    "      --vars JSON        all variables as a JSON object or array; the number 39.80 becomes 39.8\n"
    "      --app NAME         the account [wechat:NAME]\n"
    "      --wait             stay until it is settled (at most 5m) instead of 15s\n"
    "      --timeout TIME     stay so long\n"
    "      --ttl TIME         give up when not sent by then (default " TTL ")\n"
    "      --json             one JSON object\n"
    "  -c, --config FILE      where the frontend is read from (default " CONFIG_DEFAULT ", if it is there)\n"
    "      --frontend ADDR    the broker's frontend (default " FRONTEND_DEFAULT ")\n\n"
    "Exit status: 0 sent, or being reviewed by WeChat; 1 refused, expired or cancelled; 2 wrong usage; 4 could not be sent;\n"
    "5 not settled in time, or no answer.\n";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'}, {"frontend", required_argument, NULL, 'f'}, {"json", no_argument, NULL, 'j'},
    {"timeout", required_argument, NULL, 't'}, {"wait", no_argument, NULL, 'w'},         {"var", required_argument, NULL, 'n'},
    {"vars", required_argument, NULL, 'v'},   {"app", required_argument, NULL, 'a'},     {"ttl", required_argument, NULL, 'T'},
    {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};

/* The words of a command line of mega send. */
struct words {
    const char **list; /* owned; the words are those of argv and constants */
    size_t count;
    const char **pairs; /* owned; NAME=VALUE */
    size_t pair_count;
    const char *timeout, *ttl;
    int wait;
};

static void add(struct words *w, const char *name, const char *value)
{
    w->list[w->count++] = name;
    if (value)
        w->list[w->count++] = value;
}

/* Returns STATUS_DONE to go on, -1 when help was printed, or STATUS_USAGE with the reason printed. */
static int read_option(struct words *w, int letter)
{
    switch (letter) {
    case 'c':
        add(w, "--config", optarg);
        return STATUS_DONE;
    case 'f':
        add(w, "--frontend", optarg);
        return STATUS_DONE;
    case 'j':
        add(w, "--json", NULL);
        return STATUS_DONE;
    case 't':
        w->timeout = optarg;
        return STATUS_DONE;
    case 'w':
        w->wait = 1;
        return STATUS_DONE;
    case 'n':
        w->pairs[w->pair_count++] = optarg;
        return STATUS_DONE;
    case 'v':
        add(w, "--vars", optarg);
        return STATUS_DONE;
    case 'a':
        add(w, "--app", optarg);
        return STATUS_DONE;
    case 'T':
        w->ttl = optarg;
        return STATUS_DONE;
    case 'h':
        fputs(help_text, stdout);
        return -1;
    default:
        return STATUS_USAGE; /* getopt has said it */
    }
}

static int read_words(struct words *w, int argc, char **argv)
{
    int letter, wrong;
    add(w, "mega wechat send-test", NULL);
    while ((letter = getopt_long(argc, argv, "c:hj", long_options, NULL)) != -1) {
        wrong = read_option(w, letter);
        if (wrong != STATUS_DONE)
            return wrong;
    }
    if (argc - optind != 2) {
        fputs("mega: wechat send-test: give OPENID and KEY, variables with --var NAME=VALUE (mega wechat send-test --help)\n",
              stderr);
        return STATUS_USAGE;
    }
    add(w, "--timeout", w->timeout ? w->timeout : w->wait ? WAIT_TIMEOUT : TIMEOUT);
    add(w, "--ttl", w->ttl ? w->ttl : TTL);
    add(w, "--lane", "express");
    add(w, "--task", "send-test");
    add(w, "--", "send");
    add(w, argv[optind], argv[optind + 1]);
    for (size_t i = 0; i < w->pair_count; i++)
        add(w, w->pairs[i], NULL);
    return STATUS_DONE;
}

static int read_options(struct options *o, struct words *w, int argc, char **argv)
{
    int wrong = read_words(w, argc, argv);
    if (wrong != STATUS_DONE)
        return wrong;
    optind = 0; /* getopt begins anew (getopt(3)) */
    return options_read(o, (int)w->count, (char **)(void *)w->list);
}

static void print_line(const char *name, struct span text)
{
    struct buf out = {0};
    if (text.bytes) {
        term_append(text, &out);
        printf("%-8s %s\n", name, buf_str(&out));
    }
    buf_free(&out);
}

static void print_number(const char *name, int64_t number)
{
    if (number)
        printf("%-8s %" PRId64 "\n", name, number);
}

/* WeChat's own words in the text of a refusal, which is its answer. */
static void print_errmsg(struct span message)
{
    struct json_reader r;
    struct buf name = {0}, text = {0};
    json_open(&r, message);
    struct json_token t = json_next(&r);
    for (t = t.type == JSON_OBJECT ? json_next(&r) : t; t.type == JSON_NAME; t = json_next(&r)) {
        buf_clear(&name);
        json_unescape(t.raw, &name);
        t = json_next(&r);
        if (t.type == JSON_STRING && span_is(buf_span(&name), "errmsg"))
            json_unescape(t.raw, &text);
        if (json_skip(&r, t))
            break;
    }
    print_line("errmsg", buf_span(&text));
    buf_free(&name);
    buf_free(&text);
}

static void print_text(const struct result *r, int64_t took_ms)
{
    struct buf took = {0};
    term_duration(took_ms, &took);
    print_line("state", r->state.bytes ? r->state : span_of("not accepted"));
    print_number("code", r->code);
    print_line("id", r->id);
    print_number("msgid", r->msgid);
    print_number("errcode", r->errcode);
    if (r->errcode)
        print_errmsg(r->message);
    print_line("message", r->message);
    print_line("took", buf_span(&took));
    buf_free(&took);
    if (r->errcode == 0)
        return;
    char code[24], name[] = "", command[] = "errors", end[] = "--";
    snprintf(code, sizeof code, "%" PRId64, r->errcode);
    putchar('\n');
    if (hand_over_run("mega-wechat", (char *[]){name, command, end, code, NULL}) < 0)
        printf("mega wechat errors %s tells what this code means, where mega-wechat is installed\n", code);
}

static void print(const struct options *o, const struct result *r, int64_t took_ms)
{
    if (!o->json) {
        print_text(r, took_ms);
        return;
    }
    struct buf out = {0};
    ask_append_json(r, &out);
    printf("%s,\"took_ms\":%" PRId64 "}\n", buf_str(&out), took_ms);
    buf_free(&out);
}

/* The message is not settled yet, or nobody answers: what is known of it now. */
static enum status ask_state(const struct options *o, struct buf *bytes, struct result *r)
{
    struct options status = {.op = OP_STATUS, .endpoint = o->endpoint, .access = o->access, .timeout_ms = LOOK_MS};
    status.request = (struct request){.op = OP_STATUS, .id = o->request.id, .app = o->request.app, .lane = -1};
    return ask_result(&status, bytes, r);
}

static enum status send_it(struct options *o)
{
    char id[33];
    struct buf bytes = {0};
    struct result r;
    int64_t began_ms = clock_mono_ms();
    ask_give_id(o, id);
    enum status status = ask_result(o, &bytes, &r);
    if (status == STATUS_DONE) {
        print(o, &r, clock_mono_ms() - began_ms);
        status = r.code == CODE_QUEUED ? STATUS_AWAY : status_of_code(r.code);
    } else if (status == STATUS_AWAY && ask_state(o, &bytes, &r) == STATUS_DONE) {
        fprintf(stderr, "mega: not settled yet; mega status %s tells more later\n", id);
        print(o, &r, clock_mono_ms() - began_ms);
    }
    buf_free(&bytes);
    return status;
}

int send_test_main(int argc, char **argv)
{
    struct options options = {0};
    struct words words = {.list = mem_new(((size_t)argc * 2 + OWN_WORDS) * sizeof *words.list),
                          .pairs = mem_new((size_t)argc * sizeof *words.pairs)};
    int status = read_options(&options, &words, argc, argv);
    if (status == STATUS_DONE)
        status = (int)send_it(&options);
    options_free(&options);
    free(words.list);
    free(words.pairs);
    return status < 0 ? STATUS_DONE : status;
}
