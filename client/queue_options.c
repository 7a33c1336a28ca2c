#include "client/queue_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/iso_time.h"
#include "client/endpoint.h"

#define TIMEOUT_MS       10000
#define DRAIN_TIMEOUT_MS 120000
#define EVERY_MS         1000
#define EVERY_MS_MIN     100
#define LIMIT            100

/* Which options a command takes; a bit each. Those of all commands have none. */
enum takes {
    TAKES_YES = 1 << 0,
    TAKES_EVERY = 1 << 1,
    TAKES_LIMIT = 1 << 2,
    TAKES_APP = 1 << 3,
    TAKES_SCOPE = 1 << 4,  /* --key, --task */
    TAKES_FILTER = 1 << 5, /* --state, --openid, --since, --until, --errcode */
    TAKES_ALL = 1 << 6,
    TAKES_FOR = 1 << 7,
    TAKES_TTL = 1 << 8,
    TAKES_EXPORT = 1 << 9, /* --format, --output */
    TAKES_IDS = 1 << 10,
    TAKES_RATE = 1 << 11, /* N or default */
    TAKES_OPENID = 1 << 12
};

#define FILTERS (TAKES_APP | TAKES_SCOPE | TAKES_FILTER)

static const struct {
    const char *name;
    unsigned takes;
    unsigned states;         /* that --state may name; 0 = any */
    unsigned states_default; /* where --state is not given; 0 = all that can be meant */
} commands[] = {
    [QUEUE_STATUS] = {"status", 0, 0, 0},
    [QUEUE_TOP] = {"top", TAKES_EVERY, 0, 0},
    [QUEUE_LIST] = {"list", FILTERS | TAKES_LIMIT, 0, ENTRY_LIVE | ENTRY_DEAD},
    [QUEUE_SHOW] = {"show", TAKES_APP | TAKES_IDS, 0, 0},
    [QUEUE_CANCEL] = {"cancel", FILTERS | TAKES_IDS | TAKES_YES, ENTRY_WAITING, 0},
    [QUEUE_PAUSE] = {"pause", TAKES_APP | TAKES_SCOPE | TAKES_ALL | TAKES_FOR | TAKES_YES, 0, 0},
    [QUEUE_RESUME] = {"resume", TAKES_APP | TAKES_SCOPE | TAKES_ALL, 0, 0},
    [QUEUE_PAUSES] = {"pauses", 0, 0, 0},
    [QUEUE_RATE] = {"rate", TAKES_APP | TAKES_RATE, 0, 0},
    [QUEUE_DELIVERY] = {"delivery", TAKES_APP, 0, 0},
    [QUEUE_WINDOWS] = {"windows", TAKES_APP | TAKES_OPENID, 0, 0},
    [QUEUE_DRAIN] = {"drain", TAKES_YES, 0, 0},
    [QUEUE_DEAD] = {"dead", FILTERS | TAKES_LIMIT, ENTRY_DEAD, ENTRY_DEAD},
    [QUEUE_REQUEUE] = {"requeue", FILTERS | TAKES_IDS | TAKES_ALL | TAKES_TTL | TAKES_YES, ENTRY_DEAD, 0},
    [QUEUE_PURGE] = {"purge", FILTERS | TAKES_IDS | TAKES_ALL | TAKES_YES, ENTRY_DEAD, 0},
    [QUEUE_EXPORT] = {"export", FILTERS | TAKES_EXPORT, 0, ENTRY_SETTLED | ENTRY_DEAD},
};

#define COMMANDS (sizeof commands / sizeof *commands)
#define NAMES    "status, top, list, show, cancel, pause, resume, pauses, rate, delivery, windows, drain, dead, requeue, purge or export"

