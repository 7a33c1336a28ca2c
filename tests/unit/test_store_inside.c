/* What lies in a store's databases: keys that cannot be there are passed over, an index that is wrong is not
 * believed, nothing is left of what was purged, and a store of another format is refused. This test knows the
 * engine. */
#include "broker/store_record.h"
#include "broker/store_internal.h"
#include "tests/unit/store_inside.h"

/* --- keys ---------------------------------------------------------------------------------------------- */

static const enum database with_seq[] = {MESSAGES, QUEUE_NOW, QUEUE_WALL, QUEUE_ORDER, PARKED,
                                         HELD,     MARKS,     LEDGER,     DEAD,        ENDED,
                                         PEOPLE,   TASKS,     MSGIDS,     EXPIRY,      PATIENCE};

/* Keys that are none of ours: too short, too long, of a seq that cannot be, before and behind the others. */
static void put_odd_keys(struct store **s, const char *name)
{
    struct engine *e = go_inside(s, name);
    char bytes[300];
    for (size_t i = 0; i < sizeof with_seq / sizeof *with_seq; i++)
        for (int fill = 0; fill < 3; fill++)
            for (size_t length = 1; length < 40; length += 1 + length / 8) {
                memset(bytes, (const int[]){0, 0xaa, 0xff}[fill], sizeof bytes);
                struct key key = key_copy((struct span){bytes, length});
                engine_put(e, with_seq[i], &key, span_of("odd"));
            }
    come_back(&e, s, name);
}

static void ignore_mark(void *self, const struct mark *mark, const struct message *m)
{
    (void)mark;
    CHECK_U64(m->seq, 3);
    ++*(int *)self;
}

static void ignore_parked(void *self, const struct message *first)
{
    CHECK_U64(first->seq, 2);
    ++*(int *)self;
}

static uint64_t walk_all(struct store *s, struct walk w)
{
    uint64_t seq, count = 0;
    while (store_walk_next(s, &w, &seq) == STORE_OK) {
        struct found found;
        count += store_look(s, seq, &found) == STORE_OK;
    }
    return count;
}

/* Everything that reads keys passes over them, and everything whole is found. */
static void test_odd_keys(void)
{
    struct store *s = fixture_open("keys");
    uint64_t hold = store_hold_name(HOLD_TASK, span_of("a"), span_of("t")), seq;
    int marks = 0, parked = 0;
    for (uint64_t i = 1; i <= 6; i++) {
        struct message m = fixture_message("a", (const char *[]){"1", "2", "3", "4", "5", "6"}[i - 1], "o");
        m.task = span_of("t");
        m.expires_ms = m.give_up_ms = FIXTURE_NOW_MS;
        fixture_append(s, m);
    }
    fixture_park(s, 2);
    fixture_take(s, 3);
    struct message m = fixture_read(s, 4);
    store_hold(s, &m, hold);
    fixture_settle(s, 5, STATE_SENT);
    fixture_settle(s, 6, STATE_DEAD);
    put_odd_keys(&s, "keys");
    CHECK_U64(store_next_seq(s), 7);
    while (store_index_step(s, 10) > 0)
        continue;
    CHECK_U64(fixture_first(s, "a", LANE_BULK, TIMED_NOW), 1);
    CHECK_U64(fixture_first(s, "", LANE_EXPRESS, TIMED_NOW), 0);
    CHECK_U64(store_count_due(s, TIMED_NOW, INT64_MAX, 1000), 1);
    CHECK_U64(fixture_first_parked(s, "a", "o"), 2);
    CHECK_INT(store_last_order_ms(s, span_of("a")), FIXTURE_NOW_MS);
    CHECK_INT(store_each_parked(s, ignore_parked, &parked), 0);
    CHECK_INT(store_each_mark(s, ignore_mark, &marks), 0);
    CHECK_INT(parked, 1);
    CHECK_INT(marks, 1);
    CHECK_U64(store_count_held(s, hold, 10), 1);
    CHECK_U64(store_release(s, hold, 10), 1);
    CHECK_U64(walk_all(s, (struct walk){.path = WALK_LIVE}), 5);
    CHECK_U64(walk_all(s, (struct walk){.path = WALK_DEAD}), 1);
    CHECK_U64(walk_all(s, (struct walk){.path = WALK_SETTLED}), 1);
    CHECK_U64(
        walk_all(s, (struct walk){.path = WALK_RECIPIENT, .account = span_of("a"), .openid = span_of("o")}),
        6);
    CHECK_U64(walk_all(s, (struct walk){.path = WALK_TASK, .account = span_of("a"), .task = span_of("t")}),
              6);
    for (int clock = OVER_EXPIRED; clock <= OVER_GIVEN_UP; clock++) {
        int64_t now_ms = FIXTURE_NOW_MS;
        while (store_first_over(s, (enum over)clock, now_ms, &seq) == STORE_OK && seq > 4)
            store_forget_first_over(s, (enum over)clock);
        CHECK_INT(store_first_over(s, (enum over)clock, now_ms, &seq), STORE_OK);
        CHECK_U64(seq, 1);
    }
    CHECK_U64(store_purge(s, INT64_MAX, 1000), 1);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "keys");
    CHECK_U64(fixture_add(s, "a", "7", "o"), 7);
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
}

