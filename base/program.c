/* What every main() begins with. Whatever goes wrong is printed to standard error until the log is open, and
 * logged from then on. */
#include "base/program.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/curve_binds.h"
#include "base/log.h"
#include "base/privileges.h"

#define CONFIG_DEFAULT "/etc/mega-wechat/mega.conf"

/* What program_open returns when there is nothing to run: an exit status plus 1. */
enum nothing { NOTHING_DONE = 1, NOTHING_FAILED = 2, NOTHING_USAGE = 3 };

struct options {
    const char *config;
    const char *name;
    int check;
    int dump;
};

static int read_options(struct options *o, int argc, char **argv, const char *program,
                        const char *what_it_does);
static int take_name(struct program *p, const char *name, const char *program);
static int load_conf(struct program *p, const struct options *o, const char *program,
                     int (*check)(const struct conf *, struct buf *, struct buf *), struct buf *warnings);
static int open_log(const struct program *p);
static int take_signals(struct program *p);
static int make_run_dir(const char *program, const char *dir, const struct privileges *owner);
static int find_user(const char *program, const struct conf *conf, struct privileges *user);
static int become_user(const char *program, const struct privileges *user);
static void log_warnings(struct buf *warnings);

int program_open(struct program *p, int argc, char **argv, const char *program, const char *what_it_does)
{
    return program_open_checked(p, argc, argv, program, what_it_does, NULL);
}

int program_open_checked(struct program *p, int argc, char **argv, const char *program, const char *what_it_does,
                         int (*check)(const struct conf *conf, struct buf *errors, struct buf *warnings))
{
    struct options o = {.config = CONFIG_DEFAULT};
    struct buf warnings = {0};
    struct privileges user;
    *p = (struct program){.signal_fd = -1, .lock_fd = -1, .program = program};
    int rc = read_options(&o, argc, argv, program, what_it_does);
    if (rc == 0)
        rc = take_name(p, o.name, program);
    if (rc == 0) {
        program_forbid_cores();
        program_raise_files(PROGRAM_FILES);
        rc = load_conf(p, &o, program, check, &warnings);
    }
    if (rc == 0)
        rc = find_user(program, p->conf, &user);
    if (rc == 0)
        rc = make_run_dir(p->program, p->conf->run.dir, &user);
    if (rc == 0)
        rc = become_user(program, &user);
    if (rc == 0)
        rc = open_log(p);
    if (rc == 0)
        log_warnings(&warnings);
    if (rc == 0)
        rc = take_signals(p);
    if (rc == 0)
        notify_open(&p->notify);
    buf_free(&warnings);
    if (rc != 0)
        program_close(p);
    return rc;
}

/* The file stays: removing it would let a second copy lock a file that a third one made anew. Whoever watches reads in it that
 * this process was not lost; a full disk only hides that. */
static void leave_lock(int fd)
{
    if (ftruncate(fd, 0) != 0 || pwrite(fd, PROGRAM_LOCK_ENDED, strlen(PROGRAM_LOCK_ENDED), 0) < 0)
        log_warn("lock cannot be written", log_str("error", strerror(errno)));
    close(fd);
}

void program_close(struct program *p)
{
    if (p->signal_fd >= 0)
        close(p->signal_fd);
    if (p->lock_fd >= 0)
        leave_lock(p->lock_fd);
    conf_destroy(&p->conf);
    p->signal_fd = -1;
    p->lock_fd = -1;
}

static void print_help(const char *program, const char *what_it_does)
{
    printf("%s - %s\n\n"
           "  -c, --config FILE   the configuration (default " CONFIG_DEFAULT ")\n"
           "  -n, --name NAME     the name of this stage, unique in the installation\n"
           "      --check-config  read the configuration, say what is wrong, exit 0 or 1\n"
           "      --dump-config   print what it runs with, secrets masked\n"
           "      --version       print the version\n"
           "      --help          print this\n",
           program, what_it_does);
}

static int usage(const char *program)
{
    fprintf(stderr, "Try '%s --help'.\n", program);
    return NOTHING_USAGE;
}

static int read_options(struct options *o, int argc, char **argv, const char *program,
                        const char *what_it_does)
{
    enum { CHECK = 256, DUMP, VERSION, HELP };
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},
        {"name", required_argument, NULL, 'n'},
        {"check-config", no_argument, NULL, CHECK},
        {"dump-config", no_argument, NULL, DUMP},
        {"version", no_argument, NULL, VERSION},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    optind = 0; /* so that it can be called twice in one process (getopt(3)) */
    for (int c = getopt_long(argc, argv, "c:n:", known, NULL); c != -1;
         c = getopt_long(argc, argv, "c:n:", known, NULL)) {
        switch (c) {
        case 'c':
            o->config = optarg;
            break;
        case 'n':
            o->name = optarg;
            break;
        case CHECK:
            o->check = 1;
            break;
        case DUMP:
            o->dump = 1;
            break;
        case VERSION:
            printf("%s %s\n", program, MEGA_VERSION);
            return NOTHING_DONE;
        case HELP:
            print_help(program, what_it_does);
            return NOTHING_DONE;
        default:
            return usage(program);
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: \"%s\" is no option\n", program, argv[optind]);
        return usage(program);
    }
    return 0;
}

