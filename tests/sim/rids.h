/*
 * rids.h - remembers the error answers that carried a rid, for POST /cgi-bin/openapi/rid/get.
 *
 * The last RIDS_KEPT_MAX are kept, and of each text the first RIDS_TEXT_BYTES_MAX bytes. Tokens and secrets
 * are masked before they are kept, so nothing that is read out later can hold one.
 */
#ifndef SIM_RIDS_H
#define SIM_RIDS_H

#include <stdint.h>

#include "tests/sim/http.h"
#include "tests/sim/text.h"
#include "tests/sim/tokens.h"

#define RIDS_KEPT_MAX       10000
#define RIDS_TEXT_BYTES_MAX 2048
#define RID_BYTES           27 /* three groups of eight hexadecimal digits, two '-', NUL */

struct rid_call {
    char rid[RID_BYTES];
    const struct tokens_account *account; /* whose call it was; NULL: nobody's that is known */
    int64_t invoked_ms;                   /* wall clock */
    int64_t cost_ms;
    struct text query; /* with access_token and secrets masked */
    struct text request;
    struct text response;
    char client_ip[HTTP_IP_BYTES];
};

struct rids;

struct rids *rids_new(void);
void rids_destroy(struct rids **self);

/* Remembers that `exchange` gets `answer`, which carries the rid. Called before the exchange is settled. */
void rids_add(struct rids *self, const char *rid, const struct exchange *exchange,
              const struct tokens_account *account, int64_t invoked_ms, const struct text *answer);

/* NULL if it is not known. Valid until the next rids_add(). */
const struct rid_call *rids_find(const struct rids *self, const char *rid);

#endif
