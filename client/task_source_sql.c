/* --sql: a query on [pdo] of the configuration. Its columns are the openid and the variables; NULL is an
 * empty text. Rows are taken as they come, so the server waits while mega-task does, for an hour at most.
 */
#include "client/task_source.h"

#include <stdio.h>

#include "base/mysql_link.h"
#include "client/endpoint.h"

#define WRITE_TIMEOUT "SET SESSION net_write_timeout = 3600" /* s; the default is 60 */

struct query {
    const struct task_options *o;
    struct task_intake *in;
    struct row_maker *maker; /* from the names on */
    struct buf error;
    uint64_t line;
    enum status status;
};

static void take_names(void *to, const struct span *names, size_t count)
{
    struct query *q = to;
    struct buf error = {0};
    size_t made_count = 0;
    if (count <= MYSQL_LINK_FIELDS_MAX)
        q->maker = row_maker_new(names, count, q->o->openid_column, &error);
    else
        buf_append_str(&error, "more than 1024 columns");
    if (q->maker) {
        const struct span *made = row_maker_names(q->maker, &made_count);
        q->status = task_intake_columns(q->in, made, made_count, row_maker_openid_at(q->maker));
    } else {
        fprintf(stderr, "mega: --sql: %s\n", buf_str(&error));
        q->status = STATUS_FAILED;
    }
    buf_free(&error);
}

static void take_row(void *to, const struct span *fields, size_t count)
{
    struct query *q = to;
    struct row row = {0};
    row_maker_make(q->maker, fields, count, &row);
    row.line = ++q->line;
    q->status = task_intake_row(q->in, &row);
}

static int is_over(void *to)
{
    const struct query *q = to;
    return q->status != STATUS_DONE;
}

static void ignore_row(void *to, const struct span *fields, size_t count)
{
    (void)to;
    (void)fields;
    (void)count;
}

static enum mysql_end run(struct query *q, struct mysql_link *link)
{
    const struct mysql_sink nowhere = {.row = ignore_row};
    const struct mysql_sink sink = {.to = q, .names = take_names, .is_over = is_over, .row = take_row};
    enum mysql_end end = mysql_link_open(link, &q->error);
    if (end == MYSQL_END_DONE)
        end = mysql_link_query(link, "net_write_timeout", span_of(WRITE_TIMEOUT), &nowhere, &q->error);
    if (end == MYSQL_END_DONE)
        end = mysql_link_query(link, "--sql", span_of(q->o->sql), &sink, &q->error);
    return end;
}

static void run_on(struct query *q, const struct conf *conf)
{
    struct mysql_link *link = mysql_link_new(conf, &q->error);
    enum mysql_end end = link ? run(q, link) : MYSQL_END_FAILED;
    if (end == MYSQL_END_DONE && q->maker == NULL && q->status == STATUS_DONE) {
        buf_append_str(&q->error, "--sql: yields no rows; give a SELECT");
        end = MYSQL_END_FAILED;
    }
    if (end != MYSQL_END_DONE) {
        progress_end(&q->in->progress);
        fprintf(stderr, "mega: %s\n", buf_str(&q->error));
        q->status = STATUS_FAILED;
    }
    mysql_link_destroy(&link);
}

enum status task_source_sql(const struct task_options *o, struct task_intake *in)
{
    struct query q = {.o = o, .in = in};
    struct buf errors = {0}, warnings = {0};
    struct conf *conf = conf_load(o->access.config ? o->access.config : CONFIG_DEFAULT, &errors, &warnings);
    if (conf) {
        run_on(&q, conf);
    } else {
        fputs(buf_str(&errors), stderr);
        q.status = STATUS_USAGE;
    }
    conf_destroy(&conf);
    row_maker_destroy(&q.maker);
    buf_free(&q.error);
    buf_free(&errors);
    buf_free(&warnings);
    return q.status;
}
