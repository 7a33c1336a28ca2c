/* A store against a model of it (store_model.h): thousands of random operations, each done to both, with
 * commits, reopening and turns that are lost in between; what the store says is compared with what the model
 * says. Fixed seeds; written against broker/store.h alone.
 *
 *   test_store_model [SEED]
 */
#include "tests/unit/store_fixture.h"
#include "tests/unit/store_model.h"

#define OPERATIONS   MODEL_ROWS_MAX
#define IDS          2000 /* few enough that the same one is tried again */
#define OUT_MAX      40
#define TIME_SPAN_MS 1000
#define CHECK_EVERY  250
#define STORE        "model"

struct run {
    struct store *store;
    struct model now, committed;
    uint64_t random;
    int64_t clock_ms;
};

static uint64_t pick(struct run *w, uint64_t below)
{
    return hex_random(&w->random) % below;
}

static int64_t pick_time(struct run *w)
{
    return w->clock_ms + (int64_t)pick(w, TIME_SPAN_MS);
}

/* A random message that stands there; 0 when none was met. */
static uint64_t pick_from(struct run *w, enum where where)
{
    for (int i = 0; i < 50 && w->now.last > 0; i++) {
        uint64_t seq = 1 + pick(w, w->now.last);
        if (w->now.rows[seq].where == where)
            return seq;
    }
    return 0;
}

/* Told apart by their id. */
static struct span tries_of(const struct row *r)
{
    static char bytes[1000];
    for (size_t i = 0; i < r->tries_bytes; i++)
        bytes[i] = (char)((size_t)r->id + i);
    return (struct span){bytes, r->tries_bytes};
}

/* --- operations ---------------------------------------------------------------------------------------- */

static void do_append(struct run *w)
{
    char id[16];
    struct row r = {.where = QUEUED,
                    .account = (int)pick(w, MODEL_ACCOUNTS),
                    .openid = (int)pick(w, MODEL_OPENIDS),
                    .task = (int)pick(w, MODEL_TASKS),
                    .id = (int)pick(w, IDS),
                    .lane = (int)pick(w, LANES),
                    .timed = (int)pick(w, TIMEDS),
                    .due_ms = pick_time(w),
                    .over_ms = {pick(w, 3) > 0 ? pick_time(w) : 0, pick(w, 9) == 0 ? pick_time(w) : 0}};
    snprintf(id, sizeof id, "%d", r.id);
    struct message m = fixture_message(model_account(r.account), id, model_openid(r.openid));
    m.task = span_of(model_task(r.task));
    m.lane = r.lane;
    m.timed = r.timed;
    m.due_ms = r.due_ms;
    m.expires_ms = r.over_ms[OVER_EXPIRED];
    m.give_up_ms = r.over_ms[OVER_GIVEN_UP];
    m.content = (uint64_t)r.id * 7;
    if (model_find(&w->now, r.account, r.id) > 0) {
        CHECK_INT(store_append(w->store, &m), STORE_EXISTS);
        return;
    }
    uint64_t expected = store_next_seq(w->store), seq = fixture_append(w->store, m);
    CHECK_U64(seq, expected);
    CHECK(seq > w->now.last && seq <= MODEL_ROWS_MAX);
    w->now.last = seq;
    w->now.rows[seq] = r;
}

static void take(struct run *w, uint64_t seq)
{
    if (seq == 0 || model_count(&w->now, GIVEN_OUT) >= OUT_MAX)
        return;
    fixture_take(w->store, seq);
    w->now.rows[seq].where = GIVEN_OUT;
}

static void do_take(struct run *w)
{
    int account = (int)pick(w, MODEL_ACCOUNTS), lane = (int)pick(w, LANES), timed = (int)pick(w, TIMEDS);
    take(w, fixture_first(w->store, model_account(account), lane, timed));
}

static void do_take_parked(struct run *w)
{
    int account = (int)pick(w, MODEL_ACCOUNTS), openid = (int)pick(w, MODEL_OPENIDS);
    take(w, fixture_first_parked(w->store, model_account(account), model_openid(openid)));
}

static void do_park(struct run *w)
{
    uint64_t seq = pick_from(w, QUEUED);
    if (seq == 0)
        return;
    fixture_park(w->store, seq);
    w->now.rows[seq].where = PARKED_BEHIND;
}

