/* A connection to MySQL or MariaDB: made when it is needed, with time limits, rows handed over as they come. The only
 * user of the client library.
 *
 * Used by the templater (its table), the token keeper (token_sql) and mega task create (--sql). It talks utf8mb4 whatever a
 * table is in. Limits are [pdo] connect_timeout and query_timeout, the latter for each wait on the network; in whole seconds, rounded up,
 * since the library knows no finer ones. Every call but new and destroy may block for so long, so that it belongs on
 * a thread of its own. One thread at a time; one link of a process at a time, since the library ends with it.
 *
 * Failures are texts for people, which never hold the password.
 */
#ifndef BASE_MYSQL_LINK_H
#define BASE_MYSQL_LINK_H

#include "base/conf.h"

struct mysql_link;

#define MYSQL_LINK_FIELDS_MAX 1025 /* of a row */

enum mysql_end {
    MYSQL_END_DONE,
    MYSQL_END_FAILED,
    MYSQL_END_LOST /* the connection: it may have been idle for too long, a new one may do */
};

/* What the rows of a query are handed to. */
struct mysql_sink {
    void *to;
    void (*begin)(void *to); /* the query was taken; NULL = not asked for */
    /* The columns' names, before the first row; `count` is that of all columns, also of those that are too many. NULL = not
     * asked for. */
    void (*names)(void *to, const struct span *names, size_t count);
    /* 1: no more rows are wanted; asked after the names and after each row. The query then ends as done, and the connection is
     * closed. NULL = all are. */
    int (*is_over)(void *to);
    /* A field that is NULL has no data; fields are valid during the call. At most MYSQL_LINK_FIELDS_MAX are handed over. */
    void (*row)(void *to, const struct span *fields, size_t count);
};

/* Takes [pdo] of the configuration, which is kept. Connects to nothing. NULL with a message in `error` (appended) when the
 * dsn is wrong. */
struct mysql_link *mysql_link_new(const struct conf *conf, struct buf *error);
void mysql_link_destroy(struct mysql_link **self);

int mysql_link_is_open(const struct mysql_link *link);

/* Connects. On failure a message is appended to `error`, in all calls. */
enum mysql_end mysql_link_open(struct mysql_link *link, struct buf *error);
void mysql_link_close(struct mysql_link *link);

/* Sends a statement over the open connection and reads what it yields; one that yields no rows is done, too. `what`
 * stands in the message: "mysql: WHAT: …". */
enum mysql_end mysql_link_query(struct mysql_link *link, const char *what, struct span sql, const struct mysql_sink *sink,
                                struct buf *error);

/* The number of the last failure of the open connection. Numbers: mariadb.com: MariaDB Error Codes; dev.mysql.com: Client
 * Error Message Reference. */
unsigned mysql_link_error(const struct mysql_link *link);

/* Of the dsn. */
const char *mysql_link_database(const struct mysql_link *link);

/* Appends what stands between quotes in a statement of the open connection. */
void mysql_link_escape(struct mysql_link *link, struct span text, struct buf *sql);

/* Appends a name in backticks; those in the name are doubled. */
void mysql_link_identifier(const char *name, struct buf *sql);

#endif
