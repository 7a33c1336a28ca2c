/* Asks token_sql on a thread of its own, so that a slow database holds up nothing but the accounts that live by it.
 *
 * Used by the keeper. One thread and one connection for all accounts, asked in turn. The connection is kept, and made
 * again once at once when it turns out to be lost.
 */
#ifndef SENDER_TOKEN_SQL_H
#define SENDER_TOKEN_SQL_H

#include "base/conf.h"

#define TOKEN_SQL_STOP_MS 500 /* what the end waits for a query, which may take several seconds */

/* What a query has yielded. */
struct token_row {
    struct buf error;   /* owned: why there is nothing; empty = the query was done */
    uint32_t count;     /* rows; more than 2 count as 2 */
    struct buf token;   /* owned: first column of the first row; empty when NULL */
    struct buf seconds; /* owned: the second one */
    int has_seconds;    /* it is there and not NULL */
};

void token_row_free(struct token_row *row);

struct token_sql;

/* `conf` is kept. NULL with a message in `error` when [pdo] dsn is wrong. */
struct token_sql *token_sql_new(const struct conf *conf, struct buf *error);

/* Returns 1 when the thread had to be left behind in a query: it then keeps what it needs, the configuration included, so
 * that the process must end by _exit. Else 0. */
int token_sql_destroy(struct token_sql **self);

/* Readable (for poll) while there is something to take. */
int token_sql_fd(const struct token_sql *t);

/* Asks for conf->accounts[account], which is not being asked for already. */
void token_sql_ask(struct token_sql *t, size_t account);

/* Takes what one question has yielded. Returns 1 and the account and its row, to be freed by the caller; 0 when there is
 * nothing. */
int token_sql_take(struct token_sql *t, size_t *account, struct token_row *row);

#endif
