/*
 * refusal.h - token calls that fail on request: POST /sim/token-refuse. One refusal for each account and one
 * for all of them; an account's own is looked at first.
 */
#ifndef SIM_REFUSAL_H
#define SIM_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/tokens.h"

/* What a refused token call gets. Zeroed: nothing is refused. */
struct refusal {
    int errcode;     /* 0: none, the answer is no JSON */
    unsigned status; /* HTTP; 0: 200 */
    int64_t left;    /* how many calls are still to be refused; -1: without limit */
};

struct refusals {
    struct refusal all;
    struct refusal accounts[TOKENS_ACCOUNTS_MAX];
};

/* Replaces the refusal of this account. NULL: the one of all accounts, and ends those of single ones. */
void refusals_set(struct refusals *self, const struct tokens_account *account, struct refusal refusal);

/* Whether a token call that names this account (NULL: none that exists) is refused now, and with what. Counts
 * it. */
bool refusals_take(struct refusals *self, const struct tokens_account *account, struct refusal *taken);

#endif
