/* A store against a model of it: thousands of random operations, each done to both, with commits, reopening
 * and turns that are lost in between; what the store says is compared with what a plain table says. Fixed
 * seeds; written against broker/store.h alone.
 */
#include "tests/unit/store_fixture.h"

#define OPERATIONS   10000
#define ROWS_MAX     OPERATIONS
#define ACCOUNTS     3
#define OPENIDS      5
#define IDS          2000 /* few enough that the same one is tried again */
#define OUT_MAX      40
#define TIME_SPAN_MS 1000
#define CHECK_EVERY  250
#define STORE        "model"

enum where { GONE, WAITING, PARKED, OUT, SETTLED };

struct row {
    enum where where;
    enum store_state state; /* of a settled one */
    int account, openid, id, lane, timed;
    int64_t due_ms, expires_ms, settled_ms;
    int forgotten; /* by the expiry index */
    uint32_t turn;
};

/* The row of a message is its seq. */
struct model {
    struct row rows[ROWS_MAX + 1];
    uint64_t last; /* seq */
};

struct walk {
    struct store *store;
    struct model now, committed;
    uint64_t random;
    int64_t clock_ms;
};

static uint64_t pick(struct walk *w, uint64_t below)
{
    return hex_random(&w->random) % below;
}

static const char *account_name(int account)
{
    static const char *const names[ACCOUNTS] = {"a", "aa", "b"};
    return names[account];
}

static const char *openid_name(int openid)
{
    static const char *const names[OPENIDS] = {"o", "oo", "p", "\xe4\xbd\xa0", "a"};
    return names[openid];
}

/* --- looking into the model
 * --------------------------------------------------------------------------------------- */

static int is_before(const struct row *a, uint64_t a_seq, const struct row *b, uint64_t b_seq)
{
    return a->due_ms < b->due_ms || (a->due_ms == b->due_ms && a_seq < b_seq);
}

static uint64_t model_first(const struct model *m, int account, int lane, int timed)
{
    uint64_t best = 0;
    for (uint64_t seq = 1; seq <= m->last; seq++) {
        const struct row *r = &m->rows[seq];
        if (r->where == WAITING && r->account == account && r->lane == lane && r->timed == timed &&
            (best == 0 || is_before(r, seq, &m->rows[best], best)))
            best = seq;
    }
    return best;
}

static uint64_t model_first_parked(const struct model *m, int account, int openid)
{
    uint64_t best = 0;
    for (uint64_t seq = 1; seq <= m->last; seq++) {
        const struct row *r = &m->rows[seq], *b = &m->rows[best];
        if (r->where != PARKED || r->account != account || r->openid != openid)
            continue;
        if (best == 0 || r->lane < b->lane || (r->lane == b->lane && is_before(r, seq, b, best)))
            best = seq;
    }
    return best;
}

static uint64_t model_find(const struct model *m, int account, int id)
{
    for (uint64_t seq = m->last; seq > 0; seq--)
        if (m->rows[seq].where != GONE && m->rows[seq].account == account && m->rows[seq].id == id)
            return seq;
    return 0;
}

static uint64_t model_first_expired(const struct model *m, int64_t now_ms)
{
    uint64_t best = 0;
    for (uint64_t seq = 1; seq <= m->last; seq++) {
        const struct row *r = &m->rows[seq];
        int waits = r->where == WAITING || r->where == PARKED || r->where == OUT;
        if (waits && r->expires_ms > 0 && !r->forgotten && r->expires_ms <= now_ms &&
            (best == 0 || r->expires_ms < m->rows[best].expires_ms))
            best = seq;
    }
    return best;
}

static uint64_t model_count(const struct model *m, enum where where)
{
    uint64_t count = 0;
    for (uint64_t seq = 1; seq <= m->last; seq++)
        count += m->rows[seq].where == where;
    return count;
}

/* A random message that stands there; 0 when none was met. */
static uint64_t pick_from(struct walk *w, enum where where)
{
    for (int i = 0; i < 50 && w->now.last > 0; i++) {
        uint64_t seq = 1 + pick(w, w->now.last);
        if (w->now.rows[seq].where == where)
            return seq;
    }
    return 0;
}

/* --- operations
 * --------------------------------------------------------------------------------------------------- */