static const struct {
    const char *name;
    int has_argument;
    int letter;
    unsigned takes; /* 0: every command takes it */
} known[] = {
    {"config", required_argument, 'c', 0},
    {"control", required_argument, 'C', 0},
    {"curve-key", required_argument, ACCESS_CURVE_KEY, 0},
    {"server-key", required_argument, ACCESS_SERVER_KEY, 0},
    {"json", no_argument, 'j', 0},
    {"timeout", required_argument, 't', 0},
    {"help", no_argument, 'h', 0},
    {"yes", no_argument, 'y', TAKES_YES},
    {"every", required_argument, 'e', TAKES_EVERY},
    {"limit", required_argument, 'l', TAKES_LIMIT},
    {"app", required_argument, 'a', TAKES_APP},
    {"key", required_argument, 'k', TAKES_SCOPE},
    {"task", required_argument, 'T', TAKES_SCOPE},
    {"openid", required_argument, 'o', TAKES_FILTER},
    {"state", required_argument, 's', TAKES_FILTER},
    {"since", required_argument, 'S', TAKES_FILTER},
    {"until", required_argument, 'U', TAKES_FILTER},
    {"errcode", required_argument, 'E', TAKES_FILTER},
    {"all", no_argument, 'A', TAKES_ALL},
    {"for", required_argument, 'f', TAKES_FOR},
    {"ttl", required_argument, 'L', TAKES_TTL},
    {"format", required_argument, 'F', TAKES_EXPORT},
    {"output", required_argument, 'O', TAKES_EXPORT},
};

#define KNOWN (sizeof known / sizeof *known)

/* What is gathered beside the options themselves. */
struct reading {
    struct queue_options *o;
    int64_t now_ms;
    unsigned takes;   /* bits of the options that were given */
    int given[KNOWN]; /* 1: the option was given */
};

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "mega: queue: %s: %s (mega queue --help)\n", what, why);
    return STATUS_USAGE;
}

static int read_duration(const char *name, const char *text, int64_t least_ms, int64_t *out_ms)
{
    *out_ms = conf_parse_time_ms(text);
    if (*out_ms >= least_ms)
        return STATUS_DONE;
    return usage(name, least_ms == EVERY_MS_MIN
                           ? "give a time with its unit, at least 100ms: 500ms, 2s"
                           : "give a time with its unit, up to 400 days: 500ms, 30s, 10m, 2h, 7d");
}

/* "2h" is so long ago; else a point in time. */
static int read_point(const char *name, const char *text, int64_t now_ms, int64_t *out_ms)
{
    if (iso_time_read_since(text, now_ms, out_ms) == 0)
        return STATUS_DONE;
    return usage(name, "give how long ago (30m, 2h, 7d) or a time: 2024-05-01, 2024-05-01T12:00:00Z, "
                       "2024-05-01T20:00:00+08:00");
}

static int read_number(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno || *end || end == text || strchr(" \t+", *text) ? -1 : 0;
}

static int read_limit(const char *text, uint64_t *limit)
{
    int64_t value;
    if (read_number(text, &value) || value < 0)
        return usage("--limit", "give a number; 0 = all");
    *limit = (uint64_t)value;
    return STATUS_DONE;
}

static int read_errcode(const char *text, int64_t *errcode)
{
    if (read_number(text, errcode) || *errcode == 0)
        return usage("--errcode", "give a number other than 0; what was sent has --state sent");
    return STATUS_DONE;
}

/* An empty text would match everything where one message or one task was meant: a variable of a script that is not set. */
static int read_text(const char *name, const char *text, struct span *out)
{
    if (*text == '\0')
        return usage(name, "empty; leave it out, or say which");
    *out = span_of(text);
    return STATUS_DONE;
}

static int read_states(const char *text, unsigned *states)
{
    *states = entry_states_read(span_of(text));
    if (*states)
        return STATUS_DONE;
    return usage(
        "--state",
        "unknown; give one or several of ready, scheduled, parked, paused, out, sent, pending, refused, "
        "expired, cancelled, dead, purged, delivered, blocked, failed, waiting, live, settled, all, with commas between them");
}

static int read_format(const char *text, enum export_format *format)
{
    if (strcmp(text, "csv") != 0 && strcmp(text, "jsonl") != 0)
        return usage("--format", "give csv or jsonl");
    *format = strcmp(text, "csv") == 0 ? EXPORT_CSV : EXPORT_JSONL;
    return STATUS_DONE;
}