/* --- other formats ------------------------------------------------------------------------------------- */

static void check_refused(const char *name, const char *reason)
{
    struct buf error = {0};
    char *path = fixture_path(name);
    CHECK(store_open(path, FIXTURE_BYTES_MAX, &error) == NULL);
    CHECK_HAS(buf_str(&error), path);
    CHECK_HAS(buf_str(&error), reason);
    free(path);
    buf_free(&error);
}

/* Changes the format of a store that is closed; 0 takes it away. */
static void set_format(const char *name, uint64_t format)
{
    struct store *s = fixture_open(name);
    struct key key = {.used = 0}, number = key_seq(format);
    struct buf value = {0};
    key_text(&key, span_of("format"));
    struct engine *e = go_inside(&s, name);
    record_pack_blob((struct span){number.bytes, number.used}, &value);
    if (format)
        engine_put(e, META, &key, buf_span(&value));
    else
        CHECK_INT(engine_del(e, META, &key), 1);
    CHECK_INT(engine_commit(e), 0);
    engine_close(&e);
    buf_free(&value);
}

static void test_other_formats(void)
{
    struct store *s = fixture_open("later");
    store_close(&s);
    set_format("later", 5);
    check_refused("later", "its format is 5, this version's is 4");
    s = fixture_open("before"); /* is read, and not by an earlier version any more */
    fixture_add(s, "a", "1", "o");
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
    set_format("before", 2);
    s = fixture_open("before");
    uint64_t format;
    CHECK_INT(store_read_number(s, "format", &format), STORE_OK);
    CHECK_U64(format, 4);
    store_close(&s);
    s = fixture_open("earlier");
    fixture_add(s, "a", "1", "o");
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
    set_format("earlier", 0);
    check_refused("earlier", "made by another version of mega-broker (its format is 1");
    check_refused("earlier", "move the folder away");
    s = fixture_open("empty"); /* nothing in it that could be misread */
    store_close(&s);
    set_format("empty", 0);
    s = fixture_open("empty");
    struct key key = {.used = 0};
    key_text(&key, span_of("format"));
    struct engine *e = go_inside(&s, "empty");
    engine_put(e, META, &key, span_of("nonsense"));
    CHECK_INT(engine_commit(e), 0);
    engine_close(&e);
    check_refused("empty", "A damaged store");
}

/* --- the index ----------------------------------------------------------------------------------------- */

/* Entries that lead to messages of others: of another account, another recipient, another task, of nothing.
 */
