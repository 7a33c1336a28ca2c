/* What every main() begins with. Each case runs in a process of its own, since options, signals and the log
 * belong to one. */
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/program.h"
#include "tests/unit/test.h"

#define ARGS_MAX 8

static char *conf_path;

static void redirect(int fd, const char *name)
{
    char path[96];
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0 && dup2(file, fd) == fd);
    close(file);
}

/* Runs `body` in a child; with `quiet` its output goes to the files "out" and "err" of the temporary folder.
 * Returns its exit status. */
static int run(int (*body)(void *), void *argument, int quiet)
{
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        if (quiet) {
            redirect(STDOUT_FILENO, "out");
            redirect(STDERR_FILENO, "err");
        }
        int rc = body(argument);
        fflush(NULL);
        _exit(rc);
    }
    int status = 0;
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static struct buf output(const char *name)
{
    char path[96];
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    struct buf text = test_read(path);
    buf_str(&text);
    return text;
}

static int open_program(struct program *p, char **args)
{
    int argc = 0;
    while (args[argc] != NULL)
        argc++;
    return program_open(p, argc, args, "mega-sender", "sends");
}

/* A body: opens with the arguments, closes again and returns what program_open returned. */
static int open_only(void *args)
{
    struct program p;
    int rc = open_program(&p, args);
    if (rc != 0)
        CHECK(p.conf == NULL && p.signal_fd == -1);
    program_close(&p);
    return rc;
}

/* Runs open_only and checks what it returns and prints. */
static void check_open(char **args, int rc, const char *in_out, const char *in_err)
{
    CHECK_INT(run(open_only, args, 1), rc);
    struct buf out = output("out"), err = output("err");
    CHECK_HAS(out.data, in_out);
    CHECK_HAS(err.data, in_err);
    CHECK(out.bytes == 0 || *in_out != '\0');
    CHECK(err.bytes == 0 || *in_err != '\0');
    buf_free(&out);
    buf_free(&err);
}

static void test_options(void)
{
    char *help[] = {"p", "--help", NULL};
    check_open(help, 1, "mega-sender - sends\n", "");
    char *version[] = {"p", "--version", NULL};
    check_open(version, 1, "mega-sender " MEGA_VERSION "\n", "");
    char *unknown[] = {"p", "--frobnicate", NULL};
    check_open(unknown, 3, "", "Try 'mega-sender --help'.\n");
    char *extra[] = {"p", "-c", conf_path, "extra", NULL};
    check_open(extra, 3, "", "mega-sender: \"extra\" is no option\n");
    char *name[] = {"p", "-c", conf_path, "-n", "a/b", NULL};
    check_open(name, 3, "", "\"a/b\" is no name; give 1 to 32 letters, digits, - or _\n");
    char *long_name[] = {"p", "-c", conf_path, "-n", "012345678901234567890123456789012", NULL};
    check_open(long_name, 3, "", "is no name");
    char *missing[] = {"p", "-c", "/nowhere/at/all.conf", NULL};
    check_open(missing, 2, "", "/nowhere/at/all.conf: cannot open it");
    char *good[] = {"p", "-c", conf_path, NULL};
    check_open(good, 0, "", "");
}

/* Neither --check-config nor --dump-config opens the log or makes the run folder. */
static void test_check_and_dump(void)
{
    char *path =
        test_file("c.conf", span_of("[wechat]\ntoken = hush\n[log]\nlog_file = c.log\n[run]\ndir = c-run\n"
                                    "[setting]\nreactor_num = 1\n"));
    char *check[] = {"p", "-c", path, "--check-config", NULL};
    check_open(check, 1, "c.conf is fine\n", "ignored: [setting] reactor_num\n");
    char *dump[] = {"p", "--dump-config", "--config", path, NULL};
    check_open(dump, 1, "token = ****\n", "ignored: [setting] reactor_num\n");
    char file[96];
    snprintf(file, sizeof file, "%s/c.log", test_folder());
    CHECK(access(file, F_OK) != 0);
    snprintf(file, sizeof file, "%s/c-run", test_folder());
    CHECK(access(file, F_OK) != 0);
    free(path);

    path = test_file("empty.conf", span_of("[wechat:shop]\napp_id = wx1\napp_secret =\n"));
    char *empty[] = {"p", "-c", path, "--check-config", NULL};
    check_open(empty, 1, "is fine\n", "account shop: app_secret is empty");
    free(path);

    path = test_file("bad.conf", span_of("[broker]\nlease = 1\n"));
    char *bad[] = {"p", "-c", path, "--check-config", NULL};
    check_open(bad, 2, "", "bad.conf:2: [broker] lease: ");
    free(path);
}

