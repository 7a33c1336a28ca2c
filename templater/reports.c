/* Unconfirmed reports: a hash by (seq, turn) that keeps the order in which they were added. */
#include "templater/reports.h"

#include <stdlib.h>
#include <uthash.h>

#include "proto/control.h"
#include "proto/mp.h"

#define SEND_BATCH 256 /* reports a message */

struct report_key {
    uint64_t seq;
    uint64_t turn; /* 64 bits, so that the key has no padding */
};

struct report_row {
    struct report_key key;
    struct buf packed;
    int is_new; /* 1: not sent yet */
    UT_hash_handle hh;
};

struct reports {
    struct report_row *rows;
    size_t new_count;
};

struct reports *reports_new(void)
{
    return mem_new(sizeof(struct reports));
}

static void row_remove(struct reports *r, struct report_row *row)
{
    HASH_DEL(r->rows, row);
    r->new_count -= (size_t)row->is_new;
    buf_free(&row->packed);
    free(row);
}

void reports_destroy(struct reports **self)
{
    struct reports *r = *self;
    struct report_row *row, *next;
    if (r == NULL)
        return;
    HASH_ITER(hh, r->rows, row, next)
    {
        row_remove(r, row);
    }
    free(r);
    *self = NULL;
}

size_t reports_count(const struct reports *r)
{
    return HASH_COUNT(r->rows);
}

static struct report_row *row_find(const struct reports *r, uint64_t seq, uint32_t turn)
{
    struct report_key key = {seq, turn};
    struct report_row *row = NULL;
    HASH_FIND(hh, r->rows, &key, sizeof key, row);
    return row;
}

void reports_add(struct reports *r, const struct outcome_report *report)
{
    struct report_row *row = row_find(r, report->seq, report->turn);
    if (row != NULL)
        row_remove(r, row);
    row = mem_new(sizeof *row);
    row->key = (struct report_key){report->seq, report->turn};
    row->is_new = 1;
    outcome_pack(report, &row->packed);
    HASH_ADD(hh, r->rows, key, sizeof row->key, row);
    r->new_count++;
}

/* Sends up to SEND_BATCH reports beginning with `row`. Returns the row behind them. */
static struct report_row *send_batch(struct reports *r, struct report_row *row, int only_new,
                                     struct member *m)
{
    struct buf list = {0}, packed = {0};
    size_t count = 0;
    for (; row != NULL && count < SEND_BATCH; row = row->hh.next) {
        if (only_new && !row->is_new)
            continue;
        buf_append(&list, row->packed.data, row->packed.bytes);
        r->new_count -= (size_t)row->is_new;
        row->is_new = 0;
        count++;
    }
    if (count > 0) {
        mp_array(&packed, count);
        mp_raw(&packed, buf_span(&list));
        struct control message = {.type = CONTROL_RESULTS, .results = buf_span(&packed)};
        member_send(m, &message);
    }
    buf_free(&list);
    buf_free(&packed);
    return row;
}

void reports_send_new(struct reports *r, struct member *m)
{
    struct report_row *row = r->rows;
    while (row != NULL && r->new_count > 0)
        row = send_batch(r, row, 1, m);
}

void reports_send_all(struct reports *r, struct member *m)
{
    struct report_row *row = r->rows;
    while (row != NULL)
        row = send_batch(r, row, 0, m);
}

void reports_confirm(struct reports *r, struct span holdings)
{
    struct mp_cursor c;
    struct holding h;
    control_array_open(&c, holdings);
    while (control_holding_next(&c, &h) == 1) {
        struct report_row *row = row_find(r, h.seq, h.turn);
        if (row != NULL)
            row_remove(r, row);
    }
}

size_t reports_hold(const struct reports *r, struct buf *holdings)
{
    for (const struct report_row *row = r->rows; row != NULL; row = row->hh.next) {
        struct holding h = {row->key.seq, (uint32_t)row->key.turn};
        control_holding_pack(&h, holdings);
    }
    return HASH_COUNT(r->rows);
}