static void do_hold(struct run *w)
{
    uint64_t seq = pick_from(w, pick(w, 3) ? QUEUED : PARKED_BEHIND);
    struct row *r = &w->now.rows[seq];
    if (seq == 0)
        return;
    struct message m = fixture_read(w->store, seq);
    r->hold = (int)pick(w, r->task ? MODEL_HOLDS : MODEL_HOLDS - 1);
    if (r->hold == MODEL_HOLD_RATE || r->hold == MODEL_HOLD_RATE + 1) /* the lane says which */
        r->hold = MODEL_HOLD_RATE + (m.lane == LANE_EXPRESS);
    r->where = HELD_BACK;
    store_hold(w->store, &m, model_hold_name(r->account, r->task, r->key, r->hold));
}

static void do_release(struct run *w)
{
    int account = (int)pick(w, MODEL_ACCOUNTS), task = (int)pick(w, MODEL_TASKS), key = (int)pick(w, MODEL_KEYS),
        hold = (int)pick(w, MODEL_HOLDS);
    size_t budget = 1 + pick(w, 20), expected = 0;
    for (; expected < budget; expected++) {
        uint64_t seq = model_first_held(&w->now, account, task, key, hold);
        if (seq == 0)
            break;
        w->now.rows[seq].where = model_release_to(&w->now, seq);
    }
    CHECK_U64(store_release(w->store, model_hold_name(account, task, key, hold), budget), expected);
}

/* What a call that failed leaves behind: earlier calls, and now and then another template, or the first one again. */
static void add_try(struct run *w, struct row *r, struct message *m)
{
    r->key = pick(w, 3) ? r->key : (int)pick(w, MODEL_KEYS);
    r->tries_bytes = pick(w, 5) ? pick(w, 60) : 1000;
    m->fallback = span_of(r->key ? model_key(r->key) : "");
    m->tries = tries_of(r);
}

static void do_put_back(struct run *w)
{
    uint64_t seq = pick_from(w, GIVEN_OUT);
    if (seq == 0)
        return;
    struct row *r = &w->now.rows[seq];
    struct message m = fixture_read(w->store, seq);
    if (pick(w, 2) == 0) {
        m.due_ms = r->due_ms = pick_time(w);
        m.timed = r->timed = TIMED_ORDER;
    }
    if (pick(w, 3) == 0)
        m.expires_ms = r->over_ms[OVER_EXPIRED] = pick_time(w);
    if (pick(w, 3) == 0)
        m.give_up_ms = r->over_ms[OVER_GIVEN_UP] = pick(w, 4) ? pick_time(w) : 0;
    if (pick(w, 2))
        add_try(w, r, &m);
    m.turn = ++r->turn;
    store_put_back(w->store, &m);
    r->where = QUEUED;
    r->forgotten[0] = r->forgotten[1] = 0;
}

static void settle(struct run *w, uint64_t seq, enum store_state state)
{
    struct row *r = &w->now.rows[seq];
    fixture_settle_at(w->store, seq, state, w->clock_ms);
    r->where = SETTLED;
    r->state = state;
    r->is_discarded = 0;
    r->settled_ms = w->clock_ms;
}

static void do_settle(struct run *w)
{
    static const enum where places[] = {QUEUED, PARKED_BEHIND, HELD_BACK, GIVEN_OUT, GIVEN_OUT};
    uint64_t seq = pick_from(w, places[pick(w, 5)]);
    if (seq > 0)
        settle(w, seq, (enum store_state)(STATE_SENT + (int)pick(w, STATE_DEAD - STATE_SENT + 1)));
}

/* Of a settled message, or of a dead one that was discarded, nothing comes back. */
static void do_requeue(struct run *w)
{
    uint64_t seq = pick_from(w, SETTLED);
    if (seq == 0 || !model_is_dead(&w->now.rows[seq]))
        return;
    struct row *r = &w->now.rows[seq];
    struct message m = fixture_read(w->store, seq);
    m.due_ms = r->due_ms = pick_time(w);
    m.timed = r->timed = TIMED_NOW;
    m.expires_ms = r->over_ms[OVER_EXPIRED] = pick(w, 2) ? pick_time(w) : 0;
    m.give_up_ms = r->over_ms[OVER_GIVEN_UP] = 0;
    if (pick(w, 2))
        r->key = 0;
    m.fallback = span_of(r->key ? model_key(r->key) : "");
    store_requeue(w->store, &m);
    r->where = QUEUED;
    r->forgotten[0] = r->forgotten[1] = 0;
}

