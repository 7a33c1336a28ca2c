#include "client/queue_delivery.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/table.h"
#include "proto/mp.h"
#include "proto/mp_json.h"
#include "proto/mp_view.h"

#define NAME_COLUMNS_MAX 32
#define COUNTS           4
#define OTHERS           "(others)" /* the templates that have no row of their own */

static const struct column columns[] = {{"ACCOUNT", NAME_COLUMNS_MAX, 0},
                                        {"TEMPLATE", NAME_COLUMNS_MAX, 0},
                                        {"SENT", 0, 1},
                                        {"DELIVERED", 0, 1},
                                        {"BLOCKED", 0, 1},
                                        {"FAILED", 0, 1},
                                        {"NO RECEIPT", 0, 1}};
static const char *const names[COUNTS] = {"sent", "delivered", "blocked", "failed"};

struct line {
    struct span app, key; /* the key is empty: of the others */
    int64_t counts[COUNTS];
};

/* Returns 0, or -1 when the row is none. */
static int read_line(struct span row, struct line *line)
{
    struct mp_list members;
    struct span value;
    if (mp_list_open(&members, row) || !mp_list_next(&members, &value))
        return -1;
    line->key = mp_value_str(value);
    for (size_t i = 0; i < COUNTS; i++) {
        if (!mp_list_next(&members, &value))
            return -1;
        line->counts[i] = mp_value_i64(value);
    }
    return 0;
}

/* A message whose first receipt was overruled counts twice: below 0 nothing is missing. */
static int64_t without_receipt(const struct line *line)
{
    int64_t left = line->counts[0] - line->counts[1] - line->counts[2] - line->counts[3];
    return left > 0 ? left : 0;
}

static void put_row(const struct line *line, struct table *t)
{
    table_cell(t, line->app);
    table_cell(t, line->key.bytes ? line->key : span_of(OTHERS));
    for (size_t i = 0; i < COUNTS; i++)
        table_printf(t, "%" PRId64, line->counts[i]);
    table_printf(t, "%" PRId64, without_receipt(line));
}

static enum status put_json(const struct line *line, struct buf *out)
{
    struct buf packed = {0};
    mp_map(&packed, 2 + COUNTS);
    mp_put_span(&packed, "app", line->app);
    mp_str(&packed, "key");
    if (line->key.bytes)
        mp_span(&packed, line->key);
    else
        mp_nil(&packed);
    for (size_t i = 0; i < COUNTS; i++)
        mp_put_i64(&packed, names[i], line->counts[i]);
    int wrong = mp_json(buf_span(&packed), out);
    buf_free(&packed);
    buf_append_str(out, "\n");
    return wrong ? queue_not_understood() : STATUS_DONE;
}

static enum status put_account(struct span account, struct table *t, struct buf *out)
{
    struct mp_list rows;
    struct span row;
    struct line line = {.app = mp_view_str(account, "name")};
    enum status status = STATUS_DONE;
    mp_list_open(&rows, mp_view(account, "delivery"));
    while (status == STATUS_DONE && mp_list_next(&rows, &row)) {
        if (read_line(row, &line))
            return queue_not_understood();
        if (t)
            put_row(&line, t);
        else
            status = put_json(&line, out);
    }
    return status;
}

/* All of them, or the one of --app. */
static enum status put_accounts(struct span accounts, struct span app, struct table *t, struct buf *out)
{
    struct mp_list list;
    struct span account;
    enum status status = STATUS_DONE;
    size_t count = 0;
    if (mp_list_open(&list, accounts))
        return queue_not_understood();
    while (status == STATUS_DONE && mp_list_next(&list, &account)) {
        if (app.bytes && !span_equal(app, mp_view_str(account, "name")))
            continue;
        status = put_account(account, t, out);
        count++;
    }
    if (status != STATUS_DONE || count || app.bytes == 0)
        return status;
    fprintf(stderr, "mega: --app: no such account; mega queue delivery shows all\n");
    return STATUS_UNKNOWN;
}

enum status queue_delivery(struct queue_link *l, const struct queue_options *o)
{
    const struct ask ask = {.op = ASK_STATUS};
    struct answer answer;
    struct buf out = {0};
    enum status status = queue_exchange(l, &ask, &answer);
    if (status != STATUS_DONE)
        return status;
    struct table *t = o->json ? NULL : table_new(columns, sizeof columns / sizeof *columns);
    status = put_accounts(mp_view(answer.data, "accounts"), o->filter.app, t, &out);
    if (status == STATUS_DONE && t)
        table_write(t, 0, &out);
    if (status == STATUS_DONE && (fwrite(out.data, 1, out.bytes, stdout) != out.bytes || fflush(stdout) != 0)) {
        perror("mega: standard output");
        status = STATUS_FAILED;
    }
    table_destroy(&t);
    buf_free(&out);
    return status;
}
