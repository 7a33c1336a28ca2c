/* Other programs of the set under the name mega: what opens the store or calls WeChat is built with more than mega is, so
 * `mega store` is the program mega-store, and so on.
 */
#ifndef CLIENT_HAND_OVER_H
#define CLIENT_HAND_OVER_H

#include <sys/types.h>

/* Replaces this process with `program`: the one beside this program, else the one in PATH. argv[0] is replaced by its name, the
 * others are passed on. `command` is what the user typed, for the message. Returns an exit status, with the reason printed, only
 * when that cannot be done. */
int hand_over(const char *command, const char *program, char **argv);

/* Runs `program` and waits for its end; says nothing when it cannot be run. Returns its exit status, or -1. */
int hand_over_run(const char *program, char **argv);

/* Starts `program` with its standard output in a pipe. Returns the descriptor to read from and the process in *pid, or -1 when no
 * process can be made. */
int hand_over_open(const char *program, char **argv, pid_t *pid);

/* Closes the pipe and waits for the end; a program that still writes is ended by that. Returns its exit status, or -1 when it was
 * ended by a signal, or HAND_OVER_MISSING. */
#define HAND_OVER_MISSING 127 /* the program cannot be started */
int hand_over_close(int fd, pid_t pid);

#endif
