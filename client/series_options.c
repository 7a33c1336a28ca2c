#include "client/series_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"

#define TIMEOUT_MS 10000

/* Which options a command takes; a bit each. Those of all commands have none. */
enum takes { TAKES_OPENID = 1 << 0, TAKES_STOP = 1 << 1, TAKES_PLAN = 1 << 2 };

static const struct {
    const char *name;
    unsigned takes;
    size_t arguments_min, arguments_max;
    const char *wanted; /* these arguments, for people */
} commands[] = {
    [SERIES_LIST] = {"list", 0, 0, 0, "no argument"},
    [SERIES_SHOW] = {"show", 0, 1, 1, "NAME"},
    [SERIES_WHO] = {"who", TAKES_OPENID, 1, 1, "NAME"},
    [SERIES_START] = {"start", 0, 2, 2, "NAME and OPENID"},
    [SERIES_STOP] = {"stop", TAKES_STOP, 1, 2, "NAME and OPENID, or NAME --all"},
    [SERIES_PLAN] = {"plan", TAKES_PLAN, 0, 1, "at most one NAME"},
    [SERIES_STATUS] = {"status", 0, 0, 0, "no argument"},
};

#define COMMANDS (sizeof commands / sizeof *commands)
#define NAMES    "list, show, who, start, stop, plan or status"

static const struct {
    const char *name;
    int has_argument;
    int letter;
    unsigned takes; /* 0: every command takes it */
} known[] = {
    {"config", required_argument, 'c', 0},
    {"endpoint", required_argument, 'C', 0},
    {"curve-key", required_argument, ACCESS_CURVE_KEY, 0},
    {"server-key", required_argument, ACCESS_SERVER_KEY, 0},
    {"json", no_argument, 'j', 0},
    {"timeout", required_argument, 't', 0},
    {"help", no_argument, 'h', 0},
    {"openid", required_argument, 'o', TAKES_OPENID},
    {"all", no_argument, 'A', TAKES_STOP},
    {"yes", no_argument, 'y', TAKES_STOP},
    {"event", required_argument, 'e', TAKES_PLAN},
    {"app", required_argument, 'a', TAKES_PLAN},
    {"frontend", required_argument, 'R', TAKES_PLAN},
};

#define KNOWN (sizeof known / sizeof *known)

struct reading {
    struct series_options *o;
    int given[KNOWN]; /* 1: the option was given */
};

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "mega: series: %s: %s (mega series --help)\n", what, why);
    return STATUS_USAGE;
}

/* Texts must not be empty: that is a variable of a script that is not set. */
static int read_span(const char *what, const char *text, size_t bytes_max, struct span *out)
{
    *out = span_of(text);
    if (out->bytes > 0 && out->bytes <= bytes_max && span_is_utf8(*out))
        return STATUS_DONE;
    fprintf(stderr, "mega: series: %s: give 1 to %zu bytes of UTF-8\n", what, bytes_max);
    return STATUS_USAGE;
}

static int read_name(const char *text, struct span *out)
{
    *out = span_of(text);
    return series_name_is_good(*out) ? STATUS_DONE : usage("NAME", "a series' name has 1 to 32 letters, digits, '.', '_' and '-'");
}

static int read_event(const char *text, struct span *out)
{
    struct series_trigger trigger;
    struct buf error = {0};
    *out = span_of(text);
    int wrong = series_trigger_read(*out, 0, &trigger, &error);
    if (wrong)
        usage("--event", buf_str(&error));
    buf_free(&error);
    return wrong ? STATUS_USAGE : STATUS_DONE;
}

static int read_timeout(const char *text, int64_t *out_ms)
{
    *out_ms = conf_parse_time_ms(text);
    return *out_ms >= 1 ? STATUS_DONE : usage("--timeout", "give a time with its unit, such as 500ms, 10s or 1m");
}

static int take_address(char **address, const char *text)
{
    free(*address);
    *address = mem_dup(text);
    return STATUS_DONE;
}

