#include "client/task_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/endpoint.h"
#include "client/rows/rows.h"
#include "client/task_values.h"

#define TIMEOUT_MS        10000
#define CREATE_TIMEOUT_MS 60000 /* a restart of mega-task in the middle of an upload fits into it */
#define EVERY_MS          1000

/* Which options a command takes; a bit each. Those of all commands have none. */
enum takes {
    TAKES_CREATE = 1 << 0,
    TAKES_YES = 1 << 1,
    TAKES_EVERY = 1 << 2,
    TAKES_OUTPUT = 1 << 3,
    TAKES_RESEND = 1 << 4
};

static const struct {
    const char *name;
    unsigned takes;
    size_t arguments;
    const char *wanted; /* these arguments, for people */
} commands[] = {
    [COMMAND_CREATE] = {"create", TAKES_CREATE | TAKES_EVERY, 0, "no argument but - for standard input"},
    [COMMAND_START] = {"start", 0, 1, "NAME"},
    [COMMAND_PAUSE] = {"pause", 0, 1, "NAME"},
    [COMMAND_RESUME] = {"resume", 0, 1, "NAME"},
    [COMMAND_STOP] = {"stop", TAKES_YES, 1, "NAME"},
    [COMMAND_DELETE] = {"delete", TAKES_YES, 1, "NAME"},
    [COMMAND_RATE] = {"rate", 0, 2, "NAME and N, messages a second"},
    [COMMAND_LIST] = {"list", 0, 0, "no argument"},
    [COMMAND_SHOW] = {"show", 0, 1, "NAME"},
    [COMMAND_WATCH] = {"watch", TAKES_EVERY, 1, "NAME"},
    [COMMAND_FAILED] = {"failed", TAKES_OUTPUT, 1, "NAME"},
    [COMMAND_RESEND] = {"resend", TAKES_YES | TAKES_RESEND, 1, "NAME"},
};

#define COMMANDS (sizeof commands / sizeof *commands)
#define NAMES    "create, start, pause, resume, stop, delete, rate, list, show, watch, failed or resend"

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
    {"yes", no_argument, 'y', TAKES_YES},
    {"every", required_argument, 'e', TAKES_EVERY},
    {"output", required_argument, 'O', TAKES_OUTPUT},
    {"failed", no_argument, 'F', TAKES_RESEND},
    {"cancelled", no_argument, 'X', TAKES_RESEND},
    {"key", required_argument, 'k', TAKES_CREATE},
    {"file", required_argument, 'f', TAKES_CREATE},
    {"sql", required_argument, 'q', TAKES_CREATE},
    {"followers", no_argument, 'w', TAKES_CREATE},
    {"name", required_argument, 'n', TAKES_CREATE},
    {"app", required_argument, 'a', TAKES_CREATE},
    {"lane", required_argument, 'l', TAKES_CREATE},
    {"ttl", required_argument, 'L', TAKES_CREATE},
    {"rate", required_argument, 'r', TAKES_CREATE},
    {"at", required_argument, 'A', TAKES_CREATE},
    {"start", no_argument, 's', TAKES_CREATE},
    {"watch", no_argument, 'W', TAKES_CREATE},
    {"dry-run", no_argument, 'd', TAKES_CREATE},
    {"unique", no_argument, 'u', TAKES_CREATE},
    {"skip-bad", no_argument, 'b', TAKES_CREATE},
    {"bad", required_argument, 'B', TAKES_CREATE},
    {"encoding", required_argument, 'E', TAKES_CREATE},
    {"delimiter", required_argument, 'D', TAKES_CREATE},
    {"columns", required_argument, 'K', TAKES_CREATE},
    {"openid-column", required_argument, 'o', TAKES_CREATE},
    {"var", required_argument, 'v', TAKES_CREATE},
    {"frontend", required_argument, 'R', TAKES_CREATE},
};

#define KNOWN (sizeof known / sizeof *known)

struct reading {
    struct task_options *o;
    int64_t now_ms;
    int given[KNOWN]; /* 1: the option was given */
};

static int read_source(struct task_options *o, enum task_source source)
{
    if (o->source != SOURCE_NONE)
        return task_usage("create", "one source of recipients: --file FILE, --sql SELECT, --followers or -");
    o->source = source;
    return STATUS_DONE;
}

/* --- options -------------------------------------------------------------------------------------------- */