static void test_wrong_index(void)
{
    struct store *s = fixture_open("wrong");
    const struct span a = span_of("a"), b = span_of("b"), o = span_of("o"), p = span_of("p"),
                      t = span_of("t");
    for (int i = 0; i < 3; i++) {
        struct message m =
            fixture_message(i == 1 ? "b" : "a", (const char *[]){"1", "2", "3"}[i], i == 2 ? "p" : "o");
        m.task = span_of(i == 2 ? "u" : "t");
        fixture_append(s, m);
    }
    fixture_settle(s, 2, STATE_SENT);
    CHECK_U64(store_index_step(s, 10), 3);
    struct engine *e = go_inside(&s, "wrong");
    const struct key people[] = {key_person(a, o, 2), key_person(a, o, 3), key_person(a, o, 99),
                                 key_person(b, p, 2)};
    const struct key tasks[] = {key_task(a, t, 2), key_task(a, t, 3), key_task(a, t, 99)};
    for (size_t i = 0; i < sizeof people / sizeof *people; i++)
        engine_put_nothing(e, PEOPLE, &people[i]);
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        engine_put_nothing(e, TASKS, &tasks[i]);
    come_back(&e, &s, "wrong");
    CHECK_U64(walk_all(s, (struct walk){.path = WALK_RECIPIENT, .account = a, .openid = o}), 1);
    CHECK_U64(walk_all(s, (struct walk){.path = WALK_RECIPIENT, .account = b, .openid = p}), 0);
    CHECK_U64(walk_all(s, (struct walk){.path = WALK_RECIPIENT, .account = b, .openid = o}), 1);
    CHECK_U64(walk_all(s, (struct walk){.path = WALK_TASK, .account = a, .task = t}), 1);
    store_close(&s);
}

/* Through all places and ends to the purge: of a message that was purged no database knows anything. */
static void test_nothing_is_left(void)
{
    struct store *s = fixture_open("nothing");
    uint64_t hold = store_hold_name(HOLD_TASK, span_of("a"), span_of("t"));
    char id[16];
    for (uint64_t seq = 1; seq <= 12; seq++) {
        snprintf(id, sizeof id, "%d", (int)seq);
        struct message m = fixture_message("a", id, seq % 2 ? "o" : "p");
        m.task = span_of(seq % 3 ? "t" : "");
        m.timed = (int)(seq % TIMEDS);
        m.expires_ms = FIXTURE_NOW_MS + (int64_t)seq;
        m.give_up_ms = seq % 2 ? FIXTURE_NOW_MS : 0;
        fixture_append(s, m);
        if (seq == 6)
            CHECK_U64(store_index_step(s, 100), 6); /* the others are settled before they are indexed */
    }
    fixture_park(s, 1);
    fixture_take(s, 2);
    struct message m = fixture_read(s, 4);
    store_hold(s, &m, hold);
    fixture_take(s, 5);
    m = fixture_read(s, 5);
    m.expires_ms += 5;
    m.give_up_ms += 5;
    store_put_back(s, &m);
    for (uint64_t seq = 1; seq <= 12; seq++)
        fixture_settle(s, seq, seq % 5 ? STATE_SENT : STATE_DEAD);
    m = fixture_read(s, 5);
    store_requeue(s, &m);
    fixture_settle(s, 5, STATE_CANCELLED);
    CHECK_INT(store_discard_dead(s, 10), 0);
    CHECK_U64(store_index_step(s, 3), 3);
    CHECK_U64(store_purge(s, INT64_MAX, 100), 12);
    CHECK_U64(store_index_step(s, 100), 0);
    struct engine *e = go_inside(&s, "nothing");
    for (int db = 0; db < DATABASES; db++)
        if (db != META)
            CHECK_U64(engine_entries(e, (enum database)db), 0);
    come_back(&e, &s, "nothing");
    store_close(&s);
}

int main(void)
{
    test_odd_keys();
    test_other_formats();
    test_wrong_index();
    test_nothing_is_left();
    return 0;
}
