/* The command line of mega task: what each command takes and refuses, names, times, variables. */
#include "client/task_options.h"

#include <time.h>

#include "client/rows/rows.h"
#include "proto/mp.h"
#include "tests/unit/test.h"

#define ARGUMENTS_MAX 24
#define NOW_MS        1714564800123LL /* 2024-05-01T12:00:00.123Z, 20:00 in Shanghai */
#define HOUR_MS       3600000LL

/* Reads a command line, given as words with one space between them; %s in it is an empty word. Keep `line` as
 * long as `o`. */
static int read_line(struct task_options *o, char *line)
{
    static char task[] = "task", endpoint[] = "--endpoint", frontend[] = "--frontend",
                address[] = "ipc:///nowhere";
    char *argv[ARGUMENTS_MAX + 6] = {task};
    int argc = 1;
    int is_create = strncmp(line, "create", 6) == 0;
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
    argv[argc++] = endpoint;
    argv[argc++] = address;
    if (is_create) {
        argv[argc++] = frontend;
        argv[argc++] = address;
    }
    return task_options_read(o, argc, argv, NOW_MS);
}

static void check_status(const char *text, int status)
{
    struct task_options o;
    char *line = mem_dup(text);
    int got = read_line(&o, line);
    if (got != status)
        fprintf(stderr, "in case: %s\n", text);
    CHECK_INT(got, status);
    task_options_free(&o);
    free(line);
}

static void test_taken(void)
{
    static const char *const lines[] = {
        "create --key k --file f",
        "create --key k -",
        "create - --key k",
        "create --key k --sql SELECT",
        "create --key k --followers --app a",
        "create --key k - --name n.1_x-y --app a --lane bulk --ttl 1h --rate 0 --start --watch --every 2s "
        "--unique --skip-bad",
        "create --key k - --bad b --encoding gbk --delimiter tab --columns a,b --openid-column a --var a=b "
        "--var c=",
        "create --key k - --dry-run --json",
        "create --key k - --at +2h --watch",
        "start n",
        "pause n --json --timeout 1s",
        "resume n",
        "stop n",
        "stop n --yes",
        "delete n -y",
        "rate n 0",
        "rate n 1000000",
        "list",
        "list --json",
        "show n",
        "watch n --every 100ms",
        "failed n",
        "failed n --output f --json",
        "resend n --failed",
        "resend n --cancelled --failed --yes",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        check_status(lines[i], STATUS_DONE);
}

static void test_refused(void)
{
    static const char *const lines[] = {
        "",
        "fly",
        "create",
        "create --key k",
        "create --file f",
        "create --key %s -",
        "create --key k --file %s",
        "create --key k - --file f",
        "create --key k --sql S --followers",
        "create --key k f",
        "create --key k - -",
        "create --key k --sql S --encoding gbk",
        "create --key k --followers --columns a",
        "create --key k --followers --openid-column a",
        "create --key k - --name .n",
        "create --key k - --name 123456789012345678901234567890123",
        "create --key k - --name a/b",
        "create --key k - --app 123456789012345678901234567890123",
        "create --key k - --lane fast",
        "create --key k - --ttl 5",
        "create --key k - --rate 1000001",
        "create --key k - --rate -1",
        "create --key k - --at yesterday",
        "create --key k - --at 5",
        "create --key k - --at 2024-05-01",
        "create --key k - --at +401d",
        "create --key k - --at 2099-01-01",
        "create --key k - --at +1h --start",
        "create --key k - --dry-run --start",
        "create --key k - --dry-run --watch",
        "create --key k - --every 2s",
        "create --key k - --encoding latin1",
        "create --key k - --delimiter xx",
        "create --key k - --var a",
        "create --key k - --var =b",
        "create --key k - --var a=b --var a=c",
        "create --key k - --bad -",
        "create --key k - --yes",
        "create --key k - --output f",
        "start",
        "start a b",
        "start .a",
        "start n --yes",
        "start n --key k",
        "rate n",
        "rate n many",
        "rate n -1",
        "rate n 5 6",
        "list n",
        "watch",
        "watch n --every 99ms",
        "watch n --start",
        "failed n --output %s",
        "resend n",
        "resend n --yes",
        "show n --failed",
        "show n --nonsense",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        check_status(lines[i], STATUS_USAGE);
}

static void test_create(void)
{
    struct task_options o;
    struct mp_cursor c;
    char line[] = "create --key k --file f --app a --lane express --ttl 2h --rate 50 --var a=b=c --var d= "
                  "--delimiter tab --encoding gbk";
    CHECK_INT(read_line(&o, line), STATUS_DONE);
    CHECK_INT(o.command, COMMAND_CREATE);
    CHECK_INT(o.source, SOURCE_FILE);
    CHECK_STR(o.file, "f");
    CHECK_SPAN(o.key, "k");
    CHECK_SPAN(o.app, "a");
    CHECK_INT(o.lane, LANE_EXPRESS);
    CHECK_INT(o.ttl_ms, 2 * HOUR_MS);
    CHECK_INT(o.rate_per_s, 50);
    CHECK_INT(o.delimiter, '\t');
    CHECK_INT(o.encoding, ENCODING_GBK);
    CHECK_INT(o.timeout_ms, 60000);
    CHECK_U64(o.var_count, 2);
    mp_open(&c, buf_span(&o.var_names));
    CHECK_SPAN(mp_read_str(&c), "a");
    CHECK_SPAN(mp_read_str(&c), "d");
    mp_open(&c, buf_span(&o.var_values));
    CHECK_SPAN(mp_read_str(&c), "b=c");
    CHECK_SPAN(mp_read_str(&c), "");
    CHECK_STR(o.name, "k-20240501-200000");
    task_options_free(&o);
}

static void check_at(const char *at, int64_t at_ms)
{
    struct task_options o;
    struct buf line = {0};
    buf_printf(&line, "create --key k - --at %s", at);
    buf_str(&line);
    CHECK_INT(read_line(&o, line.data), STATUS_DONE);
    CHECK_INT(o.at_ms, at_ms);
    task_options_free(&o);
    buf_free(&line);
}

/* Without a zone it is that of TZ. */
static void test_times(void)
{
    check_at("+2h", NOW_MS + 2 * HOUR_MS);
    check_at("1714564900000", 1714564900000LL);
    check_at("2024-05-01T21:00", 1714568400000LL);
    check_at("2024-05-01T21:00:00.5", 1714568400500LL);
    check_at("2024-05-01T13:00:00Z", 1714568400000LL);
    check_at("2024-05-01T22:00+09:00", 1714568400000LL);
    check_at("2024-05-02", 1714579200000LL);
}

static void check_name(const char *key, const char *name)
{
    char got[TASK_NAME_BYTES_MAX + 1];
    task_options_make_name(span_of(key), NOW_MS, got);
    CHECK_STR(got, name);
    CHECK(task_name_is_good(span_of(got)));
}

static void test_names(void)
{
    check_name("may-sale", "may-sale-20240501-200000");
    check_name("a b/c", "abc-20240501-200000");
    check_name("..x", "x-20240501-200000");
    check_name("\xE4\xB8\xAD\xE6\x96\x87", "20240501-200000");
    check_name("12345678901234567890", "1234567890123456-20240501-200000");
    check_name("", "20240501-200000");
}

int main(void)
{
    setenv("TZ", "Asia/Shanghai", 1);
    tzset();
    test_taken();
    test_refused();
    test_create();
    test_times();
    test_names();
    puts("ok");
    return 0;
}