static int read_option(struct reading *r, int letter)
{
    struct series_options *o = r->o;
    if (access_take(&o->access, letter, optarg))
        return STATUS_DONE;
    switch (letter) {
    case 'c':
        o->access.config = optarg;
        return *optarg ? STATUS_DONE : usage("--config", "give the name of a file");
    case 'C':
        return take_address(&o->endpoint, optarg);
    case 'R':
        return take_address(&o->frontend, optarg);
    case 'j':
        o->json = 1;
        return STATUS_DONE;
    case 'y':
        o->yes = 1;
        return STATUS_DONE;
    case 'A':
        o->all = 1;
        return STATUS_DONE;
    case 't':
        return read_timeout(optarg, &o->timeout_ms);
    case 'o':
        return read_span("--openid", optarg, OPENID_BYTES_MAX, &o->openid);
    case 'a':
        return read_span("--app", optarg, ACCOUNT_BYTES_MAX, &o->app);
    case 'e':
        return read_event(optarg, &o->event);
    case 'h':
        fputs(series_help_text, stdout);
        return -1;
    default:
        return STATUS_USAGE; /* getopt has said it */
    }
}

static int check_options(const struct reading *r)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (r->given[i] && known[i].takes & ~commands[r->o->command].takes) {
            fprintf(stderr, "mega: series: --%s: not for %s (mega series --help)\n", known[i].name, r->o->verb);
            return STATUS_USAGE;
        }
    return STATUS_DONE;
}

static int check_arguments(struct series_options *o, size_t count, char **arguments)
{
    if (count < commands[o->command].arguments_min || count > commands[o->command].arguments_max) {
        fprintf(stderr, "mega: series: %s: give %s (mega series --help)\n", o->verb, commands[o->command].wanted);
        return STATUS_USAGE;
    }
    if (count > 0 && read_name(arguments[0], &o->name))
        return STATUS_USAGE;
    if (count > 1 && read_span("OPENID", arguments[1], OPENID_BYTES_MAX, &o->openid))
        return STATUS_USAGE;
    if (o->command == SERIES_STOP && (count > 1) == o->all)
        return usage("stop", "give NAME and OPENID, or NAME --all");
    return STATUS_DONE;
}

static int read_command(struct reading *r, int count, char **arguments)
{
    size_t i = SERIES_LIST;
    if (count == 0)
        return usage("command", "missing; give " NAMES);
    while (i < COMMANDS && strcmp(arguments[0], commands[i].name) != 0)
        i++;
    if (i == COMMANDS)
        return usage(arguments[0], "unknown command; give " NAMES);
    r->o->command = (enum series_op)i;
    r->o->verb = commands[i].name;
    int wrong = check_options(r);
    return wrong == STATUS_DONE ? check_arguments(r->o, (size_t)count - 1, arguments + 1) : wrong;
}

static int find_endpoints(struct series_options *o)
{
    if (endpoint_find(&o->access, ENDPOINT_LISTENER, &o->endpoint))
        return STATUS_USAGE;
    if (o->command == SERIES_PLAN && endpoint_find(&o->access, ENDPOINT_FRONTEND, &o->frontend))
        return STATUS_USAGE;
    return STATUS_DONE;
}

int series_options_read(struct series_options *o, int argc, char **argv)
{
    struct reading r = {.o = o};
    struct option long_options[KNOWN + 1] = {{0}};
    int letter, wrong;
    *o = (struct series_options){.timeout_ms = TIMEOUT_MS};
    for (size_t i = 0; i < KNOWN; i++)
        long_options[i] = (struct option){known[i].name, known[i].has_argument, NULL, known[i].letter};
    optind = 0; /* a new command line, for getopt */
    while ((letter = getopt_long(argc, argv, "c:hjy", long_options, NULL)) != -1) {
        wrong = read_option(&r, letter);
        if (wrong != STATUS_DONE)
            return wrong;
        for (size_t i = 0; i < KNOWN; i++)
            r.given[i] |= known[i].letter == letter;
    }
    wrong = read_command(&r, argc - optind, argv + optind);
    return wrong == STATUS_DONE ? find_endpoints(o) : wrong;
}

void series_options_free(struct series_options *o)
{
    free(o->endpoint);
    free(o->frontend);
    explicit_bzero(&o->access.keys, sizeof o->access.keys);
    o->endpoint = o->frontend = NULL;
}
