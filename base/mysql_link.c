/* The client library of MySQL, wrapped. */
#include "base/mysql_link.h"

#include <mysql.h>
#include <stdlib.h>

#include "base/dsn.h"

enum {
    ERROR_SERVER_SHUTDOWN = 1053,
    ERROR_CONNECTION_KILLED = 1927,
    ERROR_SERVER_GONE = 2006,
    ERROR_SERVER_LOST = 2013,
    ERROR_SERVER_LOST_EXTENDED = 2055,
    ERROR_IDLE_TOO_LONG = 4031
};

struct mysql_link {
    const struct conf *conf; /* not owned */
    struct dsn dsn;
    MYSQL *connection; /* NULL while there is none */
};

struct mysql_link *mysql_link_new(const struct conf *conf, struct buf *error)
{
    struct mysql_link *link = mem_new(sizeof *link);
    link->conf = conf;
    int failed = dsn_parse(conf->pdo.dsn, &link->dsn, error);
    if (!failed && mysql_library_init(0, NULL, NULL) != 0) {
        buf_append_str(error, "the MySQL client library does not start");
        failed = -1;
    }
    if (!failed)
        return link;
    free(link);
    return NULL;
}

void mysql_link_destroy(struct mysql_link **self)
{
    if (*self == NULL)
        return;
    mysql_link_close(*self);
    mysql_library_end();
    free(*self);
    *self = NULL;
}

int mysql_link_is_open(const struct mysql_link *link)
{
    return link->connection != NULL;
}

void mysql_link_close(struct mysql_link *link)
{
    if (link->connection != NULL)
        mysql_close(link->connection);
    link->connection = NULL;
}

/* Appends what the server or the library said. Neither repeats the password. */
static enum mysql_end fail(struct mysql_link *link, const char *what, struct buf *error)
{
    unsigned number = mysql_errno(link->connection);
    buf_printf(error, "mysql: %s: %s (%u)", what, mysql_error(link->connection), number);
    switch (number) {
    case ERROR_SERVER_SHUTDOWN:
    case ERROR_CONNECTION_KILLED:
    case ERROR_SERVER_GONE:
    case ERROR_SERVER_LOST:
    case ERROR_SERVER_LOST_EXTENDED:
    case ERROR_IDLE_TOO_LONG:
        return MYSQL_END_LOST;
    default:
        return MYSQL_END_FAILED;
    }
}

static unsigned whole_seconds(int64_t ms)
{
    return ms < 1000 ? 1 : (unsigned)((ms + 999) / 1000);
}

enum mysql_end mysql_link_open(struct mysql_link *link, struct buf *error)
{
    const struct dsn *dsn = &link->dsn;
    const struct conf *conf = link->conf;
    unsigned connect_s = whole_seconds(conf->pdo.connect_timeout_ms);
    unsigned query_s = whole_seconds(conf->pdo.query_timeout_ms);
    unsigned no = 0;
    mysql_link_close(link);
    link->connection = mysql_init(NULL);
    if (link->connection == NULL) {
        buf_append_str(error, "mysql: no memory for a connection");
        return MYSQL_END_FAILED;
    }
    mysql_options(link->connection, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
    mysql_options(link->connection, MYSQL_OPT_READ_TIMEOUT, &query_s);
    mysql_options(link->connection, MYSQL_OPT_WRITE_TIMEOUT, &query_s);
    mysql_options(link->connection, MYSQL_OPT_LOCAL_INFILE, &no); /* a server must not ask for our files */
    mysql_options(link->connection, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (mysql_real_connect(link->connection, dsn->host[0] ? dsn->host : NULL, conf->pdo.username, conf->pdo.password,
                           dsn->dbname, dsn->port, dsn->unix_socket[0] ? dsn->unix_socket : NULL, 0) == NULL)
        return fail(link, "connect", error);
    return MYSQL_END_DONE;
}

static unsigned count_fields(MYSQL_RES *rows)
{
    unsigned count = mysql_num_fields(rows);
    return count < MYSQL_LINK_FIELDS_MAX ? count : MYSQL_LINK_FIELDS_MAX;
}

static void hand_over_names(MYSQL_RES *rows, const struct mysql_sink *sink)
{
    struct span names[MYSQL_LINK_FIELDS_MAX];
    const MYSQL_FIELD *columns = mysql_fetch_fields(rows);
    for (unsigned i = 0; i < count_fields(rows); i++)
        names[i] = (struct span){columns[i].name, columns[i].name_length};
    sink->names(sink->to, names, mysql_num_fields(rows));
}

static void hand_over(MYSQL_RES *rows, MYSQL_ROW values, const struct mysql_sink *sink)
{
    struct span fields[MYSQL_LINK_FIELDS_MAX];
    const unsigned long *bytes = mysql_fetch_lengths(rows);
    unsigned count = count_fields(rows);
    for (unsigned i = 0; i < count; i++)
        fields[i] = (struct span){values[i], values[i] != NULL ? bytes[i] : 0};
    sink->row(sink->to, fields, count);
}

static int is_over(const struct mysql_sink *sink)
{
    return sink->is_over != NULL && sink->is_over(sink->to);
}

/* Returns 1 when no more are wanted. */
static int hand_over_rows(MYSQL_RES *rows, const struct mysql_sink *sink)
{
    if (sink->names != NULL)
        hand_over_names(rows, sink);
    while (!is_over(sink)) {
        MYSQL_ROW values = mysql_fetch_row(rows);
        if (values == NULL)
            return 0;
        hand_over(rows, values, sink);
    }
    return 1;
}

/* Takes the rows as they come, so that a large table does not lie in memory a second time. */
enum mysql_end mysql_link_query(struct mysql_link *link, const char *what, struct span sql, const struct mysql_sink *sink,
                                struct buf *error)
{
    if (mysql_real_query(link->connection, sql.data, sql.bytes) != 0)
        return fail(link, what, error);
    MYSQL_RES *rows = mysql_use_result(link->connection);
    if (rows == NULL && mysql_errno(link->connection) != 0)
        return fail(link, what, error);
    if (sink->begin != NULL)
        sink->begin(sink->to);
    if (rows == NULL)
        return MYSQL_END_DONE;
    if (hand_over_rows(rows, sink)) {
        mariadb_cancel(link->connection); /* else what is left would be read to its end */
        mysql_free_result(rows);
        mysql_link_close(link);
        return MYSQL_END_DONE;
    }
    enum mysql_end end = mysql_errno(link->connection) == 0 ? MYSQL_END_DONE : fail(link, what, error);
    mysql_free_result(rows);
    return end;
}

unsigned mysql_link_error(const struct mysql_link *link)
{
    return link->connection != NULL ? mysql_errno(link->connection) : 0;
}

const char *mysql_link_database(const struct mysql_link *link)
{
    return link->dsn.dbname;
}

void mysql_link_escape(struct mysql_link *link, struct span text, struct buf *sql)
{
    char *to = buf_reserve(sql, text.bytes * 2 + 1);
    sql->bytes += mysql_real_escape_string(link->connection, to, text.data, text.bytes);
}

void mysql_link_identifier(const char *name, struct buf *sql)
{
    buf_append(sql, "`", 1);
    for (; *name != '\0'; name++)
        buf_append(sql, *name == '`' ? "``" : name, *name == '`' ? 2 : 1);
    buf_append(sql, "`", 1);
}