/* Warnings go to the log when there is something to run. */
static void test_warnings_are_logged(void)
{
    char *path = test_file("w.conf", span_of("[setting]\nreactor_num = 1\n[run]\ndir = run\n"));
    char *args[] = {"p", "-c", path, NULL};
    check_open(args, 0, "", "level=warn prog=mega-sender event=configuration text=\"");
    free(path);
}

static int check_run_folder(void *args)
{
    struct program p;
    struct stat info;
    umask(027);
    CHECK_INT(open_program(&p, args), 0);
    CHECK_STR(p.name, "sender");
    CHECK_INT(stat(p.conf->run.dir, &info), 0);
    CHECK_INT(info.st_mode & 07777, 0770);
    program_close(&p);
    return 0;
}

static void test_run_folder(void)
{
    char *path = test_file("r.conf", span_of("[wechat]\nrate = 1\n[run]\ndir = deep/er/run\n"));
    char *args[] = {"p", "-c", path, NULL};
    CHECK_INT(run(check_run_folder, args, 0), 0);
    CHECK_INT(run(check_run_folder, args, 0), 0); /* it is there already */
    free(path);
    path = test_file("f.conf", span_of("[wechat]\nrate = 1\n[run]\ndir = f.conf\n"));
    args[2] = path;
    check_open(args, 2, "", "cannot be made: Not a directory");
    free(path);
}

static int lock_once(void *args)
{
    struct program p;
    if (open_program(&p, args) != 0)
        return 9;
    return program_lock(&p) == 0 ? 0 : 5; /* the kernel lets go of it when the process ends */
}

/* Whoever watches can tell by the file that the process was not lost. */
static void check_ended(const char *name)
{
    char path[128], text[32] = "";
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    FILE *file = fopen(path, "re");
    CHECK(file != NULL && fgets(text, sizeof text, file) != NULL);
    CHECK_STR(text, PROGRAM_LOCK_ENDED);
    fclose(file);
}

static int check_lock(void *argument)
{
    char *args[] = {"p", "-c", conf_path, "-n", "one", NULL};
    char *others[] = {"p", "-c", conf_path, "-n", "two", NULL};
    (void)argument;
    struct program p;
    CHECK_INT(open_program(&p, args), 0);
    CHECK_INT(program_lock(&p), 0);
    CHECK_INT(run(lock_once, args, 1), 5);
    struct buf err = output("err");
    struct buf pid = {0};
    buf_printf(&pid, "one.lock pid=%ld\n", (long)getpid());
    CHECK_HAS(err.data, buf_str(&pid));
    buf_free(&err);
    buf_free(&pid);
    CHECK_INT(run(lock_once, others, 1), 0);
    program_close(&p);
    check_ended("run/one.lock");
    CHECK_INT(run(lock_once, args, 1), 0);
    return 0;
}

/* Many files may be open, whatever the soft limit was. */
static int check_files(void *argument)
{
    char *args[] = {"p", "-c", conf_path, NULL};
    struct rlimit files;
    (void)argument;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = 64;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &files), 0);
    struct program p;
    CHECK_INT(open_program(&p, args), 0);
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &files), 0);
    CHECK(files.rlim_cur == PROGRAM_FILES || (files.rlim_cur > 64 && files.rlim_cur == files.rlim_max));
    program_close(&p);
    return 0;
}

static int wait_signal(struct program *p)
{
    struct pollfd fd = {.fd = p->signal_fd, .events = POLLIN};
    CHECK_INT(poll(&fd, 1, 5000), 1);
    return program_signal(p);
}

