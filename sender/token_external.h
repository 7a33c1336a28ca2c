/* Tokens of a token service (token_mode = external): how token_url is asked, what its answer, or the row of token_sql,
 * means.
 *
 * Used by the keeper. Pure. A service gives a token and, if it knows it, the seconds it is still valid; without them a
 * token is believed for TOKEN_UNKNOWN_MS. Texts for people hold neither the address, which may be a secret, nor
 * anything of an answer that is not understood, which may be a token.
 */
#ifndef SENDER_TOKEN_EXTERNAL_H
#define SENDER_TOKEN_EXTERNAL_H

#include "sender/token_fetch.h"
#include "sender/token_sql.h"

#define TOKEN_UNKNOWN_MS 120000

/* Writes the URL (cleared first); it is a GET. */
void token_external_ask(const struct conf_account *account, struct buf *url);

/* Takes WeChat's JSON, with expires_in or without, and a token that stands alone. */
void token_external_read(const struct http_answer *answer, struct fetched *fetched);

void token_external_row(const struct token_row *row, struct fetched *fetched);

#endif
