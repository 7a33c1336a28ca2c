#include "broker/store_salvage_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_BYTES  64 /* what an entry costs besides itself, roughly */
#define STEP_EVERY   1024

/* --- writing ------------------------------------------------------------------------------------------------------ */

int salvage_step(struct salvage *v, const char *verb, uint64_t done, uint64_t total)
{
    if (v->pending_bytes >= SALVAGE_COMMIT_BYTES) {
        v->pending_bytes = 0;
        if (engine_commit(v->s->engine))
            return -1;
    }
    if (done % STEP_EVERY == 0 && v->report->step(v->report->self, verb, done, total))
        v->is_stopped = 1;
    return v->is_stopped || engine_has_failed(v->s->engine) ? -1 : 0;
}

void salvage_put(struct salvage *v, enum database db, const struct key *key, struct span value)
{
    v->pending_bytes += key->used + value.bytes + ENTRY_BYTES;
    engine_put(v->s->engine, db, key, value.data ? value : (struct span){"", 0});
}

int salvage_put_new(struct salvage *v, enum database db, const struct key *key, struct span value)
{
    v->pending_bytes += key->used + value.bytes + ENTRY_BYTES;
    return engine_put_new(v->s->engine, db, key, value.data ? value : (struct span){"", 0}) == STORE_OK;
}

int salvage_has(struct salvage *v, enum database db, const struct key *key)
{
    struct span ignored;
    return engine_get(v->s->engine, db, key, &ignored) == STORE_OK;
}

void salvage_mark_unknown(struct salvage *v, uint64_t seq, uint32_t turn)
{
    const struct mark mark = {.seq = seq, .turn = turn, .begun = 1};
    struct key key = key_seq(seq);
    struct buf packed = {0};
    record_pack_mark(&mark, &packed);
    salvage_put(v, MARKS, &key, buf_span(&packed));
    buf_free(&packed);
}

int salvage_may_have_gone(const struct salvage *v, const struct message *m)
{
    return m->timed != TIMED_WALL || m->due_ms <= v->now_ms;
}

struct salvage_account *salvage_account_of(struct salvage *v, struct span name)
{
    size_t i = 0;
    while (i < v->account_count && !span_is(name, v->accounts[i].name))
        i++;
    if (i == SALVAGE_ACCOUNTS_MAX || name.bytes > ACCOUNT_BYTES_MAX)
        return NULL;
    if (i == v->account_count) {
        memcpy(v->accounts[i].name, name.data, name.bytes);
        v->account_count++;
    }
    return &v->accounts[i];
}

uint64_t salvage_seq_of(struct salvage *v, struct span account, struct span id)
{
    struct key key = key_id(account, id);
    struct span value;
    uint64_t seq, content;
    if (engine_get(v->s->engine, IDS, &key, &value) != STORE_OK || record_unpack_id(value, &seq, &content))
        return 0;
    return seq;
}

/* --- which pages are in use --------------------------------------------------------------------------------------- */

/* The list of free pages has no checksum: one that a tree leads to as well, that is listed twice or lies behind the last page tells that
 * it, or that tree, is damaged. */
static int note_free(struct salvage *v, struct span value)
{
    uint64_t count, page;
    int wrong = 0;
    if (!sound_free_pages(value, &count))
        return -1;
    for (uint64_t i = 0; i < count; i++) {
        memcpy(&page, value.data + (i + 1) * sizeof page, sizeof page);
        if (page < PAGE_META_COUNT || page > store_file_state(v->from)->last_page) {
            wrong = -1;
        } else if (page < store_file_pages(v->from) && store_file_note(v->from, page, 1, USE_FREE)) {
            store_file_doubt(v->from, page);
            wrong = -1;
        }
    }
    return wrong;
}

static void find_free(struct salvage *v)
{
    struct tree t;
    struct span key, value;
    enum tree_step step;
    int has_doubt = 0;
    v->result->is_free_known = v->result->has_state;
    tree_open(&t, v->from, &store_file_state(v->from)->free, 1);
    while ((step = tree_next(&t, &key, &value)) != TREE_END) {
        has_doubt |= step == TREE_ENTRY && note_free(v, value);
        if (step != TREE_ENTRY || has_doubt)
            v->result->is_free_known = 0;
    }
    tree_close(&t);
    for (uint64_t i = store_file_state(v->from)->last_page + 1; v->result->has_state && i < store_file_pages(v->from); i++)
        has_doubt |= store_file_use(v->from, i) != 0;
    if (!has_doubt)
        return;
    v->result->is_free_known = v->result->are_fates_whole = v->are_places_whole = 0;
    memset(v->is_whole, 0, sizeof v->is_whole);
}

