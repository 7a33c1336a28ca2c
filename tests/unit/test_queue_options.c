/* The command line of mega queue: what each command takes and refuses, filters, times. */
#include "client/queue_options.h"

#include "tests/unit/test.h"

#define ARGUMENTS_MAX 24
#define NOW_MS        1714564800123LL
#define HOUR_MS       3600000LL

/* Reads a command line, given as words with one space between them; %s in it is an empty word. Keep `line` as long as `o`. */
static int read_line(struct queue_options *o, char *line)
{
    static char queue[] = "queue", control[] = "--control", address[] = "ipc:///nowhere";
    char *argv[ARGUMENTS_MAX + 4] = {queue};
    int argc = 1;
    for (char *word = *line ? line : NULL; word; argc++) {
        CHECK(argc <= ARGUMENTS_MAX);
        argv[argc] = word;
        char *space = strchr(word, ' ');
        if (space)
            *space = '\0';
        if (strcmp(word, "%s") == 0)
            *word = '\0';
        word = space ? space + 1 : NULL;
    }
    argv[argc++] = control;
    argv[argc++] = address;
    return queue_options_read(o, argc, argv, NOW_MS);
}

static void check_status(const char *text, int status)
{
    struct queue_options o;
    char *line = mem_dup(text);
    int got = read_line(&o, line);
    if (got != status)
        fprintf(stderr, "in case: %s\n", text);
    CHECK_INT(got, status);
    queue_options_free(&o);
    free(line);
}

