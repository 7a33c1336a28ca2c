/* Other programs of the set under the name mega: what opens the store or calls WeChat is built with more than mega is, so
 * `mega store` is the program mega-store, and so on.
 */
#ifndef CLIENT_HAND_OVER_H
#define CLIENT_HAND_OVER_H

/* Replaces this process with `program`: the one beside this program, else the one in PATH. argv[0] is replaced by its name, the
 * others are passed on. `command` is what the user typed, for the message. Returns an exit status, with the reason printed, only
 * when that cannot be done. */
int hand_over(const char *command, const char *program, char **argv);

/* Runs `program` and waits for its end; says nothing when it cannot be run. Returns its exit status, or -1. */
int hand_over_run(const char *program, char **argv);

#endif
