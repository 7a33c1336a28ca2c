/* What every main() begins with: options, configuration, log, signals, the lock of a name.
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

#define PROGRAM_NAME_BYTES_MAX 33 /* of a stage's name, with its NUL: letters, digits, - and _ */

struct program {
    struct conf *conf; /* owned */
    char name[PROGRAM_NAME_BYTES_MAX];
    int signal_fd; /* readable when TERM, INT, HUP or USR1 came; see program_signal */
    int lock_fd;   /* -1 when none was taken */
};

/* Reads the options, forbids core files (the configuration holds secrets), reads the configuration, opens the log, blocks the
 * signals and opens signal_fd, ignores SIGPIPE, makes the run folder (0770). Returns 0 to go on, or the exit status plus 1 when there is nothing to run: 1 = done well
 * (--help), 2 = failed, 3 = wrong usage; what was wrong is already printed. */
int program_open(struct program *p, int argc, char **argv, const char *program, const char *what_it_does);

/* Takes RUN/NAME.lock for as long as the process lives, so that a second copy of a named stage finds it. Returns 0, or -1
 * when another process has it (logged). */
int program_lock(struct program *p);

/* The signal that made signal_fd readable: SIGTERM (INT counts as TERM), SIGHUP; 0 when there is none. USR1 is handled
 * here: it reopens the log. */
int program_signal(struct program *p);

/* Raises the limit of open files to what this process may have. Returns that. */
size_t program_raise_files(void);

void program_close(struct program *p);

/* No core file of this process, and of those that it becomes or starts, holds its memory. program_open does it; a command
 * calls it before it reads a configuration, is given a token, or a message. */
void program_forbid_cores(void);

#endif
