/* The keeper's cache file: tokens that outlive a restart, and how many forced refreshes the day has seen.
 *
 * Used by the keeper. The file is 0600 and replaced as a whole (written beside, synced, renamed). It is a
 * convenience: one that is damaged, of another version, or that others could have read or changed is ignored
 * with a warning, and tokens are fetched.
 *
 * Format: a msgpack array [version, payload (bin), hash_64 of the payload]; the payload is an array of
 * records, each an array [key, token, until, lifetime, forced day, forced count, forced last].
 */
#ifndef SENDER_TOKEN_STORE_H
#define SENDER_TOKEN_STORE_H

#include <stdint.h>

#include "base/conf.h"
#include "sender/token_plan.h"

#define TOKEN_KEY_BYTES 32

struct token_record {
    char key[TOKEN_KEY_BYTES]; /* whose token it is; not NUL-terminated. See token_store_key */
    struct span token;         /* may be empty */
    int64_t until_wall_ms;     /* end of its time */
    int64_t lifetime_ms;       /* when it was fetched */
    struct token_forced forced;
};

/* Hexadecimal digits of a hash over everything that makes a token another one: AppID, secret, mode,
 * api_base, and of a token service how it is asked. */
void token_store_key(const struct conf_account *account, char key[TOKEN_KEY_BYTES]);

/* Reads at most `max` records, whose spans point into `bytes` (cleared first). Returns their number; 0 when
 * there is no file or it is ignored (logged). */
size_t token_store_read(const char *path, struct buf *bytes, struct token_record *records, size_t max);

/* Returns 0, or -1 when it could not be written (logged); the old file is untouched then. */
int token_store_write(const char *path, const struct token_record *records, size_t count);

#endif
