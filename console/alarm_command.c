#include "console/alarm_command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf_alarm.h"
#include "base/log.h"
#include "base/term.h"

#define OUTPUT_BYTES_MAX   512 /* kept of what it writes */
#define OUTPUT_COLUMNS_MAX 200 /* of those told */
#define READS_A_TURN       16  /* of one program that writes without end */

struct running {
    struct alarm_commands *owner;
    pid_t pid;        /* and its process group; 0 = the place is free */
    int pid_fd;       /* readable when it has ended */
    int output_fd;    /* -1 when it was closed at the other end */
    int64_t end_ms;   /* monotonic: it is killed then */
    int is_killed;
    struct buf output;
    void *self;
    void (*done)(void *self, const char *error);
};

struct alarm_commands {
    int epoll_fd;
    struct running running[ALARM_COMMANDS_MAX];
};

/* What posix_spawn is given. */
struct start {
    char *words[CONF_COMMAND_WORDS_MAX + 2]; /* owned, as all below */
    char *environment[32];
    int input_fd, output_fds[2];
};

struct alarm_commands *alarm_commands_new(void)
{
    struct alarm_commands *commands = mem_new(sizeof *commands);
    commands->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (commands->epoll_fd < 0) {
        log_fatal("epoll cannot be used", log_str("error", strerror(errno)));
        exit(1);
    }
    for (size_t i = 0; i < ALARM_COMMANDS_MAX; i++)
        commands->running[i] = (struct running){.owner = commands, .pid_fd = -1, .output_fd = -1};
    return commands;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* The place is free afterwards. Closed descriptors leave the epoll set by themselves. */
static void release(struct running *r)
{
    close_fd(&r->pid_fd);
    close_fd(&r->output_fd);
    buf_free(&r->output);
    r->pid = 0;
}

void alarm_commands_destroy(struct alarm_commands **self)
{
    struct alarm_commands *commands = *self;
    if (commands == NULL)
        return;
    for (size_t i = 0; i < ALARM_COMMANDS_MAX; i++) {
        struct running *r = &commands->running[i];
        if (r->pid == 0)
            continue;
        kill(-r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0); /* it was killed: this is short */
        release(r);
    }
    close(commands->epoll_fd);
    free(commands);
    *self = NULL;
}

/* --- starting ----------------------------------------------------------------------------------------------------- */

static void add_environment(struct start *s, size_t *count, const char *name, const char *value)
{
    struct buf text = {0};
    if (value == NULL || *count + 1 >= sizeof s->environment / sizeof *s->environment)
        return;
    buf_printf(&text, "%s=%s", name, value);
    s->environment[(*count)++] = span_dup(buf_span(&text));
    buf_free(&text);
}

static void fill_texts(struct start *s, const struct alarm_command *c)
{
    static const char *const kept[] = {"PATH", "HOME", "LANG", "TZ"};
    const char *rest = c->command;
    struct span word;
    size_t words = 0, variables = 0;
    while (words < CONF_COMMAND_WORDS_MAX && conf_next_word(&rest, " \t", &word))
        s->words[words++] = span_dup(word);
    s->words[words] = mem_dup(c->argument);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        add_environment(s, &variables, kept[i], getenv(kept[i]));
    for (size_t i = 0; c->names[i]; i++)
        add_environment(s, &variables, c->names[i], c->values[i]);
}

/* A file in memory, so that it need not be written piece by piece as the program reads. */
static int open_input(struct span input)
{
    int fd = memfd_create("notice", MFD_CLOEXEC);
    for (size_t at = 0; fd >= 0 && at < input.bytes;) {
        ssize_t written = write(fd, input.data + at, input.bytes - at);
        if (written <= 0)
            close_fd(&fd);
        else
            at += (size_t)written;
    }
    if (fd >= 0 && lseek(fd, 0, SEEK_SET) != 0)
        close_fd(&fd);
    return fd;
}

static void start_free(struct start *s)
{
    for (size_t i = 0; s->words[i]; i++)
        free(s->words[i]);
    for (size_t i = 0; s->environment[i]; i++)
        free(s->environment[i]);
    close_fd(&s->input_fd);
    close_fd(&s->output_fds[0]);
    close_fd(&s->output_fds[1]);
}

/* Returns 0 or an errno. Our signals are blocked (program.h) and SIGPIPE is ignored; the program gets the usual ones. */
static int spawn(struct start *s, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, s->input_fd, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, s->output_fds[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, s->output_fds[1], STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int error = posix_spawn(pid, s->words[0], &actions, &attributes, s->words, s->environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static int watch(struct running *r, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = r};
    return epoll_ctl(r->owner->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static int start(struct running *r, struct start *s)
{
    if (s->input_fd < 0 || pipe2(s->output_fds, O_CLOEXEC | O_NONBLOCK) != 0)
        return errno;
    int flags = fcntl(s->output_fds[1], F_GETFL); /* the program's end blocks, as programs expect */
    fcntl(s->output_fds[1], F_SETFL, flags & ~O_NONBLOCK);
    int error = spawn(s, &r->pid);
    if (error) {
        r->pid = 0;
        return error;
    }
    r->output_fd = s->output_fds[0];
    s->output_fds[0] = -1;
    r->pid_fd = (int)syscall(SYS_pidfd_open, r->pid, 0);
    if (r->pid_fd < 0 || watch(r, r->pid_fd) != 0 || watch(r, r->output_fd) != 0) {
        error = errno;
        kill(-r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
        release(r);
    }
    return error;
}

int alarm_commands_begin(struct alarm_commands *commands, const struct alarm_command *command, struct buf *error)
{
    struct running *r = NULL;
    for (size_t i = 0; i < ALARM_COMMANDS_MAX; i++)
        if (commands->running[i].pid == 0)
            r = &commands->running[i];
    if (r == NULL) {
        buf_append_str(error, "the program still runs for another notice");
        return -1;
    }
    struct start s = {.input_fd = open_input(command->input), .output_fds = {-1, -1}};
    fill_texts(&s, command);
    int failed = start(r, &s);
    if (failed)
        buf_printf(error, "%s cannot be run: %s", s.words[0], strerror(failed));
    start_free(&s);
    r->self = command->self;
    r->done = command->done;
    r->end_ms = clock_mono_ms() + command->timeout_ms;
    r->is_killed = 0;
    return failed ? -1 : 0;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static void read_output(struct running *r)
{
    char piece[4096];
    for (int i = 0; i < READS_A_TURN && r->output_fd >= 0; i++) {
        ssize_t got = read(r->output_fd, piece, sizeof piece);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0) {
            close_fd(&r->output_fd);
            return;
        }
        size_t room = OUTPUT_BYTES_MAX - r->output.bytes;
        buf_append(&r->output, piece, (size_t)got < room ? (size_t)got : room);
    }
}

/* Appends what it wrote, on one line. */
static void append_output(const struct running *r, struct buf *out)
{
    struct span text = buf_span(&r->output);
    while (text.bytes > 0 && text.data[text.bytes - 1] == '\n')
        text.bytes--;
    term_cut(text, OUTPUT_COLUMNS_MAX, out);
}

static void end(struct running *r, int status)
{
    struct buf error = {0}, output = {0};
    read_output(r);
    append_output(r, &output);
    if (r->is_killed)
        buf_append_str(&error, "it took too long and was killed; [alarm] command_timeout is its time");
    else if (WIFSIGNALED(status))
        buf_printf(&error, "it ended by signal %d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        buf_printf(&error, "exit status %d", WEXITSTATUS(status));
    if (error.bytes && output.bytes)
        buf_printf(&error, ": %s", buf_str(&output));
    log_info("alarm command ended", log_i64("pid", r->pid), log_i64("status", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
             log_span("output", buf_span(&output)));
    void *self = r->self;
    void (*done)(void *, const char *) = r->done;
    release(r);
    done(self, error.bytes ? buf_str(&error) : NULL);
    buf_free(&error);
    buf_free(&output);
}

static void run_one(struct running *r)
{
    int status = 0;
    read_output(r);
    if (!r->is_killed && clock_mono_ms() >= r->end_ms) {
        r->is_killed = 1;
        kill(-r->pid, SIGKILL);
    }
    if (waitpid(r->pid, &status, WNOHANG) == r->pid)
        end(r, status);
}

void alarm_commands_run(struct alarm_commands *commands)
{
    for (size_t i = 0; i < ALARM_COMMANDS_MAX; i++)
        if (commands->running[i].pid)
            run_one(&commands->running[i]);
}

int alarm_commands_fd(const struct alarm_commands *commands)
{
    return commands->epoll_fd;
}

int64_t alarm_commands_wait_ms(const struct alarm_commands *commands, int64_t limit_ms)
{
    int64_t now_ms = clock_mono_ms();
    for (size_t i = 0; i < ALARM_COMMANDS_MAX; i++) {
        const struct running *r = &commands->running[i];
        if (r->pid == 0 || r->is_killed)
            continue;
        int64_t left_ms = r->end_ms > now_ms ? r->end_ms - now_ms : 0;
        limit_ms = left_ms < limit_ms ? left_ms : limit_ms;
    }
    return limit_ms;
}
