/* mega-token: the one process of an installation that asks WeChat, or your token service, for access tokens.
 *
 * Used by main_token.c and tests. Senders and other programs ask by proto/token.h; however many ask, there is one
 * fetch for an account at a time. Tokens are replaced before they end. What WeChat rejected is replaced only while it is
 * still the current one.
 *
 * Never logs a token or a secret.
 */
#ifndef SENDER_KEEPER_H
#define SENDER_KEEPER_H

#include "base/program.h"

struct keeper;

/* `program` is kept. NULL when something cannot be used (logged). */
struct keeper *keeper_new(struct program *program);

/* Returns 1 when a thread is left that still uses the configuration: the process must end by _exit. Else 0. */
int keeper_destroy(struct keeper **self);

/* Runs until TERM. Returns the exit status. */
int keeper_run(struct keeper *k);

#endif
