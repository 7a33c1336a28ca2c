/* The rescue of a store in which a few entries were changed so that each page is still one: whose a record is, and whether it is out of date,
 * has to be found by other means than its key.
 */
#include "tests/unit/salvage_world.h"

/* The entry of a page with that key. What is written to the bytes returned behind it changes the file; the page counts as hit. */
static char *find_entry(struct damage *d, uint64_t number, struct span key, struct page_node *n)
{
    struct page p;
    char *page = d->file.data + number * PAGE;
    CHECK_INT(page_open(&p, (struct span){page, PAGE}, number), 0);
    for (size_t i = 0; i < p.count; i++)
        if (page_node(&p, i, n) == 0 && span_equal(n->key, key)) {
            d->is_hit[number] = HIT_BIT;
            return page + (n->key.data - page);
        }
    test_fail("the page has no such key", __FILE__, __LINE__);
    exit(1);
}

/* Gives an entry another key of the same length. */
static void change_key(struct damage *d, uint64_t number, struct span from, struct span to)
{
    struct page_node n;
    CHECK_U64(from.bytes, to.bytes);
    memcpy(find_entry(d, number, from, &n), to.data, to.bytes);
}

static struct span key_span(const struct key *k)
{
    return (struct span){k->bytes, k->used};
}

/* The first seq at or behind `from` in that state, whose pages are not those of `other`. */
static uint64_t find_seq(const struct world *w, enum store_state state, uint64_t from, uint64_t other)
{
    const struct truth *o = &w->truths[other];
    for (uint64_t seq = from; seq <= MESSAGES_MADE; seq++) {
        const struct truth *t = &w->truths[seq];
        if (t->state == state && !t->is_big && t->id_page && (other == 0 || (t->page != o->page && t->id_page != o->id_page)) &&
            (!t->final_page || t->has_message == (state == STATE_DEAD)))
            return seq;
    }
    return 0;
}

/* What the new store has under an id. */
static enum store_state state_of(struct store *s, const struct truth *t, struct found *f)
{
    uint64_t seq;
    if (store_find_seq(s, span_of(t->account), span_of(t->id), &seq) != STORE_OK || store_look(s, seq, f) != STORE_OK)
        return STATE_NONE;
    CHECK_SPAN(f->has_message ? f->m.id : f->f.id, t->id);
    return f->state;
}

/* The record of one seq has the key of another, and its id cannot be found either. The other one, which is whole, is in its place; the
 * first one is not lost, and is not sent again without asking. */
static void try_keys(const struct world *w, const char *what, enum store_state wrong, enum store_state right, int is_right_lost)
{
    char name[40], to[48];
    struct found f;
    uint64_t b = find_seq(w, right, 300, 0), a = find_seq(w, wrong, 320, b);
    const struct truth *ta = &w->truths[a], *tb = &w->truths[b];
    struct damage d = damage_begin(w);
    struct key ka = key_seq(a), kb = key_seq(b), id = key_id(span_of(ta->account), span_of(ta->id)), odd = id;
    CHECK(a && b);
    odd.bytes[odd.used - 1] = 'x';
    snprintf(name, sizeof name, "%s-%d", what, (int)w->number);
    snprintf(to, sizeof to, "%s-new", name);
    fprintf(stderr, "%s: %" PRIu64 " under %" PRIu64 "\n", name, a, b);
    change_key(&d, ta->has_message ? ta->page : ta->final_page, key_span(&ka), key_span(&kb));
    change_key(&d, ta->id_page, key_span(&id), key_span(&odd));
    if (is_right_lost)
        hit(&d, tb->page, 1, NULL);
    damage_write(&d, name);
    compare(w, &d, name, to);
    struct store *s = fixture_open(to);
    enum store_state now = state_of(s, ta, &f);
    CHECK(now == wrong || (wrong == STATE_WAITING && now == STATE_OUT));
    CHECK(wrong != STATE_DEAD || f.has_message);
    if (is_right_lost)
        CHECK_INT(state_of(s, tb, &f), STATE_NONE);
    else
        CHECK_INT(state_of(s, tb, &f), right);
    store_close(&s);
    damage_free(&d);
}

static void test_keys(const struct world *w)
{
    try_keys(w, "dead-under-waiting", STATE_DEAD, STATE_WAITING, 0);
    try_keys(w, "waiting-under-waiting", STATE_WAITING, STATE_WAITING, 0);
    try_keys(w, "waiting-under-dead", STATE_WAITING, STATE_DEAD, 0);
    try_keys(w, "sent-under-waiting", STATE_SENT, STATE_WAITING, 0);
    try_keys(w, "dead-under-lost", STATE_DEAD, STATE_WAITING, 1);
    try_keys(w, "waiting-under-lost", STATE_WAITING, STATE_WAITING, 1);
}