static int take_name(struct program *p, const char *name, const char *program)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    static const char mega[] = "mega-";
    if (name == NULL)
        name = strncmp(program, mega, sizeof mega - 1) == 0 ? program + sizeof mega - 1 : program;
    size_t bytes = strlen(name);
    if (bytes == 0 || bytes >= sizeof p->name || strspn(name, plain) != bytes) {
        fprintf(stderr, "%s: \"%s\" is no name; give 1 to 32 letters, digits, - or _\n", program, name);
        return NOTHING_USAGE;
    }
    memcpy(p->name, name, bytes + 1);
    return 0;
}

size_t program_raise_files(size_t most)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return 1024; /* what Linux gives */
    rlim_t wanted = files.rlim_max < most ? files.rlim_max : most;
    if (files.rlim_cur < wanted) {
        struct rlimit raised = {wanted, files.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            files = raised;
    }
    return files.rlim_cur == RLIM_INFINITY ? SIZE_MAX / 2 : (size_t)files.rlim_cur;
}

/* Every program reads the whole configuration, so each has secrets in its memory, and later messages. PR_SET_DUMPABLE
 * would do it too, but would shut the user of the process out of its /proc and its debugger. */
void program_forbid_cores(void)
{
    struct rlimit none = {0, 0};
    int failed = setrlimit(RLIMIT_CORE, &none);
    assert(failed == 0); /* a limit can always be lowered */
    /* A collector (core_pattern "|...") is given a core whatever the limit; with this mask there is no memory in it.
     * Where the file is missing the kernel makes no cores, or there is no /proc: nothing to do about it. */
    int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (write(fd, "0", 1) != 1)
        fprintf(stderr, "the memory cannot be kept out of core files: %s\n", strerror(errno));
    close(fd);
}

/* What is no error, since a host of senders needs none of it, and yet is what a first configuration lacks. */
static void tell_empty_accounts(const struct conf *conf)
{
    for (size_t i = 0; i < conf->account_count; i++) {
        const struct conf_account *account = &conf->accounts[i];
        if (account->token_mode == TOKEN_EXTERNAL || (account->app_id[0] && account->app_secret[0]))
            continue;
        fprintf(stderr, "%s: account %s: %s is empty; without it mega-token gets no access token, and nothing is sent\n", conf->path, account->name,
                account->app_id[0] ? "app_secret" : "app_id");
    }
}

/* Loads the configuration, and does what --check-config and --dump-config ask for. */
static int load_conf(struct program *p, const struct options *o, const char *program,
                     int (*check)(const struct conf *, struct buf *, struct buf *), struct buf *warnings)
{
    struct buf errors = {0};
    p->conf = conf_load(o->config, &errors, warnings);
    if (p->conf != NULL && curve_check_binds(p->conf, program, &errors) != 0)
        conf_destroy(&p->conf);
    if (p->conf != NULL && check != NULL && check(p->conf, &errors, warnings) != 0)
        conf_destroy(&p->conf);
    fputs(buf_str(&errors), stderr);
    buf_free(&errors);
    if (p->conf != NULL && !o->check && !o->dump)
        return 0;
    if (warnings->bytes > 0)
        fprintf(stderr, "%s", buf_str(warnings));
    if (p->conf == NULL)
        return NOTHING_FAILED;
    if (o->check)
        tell_empty_accounts(p->conf);
    if (o->dump)
        conf_dump(p->conf, stdout);
    else
        printf("%s is fine\n", o->config);
    return fflush(stdout) == 0 ? NOTHING_DONE : NOTHING_FAILED;
}

struct log_options program_log_options(const struct program *p, const struct conf *conf)
{
    return (struct log_options){.program = p->program,
                                .path = conf->log.path,
                                .prefix = conf->log.prefix,
                                .stage = p->name,
                                .messages = conf->log.messages,
                                .level = conf->log.level,
                                .json = conf->log.json};
}

static int find_user(const char *program, const struct conf *conf, struct privileges *user)
{
    struct buf wrong = {0};
    int rc = privileges_find(user, conf->run.user, &wrong);
    if (rc != 0)
        fprintf(stderr, "%s: %s\n", program, buf_str(&wrong));
    buf_free(&wrong);
    return rc == 0 ? 0 : NOTHING_FAILED;
}