static void tell_range(struct salvage *v, enum database db, const struct tree_bounds *bounds)
{
    uint64_t from = bounds->low.used == KEY_SEQ_BYTES ? key_read_u64(bounds->low.bytes) : 1;
    uint64_t to = bounds->has_high && bounds->high.used == KEY_SEQ_BYTES ? key_read_u64(bounds->high.bytes) - 1 : UINT64_MAX;
    if (db == MESSAGES || db == LEDGER)
        v->report->range(v->report->self, db, from, to);
}

/* 0 when an entry of a database cannot be what it was: nobody knows to which seq it belonged. Its value is looked at later. */
static int is_sound_entry(enum database db, const struct tree *t, struct span key)
{
    int has_seq = db == MESSAGES || db == LEDGER || db == MARKS;
    return !t->is_tree && (!has_seq || key_is_sound(key, KEY_SEQ_BYTES));
}

/* Notes the pages of a tree. Returns 1 when all of it can be reached. */
static int reach(struct salvage *v, enum database db)
{
    struct tree t;
    struct span key;
    enum tree_step step;
    uint64_t count = 0, bad = 0;
    tree_open(&t, v->from, &v->trees[db], 1);
    while ((step = tree_next(&t, &key, NULL)) != TREE_END) {
        count += step == TREE_ENTRY;
        bad += step != TREE_ENTRY || !is_sound_entry(db, &t, key);
        if (step == TREE_BAD_PAGE)
            tell_range(v, db, &t.bad_bounds);
    }
    tree_close(&t);
    return bad == 0 && count == v->trees[db].entries;
}

static void find_trees(struct salvage *v)
{
    for (int db = 0; db < DATABASES; db++)
        v->is_whole[db] = reach(v, (enum database)db) && v->found[db];
    v->result->are_fates_whole = v->is_whole[MARKS] && v->is_whole[LEDGER];
    v->are_places_whole = v->is_whole[QUEUE_NOW] && v->is_whole[QUEUE_WALL] && v->is_whole[QUEUE_ORDER] && v->is_whole[PARKED] &&
                          v->is_whole[HELD];
}

/* A meta page whose number was changed may hide the newer one. */
static void choose_state(struct salvage *v)
{
    struct page_meta taken = *store_file_state(v->from), other;
    uint64_t commit = v->result->has_state ? tree_commit_of(v->from, &taken) : 0;
    if (commit == 0 || commit == taken.txn)
        return;
    v->result->is_newest = 0;
    for (unsigned i = 0; i < PAGE_META_COUNT; i++) {
        if (store_file_meta(v->from, i, &other) || other.txn == taken.txn || tree_commit_of(v->from, &other) != other.txn)
            continue;
        v->result->is_newest = other.txn == commit + 1 || other.txn + 1 == commit;
        if (other.txn > commit)
            store_file_begin_at(v->from, &other);
        return;
    }
}

static void find_used(struct salvage *v)
{
    choose_state(v);
    int has_names = tree_find_all(v->from, 1, v->trees, v->found) == 0 && v->found[MESSAGES];
    find_trees(v);
    find_free(v);
    if (has_names || v->result->is_free_known || salvage_find_names(v))
        return;
    struct page_meta state = *store_file_state(v->from);
    store_file_begin_at(v->from, &state); /* forgets what was noted */
    v->result->is_newest = 0;             /* these names may be of an older state */
    find_trees(v);
}

/* 1 when a page is one of the round's. */
static int is_wanted(const struct salvage *v, uint64_t page, enum salvage_round round)
{
    const struct salvage_result *r = v->result;
    int use = store_file_use(v->from, page), is_behind = page > store_file_state(v->from)->last_page;
    int is_sure = use == USE_REACHED || (use == 0 && r->is_free_known && !is_behind);
    if (round == ROUND_SURE || is_sure)
        return round == ROUND_SURE && is_sure;
    return use == 0 || use == USE_DOUBTFUL || use == USE_FREE;
}

/* --- rounds ------------------------------------------------------------------------------------------------------- */

static void take_leaf(struct salvage *v, const struct page *p, enum salvage_round round, int is_old)
{
    struct page leaf = *p;
    memcpy(v->page_bytes, p->bytes.data, p->bytes.bytes); /* reading a value may take the place of this page */
    leaf.bytes.data = v->page_bytes;
    for (size_t i = 0; i < leaf.count; i++) {
        struct page_node n;
        if (page_node(&leaf, i, &n)) {
            v->result->unreadable += round == ROUND_SURE;
            v->result->is_evidence_lost |= !v->result->is_newest;
            continue;
        }
        struct salvage_entry e = {.key = n.key, .value = n.value, .is_old = is_old};
        struct page_tree ignored;
        if ((n.is_tree && page_read_tree(n.value, &ignored) == 0) || n.key.bytes == 0 || n.key.bytes > KEY_ROOM)
            continue;
        if (n.overflow)
            e.is_value_lost = store_file_value(v->from, &n, &v->value, &e.value) != 0;
        salvage_take(v, &e, round);
    }
}

