#include "client/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "client/endpoint.h"
#include "proto/body.h"
#include "proto/mp.h"

#define TIMEOUT_MS      10000
#define SEND_TIMEOUT_MS 90000 /* beyond the default send_patience */
#define NAMES           "push, send, check, tset, status, cancel, ready, task, series, queue, trace, audit, store, token, alarm, wechat, keygen or keys"

static const char help_text[] =
    "mega - hands messages to the broker and asks what became of them\n\n"
    "  mega push OPENID KEY [NAME=VALUE…]   accepted when durable; prints the id\n"
    "  mega send OPENID KEY [NAME=VALUE…]   waits for WeChat's answer\n"
    "  mega tset KEY                        reads a template again from its source\n"
    "  mega check OPENID KEY [NAME=VALUE…]  would it be accepted? Nothing is kept or sent\n"
    "  mega status ID [--wait]              what became of a message\n"
    "  mega cancel ID                       takes back a message that waits\n"
    "  mega ready [--wait]                  can messages be accepted and sent now?\n"
    "  mega task …                          one template to many: from a file, a query or all followers\n"
    "  mega series …                        messages that follow on an event of a user: who is in which series\n"
    "  mega queue …                         what waits and what became of it: show, cancel, pause, send again, export\n"
    "  mega trace ID                        its way through all stages, out of the ledger and the logs\n"
    "  mega audit …                         who changed what\n"
    "  mega store …                         the store on disk: backup, check\n"
    "  mega token …                         the access tokens: show, status, reject\n"
    "  mega alarm …                         what is raised: list, silence; test how people are told\n"
    "  mega wechat …                        WeChat itself: quota, hosts, followers, what a code means; a test message\n"
    "  mega keygen …, mega keys …           pairs of keys for tcp under CURVE; who may come in with one\n\n"
    "mega task, series, queue, trace, audit, store, token, alarm, wechat, keygen and keys tell more with --help. Of the others:\n\n"
    "  -c, --config FILE      where the frontend is read from (default " CONFIG_DEFAULT ", if it is there)\n"
    "      --frontend ADDR    the broker's frontend (default " FRONTEND_DEFAULT ")\n"
    ACCESS_HELP("  ")
    "      --json             one JSON object a result\n"
    "      --timeout TIME     give up after so long: 10s, 2m (default 10s; send and status --wait 90s)\n"
    "      --wait             ready: wait until it is; status: until the message has ended; at most --timeout\n"
    "      --vars JSON        variables as a JSON object or array; the number 39.80 becomes 39.8\n"
    "      --id ID            your own id: the same one twice is one message\n"
    "      --app NAME         the account [wechat:NAME]\n"
    "      --at MS            send at this time, milliseconds since 1970\n"
    "      --in TIME          send so much later: 30s, 10m, 2h, 7d\n"
    "      --ttl TIME         give up when not sent by then\n"
    "      --lane LANE        bulk or express\n"
    "      --task LABEL       label to find results by\n\n"
    "Exit status: 0 done; 1 refused, expired or cancelled; 2 wrong usage; 3 unknown id; 4 could not be sent;\n"
    "5 not now or no answer in time.\n";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'}, {"frontend", required_argument, NULL, 'f'},
    {"json", no_argument, NULL, 'j'},         {"timeout", required_argument, NULL, 't'},
    {"wait", no_argument, NULL, 'w'},         {"vars", required_argument, NULL, 'v'},
    {"id", required_argument, NULL, 'i'},     {"app", required_argument, NULL, 'a'},
    {"at", required_argument, NULL, 'A'},     {"in", required_argument, NULL, 'I'},
    {"ttl", required_argument, NULL, 'T'},    {"lane", required_argument, NULL, 'l'},
    {"task", required_argument, NULL, 'k'},   {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},      {"curve-key", required_argument, NULL, ACCESS_CURVE_KEY},
    {"server-key", required_argument, NULL, ACCESS_SERVER_KEY},              {NULL, 0, NULL, 0}};

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "mega: %s: %s (mega --help)\n", what, why);
    return STATUS_USAGE;
}

static int read_time(const char *name, const char *text, int64_t *out_ms)
{
    *out_ms = conf_parse_time_ms(text);
    return *out_ms < 0 ? usage(name, "give a time with its unit, up to 400 days: 500ms, 30s, 10m, 2h, 7d") : STATUS_DONE;
}

static int read_at(const char *text, int64_t *out_ms)
{
    char *end;
    errno = 0;
    *out_ms = strtoll(text, &end, 10);
    return errno || *end || end == text || *out_ms < 0 ? usage("--at", "give milliseconds since 1970") : STATUS_DONE;
}

static int read_lane(const char *text, int *lane)
{
    *lane = lane_find(span_of(text));
    return *lane >= 0 ? STATUS_DONE : usage("--lane", "give bulk or express");
}

static int read_vars(struct options *o, const char *json)
{
    struct body body = {0};
    int wrong = body_read(&body, span_of(json));
    if (wrong)
        usage("--vars", buf_str(&body.error));
    buf_clear(&o->vars);
    mp_raw(&o->vars, buf_span(&body.vars));
    body_free(&body);
    return wrong ? STATUS_USAGE : STATUS_DONE;
}

