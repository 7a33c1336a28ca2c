/* Where an account's access token comes from: which keys belong together. Used by conf.c only; pure. */
#ifndef BASE_CONF_TOKEN_H
#define BASE_CONF_TOKEN_H

#include "base/conf.h"

/* What is wrong with token_mode, token_url and token_sql together and what to do, beginning with the key; NULL when nothing
 * is. Shows no value: both are secrets. */
const char *conf_token_error(const struct conf_account *account, int has_dsn);

/* token_fetches when it is not given. WeChat allows 2,000 classic fetches a day and 500,000 of stable_token. */
uint32_t conf_token_fetches(enum conf_token_mode mode);

#endif