static int read_file_option(struct task_options *o, int letter)
{
    switch (letter) {
    case 'f':
        return read_source(o, SOURCE_FILE) ? STATUS_USAGE : task_read_text("--file", optarg, &o->file);
    case 'q':
        return read_source(o, SOURCE_SQL) ? STATUS_USAGE : task_read_text("--sql", optarg, &o->sql);
    case 'w':
        return read_source(o, SOURCE_FOLLOWERS);
    case 'B':
        return task_read_text("--bad", optarg, &o->bad);
    case 'E':
        return encoding_read(optarg, &o->encoding) ? task_usage("--encoding", "give auto, utf-8 or gbk")
                                                   : STATUS_DONE;
    case 'D':
        return rows_read_delimiter(optarg, &o->delimiter)
                   ? task_usage("--delimiter", "give comma, semicolon, tab or auto")
                   : STATUS_DONE;
    case 'K':
        return task_read_text("--columns", optarg, &o->columns);
    case 'o':
        return task_read_text("--openid-column", optarg, &o->openid_column);
    default:
        return task_read_var(o, optarg);
    }
}

static int read_create_option(struct reading *r, int letter)
{
    struct task_options *o = r->o;
    switch (letter) {
    case 'k':
        return task_read_span("--key", optarg, KEY_TEXT_BYTES_MAX, &o->key);
    case 'n':
        return task_read_name(optarg, o->name);
    case 'a':
        return task_read_span("--app", optarg, ACCOUNT_BYTES_MAX, &o->app);
    case 'l':
        return task_read_lane(optarg, &o->lane);
    case 'L':
        return task_read_duration("--ttl", optarg, 1, &o->ttl_ms);
    case 'r':
        return task_read_rate("--rate", optarg, &o->rate_per_s);
    case 'A':
        return task_read_at(optarg, r->now_ms, &o->at_ms);
    case 's':
        o->start = 1;
        return STATUS_DONE;
    case 'W':
        o->watch = 1;
        return STATUS_DONE;
    case 'd':
        o->dry_run = 1;
        return STATUS_DONE;
    case 'u':
        o->unique = 1;
        return STATUS_DONE;
    case 'b':
        o->skip_bad = 1;
        return STATUS_DONE;
    default:
        return read_file_option(o, letter);
    }
}

static int read_option(struct reading *r, int letter)
{
    struct task_options *o = r->o;
    if (access_take(&o->access, letter, optarg))
        return STATUS_DONE;
    switch (letter) {
    case 'c':
        return task_read_text("--config", optarg, &o->access.config);
    case 'C':
    case 'R': {
        char **address = letter == 'C' ? &o->endpoint : &o->frontend;
        free(*address);
        *address = mem_dup(optarg);
        return STATUS_DONE;
    }
    case 'j':
        o->json = 1;
        return STATUS_DONE;
    case 'y':
        o->yes = 1;
        return STATUS_DONE;
    case 't':
        return task_read_duration("--timeout", optarg, 1, &o->timeout_ms);
    case 'e':
        return task_read_duration("--every", optarg, TASK_EVERY_MS_MIN, &o->every_ms);
    case 'O':
        return task_read_text("--output", optarg, &o->output);
    case 'F':
        o->failed = 1;
        return STATUS_DONE;
    case 'X':
        o->cancelled = 1;
        return STATUS_DONE;
    case 'h':
        fputs(task_help_text, stdout);
        return -1;
    case '?':
        return STATUS_USAGE; /* getopt has said it */
    default:
        return read_create_option(r, letter);
    }
}

static void note_option(struct reading *r, int letter)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (known[i].letter == letter)
            r->given[i] = 1;
}

static int is_given(const struct reading *r, int letter)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (known[i].letter == letter)
            return r->given[i];
    return 0;
}

/* --- the command and what belongs to it ----------------------------------------------------------------- */

static int check_options(const struct reading *r)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (r->given[i] && known[i].takes & ~commands[r->o->command].takes) {
            fprintf(stderr, "mega: task: --%s: not for %s (mega task --help)\n", known[i].name, r->o->verb);
            return STATUS_USAGE;
        }
    return STATUS_DONE;
}