static void do_discard(struct run *w)
{
    uint64_t seq = w->now.last > 0 ? 1 + pick(w, w->now.last) : 1;
    struct row *r = &w->now.rows[seq];
    CHECK_INT(store_discard_dead(w->store, seq), model_is_dead(r) ? 0 : -1);
    r->is_discarded |= model_is_dead(r);
}

static void do_over(struct run *w)
{
    enum over clock = pick(w, 4) ? OVER_EXPIRED : OVER_GIVEN_UP;
    uint64_t seq = 0;
    store_first_over(w->store, clock, w->clock_ms, &seq);
    CHECK_U64(seq, model_first_over(&w->now, clock, w->clock_ms));
    if (seq == 0)
        return;
    if (w->now.rows[seq].where == GIVEN_OUT) {
        store_forget_first_over(w->store, clock);
        w->now.rows[seq].forgotten[clock] = 1;
    } else {
        settle(w, seq, STATE_EXPIRED);
    }
}

static void do_purge(struct run *w)
{
    int64_t before_ms = w->clock_ms - TIME_SPAN_MS;
    size_t expected = 0;
    for (uint64_t seq = 1; seq <= w->now.last; seq++) {
        struct row *r = &w->now.rows[seq];
        if (r->where != SETTLED || model_is_dead(r) || r->settled_ms >= before_ms)
            continue;
        r->where = GONE;
        expected++;
    }
    CHECK_U64(store_purge(w->store, before_ms, MODEL_ROWS_MAX), expected);
}

static void do_commit(struct run *w)
{
    CHECK_INT(store_commit(w->store), 0);
    w->committed = w->now;
}

/* Ends without a commit half of the time: the last turn is lost then, with its numbers. */
static void do_reopen(struct run *w)
{
    if (pick(w, 2) == 0)
        do_commit(w);
    fixture_reopen(&w->store, STORE);
    w->now = w->committed;
}

static void do_one(struct run *w)
{
    static const struct {
        unsigned weight;
        void (*act)(struct run *w);
    } acts[] = {{330, do_append}, {150, do_take},    {50, do_take_parked}, {80, do_park},    {40, do_hold},
                {8, do_release},  {80, do_put_back}, {150, do_settle},     {30, do_requeue}, {20, do_discard},
                {80, do_over},    {10, do_purge},    {25, do_commit},      {5, do_reopen}};
    unsigned total = 0, i = 0;
    w->clock_ms += (int64_t)pick(w, 4);
    for (size_t a = 0; a < sizeof acts / sizeof *acts; a++)
        total += acts[a].weight;
    for (uint64_t dice = pick(w, total); dice >= acts[i].weight; i++)
        dice -= acts[i].weight;
    acts[i].act(w);
    if (pick(w, 10) == 0)
        store_index_step(w->store, 1 + pick(w, 30));
}

/* --- comparing ----------------------------------------------------------------------------------------- */

static void check_counts(struct run *w)
{
    struct store_counts counts = store_counts(w->store);
    uint64_t dead = 0, queued[TIMEDS] = {0};
    for (uint64_t seq = 1; seq <= w->now.last; seq++) {
        const struct row *r = &w->now.rows[seq];
        dead += (uint64_t)model_is_dead(r);
        queued[r->timed] += r->where == QUEUED;
    }
    for (int timed = 0; timed < TIMEDS; timed++) {
        CHECK_U64(counts.queued[timed], queued[timed]);
        CHECK_U64(store_count_due(w->store, timed, w->clock_ms + TIME_SPAN_MS / 2, UINT64_MAX),
                  model_count_due(&w->now, timed, w->clock_ms + TIME_SPAN_MS / 2));
    }
    CHECK_U64(counts.parked, model_count(&w->now, PARKED_BEHIND));
    CHECK_U64(counts.held, model_count(&w->now, HELD_BACK));
    CHECK_U64(counts.out, model_count(&w->now, GIVEN_OUT));
    CHECK_U64(counts.settled, model_count(&w->now, SETTLED));
    CHECK_U64(counts.dead, dead);
    CHECK_U64(counts.damaged, 0);
}

