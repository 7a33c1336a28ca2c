/* Small values of the new store: the next seq, the generation and the stages of ring.c, the figures of figures.c. The rest is taken as it
 * was: pauses, templates, the order clock. */
#include "broker/store_salvage_internal.h"

#include <string.h>

#include "broker/figures.h"
#include "proto/control.h"
#include "proto/mp.h"

#define FIGURES_ACCOUNTS "figures/"
#define INDEX_A_STEP     20000

/* --- the generation ----------------------------------------------------------------------------------------------- */

/* The ring's value: [generation, [[name, kind, epoch], …]]. Returns 0, with the packed stages, or -1. */
static int read_ring(struct salvage *v, uint64_t *generation, struct span *stages)
{
    struct span packed;
    struct mp_cursor c;
    if (store_meta_read(v->s, "ring", &packed) != STORE_OK)
        return -1;
    mp_open(&c, packed);
    if (mp_read_array(&c) != 2)
        return -1;
    *generation = mp_read_u64(&c);
    *stages = mp_skip(&c);
    return c.failed ? -1 : 0;
}

/* Without its list of stages the broker would not wait for the senders that have what is out: those of the marks are listed instead.
 * Only their epoch counts; they are given their names when they come back. */
static void pack_senders(const struct salvage *v, struct buf *out)
{
    mp_array(out, v->sender_count);
    for (size_t i = 0; i < v->sender_count; i++) {
        struct buf name = {0};
        buf_printf(&name, "rescued-%zu", i + 1);
        mp_array(out, 3);
        mp_str(out, buf_str(&name));
        mp_u64(out, STAGE_SENDER);
        mp_u64(out, v->senders[i]);
        buf_free(&name);
    }
}

/* Stages take the generation that a broker welcomes them with, but drop jobs of an older one than they know: it only goes up. */
static void write_ring(struct salvage *v)
{
    uint64_t generation = 0;
    struct span stages = {NULL, 0};
    struct buf packed = {0};
    int is_lost = read_ring(v, &generation, &stages);
    if (v->result->generation > generation)
        generation = v->result->generation;
    generation += SALVAGE_GENERATION_MARGIN;
    mp_array(&packed, 2);
    mp_u64(&packed, generation);
    if (is_lost)
        pack_senders(v, &packed);
    else
        mp_raw(&packed, stages);
    store_meta_write(v->s, "ring", buf_span(&packed));
    v->result->generation = generation;
    buf_free(&packed);
}

/* --- figures ------------------------------------------------------------------------------------------------------ */

static void read_figures(struct salvage *v, const char *name, uint64_t counts[FIGURES])
{
    struct span packed;
    struct mp_cursor c;
    if (store_meta_read(v->s, name, &packed) != STORE_OK)
        return;
    mp_open(&c, packed);
    uint32_t count = mp_read_array(&c);
    for (uint32_t i = 0; i < count && i < FIGURES; i++)
        counts[i] = mp_read_u64(&c);
}

/* The figures of an account tell how many of its messages live: what was lost is counted as damaged, what was found too many as
 * accepted. */
static void write_figures(struct salvage *v, const struct salvage_account *account)
{
    uint64_t counts[FIGURES] = {0};
    struct buf name = {0}, packed = {0};
    buf_printf(&name, FIGURES_ACCOUNTS "%s", account->name);
    read_figures(v, buf_str(&name), counts);
    uint64_t in = counts[FIGURE_ACCEPTED] + counts[FIGURE_REQUEUED];
    uint64_t out = counts[FIGURE_SENT] + counts[FIGURE_PENDING] + counts[FIGURE_REFUSED] + counts[FIGURE_EXPIRED] +
                   counts[FIGURE_CANCELLED] + counts[FIGURE_DEAD] + counts[FIGURE_DAMAGED] + account->live;
    counts[FIGURE_DAMAGED] += in > out ? in - out : 0;
    counts[FIGURE_ACCEPTED] += out > in ? out - in : 0;
    mp_array(&packed, FIGURES);
    for (size_t i = 0; i < FIGURES; i++)
        mp_u64(&packed, counts[i]);
    store_meta_write(v->s, buf_str(&name), buf_span(&packed));
    buf_free(&packed);
    buf_free(&name);
}

/* --- all ---------------------------------------------------------------------------------------------------------- */

/* An account whose messages are all settled or lost is in no list yet, but may have figures. */
static void find_accounts(struct salvage *v)
{
    struct key from = {.used = 0};
    struct span found, name;
    const size_t prefix = sizeof FIGURES_ACCOUNTS - 1;
    key_u8(&from, 0);
    while (engine_seek(v->s->engine, META, &from, &found, NULL) == STORE_OK) {
        from = key_copy(found);
        key_u8(&from, 0);
        if (!sound_name_key(found, &name) || name.bytes <= prefix || memcmp(name.data, FIGURES_ACCOUNTS, prefix) != 0)
            continue;
        salvage_account_of(v, (struct span){name.data + prefix, name.bytes - prefix});
    }
}

int salvage_values(struct salvage *v)
{
    v->s->next_seq = v->result->seq_max + SALVAGE_SEQ_MARGIN + 1;
    v->s->indexed = 1; /* from the beginning */
    store_remember_seq(v->s);
    store_write_number(v->s, "indexed", v->s->indexed);
    v->result->seq_max = v->s->next_seq - 1;
    write_ring(v);
    find_accounts(v);
    for (size_t i = 0; i < v->account_count; i++)
        write_figures(v, &v->accounts[i]);
    while (store_index_left(v->s)) {
        v->pending_bytes = SALVAGE_COMMIT_BYTES; /* each step is a commit */
        store_index_step(v->s, INDEX_A_STEP);
        if (salvage_step(v, "indexed", 0, 0))
            return -1;
    }
    return 0;
}
