/* The MySQL source. Only this file knows the client library.
 *
 * Which table it is: table_prefix + mega_wechat_template as the original's code has it, else table_prefix +
 * wechat_template as its documentation has it, else mega_wechat_template. It is looked for anew with each
 * connection.
 */
#include "templater/source_mysql.h"

#include <mysql.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "proto/limits.h"
#include "templater/dsn.h"

/* Numbers of errors (mariadb.com: MariaDB Error Codes; dev.mysql.com: Client Error Message Reference). */
enum {
    ERROR_SERVER_SHUTDOWN = 1053,
    ERROR_TABLE_ACCESS_DENIED = 1142,
    ERROR_NO_SUCH_TABLE = 1146,
    ERROR_CONNECTION_KILLED = 1927,
    ERROR_SERVER_GONE = 2006,
    ERROR_SERVER_LOST = 2013,
    ERROR_SERVER_LOST_EXTENDED = 2055,
    ERROR_IDLE_TOO_LONG = 4031
};

#define TABLE_CANDIDATES 3
#define PREFIX_BYTES_MAX 40 /* with the longer table name it stays a name of MySQL */

struct source_mysql {
    struct source base;
    const struct conf *conf; /* not owned */
    struct dsn dsn;
    MYSQL *connection;                                   /* NULL while there is none */
    char table[SOURCE_MYSQL_TABLE_BYTES_MAX + 1];        /* in use; empty until one was found */
    char table_logged[SOURCE_MYSQL_TABLE_BYTES_MAX + 1]; /* what the log was told */
};

/* What a reading is for: all rows into a sink, or one key. */
struct query {
    const struct source_sink *sink; /* NULL: one key */
    struct span key;
    struct buf *own_key, *text;
    int found;
};

enum attempt { ATTEMPT_DONE, ATTEMPT_FAILED, ATTEMPT_LOST };

static int mysql_load_all(struct source *base, const struct source_sink *sink, struct buf *error);
static int mysql_load_one(struct source *base, struct span key, struct buf *own_key, struct buf *text,
                          struct buf *error);
static void mysql_source_destroy(struct source *base);

static const struct source_type mysql_type = {"mysql", mysql_load_all, mysql_load_one, mysql_source_destroy};

struct source *source_mysql_new(const struct conf *conf, struct buf *error)
{
    struct source_mysql *self = mem_new(sizeof *self);
    self->base = (struct source){&mysql_type, conf->server.template_bytes_max};
    self->conf = conf;
    int result = dsn_parse(conf->pdo.dsn, &self->dsn, error);
    if (result == 0 && strlen(conf->pdo.table_prefix) > PREFIX_BYTES_MAX) {
        buf_printf(error, "[pdo] table_prefix: over %d bytes", PREFIX_BYTES_MAX);
        result = -1;
    }
    if (result == 0 && mysql_library_init(0, NULL, NULL) != 0) {
        buf_append_str(error, "the MySQL client library does not start");
        result = -1;
    }
    if (result == 0)
        return &self->base;
    free(self);
    return NULL;
}

static void disconnect(struct source_mysql *self)
{
    if (self->connection != NULL)
        mysql_close(self->connection);
    self->connection = NULL;
}

static void mysql_source_destroy(struct source *base)
{
    struct source_mysql *self = (struct source_mysql *)base;
    disconnect(self);
    mysql_library_end();
    free(self);
}

/* Appends what the server or the library said. Neither repeats the password. */
static enum attempt fail_mysql(struct source_mysql *self, const char *what, struct buf *error)
{
    unsigned number = mysql_errno(self->connection);
    buf_printf(error, "mysql: %s: %s (%u)", what, mysql_error(self->connection), number);
    switch (number) {
    case ERROR_SERVER_SHUTDOWN:
    case ERROR_CONNECTION_KILLED:
    case ERROR_SERVER_GONE:
    case ERROR_SERVER_LOST:
    case ERROR_SERVER_LOST_EXTENDED:
    case ERROR_IDLE_TOO_LONG:
        return ATTEMPT_LOST;
    default:
        return ATTEMPT_FAILED;
    }
}

static unsigned whole_seconds(int64_t ms)
{
    return ms < 1000 ? 1 : (unsigned)((ms + 999) / 1000);
}

