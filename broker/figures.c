#include "broker/figures.h"

#include <stdlib.h>

#include "proto/mp.h"

#define SECONDS 10 /* that a rate looks back */

struct figures {
    struct store *store;
    const struct conf *conf;
    uint64_t counts[CONF_ACCOUNTS_MAX][FIGURES];
    int changed[CONF_ACCOUNTS_MAX];
    int any_changed;
    uint64_t totals[FIGURES];
    uint64_t seconds[SECONDS + 1][FIGURES]; /* totals at the beginning of the last seconds, in a circle */
    int64_t second_ms;                      /* monotonic: when the newest of them began */
    size_t newest, filled;
};

const char *figure_name(enum figure what)
{
    static const char *const names[FIGURES] = {"accepted",  "sent", "pending", "refused",  "expired",
                                               "cancelled", "dead", "failed",  "requeued", "revised", "damaged",
                                               "fallbacks", "retried"};
    return names[what];
}

enum figure figures_of_state(enum store_state state)
{
    switch (state) {
    case STATE_SENT:
        return FIGURE_SENT;
    case STATE_PENDING:
        return FIGURE_PENDING;
    case STATE_REFUSED:
        return FIGURE_REFUSED;
    case STATE_EXPIRED:
        return FIGURE_EXPIRED;
    case STATE_CANCELLED:
        return FIGURE_CANCELLED;
    default:
        return FIGURE_DEAD;
    }
}

static void name_record(const struct figures *f, size_t account, struct buf *name)
{
    buf_clear(name);
    buf_printf(name, "figures/%s", f->conf->accounts[account].name);
}

static void load(struct figures *f, size_t account, struct buf *name)
{
    struct span packed;
    struct mp_cursor c;
    name_record(f, account, name);
    if (store_meta_read(f->store, buf_str(name), &packed) != STORE_OK)
        return;
    mp_open(&c, packed);
    uint32_t count = mp_read_array(&c);
    for (uint32_t i = 0; i < count && i < FIGURES; i++) {
        f->counts[account][i] = mp_read_u64(&c);
        f->totals[i] += f->counts[account][i];
    }
}

struct figures *figures_new(struct store *store, const struct conf *conf)
{
    struct figures *f = mem_new(sizeof *f);
    struct buf name = {0};
    f->store = store;
    f->conf = conf;
    for (size_t i = 0; i < conf->account_count; i++)
        load(f, i, &name);
    buf_free(&name);
    return f;
}

void figures_destroy(struct figures **self)
{
    free(*self);
    *self = NULL;
}

void figures_count(struct figures *f, int account, enum figure what)
{
    if (account < 0)
        return;
    f->counts[account][what]++;
    f->totals[what]++;
    f->changed[account] = 1;
    f->any_changed = 1;
}

static void save(struct figures *f, size_t account, struct buf *scratch)
{
    struct buf name = {0};
    name_record(f, account, &name);
    buf_clear(scratch);
    mp_array(scratch, FIGURES);
    for (size_t i = 0; i < FIGURES; i++)
        mp_u64(scratch, f->counts[account][i]);
    store_meta_write(f->store, buf_str(&name), buf_span(scratch));
    f->changed[account] = 0;
    buf_free(&name);
}

int figures_save(struct figures *f)
{
    struct buf scratch = {0};
    if (!f->any_changed)
        return 0;
    for (size_t i = 0; i < f->conf->account_count; i++)
        if (f->changed[i])
            save(f, i, &scratch);
    f->any_changed = 0;
    buf_free(&scratch);
    return 1;
}

uint64_t figures_get(const struct figures *f, size_t account, enum figure what)
{
    return f->counts[account][what];
}

uint64_t figures_total(const struct figures *f, enum figure what)
{
    return f->totals[what];
}

uint64_t figures_live(const struct figures *f, size_t account)
{
    const uint64_t *n = f->counts[account];
    uint64_t in = n[FIGURE_ACCEPTED] + n[FIGURE_REQUEUED] + n[FIGURE_REVISED];
    uint64_t out = n[FIGURE_SENT] + n[FIGURE_PENDING] + n[FIGURE_REFUSED] + n[FIGURE_EXPIRED] + n[FIGURE_CANCELLED] +
                   n[FIGURE_DEAD] + n[FIGURE_DAMAGED];
    return in > out ? in - out : 0;
}

void figures_tick(struct figures *f, int64_t mono_ms)
{
    if (f->filled && mono_ms - f->second_ms < 1000)
        return;
    f->newest = (f->newest + 1) % (SECONDS + 1);
    for (size_t i = 0; i < FIGURES; i++)
        f->seconds[f->newest][i] = f->totals[i];
    f->filled += f->filled <= SECONDS;
    f->second_ms = mono_ms;
}

/* The turns of an idle broker come every 100 ms, so a second of the circle is at most a little longer than one. */
double figures_rate(const struct figures *f, enum figure what)
{
    if (f->filled < 2)
        return 0;
    size_t seconds = f->filled - 1;
    size_t oldest = (f->newest + SECONDS + 1 - seconds) % (SECONDS + 1);
    return (double)(f->seconds[f->newest][what] - f->seconds[oldest][what]) / (double)seconds;
}