static int go_round(struct salvage *v, const char *verb, enum salvage_round round)
{
    const uint64_t pages = store_file_pages(v->from);
    uint64_t value_until = 0; /* pages before that one, without a header, may be of a value */
    for (uint64_t i = PAGE_META_COUNT; i < pages; i++) {
        struct page p;
        if (salvage_step(v, verb, i, pages))
            return -1;
        if (!is_wanted(v, i, round))
            continue;
        int is_bad = store_file_page(v->from, i, &p) != 0;
        v->result->pages += round == ROUND_SURE;
        if (is_bad && i >= value_until) {
            v->result->pages_bad += round == ROUND_SURE;
            v->result->is_evidence_lost |= !v->result->is_newest;
        }
        if (!is_bad && p.kind == PAGE_LEAF)
            take_leaf(v, &p, round, v->result->is_newest && store_file_use(v->from, i) == USE_FREE);
        else if (!is_bad && p.kind == PAGE_OVERFLOW)
            value_until = i + p.run;
    }
    return 0;
}

/* Where every page in use can be read and no commit is lost, there is nothing to find in the others. Ids are looked for twice: those of
 * what is known already tell which other copies are of it under a changed key. */
static int read_all(struct salvage *v)
{
    static const struct {
        enum salvage_round round;
        const char *verb;
    } rounds[] = {{ROUND_SURE, "read"},
                  {ROUND_UNSURE_IDS, "looked for ids in"},
                  {ROUND_UNSURE_MESSAGES, "looked for messages in"},
                  {ROUND_UNSURE_RESULTS, "looked for results in"},
                  {ROUND_UNSURE_IDS, "looked for more ids in"}};
    for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++)
        if ((rounds[i].round == ROUND_SURE || salvage_has_news(v, rounds[i].round)) && go_round(v, rounds[i].verb, rounds[i].round))
            return -1;
    return 0;
}

/* --- all ---------------------------------------------------------------------------------------------------------- */

/* Records of another version would all look damaged. */
static int check_format(struct salvage *v, struct buf *error)
{
    struct tree meta;
    struct key key = {.used = 0};
    struct span value, number;
    uint64_t format = STORE_FORMAT;
    key_text(&key, span_of("format"));
    tree_open(&meta, v->from, &v->trees[META], 0);
    if (tree_get(&meta, &key, &value) == STORE_OK && record_unpack_blob(value, &number) == 0 && number.bytes == sizeof format)
        format = key_read_u64(number.data);
    tree_close(&meta);
    if (format >= STORE_FORMAT_FIRST && format <= STORE_FORMAT)
        return 0;
    buf_printf(error, "the store was made by another version of mega-broker: its format is %" PRIu64 ", not %d; take its mega-store",
               format, STORE_FORMAT);
    return -1;
}

/* 1 when the file is shorter than a commit left it: nobody knows what stood in the pages that are gone. */
static int is_cut(const struct salvage *v)
{
    struct page_meta meta;
    int is_short = 0;
    for (unsigned i = 0; i < PAGE_META_COUNT; i++)
        is_short |= store_file_meta(v->from, i, &meta) == 0 && meta.last_page >= store_file_pages(v->from);
    return is_short;
}

static int make(struct salvage *v, struct buf *error)
{
    find_used(v);
    v->result->is_evidence_lost = !v->result->is_newest && (is_cut(v) || !v->result->are_fates_whole);
    if (check_format(v, error))
        return -1;
    return read_all(v) || salvage_mend(v) || salvage_values(v) || engine_commit(v->s->engine) ? -1 : 0;
}

int store_salvage(struct store_file *from, const char *to, uint64_t bytes_max, int64_t now_ms, const struct salvage_report *report,
                  struct salvage_result *result, struct buf *error)
{
    struct salvage *v = mem_new(sizeof *v);
    *result = (struct salvage_result){.has_state = store_file_state(from)->main.root != PAGE_NONE,
                                      .is_newest = store_file_is_newest(from)};
    v->from = from;
    v->now_ms = now_ms;
    v->report = report;
    v->result = result;
    v->page_bytes = mem_new(PAGE_BYTES_MAX);
    v->s = store_open(to, bytes_max, error);
    int rc = v->s ? make(v, error) : -1;
    if (rc && v->s && !v->is_stopped && error->bytes == 0)
        buf_printf(error, "%s: cannot be written; see above", to);
    store_close(&v->s);
    buf_free(&v->value);
    free(v->page_bytes);
    free(v);
    return rc;
}
