/* Templates in MySQL or MariaDB: the table of the original service (tmpl_key, template).
 *
 * The connection is made when it is needed, talks utf8mb4 whatever the table is in, and has time limits for
 * connecting and for each wait on the network ([pdo] connect_timeout, query_timeout; in whole seconds,
 * rounded up, since the library knows no finer ones). A connection that turns out to be lost is made again
 * once at once.
 */
#ifndef TEMPLATER_SOURCE_MYSQL_H
#define TEMPLATER_SOURCE_MYSQL_H

#include "base/conf.h"
#include "templater/source.h"

#define SOURCE_MYSQL_TABLE_BYTES_MAX                                                                         \
    64 /* of a table's name: MySQL's own limit (dev.mysql.com: Identifier Length Limits) */

/* Takes [pdo] and [server] of the configuration, which must outlive the source. Connects to nothing. Returns
 * NULL with a message in `error` when the dsn or the table prefix is wrong. */
struct source *source_mysql_new(const struct conf *conf, struct buf *error);

#endif
