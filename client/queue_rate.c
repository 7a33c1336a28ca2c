#include "client/queue_rate.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/table.h"
#include "proto/mp_json.h"
#include "proto/mp_view.h"

#define NAME_COLUMNS_MAX 32

static const struct column columns[] = {{"ACCOUNT", NAME_COLUMNS_MAX, 0},
                                        {"CONFIGURED", 0, 1},
                                        {"SET", 0, 1},
                                        {"LIMIT NOW", 0, 1},
                                        {"PER SECOND", 0, 1}};

static void rate_cell(struct table *t, struct span account, const char *name)
{
    if (mp_view_i64(account, name) > 0)
        table_printf(t, "%" PRId64 "/s", mp_view_i64(account, name));
    else
        table_printf(t, "no limit");
}

/* The configuration's rate is a member of its own only while an operator has set another. */
static void account_cells(struct table *t, struct span account)
{
    int is_set = mp_view(account, "rate_conf").bytes > 0;
    table_cell(t, mp_view_str(account, "name"));
    rate_cell(t, account, is_set ? "rate_conf" : "rate");
    if (is_set)
        rate_cell(t, account, "rate");
    else
        table_printf(t, "%s", "");
    if (mp_view_number(account, "rate_limit") > 0)
        table_printf(t, "%.1f/s", mp_view_number(account, "rate_limit"));
    else
        table_printf(t, "%s", "");
    table_printf(t, "%.1f/s", mp_view_number(account, "per_s"));
}

/* One JSON line an account; or a row. */
static enum status put_account(struct span account, struct table *t, struct buf *out)
{
    if (t) {
        account_cells(t, account);
        return STATUS_DONE;
    }
    if (mp_json(account, out))
        return queue_not_understood();
    buf_append_str(out, "\n");
    return STATUS_DONE;
}

static enum status print_out(const struct buf *out)
{
    size_t written = fwrite(out->data, 1, out->bytes, stdout);
    if (written == out->bytes && fflush(stdout) == 0)
        return STATUS_DONE;
    perror("mega: standard output");
    return STATUS_FAILED;
}

/* All of them, or the one of --app. */
static enum status put_accounts(struct span accounts, struct span app, struct table *t, struct buf *out, size_t *count)
{
    struct mp_list list;
    struct span account;
    enum status status = STATUS_DONE;
    if (mp_list_open(&list, accounts))
        return queue_not_understood();
    while (status == STATUS_DONE && mp_list_next(&list, &account)) {
        if (app.bytes && !span_equal(app, mp_view_str(account, "name")))
            continue;
        status = put_account(account, t, out);
        ++*count;
    }
    return status;
}

static enum status print_rates(struct span accounts, struct span one, const struct queue_options *o)
{
    struct buf out = {0};
    struct table *t = o->json ? NULL : table_new(columns, sizeof columns / sizeof *columns);
    size_t count = 0;
    enum status status = one.bytes ? put_account(one, t, &out) : put_accounts(accounts, o->filter.app, t, &out, &count);
    if (status == STATUS_DONE && one.bytes == 0 && count == 0 && o->filter.app.bytes) {
        fprintf(stderr, "mega: --app: no such account; mega queue rate shows all\n");
        status = STATUS_UNKNOWN;
    }
    if (status == STATUS_DONE && t)
        table_write(t, 0, &out);
    if (status == STATUS_DONE)
        status = print_out(&out);
    table_destroy(&t);
    buf_free(&out);
    return status;
}

enum status queue_rate(struct queue_link *l, const struct queue_options *o)
{
    struct ask ask = {.op = o->sets_rate ? ASK_RATE : ASK_STATUS, .rate_per_s = o->rate_per_s};
    struct answer answer;
    const struct span none = {NULL, 0};
    if (o->sets_rate)
        ask.filter.app = o->filter.app;
    enum status status = queue_exchange(l, &ask, &answer);
    if (status != STATUS_DONE)
        return status;
    if (!o->sets_rate)
        return print_rates(mp_view(answer.data, "accounts"), none, o);
    return mp_view(answer.data, "name").bytes ? print_rates(none, answer.data, o) : queue_not_understood();
}