static uint64_t first_held(struct run *w, uint64_t hold)
{
    struct place place;
    return store_first_held(w->store, hold, &place) == STORE_OK ? place.seq : 0;
}

static void check_heads(struct run *w)
{
    for (int account = 0; account < MODEL_ACCOUNTS; account++) {
        const char *name = model_account(account);
        for (int i = 0; i < LANES * TIMEDS; i++)
            CHECK_U64(fixture_first(w->store, name, i / TIMEDS, i % TIMEDS),
                      model_first(&w->now, account, i / TIMEDS, i % TIMEDS));
        for (int openid = 0; openid < MODEL_OPENIDS; openid++)
            CHECK_U64(fixture_first_parked(w->store, name, model_openid(openid)),
                      model_first_parked(&w->now, account, openid));
        for (int i = 0; i < MODEL_TASKS * MODEL_KEYS * MODEL_HOLDS; i++) {
            int task = i / MODEL_HOLDS / MODEL_KEYS, key = i / MODEL_HOLDS % MODEL_KEYS, hold = i % MODEL_HOLDS;
            CHECK_U64(first_held(w, model_hold_name(account, task, key, hold)), model_first_held(&w->now, account, task, key, hold));
        }
    }
    for (int clock = OVER_EXPIRED; clock <= OVER_GIVEN_UP; clock++) {
        uint64_t seq = 0;
        store_first_over(w->store, (enum over)clock, w->clock_ms, &seq);
        CHECK_U64(seq, model_first_over(&w->now, (enum over)clock, w->clock_ms));
    }
}

static void check_message(const struct row *r, const struct message *m)
{
    CHECK_SPAN(m->account, model_account(r->account));
    CHECK_SPAN(m->openid, model_openid(r->openid));
    CHECK_SPAN(m->task, model_task(r->task));
    CHECK_INT(m->due_ms, r->due_ms);
    CHECK_INT(m->lane, r->lane);
    CHECK_INT(m->timed, r->timed);
    CHECK_INT(m->expires_ms, r->over_ms[OVER_EXPIRED]);
    CHECK_INT(m->give_up_ms, r->over_ms[OVER_GIVEN_UP]);
    CHECK_U64(m->turn, r->turn);
    CHECK_SPAN(m->fallback, r->key ? model_key(r->key) : "");
    CHECK_SPAN(message_template(m), model_key(r->key));
    CHECK_BYTES(m->tries, tries_of(r));
}

static void check_final(const struct row *r, const struct final *f)
{
    CHECK_SPAN(f->fallback, r->key ? model_key(r->key) : "");
    CHECK_BYTES(f->tries, tries_of(r));
}

static void check_row(struct run *w, uint64_t seq)
{
    static const enum standing standings[] = {STANDS_NOWHERE, STANDS_QUEUED, STANDS_PARKED,
                                              STANDS_HELD,    STANDS_OUT,    STANDS_NOWHERE};
    const struct row *r = &w->now.rows[seq];
    struct found found;
    char id[16];
    CHECK_INT(store_look(w->store, seq, &found), r->where == GONE ? STORE_NONE : STORE_OK);
    CHECK_INT(found.state, model_state(r));
    int is_paced = r->where == HELD_BACK && (r->hold == MODEL_HOLD_RATE || r->hold == MODEL_HOLD_RATE + 1);
    CHECK_INT(found.standing, is_paced ? STANDS_PACED : standings[r->where]);
    CHECK_INT(found.has_message, model_is_live(r) || model_is_dead(r));
    if (found.has_message)
        check_message(r, &found.m);
    if (r->where == SETTLED)
        check_final(r, &found.f);
    if (r->where == GONE)
        return;
    snprintf(id, sizeof id, "%d", r->id);
    CHECK_INT(fixture_state(w->store, model_account(r->account), id), model_state(r));
}

struct marks {
    const struct run *run;
    size_t count;
};