static int check_signals(void *argument)
{
    char *path =
        test_file("s.conf", span_of("[wechat]\nrate = 1\n[log]\nlog_file = s.log\n[run]\ndir = run\n"));
    char *args[] = {"p", "-c", path, NULL};
    (void)argument;
    struct program p;
    CHECK_INT(open_program(&p, args), 0);
    CHECK_INT(program_signal(&p), 0);
    raise(SIGPIPE);
    raise(SIGTERM);
    CHECK_INT(wait_signal(&p), SIGTERM);
    raise(SIGINT);
    CHECK_INT(wait_signal(&p), SIGTERM);
    raise(SIGHUP);
    CHECK_INT(wait_signal(&p), SIGHUP);
    CHECK_INT(program_signal(&p), 0);

    char moved[96];
    snprintf(moved, sizeof moved, "%s/s.log.1", test_folder());
    CHECK_INT(rename(p.conf->log.path, moved), 0);
    raise(SIGUSR1);
    CHECK_INT(wait_signal(&p), 0);
    log_info("after");
    CHECK_INT(access(p.conf->log.path, F_OK), 0);
    program_close(&p);
    free(path);
    return 0;
}

/* --- a configuration that is read again --------------------------------------------------------------------------- */

struct reloading {
    int checks, applied;
    int refuse;
};

static int check_next(void *self, const struct conf *next)
{
    struct reloading *r = self;
    CHECK(next != NULL);
    r->checks++;
    return r->refuse ? -1 : 0;
}

static void apply_next(void *self)
{
    struct reloading *r = self;
    r->applied++;
}

/* Writes the file anew and reads it again. */
static int reload(struct program *p, struct reloading *r, const char *text)
{
    char *path = test_file("reload.conf", span_of(text));
    struct program_reload hooks = {check_next, apply_next, r};
    free(path);
    return program_reload(p, &hooks);
}

static int check_reload(void *argument)
{
    char *path = test_file("reload.conf", span_of("[log]\nlog_file = 1.log\n[run]\ndir = run\n"));
    char *args[] = {"p", "-c", path, NULL};
    struct reloading r = {0};
    struct program p;
    char log[96];
    (void)argument;
    CHECK_INT(open_program(&p, args), 0);
    const struct conf *before = p.conf;

    CHECK_INT(reload(&p, &r, "[sender]\ntimeout = 7s\nslots = 7\n[log]\nlog_file = 2.log\n[run]\ndir = run\n"), 0);
    CHECK(p.conf == before);
    CHECK_INT(p.conf->sender.timeout_ms, 7000);
    CHECK_INT(p.conf->sender.slots, 64);
    CHECK_INT(r.checks + 10 * r.applied, 11);
    snprintf(log, sizeof log, "%s/2.log", test_folder());
    struct buf text = test_read(log);
    CHECK_HAS(buf_str(&text), "event=\"configuration changed\" key=\"[sender] timeout\" from=10s to=7s\n");
    CHECK_HAS(buf_str(&text), "level=warn prog=mega-sender event=\"configuration change waits for a restart\" "
                              "key=\"[sender] slots\" from=64 to=7 restart=mega-sender\n");
    CHECK_HAS(buf_str(&text), " changed=2 waits_for_restart=1\n");
    buf_free(&text);

    /* Wrong in the file, wrong for the program, a log that cannot be opened: all stays as it is. */
    CHECK_INT(reload(&p, &r, "[sender]\ntimeout = 8s\nslots = many\n[nowhere]\na = b\n[run]\ndir = run\n"), -1);
    CHECK_INT(r.checks + 10 * r.applied, 11);
    r.refuse = 1;
    CHECK_INT(reload(&p, &r, "[sender]\ntimeout = 8s\n[log]\nlog_file = 3.log\n[run]\ndir = run\n"), -1);
    r.refuse = 0;
    CHECK_INT(reload(&p, &r, "[sender]\ntimeout = 8s\n[log]\nlog_file = no/such/folder.log\n[run]\ndir = run\n"), -1);
    CHECK_INT(r.checks + 10 * r.applied, 13);
    CHECK_INT(p.conf->sender.timeout_ms, 7000);
    CHECK_HAS(p.conf->log.path, "/2.log");
    text = test_read(log);
    CHECK_HAS(buf_str(&text), "reload.conf:3: [sender] slots: ");
    CHECK_HAS(buf_str(&text), "reload.conf:5: [nowhere] a: ");
    CHECK_HAS(buf_str(&text), "no/such/folder.log");
    CHECK_HAS(buf_str(&text), "event=\"configuration is kept as it was: the file is wrong; correct it and send HUP again\"");
    buf_free(&text);
    unlink(path);
    CHECK_INT(program_reload(&p, &(struct program_reload){check_next, apply_next, &r}), -1);
    CHECK_INT(p.conf->sender.timeout_ms, 7000);
    program_close(&p);
    free(path);
    return 0;
}

