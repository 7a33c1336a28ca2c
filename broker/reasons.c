#include "broker/reasons.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/mp.h"

struct row {
    char word[REASON_WORD_MAX];
    int64_t errcode;
    uint64_t count;
};

/* Of one account and kind. The last place is kept for the others. */
struct rows {
    struct row *list; /* owned; NULL: none yet */
    size_t used;
};

struct reasons {
    struct store *store;
    const struct conf *conf;
    struct rows rows[CONF_ACCOUNTS_MAX][REASON_KINDS];
    int changed[CONF_ACCOUNTS_MAX];
    int any_changed;
};

static const char *const kind_names[REASON_KINDS] = {
    [REASON_DEAD] = "dead", [REASON_REFUSED] = "refused", [REASON_FAILED] = "failed"};

static struct row *find(const struct rows *rows, const char *word, int64_t errcode)
{
    for (size_t i = 0; i < rows->used; i++)
        if (rows->list[i].errcode == errcode && strcmp(rows->list[i].word, word) == 0)
            return &rows->list[i];
    return NULL;
}

/* The row to count in. */
static struct row *place(struct rows *rows, const char *word, int64_t errcode)
{
    struct row *row = find(rows, word, errcode);
    if (row)
        return row;
    if (rows->used >= REASONS_MAX - 1 && (row = find(rows, "", REASON_OTHER)) != NULL)
        return row;
    if (rows->list == NULL)
        rows->list = mem_new(REASONS_MAX * sizeof *rows->list);
    int is_last = rows->used == REASONS_MAX - 1;
    row = &rows->list[rows->used++];
    snprintf(row->word, sizeof row->word, "%s", is_last ? "" : word);
    row->errcode = is_last ? REASON_OTHER : errcode;
    row->count = 0;
    return row;
}

void reasons_count(struct reasons *r, int account, enum reason_kind kind, const char *word, int64_t errcode)
{
    if (account < 0)
        return;
    place(&r->rows[account][kind], word, errcode)->count++;
    r->changed[account] = 1;
    r->any_changed = 1;
}

uint64_t reasons_get(const struct reasons *r, size_t account, enum reason_kind kind, const char *word, int64_t errcode)
{
    const struct row *row = find(&r->rows[account][kind], word, errcode);
    return row ? row->count : 0;
}

/* --- the store: "reasons/ACCOUNT" holds what reasons_pack writes ---------------------------------------------------------- */

static void name_record(const struct reasons *r, size_t account, struct buf *name)
{
    buf_clear(name);
    buf_printf(name, "reasons/%s", r->conf->accounts[account].name);
}

static void pack_rows(const struct rows *rows, struct buf *out)
{
    mp_array(out, rows->used);
    for (size_t i = 0; i < rows->used; i++) {
        const struct row *row = &rows->list[i];
        mp_array(out, 3);
        mp_str(out, row->word);
        if (row->errcode == REASON_OTHER)
            mp_nil(out);
        else
            mp_i64(out, row->errcode);
        mp_u64(out, row->count);
    }
}

void reasons_pack(const struct reasons *r, size_t account, struct buf *out)
{
    size_t at = mp_map_open(out), count = 0;
    for (int kind = 0; kind < REASON_KINDS; kind++) {
        const struct rows *rows = &r->rows[account][kind];
        if (rows->used == 0)
            continue;
        mp_str(out, kind_names[kind]);
        pack_rows(rows, out);
        count++;
    }
    mp_map_close(out, at, count);
}

static void load_rows(struct mp_cursor *c, struct rows *rows)
{
    uint32_t count = mp_read_array(c);
    for (uint32_t i = 0; i < count && !c->failed; i++) {
        char word[REASON_WORD_MAX];
        if (mp_read_array(c) != 3)
            return;
        span_to_text(word, sizeof word, mp_read_str(c));
        struct mp_value errcode = mp_read(c);
        uint64_t times = mp_read_u64(c);
        int64_t code = errcode.type == MP_UINT && errcode.as.u64 <= INT64_MAX ? (int64_t)errcode.as.u64
                       : errcode.type == MP_INT                               ? errcode.as.i64
                                                                              : REASON_OTHER;
        if (!c->failed)
            place(rows, word, code)->count += times;
    }
}

static void load(struct reasons *r, size_t account, struct buf *name)
{
    struct span packed;
    name_record(r, account, name);
    if (store_meta_read(r->store, buf_str(name), &packed) != STORE_OK)
        return;
    for (int kind = 0; kind < REASON_KINDS; kind++) {
        struct mp_cursor c;
        if (mp_find(packed, kind_names[kind], &c))
            load_rows(&c, &r->rows[account][kind]);
    }
}

struct reasons *reasons_new(struct store *store, const struct conf *conf)
{
    struct reasons *r = mem_new(sizeof *r);
    struct buf name = {0};
    r->store = store;
    r->conf = conf;
    for (size_t i = 0; i < conf->account_count; i++)
        load(r, i, &name);
    buf_free(&name);
    return r;
}

void reasons_destroy(struct reasons **self)
{
    if (*self == NULL)
        return;
    for (size_t i = 0; i < CONF_ACCOUNTS_MAX; i++)
        for (int kind = 0; kind < REASON_KINDS; kind++)
            free((*self)->rows[i][kind].list);
    free(*self);
    *self = NULL;
}

int reasons_save(struct reasons *r)
{
    struct buf packed = {0}, name = {0};
    if (!r->any_changed)
        return 0;
    for (size_t i = 0; i < r->conf->account_count; i++) {
        if (!r->changed[i])
            continue;
        buf_clear(&packed);
        reasons_pack(r, i, &packed);
        name_record(r, i, &name);
        store_meta_write(r->store, buf_str(&name), buf_span(&packed));
        r->changed[i] = 0;
    }
    r->any_changed = 0;
    buf_free(&packed);
    buf_free(&name);
    return 1;
}