static enum attempt connect_server(struct source_mysql *self, struct buf *error)
{
    const struct dsn *dsn = &self->dsn;
    unsigned connect_s = whole_seconds(self->conf->pdo.connect_timeout_ms);
    unsigned query_s = whole_seconds(self->conf->pdo.query_timeout_ms);
    unsigned no = 0;
    self->connection = mysql_init(NULL);
    if (self->connection == NULL) {
        buf_append_str(error, "mysql: no memory for a connection");
        return ATTEMPT_FAILED;
    }
    mysql_options(self->connection, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(self->connection, MYSQL_OPT_READ_TIMEOUT, &query_s);
    mysql_options(self->connection, MYSQL_OPT_WRITE_TIMEOUT, &query_s);
    mysql_options(self->connection, MYSQL_OPT_LOCAL_INFILE, &no); /* a server must not ask for our files */
    mysql_options(self->connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (mysql_real_connect(self->connection, dsn->host[0] ? dsn->host : NULL, self->conf->pdo.username,
                           self->conf->pdo.password, dsn->dbname, dsn->port,
                           dsn->unix_socket[0] ? dsn->unix_socket : NULL, 0) == NULL)
        return fail_mysql(self, "connect", error);
    return ATTEMPT_DONE;
}

/* Appends a name in backticks; those in the name are doubled. */
static void append_identifier(struct buf *sql, const char *name)
{
    buf_append(sql, "`", 1);
    for (; *name != '\0'; name++)
        buf_append(sql, *name == '`' ? "``" : name, *name == '`' ? 2 : 1);
    buf_append(sql, "`", 1);
}

/* Asks whether a table is there. A table that we may not read counts as absent: a server that gave us one
 * table only answers so for all others, whether they exist or not. */
static enum attempt try_table(struct source_mysql *self, const char *name, int *exists, struct buf *error)
{
    struct buf sql = {0};
    buf_append_str(&sql, "SELECT `tmpl_key`, `template` FROM ");
    append_identifier(&sql, name);
    buf_append_str(&sql, " LIMIT 0");
    int failed = mysql_real_query(self->connection, sql.data, sql.bytes);
    buf_free(&sql);
    if (failed) {
        unsigned number = mysql_errno(self->connection);
        *exists = 0;
        if (number == ERROR_NO_SUCH_TABLE || number == ERROR_TABLE_ACCESS_DENIED)
            return ATTEMPT_DONE;
        return fail_mysql(self, "look for the table", error);
    }
    mysql_free_result(mysql_store_result(self->connection));
    *exists = 1;
    return ATTEMPT_DONE;
}

static void use_table(struct source_mysql *self, const char *name)
{
    snprintf(self->table, sizeof self->table, "%.*s", SOURCE_MYSQL_TABLE_BYTES_MAX, name);
    if (strcmp(self->table, self->table_logged) == 0)
        return;
    snprintf(self->table_logged, sizeof self->table_logged, "%.*s", SOURCE_MYSQL_TABLE_BYTES_MAX, name);
    log_info("templates come from this table", log_str("table", name), log_str("database", self->dsn.dbname));
}

static enum attempt find_table(struct source_mysql *self, struct buf *error)
{
    char names[TABLE_CANDIDATES][SOURCE_MYSQL_TABLE_BYTES_MAX + 1];
    const char *prefix = self->conf->pdo.table_prefix;
    snprintf(names[0], sizeof names[0], "%.*smega_wechat_template", PREFIX_BYTES_MAX, prefix);
    snprintf(names[1], sizeof names[1], "%.*swechat_template", PREFIX_BYTES_MAX, prefix);
    snprintf(names[2], sizeof names[2], "mega_wechat_template");
    for (int i = 0; i < TABLE_CANDIDATES; i++) {
        int exists = 0;
        enum attempt result = try_table(self, names[i], &exists, error);
        if (result != ATTEMPT_DONE)
            return result;
        if (exists) {
            use_table(self, names[i]);
            return ATTEMPT_DONE;
        }
    }
    buf_printf(error, "mysql: database %s has none of the tables %s, %s and %s", self->dsn.dbname, names[0],
               names[1], names[2]);
    return ATTEMPT_FAILED;
}

static void append_escaped(struct source_mysql *self, struct span text, struct buf *sql)
{
    char *to = buf_reserve(sql, text.bytes * 2 + 1);
    sql->bytes += mysql_real_escape_string(self->connection, to, text.data, text.bytes);
}

/* LEFT bounds what a row can bring: one character more than template_size has bytes, so that the length
 * tells. */
static void append_query(struct source_mysql *self, const struct query *q, struct buf *sql)
{
    buf_printf(sql, "SELECT `tmpl_key`, LEFT(`template`, %u) FROM ", self->base.template_bytes_max + 1);
    append_identifier(sql, self->table);
    if (q->sink != NULL) {
        buf_append_str(sql, " ORDER BY `tmpl_key`");
        return;
    }
    buf_append_str(sql, " WHERE `tmpl_key` = '");
    append_escaped(self, q->key, sql);
    buf_append_str(sql, "' LIMIT 1");
}

static void take_row(struct query *q, MYSQL_ROW fields, const unsigned long *bytes)
{
    struct source_row row = {.key = {fields[0], fields[0] ? bytes[0] : 0},
                             .text = {fields[1], fields[1] ? bytes[1] : 0}};
    if (q->sink != NULL) {
        q->sink->row(q->sink->to, &row);
        return;
    }
    q->found = 1;
    buf_append(q->own_key, row.key.data, row.key.bytes);
    buf_append(q->text, row.text.data, row.text.bytes);
}

/* Takes the rows as they come, so that a large table does not lie in memory a second time. */
static enum attempt take_rows(struct source_mysql *self, struct query *q, struct buf *error)
{
    MYSQL_RES *rows = mysql_use_result(self->connection);
    if (rows == NULL)
        return fail_mysql(self, "read", error);
    if (q->sink != NULL)
        q->sink->begin(q->sink->to);
    for (MYSQL_ROW fields = mysql_fetch_row(rows); fields != NULL; fields = mysql_fetch_row(rows))
        take_row(q, fields, mysql_fetch_lengths(rows));
    enum attempt result = mysql_errno(self->connection) == 0 ? ATTEMPT_DONE : fail_mysql(self, "read", error);
    mysql_free_result(rows);
    return result;
}

static enum attempt attempt(struct source_mysql *self, struct query *q, struct buf *error)
{
    enum attempt result = ATTEMPT_DONE;
    if (self->connection == NULL) {
        result = connect_server(self, error);
        if (result == ATTEMPT_DONE)
            result = find_table(self, error);
    }
    if (result == ATTEMPT_DONE) {
        struct buf sql = {0};
        append_query(self, q, &sql);
        if (mysql_real_query(self->connection, sql.data, sql.bytes) != 0)
            result = fail_mysql(self, "read", error);
        else
            result = take_rows(self, q, error);
        buf_free(&sql);
    }
    if (result != ATTEMPT_DONE)
        disconnect(self); /* the next reading begins afresh, and looks for the table again */
    return result;
}

/* An idle connection that the server closed is found out only by using it, hence the second try. */
static int run_query(struct source_mysql *self, struct query *q, struct buf *error)
{
    size_t error_start = error->bytes;
    int had_connection = self->connection != NULL;
    enum attempt result = attempt(self, q, error);
    if (result == ATTEMPT_LOST || (result == ATTEMPT_FAILED && had_connection)) {
        error->bytes = error_start;
        if (q->text != NULL) {
            buf_clear(q->own_key);
            buf_clear(q->text);
        }
        result = attempt(self, q, error);
    }
    return result == ATTEMPT_DONE ? 0 : -1;
}

static int mysql_load_all(struct source *base, const struct source_sink *sink, struct buf *error)
{
    struct query q = {.sink = sink};
    return run_query((struct source_mysql *)base, &q, error);
}

static int mysql_load_one(struct source *base, struct span key, struct buf *own_key, struct buf *text,
                          struct buf *error)
{
    struct query q = {.key = key, .own_key = own_key, .text = text};
    /* What cannot be a key of char(32) is not asked for. */
    if (key.bytes == 0 || key.bytes > KEY_TEXT_BYTES_MAX || !span_is_utf8(key))
        return 0;
    int result = run_query((struct source_mysql *)base, &q, error);
    return result != 0 ? -1 : q.found;
}