static void test_taken(void)
{
    static const char *const lines[] = {
        "status",
        "status --json --timeout 1s",
        "top --every 100ms",
        "top --json",
        "list",
        "list --limit 0",
        "list --state live,dead --app a --openid o --key k --task t --since 1d --until 1h --errcode -5",
        "show i --app a",
        "cancel i",
        "cancel i j --app a",
        "cancel --app a",
        "cancel --state scheduled,parked --yes",
        "pause --all --yes",
        "pause --app a --for 1h",
        "pause --key k --app a",
        "pause --task t",
        "resume --all",
        "resume --key k",
        "pauses",
        "windows oA",
        "windows oA --app a --json",
        "rate",
        "rate --app a",
        "rate 5 --app a",
        "rate --app a 1000000 --json",
        "rate --app a 0",
        "rate --app a default",
        "drain --yes --timeout 5m",
        "dead --limit 5",
        "dead --state dead",
        "requeue --all",
        "requeue i --ttl 1d",
        "requeue --errcode 45009",
        "purge i j k",
        "purge --all --yes",
        "purge --until 30d",
        "export",
        "export --format csv",
        "export --json",
        "export --json --format jsonl",
        "export --output f --state sent",
        "--json status",
        "list --since 2024-05-01 --until 2024-05-02T00:00:00+08:00"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        check_status(lines[i], STATUS_DONE);
    check_status("--help", -1);
    check_status("list --help", -1);
}

static const char *const refused[] = {
    "",
    "dance",
    "status i",
    "rate 5",
    "rate default",
    "rate --app a 5 6",
    "rate --app a 1000001",
    "rate --app a 1.5",
    "rate --app a x",
    "rate --app a %s",
    "rate --app a 5 --key k",
    "rate --app %s 5",
    "rate --app a --yes",
    "status --all",
    "status --app a",
    "top --every 99ms",
    "top --every 0",
    "top --limit 5",
    "list i",
    "list --all",
    "list --limit -1",
    "list --limit x",
    "list --limit 5x",
    "list --ttl 1h",
    "list --state gone",
    "list --state %s",
    "list --task %s",
    "list --app %s",
    "list --openid %s",
    "list --key %s",
    "list --since soon",
    "list --since 500d",
    "list --since 2024-13-01",
    "list --since 1h --until 2h",
    "list --since 1h --until 1h",
    "list --errcode 0",
    "list --errcode x",
    "list --errcode %s",
    "list --errcode 99999999999999999999",
    "list --yes",
    "list --every 1s",
    "list --for 1h",
    "list --format csv",
    "list --timeout 0",
    "list --timeout 5",
    "list --dance",
    "list --limit",
    "show",
    "show i j",
    "show i --task t",
    "show %s",
    "cancel",
    "cancel --all",
    "cancel --yes",
    "cancel i --task t",
    "cancel i --state ready",
    "cancel --state dead",
    "cancel --state waiting,out",
    "cancel i --ttl 1h",
    "cancel %s",
    "pause",
    "pause i",
    "pause --all --app a",
    "pause --all --key k",
    "pause --key k --task t",
    "pause --openid o",
    "pause --app a --for 0",
    "pause --app a --for 500d",
    "pause --app a --ttl 1h",
    "resume",
    "resume --app a --for 1h",
    "pauses --all",
    "pauses i",
    "windows",
    "windows oA oB",
    "windows oA --all",
    "windows oA --openid oA",
    "drain --all",
    "drain --app a",
    "dead --state refused",
    "dead --all",
    "requeue",
    "requeue --all --task t",
    "requeue --all i",
    "requeue i --task t",
    "requeue --state refused",
    "requeue i --ttl 0",
    "purge",
    "purge --ttl 1h --all",
    "export i",
    "export --limit 5",
    "export --format xml",
    "export --format csv --json",
    "export --output %s",
    "export --yes",
    "cancel 12345678901234567890123456789012345678901234567890123456789012345"};

static void test_refused(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        check_status(refused[i], STATUS_USAGE);
}

static struct queue_options read_good(char *line)
{
    struct queue_options o;
    CHECK_INT(read_line(&o, line), STATUS_DONE);
    return o;
}

static void test_defaults(void)
{
    static const struct {
        const char *line;
        enum queue_command command;
        unsigned states;
        int64_t timeout_ms;
    } cases[] = {{"status", QUEUE_STATUS, 0, 10000},
                 {"list", QUEUE_LIST, ENTRY_LIVE | ENTRY_DEAD, 10000},
                 {"dead", QUEUE_DEAD, ENTRY_DEAD, 10000},
                 {"cancel i", QUEUE_CANCEL, 0, 10000},
                 {"requeue i", QUEUE_REQUEUE, 0, 10000},
                 {"drain", QUEUE_DRAIN, 0, 120000},
                 {"export", QUEUE_EXPORT, ENTRY_SETTLED | ENTRY_DEAD, 10000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *line = mem_dup(cases[i].line);
        struct queue_options o = read_good(line);
        CHECK_INT(o.command, cases[i].command);
        CHECK_INT(o.filter.states, cases[i].states);
        CHECK_INT(o.timeout_ms, cases[i].timeout_ms);
        CHECK_U64(o.limit, 100);
        CHECK_INT(o.every_ms, 1000);
        CHECK_INT(o.json + o.yes + o.filter.all, 0);
        CHECK_STR(o.endpoint, "ipc:///nowhere");
        queue_options_free(&o);
        free(line);
    }
}

static void test_filter(void)
{
    char line[] = "list --state sent,dead --app a --openid o --key k --task t --since 2h --until "
                  "2024-05-01T12:00:00Z --errcode -1 "
                  "--limit 7";
    struct queue_options o = read_good(line);
    CHECK_INT(o.filter.states, ENTRY_SENT | ENTRY_DEAD);
    CHECK_SPAN(o.filter.app, "a");
    CHECK_SPAN(o.filter.openid, "o");
    CHECK_SPAN(o.filter.key, "k");
    CHECK_SPAN(o.filter.task, "t");
    CHECK_INT(o.filter.since_ms, NOW_MS - 2 * HOUR_MS);
    CHECK_INT(o.filter.until_ms, NOW_MS - 123);
    CHECK_INT(o.filter.errcode, -1);
    CHECK_U64(o.limit, 7);
    queue_options_free(&o);
    char early[] = "list --until 1970-01-01";
    o = read_good(early);
    CHECK_INT(o.filter.until_ms, 1); /* 0 would be no bound */
    queue_options_free(&o);
}

static void test_values(void)
{
    char requeue[] = "requeue a b --app shop --ttl 2h --json --yes";
    struct queue_options o = read_good(requeue);
    CHECK_U64(o.id_count, 2);
    CHECK_STR(o.ids[0], "a");
    CHECK_STR(o.ids[1], "b");
    CHECK_STR(o.name, "requeue");
    CHECK_INT(o.ttl_ms, 2 * HOUR_MS);
    CHECK_INT(o.json, 1);
    CHECK_INT(o.yes, 1);
    queue_options_free(&o);
    char pause[] = "pause --all --for 1h";
    o = read_good(pause);
    CHECK_INT(o.for_ms, HOUR_MS);
    CHECK_INT(o.filter.all, 1);
    queue_options_free(&o);
    char export[] = "export --output f";
    o = read_good(export);
    CHECK_STR(o.output, "f");
    CHECK_INT(o.format, EXPORT_CSV);
    queue_options_free(&o);
    char lines[] = "export --json";
    o = read_good(lines);
    CHECK_INT(o.format, EXPORT_JSONL);
    queue_options_free(&o);
}

static void test_rate(void)
{
    static const struct {
        const char *line;
        int sets_rate;
        int64_t rate_per_s;
    } rows[] = {{"rate", 0, 0},
                {"rate --app a", 0, 0},
                {"rate --app a 0", 1, 0},
                {"rate 250 --app a", 1, 250},
                {"rate --app a default", 1, RATE_OF_CONF}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct queue_options o;
        char *line = mem_dup(rows[i].line);
        CHECK_INT(read_line(&o, line), STATUS_DONE);
        CHECK_INT(o.sets_rate, rows[i].sets_rate);
        CHECK_INT(o.rate_per_s, rows[i].rate_per_s);
        queue_options_free(&o);
        free(line);
    }
}

int main(void)
{
    test_taken();
    test_refused();
    test_defaults();
    test_filter();
    test_values();
    test_rate();
    return 0;
}