static int read_filter(struct reading *r, int letter)
{
    struct filter *f = &r->o->filter;
    switch (letter) {
    case 'a':
        return read_text("--app", optarg, &f->app);
    case 'o':
        return read_text("--openid", optarg, &f->openid);
    case 'k':
        return read_text("--key", optarg, &f->key);
    case 'T':
        return read_text("--task", optarg, &f->task);
    case 's':
        return read_states(optarg, &f->states);
    case 'S':
        return read_point("--since", optarg, r->now_ms, &f->since_ms);
    case 'U':
        return read_point("--until", optarg, r->now_ms, &f->until_ms);
    case 'E':
        return read_errcode(optarg, &f->errcode);
    default:
        f->all = 1;
        return STATUS_DONE;
    }
}

static int read_option(struct reading *r, int letter)
{
    struct queue_options *o = r->o;
    if (access_take(&o->access, letter, optarg))
        return STATUS_DONE;
    switch (letter) {
    case 'c':
        o->access.config = optarg;
        return STATUS_DONE;
    case 'C':
        free(o->endpoint);
        o->endpoint = mem_dup(optarg);
        return STATUS_DONE;
    case 'j':
        o->json = 1;
        return STATUS_DONE;
    case 'y':
        o->yes = 1;
        return STATUS_DONE;
    case 't':
        return read_duration("--timeout", optarg, 1, &o->timeout_ms);
    case 'e':
        return read_duration("--every", optarg, EVERY_MS_MIN, &o->every_ms);
    case 'f':
        return read_duration("--for", optarg, 1, &o->for_ms);
    case 'L':
        return read_duration("--ttl", optarg, 1, &o->ttl_ms);
    case 'l':
        return read_limit(optarg, &o->limit);
    case 'F':
        return read_format(optarg, &o->format);
    case 'O':
        o->output = optarg;
        return *optarg ? STATUS_DONE : usage("--output", "empty; give the name of a file");
    case 'h':
        fputs(queue_help_text, stdout);
        return -1;
    case '?':
        return STATUS_USAGE; /* getopt has said it */
    default:
        return read_filter(r, letter);
    }
}

static void note_option(struct reading *r, int letter)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (known[i].letter == letter) {
            r->given[i] = 1;
            r->takes |= known[i].takes;
        }
}

/* --- the command and what belongs to it --------------------------------------------------------------------------- */

static int check_options(const struct reading *r, unsigned takes)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (r->given[i] && known[i].takes & ~takes) {
            fprintf(stderr, "mega: queue: --%s: not for %s (mega queue --help)\n", known[i].name, r->o->name);
            return STATUS_USAGE;
        }
    return STATUS_DONE;
}

/* rate takes a number where others take IDs. */
static int check_rate(struct queue_options *o)
{
    const char *text = o->id_count ? o->ids[0] : NULL;
    if (text == NULL)
        return STATUS_DONE;
    if (o->id_count > 1)
        return usage(o->ids[1], "one too many; give one number, or default");
    if (o->filter.app.bytes == 0)
        return usage("rate", "say of which account: --app NAME");
    o->sets_rate = 1;
    o->rate_per_s = RATE_OF_CONF;
    if (strcmp(text, "default") == 0)
        return STATUS_DONE;
    if (read_number(text, &o->rate_per_s) || o->rate_per_s < 0 || o->rate_per_s > RATE_MAX)
        return usage("rate", "give 0 to 1000000 messages a second, 0 = no limit; or default, for what the configuration says");
    return STATUS_DONE;
}

static int check_ids(const struct queue_options *o, unsigned takes, unsigned given)
{
    if (takes & TAKES_RATE)
        return STATUS_DONE;
    if (takes & TAKES_OPENID) {
        int is_one = o->id_count == 1 && *o->ids[0] && strlen(o->ids[0]) <= OPENID_BYTES_MAX;
        return is_one ? STATUS_DONE : usage(o->name, "give one OPENID of 1 to 128 bytes");
    }
    if (o->id_count && !(takes & TAKES_IDS))
        return usage(o->ids[0], "takes no argument");
    for (size_t i = 0; i < o->id_count; i++)
        if (!name_is_plain(span_of(o->ids[i]), ID_BYTES_MAX))
            return usage("ID", "give 1 to 64 bytes without spaces");
    if (o->command == QUEUE_SHOW && o->id_count != 1)
        return usage("show", "give one ID");
    if (o->id_count && (given & (TAKES_SCOPE | TAKES_FILTER | TAKES_ALL)))
        return usage(o->name, "given IDs and a filter; give one of them (--app says whose the IDs are)");
    return STATUS_DONE;
}

