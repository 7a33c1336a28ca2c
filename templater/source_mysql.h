/* Templates in MySQL or MariaDB: the table of the original service (tmpl_key, template).
 *
 * The connection and its time limits are those of base/mysql_link.h. One that turns out to be lost is made
 * again once at once.
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