static void do_append(struct walk *w)
{
    char id[16];
    struct row r = {.where = WAITING,
                    .account = (int)pick(w, ACCOUNTS),
                    .openid = (int)pick(w, OPENIDS),
                    .id = (int)pick(w, IDS),
                    .lane = (int)pick(w, LANES),
                    .timed = (int)pick(w, 2),
                    .due_ms = w->clock_ms + (int64_t)pick(w, TIME_SPAN_MS),
                    .expires_ms = pick(w, 3) > 0 ? w->clock_ms + (int64_t)pick(w, TIME_SPAN_MS) : 0};
    snprintf(id, sizeof id, "%d", r.id);
    struct message m = fixture_message(account_name(r.account), id, openid_name(r.openid));
    m.lane = r.lane;
    m.timed = r.timed;
    m.due_ms = r.due_ms;
    m.expires_ms = r.expires_ms;
    m.content = (uint64_t)r.id * 7;
    if (model_find(&w->now, r.account, r.id) > 0) {
        CHECK_INT(store_append(w->store, &m), STORE_EXISTS);
        return;
    }
    CHECK_INT(store_append(w->store, &m), STORE_OK);
    CHECK(m.seq > w->now.last && m.seq <= ROWS_MAX);
    w->now.last = m.seq;
    w->now.rows[m.seq] = r;
}

static void take(struct walk *w, uint64_t seq)
{
    if (seq == 0 || model_count(&w->now, OUT) >= OUT_MAX)
        return;
    fixture_take(w->store, seq);
    w->now.rows[seq].where = OUT;
}

static void do_take(struct walk *w)
{
    int account = (int)pick(w, ACCOUNTS), lane = (int)pick(w, LANES), timed = (int)pick(w, 2);
    take(w, fixture_first(w->store, account_name(account), lane, timed));
}

static void do_take_parked(struct walk *w)
{
    int account = (int)pick(w, ACCOUNTS), openid = (int)pick(w, OPENIDS);
    take(w, fixture_first_parked(w->store, account_name(account), openid_name(openid)));
}

static void do_park(struct walk *w)
{
    uint64_t seq = pick_from(w, WAITING);
    if (seq == 0)
        return;
    fixture_park(w->store, seq);
    w->now.rows[seq].where = PARKED;
}

static void do_put_back(struct walk *w)
{
    uint64_t seq = pick_from(w, OUT);
    if (seq == 0)
        return;
    struct row *r = &w->now.rows[seq];
    struct message m = fixture_read(w->store, seq);
    if (pick(w, 2) == 0) {
        m.due_ms = r->due_ms = w->clock_ms + (int64_t)pick(w, TIME_SPAN_MS);
        m.timed = r->timed = 1;
    }
    if (pick(w, 3) == 0)
        m.expires_ms = r->expires_ms = w->clock_ms + (int64_t)pick(w, TIME_SPAN_MS);
    m.turn = ++r->turn;
    store_put_back(w->store, &m);
    r->where = WAITING;
    r->forgotten = 0;
}

static void settle(struct walk *w, uint64_t seq, enum store_state state)
{
    struct row *r = &w->now.rows[seq];
    fixture_settle_at(w->store, seq, state, w->clock_ms);
    r->where = SETTLED;
    r->state = state;
    r->settled_ms = w->clock_ms;
}

static void do_settle(struct walk *w)
{
    static const enum where places[] = {WAITING, PARKED, OUT, OUT};
    uint64_t seq = pick_from(w, places[pick(w, 4)]);
    if (seq > 0)
        settle(w, seq, (enum store_state)(STATE_SENT + (int)pick(w, STATE_DEAD - STATE_SENT + 1)));
}

static void do_expire(struct walk *w)
{
    uint64_t seq = 0;
    store_first_expired(w->store, w->clock_ms, &seq);
    if (seq == 0)
        return;
    /* Of several that expire at the same moment the first accepted one comes first. */
    CHECK_U64(seq, model_first_expired(&w->now, w->clock_ms));
    if (w->now.rows[seq].where == OUT) {
        store_forget_first_expired(w->store);
        w->now.rows[seq].forgotten = 1;
    } else {
        settle(w, seq, STATE_EXPIRED);
    }
}

/* With a budget for all, so that the model needs no idea of where it stopped. */
static void do_purge(struct walk *w)
{
    int64_t before_ms = w->clock_ms - TIME_SPAN_MS;
    size_t expected = 0, removed = 0;
    for (uint64_t seq = 1; seq <= w->now.last; seq++) {
        struct row *r = &w->now.rows[seq];
        if (r->where != SETTLED || r->state == STATE_DEAD || r->settled_ms >= before_ms)
            continue;
        r->where = GONE;
        expected++;
    }
    for (int round = 0; round < 2; round++)
        removed += store_purge(w->store, before_ms, ROWS_MAX);
    CHECK_U64(removed, expected);
}

static void do_commit(struct walk *w)
{
    CHECK_INT(store_commit(w->store), 0);
    w->committed = w->now;
}

/* Ends without a commit half of the time: the last turn is lost then, with its numbers. */
static void do_reopen(struct walk *w)
{
    if (pick(w, 2) == 0)
        do_commit(w);
    fixture_reopen(&w->store, STORE);
    w->now = w->committed;
}

