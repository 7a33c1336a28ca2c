/* Programs that are run for notices: what they get, what becomes of their exit status and output, that those that hang are killed with
 * what they started, and that nothing waits for them. */
#include "console/alarm_command.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "tests/unit/test.h"

static struct buf ended; /* "done: ERROR\n" */

static void on_done(void *self, const char *error)
{
    buf_printf(&ended, "%s: %s\n", (const char *)self, error ? error : "taken");
}

static int begin(struct alarm_commands *commands, const char *command, int64_t timeout_ms, struct buf *error)
{
    static const char *const names[] = {"MEGA_ALARM_ALARM", NULL}, *const values[] = {"disk", NULL};
    struct alarm_command c = {.command = command, .argument = "the subject", .names = names, .values = values,
                              .input = span_of("{\"json\":1}"), .timeout_ms = timeout_ms, .self = "done", .done = on_done};
    return alarm_commands_begin(commands, &c, error);
}

static const char *run(const char *command, int64_t timeout_ms)
{
    struct alarm_commands *commands = alarm_commands_new();
    struct buf error = {0};
    buf_clear(&ended);
    if (begin(commands, command, timeout_ms, &error) != 0)
        buf_printf(&ended, "not begun: %s\n", buf_str(&error));
    int64_t end_ms = clock_mono_ms() + 20000;
    while (ended.bytes == 0) {
        CHECK(clock_mono_ms() < end_ms);
        struct pollfd item = {.fd = alarm_commands_fd(commands), .events = POLLIN};
        poll(&item, 1, (int)alarm_commands_wait_ms(commands, 5000));
        alarm_commands_run(commands);
    }
    alarm_commands_destroy(&commands);
    buf_free(&error);
    return buf_str(&ended);
}

/* A script in the test's folder; its path. */
static char *script(const char *name, const char *text)
{
    struct buf whole = {0};
    buf_printf(&whole, "#!/bin/sh\n%s\n", text);
    char *path = test_file(name, buf_span(&whole));
    CHECK_INT(chmod(path, 0700), 0);
    buf_free(&whole);
    return path;
}

static void test_what_it_gets(void)
{
    char *path = script("gets", "echo \"$1|$2|$#|$(cat)|$MEGA_ALARM_ALARM|$MEGA_TEST_SECRET|$(ls /proc/self/fd | wc -l)\"; exit 3");
    struct buf command = {0};
    setenv("MEGA_TEST_SECRET", "s3cret", 1);
    buf_printf(&command, "%s  one;two", path);
    CHECK_STR(run(buf_str(&command), 20000), "done: exit status 3: one;two|the subject|2|{\"json\":1}|disk||4\n");
    buf_free(&command);
    free(path);
}

static void test_ends(void)
{
    CHECK_STR(run("/bin/true", 20000), "done: taken\n");
    CHECK_STR(run("/nonexistent/program", 20000), "not begun: /nonexistent/program cannot be run: No such file or directory\n");
    char *path = script("dies", "kill -9 $$");
    CHECK_STR(run(path, 20000), "done: it ended by signal 9\n");
    free(path);
    path = script("writes", "head -c 3000000 /dev/zero | tr '\\0' x; exit 1");
    CHECK_HAS(run(path, 20000), "done: exit status 1: xxxxx");
    CHECK(ended.bytes < 300);
    free(path);
}

/* It is killed with what it has started, even if it ignores TERM. */
static void test_hangs(void)
{
    struct buf text = {0};
    char *pids = test_file("pids", span_of(""));
    buf_printf(&text, "trap '' TERM; sleep 600 & echo $! > %s; wait; sleep 600", pids);
    char *path = script("hangs", buf_str(&text));
    int64_t began_ms = clock_mono_ms();
    CHECK_STR(run(path, 1000), "done: it took too long and was killed; [alarm] command_timeout is its time\n");
    CHECK(clock_mono_ms() - began_ms < 10000);
    FILE *file = fopen(pids, "re");
    int pid = 0;
    CHECK(file && fscanf(file, "%d", &pid) == 1);
    fclose(file);
    int64_t end_ms = clock_mono_ms() + 10000;
    struct buf stat = {0};
    for (;;) { /* gone, or nobody's zombie */
        char proc[64], line[256] = "";
        snprintf(proc, sizeof proc, "/proc/%d/stat", pid);
        FILE *now = fopen(proc, "re");
        if (now == NULL || fgets(line, sizeof line, now) == NULL || strstr(line, ") Z") != NULL) {
            if (now)
                fclose(now);
            break;
        }
        fclose(now);
        CHECK(clock_mono_ms() < end_ms);
    }
    buf_free(&stat);
    buf_free(&text);
    free(path);
    free(pids);
}

/* A third one at once is refused; what runs at the end is killed, and nobody is told. */
static void test_limit(void)
{
    struct alarm_commands *commands = alarm_commands_new();
    struct buf error = {0};
    buf_clear(&ended);
    char *path = script("sleeps", "sleep 600");
    CHECK_INT(begin(commands, path, 600000, &error), 0);
    CHECK_INT(begin(commands, path, 600000, &error), 0);
    CHECK_INT(begin(commands, path, 600000, &error), -1);
    CHECK_HAS(buf_str(&error), "still runs");
    alarm_commands_destroy(&commands);
    CHECK_U64(ended.bytes, 0);
    buf_free(&error);
    free(path);
}

int main(void)
{
    test_what_it_gets();
    test_ends();
    test_hangs();
    test_limit();
    buf_free(&ended);
    return 0;
}
