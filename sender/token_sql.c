/* A ring of accounts to ask for, a ring of those that were, guarded by one mutex; an eventfd tells the loop. */
#include "sender/token_sql.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mysql_link.h"
#include "proto/token.h"

#define ERROR_PARSE 1064 /* mariadb.com: MariaDB Error Codes */
#define FIELD_BYTES_MAX TOKEN_BYTES_MAX

struct ring {
    size_t accounts[CONF_ACCOUNTS_MAX]; /* room for all: each is in one ring at most, and there once */
    size_t first, count;
};

struct token_sql {
    const struct conf *conf;
    struct mysql_link *link; /* used by the thread only */
    pthread_t thread;
    int fd;
    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake;
    struct ring todo, done;
    struct token_row rows[CONF_ACCOUNTS_MAX]; /* of those in `done` */
    int stopping;
};

static void *run(void *arg);

void token_row_free(struct token_row *row)
{
    buf_free(&row->error);
    buf_free(&row->token);
    buf_free(&row->seconds);
}

static void ring_add(struct ring *ring, size_t account)
{
    assert(ring->count < CONF_ACCOUNTS_MAX);
    ring->accounts[(ring->first + ring->count) % CONF_ACCOUNTS_MAX] = account;
    ring->count++;
}

static size_t ring_take(struct ring *ring)
{
    size_t account = ring->accounts[ring->first];
    ring->first = (ring->first + 1) % CONF_ACCOUNTS_MAX;
    ring->count--;
    return account;
}

struct token_sql *token_sql_new(const struct conf *conf, struct buf *error)
{
    struct mysql_link *link = mysql_link_new(conf, error);
    if (link == NULL)
        return NULL;
    struct token_sql *t = mem_new(sizeof *t);
    t->conf = conf;
    t->link = link;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->wake, NULL);
    t->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (t->fd < 0 || pthread_create(&t->thread, NULL, run, t) != 0) {
        log_fatal("the thread for token_sql cannot be started", log_str("error", strerror(errno)));
        exit(1);
    }
    return t;
}

static void stop_at(struct timespec *until)
{
    clock_gettime(CLOCK_MONOTONIC, until);
    until->tv_nsec += TOKEN_SQL_STOP_MS * 1000000L;
    until->tv_sec += until->tv_nsec / 1000000000L;
    until->tv_nsec %= 1000000000L;
}

int token_sql_destroy(struct token_sql **self)
{
    struct token_sql *t = *self;
    struct timespec until;
    if (t == NULL)
        return 0;
    *self = NULL;
    pthread_mutex_lock(&t->lock);
    t->stopping = 1;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
    stop_at(&until);
    if (pthread_clockjoin_np(t->thread, NULL, CLOCK_MONOTONIC, &until) != 0) {
        log_warn("the database does not answer token_sql; leaving without it");
        pthread_detach(t->thread);
        return 1;
    }
    for (size_t i = 0; i < CONF_ACCOUNTS_MAX; i++)
        token_row_free(&t->rows[i]);
    mysql_link_destroy(&t->link);
    close(t->fd);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->wake);
    free(t);
    return 0;
}

int token_sql_fd(const struct token_sql *t)
{
    return t->fd;
}

void token_sql_ask(struct token_sql *t, size_t account)
{
    pthread_mutex_lock(&t->lock);
    ring_add(&t->todo, account);
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
}

int token_sql_take(struct token_sql *t, size_t *account, struct token_row *row)
{
    uint64_t count;
    pthread_mutex_lock(&t->lock);
    int found = t->done.count > 0;
    if (found) {
        *account = ring_take(&t->done);
        *row = t->rows[*account];
        t->rows[*account] = (struct token_row){0};
    }
    if (t->done.count == 0 && read(t->fd, &count, sizeof count) < 0)
        assert(errno == EAGAIN || errno == EINTR); /* nothing was signalled */
    pthread_mutex_unlock(&t->lock);
    return found;
}

/* --- the thread ---------------------------------------------------------------------------------------- */

static void copy_field(struct buf *to, struct span field)
{
    buf_append(to, field.data, field.bytes <= FIELD_BYTES_MAX ? field.bytes : 0);
}

static void take_row(void *to, const struct span *fields, size_t count)
{
    struct token_row *row = to;
    if (row->count == 0) {
        copy_field(&row->token, fields[0]);
        row->has_seconds = count > 1 && fields[1].data != NULL;
        if (row->has_seconds)
            copy_field(&row->seconds, fields[1]);
    }
    row->count += row->count < 2;
}

static enum mysql_end attempt(struct token_sql *t, const char *sql, struct token_row *row)
{
    const struct mysql_sink sink = {.to = row, .row = take_row};
    enum mysql_end end = MYSQL_END_DONE;
    token_row_free(row);
    *row = (struct token_row){0};
    if (!mysql_link_is_open(t->link))
        end = mysql_link_open(t->link, &row->error);
    if (end == MYSQL_END_DONE)
        end = mysql_link_query(t->link, "read", span_of(sql), &sink, &row->error);
    if (end == MYSQL_END_DONE)
        return end;
    if (mysql_link_error(t->link) == ERROR_PARSE) { /* the server's words repeat the statement, which may hold a key */
        buf_clear(&row->error);
        buf_printf(&row->error, "mysql: the statement has an error of syntax (%d)", ERROR_PARSE);
    }
    mysql_link_close(t->link);
    return end;
}

/* An idle connection that the server closed is found out only by using it, hence the second try. */
static void ask(struct token_sql *t, size_t account, struct token_row *row)
{
    const char *sql = t->conf->accounts[account].token_sql;
    int had_connection = mysql_link_is_open(t->link);
    enum mysql_end end = attempt(t, sql, row);
    if (end == MYSQL_END_LOST && had_connection)
        attempt(t, sql, row);
}

/* The next account to ask for; waits for one. Returns 0 when the thread is to end. */
static int wait_for_account(struct token_sql *t, size_t *account)
{
    pthread_mutex_lock(&t->lock);
    while (t->todo.count == 0 && !t->stopping)
        pthread_cond_wait(&t->wake, &t->lock);
    int goes_on = !t->stopping;
    if (goes_on)
        *account = ring_take(&t->todo);
    pthread_mutex_unlock(&t->lock);
    return goes_on;
}

static void *run(void *arg)
{
    struct token_sql *t = arg;
    static const uint64_t one = 1;
    size_t account;
    while (wait_for_account(t, &account)) {
        struct token_row row = {0};
        ask(t, account, &row);
        pthread_mutex_lock(&t->lock);
        t->rows[account] = row;
        ring_add(&t->done, account);
        if (write(t->fd, &one, sizeof one) < 0)
            assert(errno == EAGAIN); /* it is readable already */
        pthread_mutex_unlock(&t->lock);
    }
    return NULL;
}
