#include "broker/delivery.h"

#include <stdlib.h>
#include <string.h>

#include "proto/mp.h"

struct row {
    char key[KEY_TEXT_BYTES_MAX]; /* of the others: empty, which no template is called */
    size_t key_bytes;
    uint64_t counts[DELIVERY_COUNTS];
};

/* Of one account. The last place is kept for the others. */
struct rows {
    struct row *list; /* owned; NULL: none yet */
    size_t used;
    int changed;
};

struct delivery {
    struct store *store;
    const struct conf *conf;
    struct rows rows[CONF_ACCOUNTS_MAX];
    int any_changed;
};

static struct row *find(const struct rows *rows, struct span key)
{
    for (size_t i = 0; i < rows->used; i++)
        if (span_equal((struct span){rows->list[i].key, rows->list[i].key_bytes}, key))
            return &rows->list[i];
    return NULL;
}

/* The row to count in. */
static struct row *place(struct rows *rows, struct span key)
{
    static const struct span others = {"", 0};
    struct row *row = find(rows, key);
    if (row == NULL && (rows->used >= DELIVERY_ROWS_MAX - 1 || key.bytes > sizeof row->key)) {
        key = others;
        row = find(rows, key);
    }
    if (row)
        return row;
    if (rows->list == NULL)
        rows->list = mem_new(DELIVERY_ROWS_MAX * sizeof *rows->list);
    row = &rows->list[rows->used++];
    memset(row, 0, sizeof *row);
    memcpy(row->key, key.bytes ? key.data : "", key.bytes);
    row->key_bytes = key.bytes;
    return row;
}

void delivery_count(struct delivery *d, int account, struct span key, enum delivery_count what)
{
    if (account < 0)
        return;
    place(&d->rows[account], key)->counts[what]++;
    d->rows[account].changed = 1;
    d->any_changed = 1;
}

uint64_t delivery_get(const struct delivery *d, size_t account, struct span key, enum delivery_count what)
{
    const struct row *row = find(&d->rows[account], key);
    return row ? row->counts[what] : 0;
}

void delivery_pack(const struct delivery *d, size_t account, struct buf *out)
{
    const struct rows *rows = &d->rows[account];
    mp_array(out, rows->used);
    for (size_t i = 0; i < rows->used; i++) {
        const struct row *row = &rows->list[i];
        mp_array(out, 1 + DELIVERY_COUNTS);
        if (row->key_bytes)
            mp_span(out, (struct span){row->key, row->key_bytes});
        else
            mp_nil(out);
        for (size_t what = 0; what < DELIVERY_COUNTS; what++)
            mp_u64(out, row->counts[what]);
    }
}

/* --- the store: "delivery/ACCOUNT" holds what delivery_pack writes -------------------------------------------------------- */

static void name_record(const struct delivery *d, size_t account, struct buf *name)
{
    buf_clear(name);
    buf_printf(name, "delivery/%s", d->conf->accounts[account].name);
}

static void load_row(struct mp_cursor *c, struct rows *rows)
{
    struct span key = {"", 0};
    uint64_t counts[DELIVERY_COUNTS];
    if (mp_read_array(c) != 1 + DELIVERY_COUNTS) {
        c->failed = 1;
        return;
    }
    if (mp_peek(c) == MP_NIL)
        mp_skip(c);
    else
        key = mp_read_str(c);
    for (size_t what = 0; what < DELIVERY_COUNTS; what++)
        counts[what] = mp_read_u64(c);
    for (size_t what = 0; what < DELIVERY_COUNTS && !c->failed; what++)
        place(rows, key)->counts[what] += counts[what];
}

static void load(struct delivery *d, size_t account, struct buf *name)
{
    struct span packed;
    struct mp_cursor c;
    name_record(d, account, name);
    if (store_meta_read(d->store, buf_str(name), &packed) != STORE_OK)
        return;
    mp_open(&c, packed);
    uint32_t count = mp_read_array(&c);
    for (uint32_t i = 0; i < count && !c.failed; i++)
        load_row(&c, &d->rows[account]);
}

struct delivery *delivery_new(struct store *store, const struct conf *conf)
{
    struct delivery *d = mem_new(sizeof *d);
    struct buf name = {0};
    d->store = store;
    d->conf = conf;
    for (size_t i = 0; i < conf->account_count; i++)
        load(d, i, &name);
    buf_free(&name);
    return d;
}

void delivery_destroy(struct delivery **self)
{
    if (*self == NULL)
        return;
    for (size_t i = 0; i < CONF_ACCOUNTS_MAX; i++)
        free((*self)->rows[i].list);
    free(*self);
    *self = NULL;
}

void delivery_save(struct delivery *d)
{
    struct buf packed = {0}, name = {0};
    if (!d->any_changed)
        return;
    for (size_t i = 0; i < d->conf->account_count; i++) {
        if (!d->rows[i].changed)
            continue;
        buf_clear(&packed);
        delivery_pack(d, i, &packed);
        name_record(d, i, &name);
        store_meta_write(d->store, buf_str(&name), buf_span(&packed));
        d->rows[i].changed = 0;
    }
    d->any_changed = 0;
    buf_free(&packed);
    buf_free(&name);
}
