/* What becomes of a configuration that was read again while a program runs: what is taken over at once, and what a restart is
 * needed for. Goes by one table of all keys (conf_reload.c): which programs use a key, and which of these apply it while they run.
 *
 * Used by program.c. Pure. A key that the table does not have counts as one that every program has to be restarted for; a test
 * checks that it has all.
 */
#ifndef BASE_CONF_RELOAD_H
#define BASE_CONF_RELOAD_H

#include "base/conf.h"

/* The programs that run, as bits. */
enum conf_program {
    CONF_BROKER = 1,
    CONF_TOKEN = 2,
    CONF_TEMPLATER = 4,
    CONF_SENDER = 8,
    CONF_TASK = 16,
    CONF_GATEWAY = 32,
    CONF_CONSOLE = 64,
    CONF_LISTENER = 128,
    CONF_ALL = 255
};

/* The bit of "mega-broker" and so on; 0 for any other name. */
unsigned conf_program_of(const char *program);

/* One difference; valid during the call that tells it. */
struct conf_change {
    const char *where; /* "[broker] ledger_days", "[wechat:NAME] rate"; "[wechat:NAME]" for an account that came or went */
    const char *from;  /* as in a file; **** for a secret */
    const char *to;
    int is_live;       /* 1: taken over; 0: waits for a restart */
};

struct conf_changes {
    size_t live, waiting; /* how many there were */
};

/* Takes over into `conf` what `next` has otherwise and the program (a bit) applies while it runs, and tells of every difference that
 * concerns the program. What waits for a restart stays in `conf` as it is, so that it is told again the next time. An account's
 * section is taken over as a whole or, while one of its keys waits, not at all: they belong together. Accounts that came or went
 * are told and change nothing. `tell` may be NULL. */
struct conf_changes conf_take_over(struct conf *conf, const struct conf *next, unsigned program,
                                   void (*tell)(void *self, const struct conf_change *change), void *self);

/* 1 when the table has the key. For the test. */
int conf_reload_knows(const char *section, const char *name);

#endif
