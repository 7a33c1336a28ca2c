/* The MySQL source: which table it is, and what is asked of it.
 *
 * Which table it is: table_prefix + mega_wechat_template as the original's code has it, else table_prefix +
 * wechat_template as its documentation has it, else mega_wechat_template. It is looked for anew with each
 * connection.
 */
#include "templater/source_mysql.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mysql_link.h"
#include "proto/limits.h"

/* Numbers of errors (mariadb.com: MariaDB Error Codes). */
enum { ERROR_TABLE_ACCESS_DENIED = 1142, ERROR_NO_SUCH_TABLE = 1146 };

#define TABLE_CANDIDATES 3
#define PREFIX_BYTES_MAX 40 /* with the longer table name it stays a name of MySQL */

struct source_mysql {
    struct source base;
    const struct conf *conf; /* not owned */
    struct mysql_link *link;                             /* owned */
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
    if (strlen(conf->pdo.table_prefix) > PREFIX_BYTES_MAX)
        buf_printf(error, "[pdo] table_prefix: over %d bytes", PREFIX_BYTES_MAX);
    else
        self->link = mysql_link_new(conf, error);
    if (self->link != NULL)
        return &self->base;
    free(self);
    return NULL;
}

static void mysql_source_destroy(struct source *base)
{
    struct source_mysql *self = (struct source_mysql *)base;
    mysql_link_destroy(&self->link);
    free(self);
}

static void ignore_row(void *to, const struct span *fields, size_t count)
{
    (void)to, (void)fields, (void)count;
}

/* Asks whether a table is there. A table that we may not read counts as absent: a server that gave us one
 * table only answers so for all others, whether they exist or not. */
static enum mysql_end try_table(struct source_mysql *self, const char *name, int *exists, struct buf *error)
{
    static const struct mysql_sink nowhere = {.row = ignore_row};
    struct buf sql = {0};
    size_t error_start = error->bytes;
    buf_append_str(&sql, "SELECT `tmpl_key`, `template` FROM ");
    mysql_link_identifier(name, &sql);
    buf_append_str(&sql, " LIMIT 0");
    enum mysql_end end = mysql_link_query(self->link, "look for the table", buf_span(&sql), &nowhere, error);
    buf_free(&sql);
    *exists = end == MYSQL_END_DONE;
    if (end != MYSQL_END_FAILED)
        return end;
    unsigned number = mysql_link_error(self->link);
    if (number != ERROR_NO_SUCH_TABLE && number != ERROR_TABLE_ACCESS_DENIED)
        return end;
    error->bytes = error_start;
    return MYSQL_END_DONE;
}

static void use_table(struct source_mysql *self, const char *name)
{
    snprintf(self->table, sizeof self->table, "%.*s", SOURCE_MYSQL_TABLE_BYTES_MAX, name);
    if (strcmp(self->table, self->table_logged) == 0)
        return;
    snprintf(self->table_logged, sizeof self->table_logged, "%.*s", SOURCE_MYSQL_TABLE_BYTES_MAX, name);
    log_info("templates come from this table", log_str("table", name), log_str("database", mysql_link_database(self->link)));
}

static enum mysql_end find_table(struct source_mysql *self, struct buf *error)
{
    char names[TABLE_CANDIDATES][SOURCE_MYSQL_TABLE_BYTES_MAX + 1];
    const char *prefix = self->conf->pdo.table_prefix;
    snprintf(names[0], sizeof names[0], "%.*smega_wechat_template", PREFIX_BYTES_MAX, prefix);
    snprintf(names[1], sizeof names[1], "%.*swechat_template", PREFIX_BYTES_MAX, prefix);
    snprintf(names[2], sizeof names[2], "mega_wechat_template");
    for (int i = 0; i < TABLE_CANDIDATES; i++) {
        int exists = 0;
        enum mysql_end result = try_table(self, names[i], &exists, error);
        if (result != MYSQL_END_DONE)
            return result;
        if (exists) {
            use_table(self, names[i]);
            return MYSQL_END_DONE;
        }
    }
    buf_printf(error, "mysql: database %s has none of the tables %s, %s and %s", mysql_link_database(self->link), names[0],
               names[1], names[2]);
    return MYSQL_END_FAILED;
}

/* LEFT bounds what a row can bring: one character more than template_size has bytes, so that the length
 * tells. */
static void append_query(struct source_mysql *self, const struct query *q, struct buf *sql)
{
    buf_printf(sql, "SELECT `tmpl_key`, LEFT(`template`, %u) FROM ", self->base.template_bytes_max + 1);
    mysql_link_identifier(self->table, sql);
    if (q->sink != NULL) {
        buf_append_str(sql, " ORDER BY `tmpl_key`");
        return;
    }
    buf_append_str(sql, " WHERE `tmpl_key` = '");
    mysql_link_escape(self->link, q->key, sql);
    buf_append_str(sql, "' LIMIT 1");
}

static void begin_rows(void *to)
{
    const struct query *q = to;
    if (q->sink != NULL)
        q->sink->begin(q->sink->to);
}

static void take_row(void *to, const struct span *fields, size_t count)
{
    struct query *q = to;
    struct source_row row = {.key = fields[0], .text = count > 1 ? fields[1] : (struct span){0}};
    if (q->sink != NULL) {
        q->sink->row(q->sink->to, &row);
        return;
    }
    q->found = 1;
    buf_append(q->own_key, row.key.data, row.key.bytes);
    buf_append(q->text, row.text.data, row.text.bytes);
}

static enum mysql_end attempt(struct source_mysql *self, struct query *q, struct buf *error)
{
    enum mysql_end result = MYSQL_END_DONE;
    if (!mysql_link_is_open(self->link)) {
        result = mysql_link_open(self->link, error);
        if (result == MYSQL_END_DONE)
            result = find_table(self, error);
    }
    if (result == MYSQL_END_DONE) {
        struct buf sql = {0};
        struct mysql_sink sink = {.to = q, .begin = begin_rows, .row = take_row};
        append_query(self, q, &sql);
        result = mysql_link_query(self->link, "read", buf_span(&sql), &sink, error);
        buf_free(&sql);
    }
    if (result != MYSQL_END_DONE)
        mysql_link_close(self->link); /* the next reading begins afresh, and looks for the table again */
    return result;
}

/* An idle connection that the server closed is found out only by using it, hence the second try. */
static int run_query(struct source_mysql *self, struct query *q, struct buf *error)
{
    size_t error_start = error->bytes;
    int had_connection = mysql_link_is_open(self->link);
    enum mysql_end result = attempt(self, q, error);
    if (result == MYSQL_END_LOST || (result == MYSQL_END_FAILED && had_connection)) {
        error->bytes = error_start;
        if (q->text != NULL) {
            buf_clear(q->own_key);
            buf_clear(q->text);
        }
        result = attempt(self, q, error);
    }
    return result == MYSQL_END_DONE ? 0 : -1;
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
