/* The sender's end of proto/token.h: the newest access token of each account, and which accounts have none.
 *
 * Used by the sender and by mega-wechat. A token is used until its time is over, so that a keeper that is away costs nothing for
 * hours. One that WeChat rejected is not used again until the keeper gives out another one, or the same one
 * after asking WeChat again.
 *
 * An account is an index into conf->accounts. Tokens have numbers, which go up with each that is given out
 * anew: a call remembers the number of the token it was made with.
 */
#ifndef SENDER_TOKEN_CLIENT_H
#define SENDER_TOKEN_CLIENT_H

#include <stdint.h>

#include "base/conf.h"

#define TOKEN_WAIT_MS 3000 /* an account is stopped when it has had no token for so long */

struct token_client;

/* Connects to conf->token.endpoint; never blocks. `conf` is kept. NULL when the endpoint cannot be used
 * (logged). */
struct token_client *token_client_new(const struct conf *conf);
void token_client_destroy(struct token_client **self);

/* The zsock to poll for reading. */
void *token_client_socket(struct token_client *t);

/* Reads everything that is there. */
void token_client_receive(struct token_client *t);

/* Asks the keeper when it is time. Returns the milliseconds until it wants to be called again. */
int64_t token_client_tick(struct token_client *t);

/* The account of that name, or -1. */
int token_client_account(const struct token_client *t, struct span name);

/* The number of the account's token, or 0 while there is none to be used. */
uint64_t token_client_number(const struct token_client *t, int account);

/* Milliseconds until the end of that token; 0 while there is none. */
int64_t token_client_left_ms(const struct token_client *t, int account);

/* The token as it is, and as it stands in a URL's query, escaped. Valid until the next call of token_client_receive. */
struct span token_client_token(const struct token_client *t, int account);
struct span token_client_escaped(const struct token_client *t, int account);

/* WeChat rejected the token of that number: tells the keeper, unless there is another one by now. */
void token_client_reject(struct token_client *t, int account, uint64_t number);

/* Why nothing can be sent for the account at present, or NULL while something can, or may soon. */
const char *token_client_stopped(const struct token_client *t, int account);

/* 1 once after the set of stopped accounts has changed. */
int token_client_has_changed(struct token_client *t);

#endif
