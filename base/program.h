/* What every main() begins with: options, configuration, user, log, signals, the lock of a name; and what every loop needs of it.
 *
 *   -c, --config FILE   the configuration (default /etc/mega-wechat/mega.conf)
 *   -n, --name NAME     the name of this stage, unique in the installation (default: the program's name without "mega-")
 *       --check-config  read the configuration, say what is wrong, exit 0 or 1
 *       --dump-config   print what it runs with, secrets masked
 *       --version, --help
 */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include "base/conf.h"
#include "base/notify.h"

#define PROGRAM_NAME_BYTES_MAX 33 /* of a stage's name, with its NUL: letters, digits, - and _ */

/* What the lock of a name holds when its process has ended by itself; while it runs, the number of the process. */
#define PROGRAM_LOCK_ENDED "ended\n"

struct program {
    struct conf *conf; /* owned */
    char name[PROGRAM_NAME_BYTES_MAX];
    int signal_fd; /* readable when TERM, INT, HUP or USR1 came; see program_signal */
    int lock_fd;   /* -1 when none was taken */
    const char *program;  /* "mega-broker"; kept, not copied */
    struct notify notify; /* the service manager; see notify.h. Loops call notify_wait_ms before they wait */
};

/* Reads the options, forbids core files (the configuration holds secrets), reads the configuration, makes the run folder (0770),
 * becomes [run] user, opens the log, blocks the signals and opens signal_fd, ignores SIGPIPE, lets nothing gain rights any more.
 * The log is opened by that user, who has to be able to open it again after a rotation. Returns 0 to go on, or the exit status plus 1 when there is nothing to run: 1 = done well
 * (--help), 2 = failed, 3 = wrong usage; what was wrong is already printed. */
int program_open(struct program *p, int argc, char **argv, const char *program, const char *what_it_does);

/* The same, with what this program reads beside the configuration: `check` looks at that before anything is begun and for --check-config.
 * It returns 0, or -1 with a line for each error; what is only a warning goes to `warnings`. */
int program_open_checked(struct program *p, int argc, char **argv, const char *program, const char *what_it_does,
                         int (*check)(const struct conf *conf, struct buf *errors, struct buf *warnings));

/* Takes RUN/NAME.lock for as long as the process lives, so that a second copy of a named stage finds it. Returns 0, or -1
 * when another process has it (logged). */
int program_lock(struct program *p);

/* The signal that made signal_fd readable: SIGTERM (INT counts as TERM), SIGHUP; 0 when there is none. USR1 is handled
 * here: it reopens the log. On HUP a program calls program_reload. The first TERM is told to the service manager; a program drains on it, and ends
 * at once on a second one. */
int program_signal(struct program *p);

/* What a program has to do about a configuration that was read again. Either may be NULL. */
struct program_reload {
    /* Looks at what is new before any of it counts: returns 0, or -1 (logged) to keep everything as it is. */
    int (*check)(void *self, const struct conf *next);
    /* p->conf has the new values of all keys that this program applies while it runs (conf_reload.h): does what follows from them. */
    void (*apply)(void *self);
    void *self;
};

/* Reads the configuration again and takes over, in place, what can be applied at once: what points to p->conf sees it. A line in the
 * log for each difference tells whether it counts now or needs a restart of this program. If anything is wrong with the file all
 * stays as it is, each error is logged. Returns 0, or -1 when it is kept as it was. */
int program_reload(struct program *p, const struct program_reload *reload);

/* The log as a configuration wants it. Points into `conf`. */
struct log_options program_log_options(const struct program *p, const struct conf *conf);

#define PROGRAM_FILES 65536 /* open at once, if the hard limit lets it: strangers may hold many for a while wherever a program listens */

/* Raises the limit of open files to `most`, or what this process may have if that is less; program_open does so with PROGRAM_FILES. Returns
 * the limit, which may have been higher. */
size_t program_raise_files(size_t most);

void program_close(struct program *p);

/* No core file of this process, and of those that it becomes or starts, holds its memory. program_open does it; a command
 * calls it before it reads a configuration, is given a token, or a message. */
void program_forbid_cores(void);

#endif