static void compare_damage(const struct world *w, const struct damage *d, const char *what)
{
    char from[32], to[40];
    snprintf(from, sizeof from, "%s-%d", what, (int)w->number);
    snprintf(to, sizeof to, "%s-new", from);
    damage_write(d, from);
    compare(w, d, from, to);
}

/* The list of databases tells of one what cannot be, and that of free pages has one that is none: an older state is taken, all of whose pages
 * can be read. In it messages wait that have a result by now, and that cannot be read. */
static void test_damaged_results(const struct world *w)
{
    struct damage d = damage_begin(w);
    struct page free;
    struct page_node first;
    uint64_t damaged = 0;
    find_entry(&d, w->main_root, span_of("queue_now"), &first)[first.key.bytes + 7] ^= 0x40; /* how deep it is */
    CHECK_INT(page_open(&free, (struct span){d.file.data + w->free_root * PAGE, PAGE}, w->free_root), 0);
    CHECK_INT(free.kind, PAGE_LEAF); /* there are not many free pages */
    CHECK_INT(page_node(&free, 0, &first), 0);
    find_entry(&d, w->free_root, first.key, &first)[first.key.bytes + 8 + 5] ^= 8; /* the first page in it */
    for (uint64_t seq = 1; seq <= MESSAGES_MADE; seq++) {
        struct key key = key_seq(seq);
        struct page_node n;
        if (w->truths[seq].final_page == 0 || w->truths[seq].state == STATE_DEAD)
            continue;
        find_entry(&d, w->truths[seq].final_page, key_span(&key), &n)[n.key.bytes + n.value.bytes - 1] ^= 1;
        damaged++;
    }
    CHECK(damaged > 100);
    compare_damage(w, &d, "results");
    damage_free(&d);
}

/* The keys of nearly all results have become longer, so nobody knows whose they were, and one database of places is lost: no message that stands
 * nowhere may be taken for one that stood there. */
static void test_longer_keys(const struct world *w)
{
    struct damage d = damage_begin(w);
    struct page_node n;
    find_entry(&d, w->main_root, span_of("parked"), &n)[n.key.bytes + 7] ^= 0x40; /* how deep it is */
    for (uint64_t seq = 1; seq <= MESSAGES_MADE; seq++) {
        struct key key = key_seq(seq);
        char *entry = w->truths[seq].final_page ? find_entry(&d, w->truths[seq].final_page, key_span(&key), &n) : NULL;
        if (entry && (size_t)(entry - d.file.data) % PAGE + n.key.bytes + n.value.bytes + 4 <= PAGE)
            entry[-2] ^= 4; /* the length stands there; the entry is still within its page */
    }
    compare_damage(w, &d, "longer");
    damage_free(&d);
}

/* The number of the older meta page became larger than that of the newest: it is not taken for it, by the check neither. */
static void test_later_number(const struct world *w)
{
    struct damage d = damage_begin(w);
    char from[32];
    uint64_t old, new, number = 0;
    const size_t at = 16 + 24 + 2 * 48 + 8; /* in a meta page */
    memcpy(&new, d.file.data + w->newest_meta * PAGE + at, sizeof new);
    memcpy(&old, d.file.data + !w->newest_meta * PAGE + at, sizeof old);
    CHECK_U64(old + 1, new);
    number = old + 2; /* a single bit where it can be divided by 4 */
    memcpy(d.file.data + !w->newest_meta * PAGE + at, &number, sizeof number);
    d.is_hit[!w->newest_meta] = HIT_BIT;
    compare_damage(w, &d, "later");
    snprintf(from, sizeof from, "later-%d", (int)w->number);
    CHECK(count_problems(from) > 0);
    struct salvage_result r = salvage(from, "later-again");
    CHECK_INT(r.is_newest, 1);
    CHECK_U64(r.lost + r.unknown, 0);
    damage_free(&d);
}

int main(void)
{
    for (uint64_t number = 1; number <= 5; number++) {
        struct world *w = make_world(number);
        test_keys(w);
        test_damaged_results(w);
        test_longer_keys(w);
        if (number == 1)
            test_later_number(w);
        world_free(&w);
    }
    return 0;
}