static int become_user(const char *program, const struct privileges *user)
{
    struct buf wrong = {0};
    int rc = privileges_drop(user, &wrong);
    if (rc != 0)
        fprintf(stderr, "%s: %s\n", program, buf_str(&wrong));
    buf_free(&wrong);
    privileges_forbid_new();
    return rc == 0 ? 0 : NOTHING_FAILED;
}

static int open_log(const struct program *p)
{
    struct log_options options = program_log_options(p, p->conf);
    if (log_open(&options) == 0)
        return 0;
    fprintf(stderr, "%s: [log] log_file: cannot open \"%s\": %s\n", p->program, options.path, strerror(errno));
    return NOTHING_FAILED;
}

/* A log line for each warning. */
static void log_warnings(struct buf *warnings)
{
    const char *p = buf_str(warnings);
    while (*p != '\0') {
        size_t bytes = strcspn(p, "\n");
        log_warn("configuration", log_span("text", (struct span){p, bytes}));
        p += bytes + (p[bytes] == '\n');
    }
}

/* Gives a folder that was made just now its mode, whatever the umask is, and its owner, if it is to have another one. By its
 * descriptor: whoever may write beside it could put a link in its place. */
static int settle_dir(const char *path, mode_t mode, const struct privileges *owner)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = owner->is_needed ? fchown(fd, owner->uid, owner->gid) : 0;
    if (rc == 0)
        rc = fchmod(fd, mode);
    int error = errno;
    close(fd);
    errno = error;
    return rc;
}

static int make_dir(const char *path, mode_t mode, const struct privileges *owner)
{
    if (mkdir(path, mode) == 0)
        return settle_dir(path, mode, owner);
    struct stat info;
    if (errno == EEXIST && stat(path, &info) == 0 && !S_ISDIR(info.st_mode))
        errno = ENOTDIR;
    return errno == EEXIST ? 0 : -1;
}

/* Makes the folder, which is the owner's, and those above it, which are not. One that is there keeps its mode and owner. */
static int make_run_dir(const char *program, const char *dir, const struct privileges *owner)
{
    static const struct privileges nobody_else = {0};
    char path[CONF_TEXT_BYTES_MAX];
    snprintf(path, sizeof path, "%s", dir);
    int rc = 0;
    for (char *slash = strchr(path + 1, '/'); rc == 0 && slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        rc = make_dir(path, 0755, &nobody_else);
        *slash = '/';
    }
    if (rc == 0)
        rc = make_dir(path, 0770, owner);
    if (rc == 0)
        return 0;
    fprintf(stderr, "%s: [run] dir: the folder \"%s\" cannot be made: %s; make it for the user of the programs, or name another one\n", program, dir,
            strerror(errno));
    return NOTHING_FAILED;
}

/* The signals must be blocked before any thread starts: threads inherit that, and libzmq starts some. */
static int take_signals(struct program *p)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);
    int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
    assert(error == 0); /* only a wrong first argument fails */
    signal(SIGPIPE, SIG_IGN);
    p->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (p->signal_fd >= 0)
        return 0;
    log_error("signals cannot be read", log_str("error", strerror(errno)));
    return NOTHING_FAILED;
}

int program_signal(struct program *p)
{
    struct signalfd_siginfo info;
    while (read(p->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT) {
            notify_stopping(&p->notify, "stopping");
            return SIGTERM;
        }
        if (info.ssi_signo == SIGHUP)
            return SIGHUP;
        if (info.ssi_signo == SIGUSR1 && log_reopen() != 0)
            log_error("log file cannot be opened again", log_str("error", strerror(errno)));
    }
    return 0;
}

/* Logs who has the lock, as far as its file tells. */
static void log_lock_taken(int fd, const char *path)
{
    char pid[24] = "";
    ssize_t bytes = pread(fd, pid, sizeof pid - 1, 0);
    pid[bytes < 0 ? 0 : strcspn(pid, "\n")] = '\0';
    log_error("another process of this name runs; end it or give --name", log_str("lock", path),
              log_str("pid", pid));
}

int program_lock(struct program *p)
{
    char path[CONF_TEXT_BYTES_MAX + 64];
    snprintf(path, sizeof path, "%s/%s.lock", p->conf->run.dir, p->name);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0660);
    if (fd < 0) {
        log_error("lock cannot be opened", log_str("lock", path), log_str("error", strerror(errno)));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            log_lock_taken(fd, path);
        else
            log_error("lock cannot be taken", log_str("lock", path), log_str("error", strerror(errno)));
        close(fd);
        return -1;
    }
    /* The pid is for people only, so a full disk does not matter. */
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
        log_warn("pid cannot be written to the lock", log_str("lock", path),
                 log_str("error", strerror(errno)));
    p->lock_fd = fd;
    return 0;
}