static void check_mark(void *self, const struct mark *mark, const struct message *m)
{
    struct marks *marks = self;
    CHECK_U64(mark->seq, m->seq);
    CHECK_INT(marks->run->now.rows[mark->seq].where, GIVEN_OUT);
    CHECK_U64(mark->turn, marks->run->now.rows[mark->seq].turn + 1);
    marks->count++;
}

/* Walks on and compares: each message that belongs to the walk once, in its order. */
static void check_walk(struct run *w, struct walk walk, int account, int other)
{
    uint64_t seq, last_seq = 0, met = 0, expected = 0;
    int64_t last_ms = 0;
    while (store_walk_next(w->store, &walk, &seq) == STORE_OK) {
        const struct row *r = &w->now.rows[seq];
        int by_time = walk.path == WALK_DEAD || walk.path == WALK_SETTLED;
        CHECK(model_is_on_walk(r, walk.path, account, other));
        CHECK(by_time && r->settled_ms > last_ms ? 1 : seq > last_seq);
        CHECK(!by_time || r->settled_ms >= last_ms);
        last_seq = seq;
        last_ms = r->settled_ms;
        met++;
    }
    for (seq = 1; seq <= w->now.last; seq++)
        expected += (uint64_t)model_is_on_walk(&w->now.rows[seq], walk.path, account, other);
    CHECK_U64(met, expected);
}

static void check_walks(struct run *w)
{
    while (store_index_step(w->store, 1000) > 0)
        continue;
    CHECK_U64(store_index_left(w->store), 0);
    check_walk(w, (struct walk){.path = WALK_LIVE}, 0, 0);
    check_walk(w, (struct walk){.path = WALK_DEAD}, 0, 0);
    check_walk(w, (struct walk){.path = WALK_SETTLED}, 0, 0);
    for (int account = 0; account < MODEL_ACCOUNTS; account++) {
        struct walk walk = {.path = WALK_RECIPIENT, .account = span_of(model_account(account))};
        for (int openid = 0; openid < MODEL_OPENIDS; openid++) {
            walk.openid = span_of(model_openid(openid));
            check_walk(w, walk, account, openid);
        }
        walk.path = WALK_TASK;
        for (int task = 0; task < MODEL_TASKS; task++) {
            walk.task = span_of(model_task(task));
            check_walk(w, walk, account, task);
        }
    }
}

static void check_all(struct run *w)
{
    struct marks marks = {.run = w};
    check_counts(w);
    check_heads(w);
    for (uint64_t seq = 1; seq <= w->now.last; seq++)
        check_row(w, seq);
    CHECK_INT(store_each_mark(w->store, check_mark, &marks), 0);
    CHECK_U64(marks.count, model_count(&w->now, GIVEN_OUT));
    if (pick(w, 4) == 0) /* otherwise the index stays behind */
        check_walks(w);
}

/* Goes through every queue to its end: the whole order, not only the heads. */
static void drain(struct run *w)
{
    for (int account = 0; account < MODEL_ACCOUNTS; account++)
        for (int i = 0; i < LANES * TIMEDS; i++)
            for (;;) {
                uint64_t seq = fixture_first(w->store, model_account(account), i / TIMEDS, i % TIMEDS);
                CHECK_U64(seq, model_first(&w->now, account, i / TIMEDS, i % TIMEDS));
                if (seq == 0)
                    break;
                settle(w, seq, STATE_SENT);
            }
    check_all(w);
}

int main(int count, char **args)
{
    struct run *w = mem_new(sizeof *w);
    w->random = count > 1 ? strtoull(args[1], NULL, 10) * 2 + 1 : 20240229;
    w->clock_ms = FIXTURE_NOW_MS;
    w->store = fixture_open(STORE);
    for (int i = 1; i <= OPERATIONS; i++) {
        do_one(w);
        if (i % CHECK_EVERY == 0)
            check_all(w);
    }
    CHECK(w->now.last > 1000);
    for (int i = 0; i < MODEL_ACCOUNTS * MODEL_TASKS * MODEL_KEYS * MODEL_HOLDS; i++)
        do_release(w);
    drain(w);
    do_commit(w);
    fixture_reopen(&w->store, STORE);
    check_all(w);
    check_walks(w);
    store_close(&w->store);
    free(w);
    return 0;
}