static int read_option(struct options *o, int letter)
{
    struct request *r = &o->request;
    if (access_take(&o->access, letter, optarg))
        return STATUS_DONE;
    switch (letter) {
    case 'c':
        o->access.config = optarg;
        return STATUS_DONE;
    case 'f':
        free(o->endpoint);
        o->endpoint = mem_dup(optarg);
        return STATUS_DONE;
    case 'j':
        o->json = 1;
        return STATUS_DONE;
    case 'w':
        o->wait = 1;
        return STATUS_DONE;
    case 't':
        return read_time("--timeout", optarg, &o->timeout_ms);
    case 'v':
        return read_vars(o, optarg);
    case 'i':
        r->id = span_of(optarg);
        return STATUS_DONE;
    case 'a':
        r->app = span_of(optarg);
        return STATUS_DONE;
    case 'A':
        return read_at(optarg, &r->at_ms);
    case 'I':
        return read_time("--in", optarg, &r->in_ms);
    case 'T':
        return read_time("--ttl", optarg, &r->ttl_ms);
    case 'l':
        return read_lane(optarg, &r->lane);
    case 'k':
        r->task = span_of(optarg);
        return STATUS_DONE;
    case 'h':
        fputs(help_text, stdout);
        return -1;
    case 'V':
        puts("mega " MEGA_VERSION);
        return -1;
    default:
        return STATUS_USAGE; /* getopt has said it */
    }
}

/* NAME=VALUE arguments become string variables. */
static int read_pairs(struct options *o, int count, char **pairs)
{
    if (count == 0)
        return STATUS_DONE;
    if (o->vars.bytes)
        return usage("NAME=VALUE", "given together with --vars; give one of them");
    if (count > VARS_MAX)
        return usage("NAME=VALUE", "more than 1024 variables");
    size_t place = mp_map_open(&o->vars);
    for (int i = 0; i < count; i++) {
        const char *equals = strchr(pairs[i], '=');
        if (equals == NULL)
            return usage(pairs[i], "give variables as NAME=VALUE");
        mp_span(&o->vars, (struct span){pairs[i], (size_t)(equals - pairs[i])});
        mp_str(&o->vars, equals + 1);
    }
    mp_map_close(&o->vars, place, (size_t)count);
    return STATUS_DONE;
}

static int read_message(struct options *o, int count, char **arguments)
{
    if (count < 2)
        return usage(op_name(o->op), "give OPENID and KEY");
    o->request.openid = span_of(arguments[0]);
    o->request.key = span_of(arguments[1]);
    int wrong = read_pairs(o, count - 2, arguments + 2);
    o->request.vars = buf_span(&o->vars);
    return wrong;
}

static int read_command(struct options *o, int count, char **arguments)
{
    static const struct {
        const char *name;
        enum op op;
        int arguments; /* -1: at least two */
    } commands[] = {{"push", OP_PUSH, -1},    {"send", OP_SEND, -1},    {"check", OP_CHECK, -1}, {"tset", OP_TSET, 1},
                    {"status", OP_STATUS, 1}, {"cancel", OP_CANCEL, 1}, {"ready", OP_PING, 0}};
    if (count == 0)
        return usage("command", "missing; give " NAMES);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(arguments[0], commands[i].name) != 0)
            continue;
        o->op = o->request.op = commands[i].op;
        if (commands[i].arguments < 0)
            return read_message(o, count - 1, arguments + 1);
        if (count - 1 != commands[i].arguments)
            return usage(arguments[0], commands[i].arguments ? "give one argument" : "takes no argument");
        if (o->op == OP_TSET)
            o->request.key = span_of(arguments[1]);
        else if (o->op != OP_PING)
            o->request.id = span_of(arguments[1]);
        o->request.wait = o->op == OP_STATUS && o->wait;
        return STATUS_DONE;
    }
    static const char *const families[] = {"task", "series", "queue", "store", "token", "alarm", "wechat", "keygen", "keys"};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strcmp(arguments[0], families[i]) == 0)
            return usage(arguments[0], "give it first, options behind it");
    return usage(arguments[0], "unknown command; give " NAMES);
}

int options_read(struct options *o, int argc, char **argv)
{
    int letter, wrong;
    *o = (struct options){.request = {.lane = -1}};
    while ((letter = getopt_long(argc, argv, "c:hjV", long_options, NULL)) != -1) {
        wrong = read_option(o, letter);
        if (wrong != STATUS_DONE)
            return wrong;
    }
    wrong = read_command(o, argc - optind, argv + optind);
    if (wrong == STATUS_DONE)
        wrong = endpoint_find(&o->access, ENDPOINT_FRONTEND, &o->endpoint) == 0 ? STATUS_DONE : STATUS_USAGE;
    if (o->timeout_ms == 0)
        o->timeout_ms = o->op == OP_SEND || o->request.wait ? SEND_TIMEOUT_MS : TIMEOUT_MS;
    return wrong;
}

void options_free(struct options *o)
{
    free(o->endpoint);
    explicit_bzero(&o->access.keys, sizeof o->access.keys);
    buf_free(&o->vars);
}
