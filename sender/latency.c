#include "sender/latency.h"

#include <stdlib.h>

#include "proto/histogram.h"
#include "proto/mp.h"

static const struct histogram_bounds bounds = {
    12, {10000, 25000, 50000, 100000, 200000, 350000, 500000, 750000, 1000000, 2000000, 5000000, 10000000}};

/* Of one account and kind. */
struct series {
    const struct kind *kind;
    struct histogram histogram;
};

struct latency {
    const struct conf *conf;
    struct series *series[CONF_ACCOUNTS_MAX]; /* owned; NULL: no call yet. LATENCY_KINDS_MAX of them, in the order of their first call */
    struct buf packed;
};

struct latency *latency_new(const struct conf *conf)
{
    struct latency *l = mem_new(sizeof *l);
    l->conf = conf;
    return l;
}

void latency_destroy(struct latency **self)
{
    struct latency *l = *self;
    if (l == NULL)
        return;
    for (size_t i = 0; i < CONF_ACCOUNTS_MAX; i++)
        free(l->series[i]);
    buf_free(&l->packed);
    free(l);
    *self = NULL;
}

void latency_note(struct latency *l, int account, const struct kind *kind, int64_t ms)
{
    if (account < 0)
        return;
    if (l->series[account] == NULL)
        l->series[account] = mem_new(LATENCY_KINDS_MAX * sizeof *l->series[account]);
    struct series *s = l->series[account];
    for (size_t i = 0; i < LATENCY_KINDS_MAX; i++, s++) {
        if (s->kind == NULL) {
            s->kind = kind;
            s->histogram.bounds = &bounds;
        }
        if (s->kind == kind) {
            histogram_note(&s->histogram, 1000 * ms);
            return;
        }
    }
}

static void pack_series(const char *account, const struct series *s, struct buf *out)
{
    mp_array(out, 4);
    mp_str(out, account);
    mp_str(out, s->kind->name);
    histogram_pack_counts(&s->histogram, out);
    mp_u64(out, s->histogram.sum_us);
}

void latency_on_beat(struct latency *l, struct control *beat)
{
    struct buf of = {0};
    size_t count = 0;
    if (beat->cpu_us == 0)
        return;
    for (size_t i = 0; i < l->conf->account_count; i++)
        for (size_t k = 0; l->series[i] && k < LATENCY_KINDS_MAX && l->series[i][k].kind; k++, count++)
            pack_series(l->conf->accounts[i].name, &l->series[i][k], &of);
    if (count) {
        buf_clear(&l->packed);
        mp_map(&l->packed, 2);
        mp_str(&l->packed, "le");
        histogram_pack_bounds(&bounds, &l->packed);
        mp_str(&l->packed, "of");
        mp_array(&l->packed, count);
        mp_raw(&l->packed, buf_span(&of));
        beat->latency = buf_span(&l->packed);
    }
    buf_free(&of);
}