static void do_one(struct walk *w)
{
    uint64_t dice = pick(w, 1000);
    w->clock_ms += (int64_t)pick(w, 4);
    if (dice < 330)
        do_append(w);
    else if (dice < 480)
        do_take(w);
    else if (dice < 530)
        do_take_parked(w);
    else if (dice < 620)
        do_park(w);
    else if (dice < 700)
        do_put_back(w);
    else if (dice < 880)
        do_settle(w);
    else if (dice < 960)
        do_expire(w);
    else if (dice < 970)
        do_purge(w);
    else if (dice < 995)
        do_commit(w);
    else
        do_reopen(w);
}

/* --- comparing
 * ---------------------------------------------------------------------------------------------------- */

static void check_counts(struct walk *w)
{
    uint64_t dead = 0;
    for (uint64_t seq = 1; seq <= w->now.last; seq++)
        dead += w->now.rows[seq].where == SETTLED && w->now.rows[seq].state == STATE_DEAD;
    fixture_counts(w->store, model_count(&w->now, WAITING), model_count(&w->now, PARKED),
                   model_count(&w->now, OUT), model_count(&w->now, SETTLED), dead);
}

static void check_heads(struct walk *w)
{
    for (int account = 0; account < ACCOUNTS; account++) {
        const char *name = account_name(account);
        for (int lane = 0; lane < LANES; lane++)
            for (int timed = 0; timed < 2; timed++)
                CHECK_U64(fixture_first(w->store, name, lane, timed),
                          model_first(&w->now, account, lane, timed));
        for (int openid = 0; openid < OPENIDS; openid++)
            CHECK_U64(fixture_first_parked(w->store, name, openid_name(openid)),
                      model_first_parked(&w->now, account, openid));
    }
    uint64_t seq = 0;
    store_first_expired(w->store, w->clock_ms, &seq);
    CHECK_U64(seq, model_first_expired(&w->now, w->clock_ms));
}

static enum store_state state_of(const struct row *r)
{
    if (r->where == SETTLED)
        return r->state;
    return r->where == OUT ? STATE_OUT : r->where == GONE ? STATE_NONE : STATE_WAITING;
}

static void check_row(struct walk *w, uint64_t seq)
{
    const struct row *r = &w->now.rows[seq];
    struct message m;
    int kept = r->where == WAITING || r->where == PARKED || r->where == OUT || state_of(r) == STATE_DEAD;
    CHECK_INT(store_read(w->store, seq, &m), kept ? STORE_OK : STORE_NONE);
    if (kept) {
        CHECK_SPAN(m.account, account_name(r->account));
        CHECK_SPAN(m.openid, openid_name(r->openid));
        CHECK_INT(m.due_ms, r->due_ms);
        CHECK_INT(m.lane, r->lane);
        CHECK_INT(m.timed, r->timed);
        CHECK_INT(m.expires_ms, r->expires_ms);
        CHECK_U64(m.turn, r->turn);
    }
    if (r->where == GONE)
        return;
    char id[16];
    snprintf(id, sizeof id, "%d", r->id);
    CHECK_INT(fixture_state(w->store, account_name(r->account), id), state_of(r));
}

struct marks {
    const struct walk *walk;
    size_t count;
};

static void check_mark(void *self, const struct mark *mark, const struct message *m)
{
    struct marks *marks = self;
    CHECK_U64(mark->seq, m->seq);
    CHECK_INT(marks->walk->now.rows[mark->seq].where, OUT);
    CHECK_U64(mark->turn, marks->walk->now.rows[mark->seq].turn + 1);
    marks->count++;
}

static void check_all(struct walk *w)
{
    struct marks marks = {.walk = w};
    check_counts(w);
    check_heads(w);
    for (uint64_t seq = 1; seq <= w->now.last; seq++)
        check_row(w, seq);
    CHECK_INT(store_each_mark(w->store, check_mark, &marks), 0);
    CHECK_U64(marks.count, model_count(&w->now, OUT));
}

/* Goes through every queue to its end: the whole order, not only the heads. */
static void drain(struct walk *w)
{
    for (int account = 0; account < ACCOUNTS; account++)
        for (int i = 0; i < LANES * 2; i++)
            for (;;) {
                uint64_t seq = fixture_first(w->store, account_name(account), i / 2, i % 2);
                CHECK_U64(seq, model_first(&w->now, account, i / 2, i % 2));
                if (seq == 0)
                    break;
                settle(w, seq, STATE_SENT);
            }
    check_all(w);
}

int main(void)
{
    struct walk *w = mem_new(sizeof *w);
    w->random = 20240229;
    w->clock_ms = FIXTURE_NOW_MS;
    w->store = fixture_open(STORE);
    for (int i = 1; i <= OPERATIONS; i++) {
        do_one(w);
        if (i % CHECK_EVERY == 0)
            check_all(w);
    }
    CHECK(w->now.last > 1000);
    drain(w);
    do_commit(w);
    fixture_reopen(&w->store, STORE);
    check_all(w);
    store_close(&w->store);
    free(w);
    return 0;
}