/* What changes messages has to be told which. */
static int check_scope(const struct queue_options *o, unsigned takes, unsigned given)
{
    const struct filter *f = &o->filter;
    int is_pause = o->command == QUEUE_PAUSE || o->command == QUEUE_RESUME;
    if (is_pause && f->key.bytes && f->task.bytes)
        return usage(o->name, "--key and --task are given; give one of them");
    if (f->all && (given & FILTERS))
        return usage(o->name, "--all and a filter are given; give one of them");
    if (is_pause && !(given & (TAKES_APP | TAKES_SCOPE | TAKES_ALL)))
        return usage(o->name, "say what: --all, --app NAME, --key KEY or --task LABEL");
    if (!is_pause && (takes & TAKES_YES) && o->command != QUEUE_DRAIN && !o->id_count &&
        !(given & (FILTERS | TAKES_ALL)))
        return usage(o->name, takes & TAKES_ALL ? "say which messages: IDs, a filter, or --all"
                                                : "say which messages: IDs or a filter");
    return STATUS_DONE;
}

static int check_filter(struct queue_options *o, unsigned states, unsigned states_default)
{
    struct filter *f = &o->filter;
    if (states && (f->states & ~states)) {
        fprintf(stderr, "mega: queue: --state: %s is for %s messages only (mega queue --help)\n", o->name,
                states == ENTRY_DEAD ? "dead" : "waiting");
        return STATUS_USAGE;
    }
    if (f->states == 0)
        f->states = states_default;
    if (f->since_ms && f->until_ms && f->until_ms <= f->since_ms)
        return usage("--until", "not after --since; nothing lies between them");
    if (o->json && o->format == EXPORT_CSV)
        return usage("--json", "given together with --format csv; give one of them");
    if (o->format == EXPORT_NONE)
        o->format = o->json ? EXPORT_JSONL : EXPORT_CSV;
    return STATUS_DONE;
}

static int read_command(struct reading *r, int count, char **arguments)
{
    struct queue_options *o = r->o;
    size_t i = 0;
    if (count == 0)
        return usage("command", "missing; give " NAMES);
    while (i < COMMANDS && strcmp(arguments[0], commands[i].name) != 0)
        i++;
    if (i == COMMANDS)
        return usage(arguments[0], "unknown command; give " NAMES);
    o->command = (enum queue_command)i;
    o->name = commands[i].name;
    o->ids = arguments + 1;
    o->id_count = (size_t)count - 1;
    int wrong = check_options(r, commands[i].takes);
    if (wrong == STATUS_DONE && o->command == QUEUE_RATE)
        wrong = check_rate(o);
    if (wrong == STATUS_DONE)
        wrong = check_ids(o, commands[i].takes, r->takes);
    if (wrong == STATUS_DONE)
        wrong = check_scope(o, commands[i].takes, r->takes);
    return wrong == STATUS_DONE ? check_filter(o, commands[i].states, commands[i].states_default) : wrong;
}

int queue_options_read(struct queue_options *o, int argc, char **argv, int64_t now_ms)
{
    struct reading r = {.o = o, .now_ms = now_ms};
    struct option long_options[KNOWN + 1] = {{0}};
    int letter, wrong;
    *o = (struct queue_options){.every_ms = EVERY_MS, .limit = LIMIT};
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
    if (wrong == STATUS_DONE && endpoint_find(&o->access, ENDPOINT_CONTROL, &o->endpoint))
        wrong = STATUS_USAGE;
    if (o->timeout_ms == 0)
        o->timeout_ms = o->command == QUEUE_DRAIN ? DRAIN_TIMEOUT_MS : TIMEOUT_MS;
    return wrong;
}

void queue_options_free(struct queue_options *o)
{
    free(o->endpoint);
    explicit_bzero(&o->access.keys, sizeof o->access.keys);
    o->endpoint = NULL;
}
