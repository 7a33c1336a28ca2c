/* The dsn of [pdo]: mysql:host=..;port=..;dbname=..;unix_socket=..;charset=.. as PHP's PDO writes it
 * (php.net: PDO_MYSQL DSN). */
#ifndef BASE_DSN_H
#define BASE_DSN_H

#include "base/buf.h"

#define DSN_TEXT_BYTES_MAX 256 /* of one part, with its NUL */

struct dsn {
    char host[DSN_TEXT_BYTES_MAX];        /* empty = the library's default, localhost */
    unsigned port;                        /* 0 = the library's default, 3306 */
    char dbname[DSN_TEXT_BYTES_MAX];      /* never empty */
    char unix_socket[DSN_TEXT_BYTES_MAX]; /* empty = none; goes before host and port */
};

/* Reads it. charset is ignored: the connection is always utf8mb4. Returns 0, or -1 with a message in `error`
 * (appended) that names the part. */
int dsn_parse(const char *text, struct dsn *dsn, struct buf *error);

#endif
