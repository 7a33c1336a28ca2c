/*
 * refusal.c - token calls that fail on request; see refusal.h.
 */
#include "tests/sim/refusal.h"

#include <string.h>

void refusals_set(struct refusals *self, const struct tokens_account *account, struct refusal refusal)
{
    if (account != NULL) {
        self->accounts[account->number] = refusal;
        return;
    }
    memset(self, 0, sizeof *self);
    self->all = refusal;
}

static bool refusal_take(struct refusal *refusal, struct refusal *taken)
{
    if (refusal->left == 0 || (refusal->errcode == 0 && refusal->status == 0))
        return false;
    if (refusal->left > 0)
        refusal->left--;
    *taken = *refusal;
    return true;
}

bool refusals_take(struct refusals *self, const struct tokens_account *account, struct refusal *taken)
{
    if (account != NULL && refusal_take(&self->accounts[account->number], taken))
        return true;
    return refusal_take(&self->all, taken);
}