static int check_create(const struct reading *r)
{
    struct task_options *o = r->o;
    if (o->key.bytes == 0)
        return task_usage("create", "say which template: --key KEY");
    if (o->source == SOURCE_NONE)
        return task_usage("create",
                          "say to whom: --file FILE, --sql SELECT, --followers, or - for standard input");
    if (o->source != SOURCE_FILE && (is_given(r, 'E') || is_given(r, 'D') || is_given(r, 'K')))
        return task_usage("create", "--encoding, --delimiter and --columns are for files and standard input");
    if (o->source == SOURCE_FOLLOWERS && o->openid_column)
        return task_usage("--openid-column", "followers have no columns");
    if (o->at_ms && o->start)
        return task_usage("create", "--at and --start are given; give one of them");
    if (o->dry_run && (o->start || o->watch))
        return task_usage("--dry-run", "makes nothing that --start or --watch could be for");
    if (o->bad && strcmp(o->bad, "-") == 0)
        return task_usage("--bad", "give the name of a file");
    if (o->every_ms != EVERY_MS && !o->watch)
        return task_usage("--every", "is for --watch");
    if (*o->name == '\0')
        task_options_make_name(o->key, r->now_ms, o->name);
    return STATUS_DONE;
}

static int check_arguments(struct reading *r, size_t count, char **arguments)
{
    struct task_options *o = r->o;
    if (o->command == COMMAND_CREATE && count == 1 && strcmp(arguments[0], "-") == 0) {
        count = 0;
        if (read_source(o, SOURCE_FILE))
            return STATUS_USAGE;
    }
    if (count != commands[o->command].arguments) {
        fprintf(stderr, "mega: task: %s: give %s (mega task --help)\n", o->verb, commands[o->command].wanted);
        return STATUS_USAGE;
    }
    if (count && task_read_name(arguments[0], o->name))
        return STATUS_USAGE;
    if (o->command == COMMAND_RATE)
        return task_read_rate("rate", arguments[1], &o->rate_per_s);
    if (o->command == COMMAND_RESEND && !o->failed && !o->cancelled)
        return task_usage("resend", "say to whom: --failed, --cancelled or both");
    return o->command == COMMAND_CREATE ? check_create(r) : STATUS_DONE;
}

static int read_command(struct reading *r, int count, char **arguments)
{
    size_t i = 0;
    if (count == 0)
        return task_usage("command", "missing; give " NAMES);
    while (i < COMMANDS && strcmp(arguments[0], commands[i].name) != 0)
        i++;
    if (i == COMMANDS)
        return task_usage(arguments[0], "unknown command; give " NAMES);
    r->o->command = (enum task_command)i;
    r->o->verb = commands[i].name;
    int wrong = check_options(r);
    return wrong == STATUS_DONE ? check_arguments(r, (size_t)count - 1, arguments + 1) : wrong;
}

static int find_endpoints(struct task_options *o)
{
    if (endpoint_find(&o->access, ENDPOINT_TASK, &o->endpoint))
        return STATUS_USAGE;
    if (o->command == COMMAND_CREATE && endpoint_find(&o->access, ENDPOINT_FRONTEND, &o->frontend))
        return STATUS_USAGE;
    return STATUS_DONE;
}

int task_options_read(struct task_options *o, int argc, char **argv, int64_t now_ms)
{
    struct reading r = {.o = o, .now_ms = now_ms};
    struct option long_options[KNOWN + 1] = {{0}};
    int letter, wrong;
    *o = (struct task_options){.every_ms = EVERY_MS, .lane = -1};
    for (size_t i = 0; i < KNOWN; i++)
        long_options[i] = (struct option){known[i].name, known[i].has_argument, NULL, known[i].letter};
    optind = 0; /* a new command line, for getopt */
    while ((letter = getopt_long(argc, argv, "c:hjy", long_options, NULL)) != -1) {
        wrong = read_option(&r, letter);
        if (wrong != STATUS_DONE)
            return wrong;
        note_option(&r, letter);
    }
    wrong = read_command(&r, argc - optind, argv + optind);
    if (o->timeout_ms == 0)
        o->timeout_ms = o->command == COMMAND_CREATE ? CREATE_TIMEOUT_MS : TIMEOUT_MS;
    return wrong == STATUS_DONE ? find_endpoints(o) : wrong;
}

void task_options_free(struct task_options *o)
{
    free(o->endpoint);
    free(o->frontend);
    explicit_bzero(&o->access.keys, sizeof o->access.keys);
    buf_free(&o->var_names);
    buf_free(&o->var_values);
    o->endpoint = o->frontend = NULL;
}