/* --- [run] user --------------------------------------------------------------------------------------------------- */

/* Becomes nobody, with a log and a run folder that are nobody's, and does not come back. */
static int check_user(void *args)
{
    const struct passwd *nobody = getpwnam("nobody");
    struct program p;
    struct stat info;
    gid_t groups[4];
    CHECK(nobody != NULL);
    uid_t uid = nobody->pw_uid;
    gid_t gid = nobody->pw_gid;
    CHECK_INT(open_program(&p, args), 0);
    CHECK_INT(getuid(), uid);
    CHECK_INT(getegid(), gid);
    CHECK(setuid(0) != 0 && setgid(0) != 0);
    CHECK_INT(getgroups(4, groups), 1);
    CHECK_INT(groups[0], gid);
    CHECK_INT(stat(p.conf->run.dir, &info), 0);
    CHECK_INT(info.st_uid, uid);
    CHECK_INT(info.st_gid, gid);
    CHECK_INT(info.st_mode & 07777, 0770);
    CHECK_INT(stat(p.conf->log.path, &info), 0);
    CHECK_INT(info.st_uid, uid);
    CHECK_INT(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    CHECK_INT(program_lock(&p), 0);
    program_close(&p);
    return 0;
}

static int open_as_nobody(void *args)
{
    const struct passwd *nobody = getpwnam("nobody");
    CHECK(nobody != NULL && setgid(nobody->pw_gid) == 0 && setuid(nobody->pw_uid) == 0);
    return open_only(args);
}

static void test_user(void)
{
    char *path = test_file("u.conf", span_of("[run]\ndir = u/run\nuser = no-such-user\n"));
    char *args[] = {"p", "-c", path, NULL};
    check_open(args, 2, "", "[run] user: there is no user \"no-such-user\"; make it");
    free(path);
    if (geteuid() != 0) {
        puts("test_user: not run, needs root: becoming another user");
        return;
    }
    CHECK_INT(chmod(test_folder(), 0755), 0);
    char *folder = test_file("u.keep", span_of(""));
    CHECK_INT(unlink(folder), 0);
    CHECK_INT(mkdir(folder, 0755) + chown(folder, getpwnam("nobody")->pw_uid, (gid_t)-1), 0);
    path = test_file("u.conf", span_of("[log]\nlog_file = u.keep/log\n[run]\ndir = u/run\nuser = nobody\n"));
    args[2] = path;
    CHECK_INT(run(check_user, args, 0), 0);
    CHECK_INT(run(open_as_nobody, args, 0), 0); /* is that user already */
    free(path);
    path = test_file("u.conf", span_of("[run]\ndir = u/run\nuser = root\n"));
    args[2] = path;
    CHECK_INT(run(open_only, args, 0), 0);
    CHECK_INT(run(open_as_nobody, args, 1), 2);
    struct buf err = output("err");
    CHECK_HAS(buf_str(&err), "start it as root, or leave the key out");
    buf_free(&err);
    free(path);
    free(folder);
}

int main(void)
{
    conf_path = test_file("mega.conf", span_of("[wechat]\nrate = 1\n[run]\ndir = run\n"));
    test_options();
    test_check_and_dump();
    test_warnings_are_logged();
    test_run_folder();
    CHECK_INT(run(check_lock, NULL, 0), 0);
    CHECK_INT(run(check_files, NULL, 0), 0);
    CHECK_INT(run(check_signals, NULL, 0), 0);
    CHECK_INT(run(check_reload, NULL, 0), 0);
    test_user();
    free(conf_path);
    return 0;
}
