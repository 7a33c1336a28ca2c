/* The ring as the broker knows it: who may be given what, which accounts nobody can send for, and what of it
 * survives a restart. The fence itself is in test_fence.c. */
#include "broker/ring.h"

#include "tests/unit/pack.h"
#include "tests/unit/store_copy.h"

#define NOW_MS 1000

static void begin(struct ring *r, struct store **s)
{
    *s = fixture_open("ring");
    ring_init(r, *s, NOW_MS);
}

static void end(struct ring *r, struct store **s)
{
    ring_free(r);
    store_close(s);
    test_remove_folder();
    CHECK_INT(mkdir(test_folder(), 0700), 0);
}

/* The broker ends and begins again; what was not committed is gone. */
static void restart(struct ring *r, struct store **s)
{
    ring_free(r);
    fixture_reopen(s, "ring");
    ring_init(r, *s, NOW_MS);
}

/* What was given out after a backup was made is not begun any more when that is in the store's place. */
static void test_copy(void)
{
    struct ring r;
    struct store *s;
    begin(&r, &s);
    CHECK_INT(store_commit(s), 0);
    ring_free(&r);
    store_close(&s);
    copy_store("ring", "copy");
    s = fixture_open("copy");
    ring_init(&r, s, NOW_MS);
    CHECK(r.fence.generation > 100000);
    end(&r, &s);
}

static struct control hello(enum stage_kind kind, const char *name, uint64_t epoch, uint32_t slots)
{
    return (struct control){.type = CONTROL_HELLO,
                            .kind = kind,
                            .name = span_of(name),
                            .epoch = epoch,
                            .slots = slots,
                            .endpoint = span_of(kind == STAGE_SENDER ? "ipc://inbox" : "")};
}

static struct stage *join(struct ring *r, enum stage_kind kind, const char *name, uint64_t epoch,
                          uint32_t slots)
{
    struct control m = hello(kind, name, epoch, slots);
    struct stage *s = ring_join(r, &m, NOW_MS);
    CHECK(s != NULL);
    CHECK_U64(s->epoch, epoch);
    return s;
}

static struct out *give(struct ring *r, uint64_t seq, uint64_t sender)
{
    struct mark mark = {
        .seq = seq, .generation = r->fence.generation, .sender = sender, .out_ms = 5, .turn = 1};
    return ring_out_add(r, &mark, 0, (struct hash128){seq, seq}, NOW_MS);
}

/* What its beat says: the accounts it cannot send for. */
static void stop(struct ring *r, uint64_t epoch, const char *accounts)
{
    struct stage *s = ring_find_epoch(r, epoch);
    struct buf packed = pack(accounts);
    buf_clear(&s->stopped);
    buf_append(&s->stopped, packed.data, packed.bytes);
    buf_free(&packed);
}

/* The epoch of the sender that an account's next job would go to; 0 when there is none. */
static uint64_t sender_for(struct ring *r, const char *account)
{
    struct stage *s = ring_find_sender(r, span_of(account));
    return s ? s->epoch : 0;
}

static int answer_and_close(struct ring *r, const uint64_t *epochs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CHECK_INT(fence_answer(&r->fence, epochs[i], r->fence.generation), 1);
    return fence_try_close(&r->fence);
}

/* --- what a restart keeps ------------------------------------------------------------------------------- */

/* A generation is on disk before anybody hears of it, so none is ever used twice. */
static void test_generations(void)
{
    struct store *s;
    struct ring r;
    begin(&r, &s);
    uint64_t last = r.fence.generation;
    CHECK(last > 0); /* 0 is no generation */
    CHECK(r.fence.open);
    for (int i = 0; i < 5; i++) {
        CHECK_INT(store_commit(s), 0);
        restart(&r, &s);
        CHECK(r.fence.generation > last);
        last = r.fence.generation;
        ring_raise(&r);
        CHECK(r.fence.generation > last);
        last = r.fence.generation;
    }
    end(&r, &s);
}

/* After a restart each recorded stage has to be heard, or to be lost, before the fence closes. */
static void test_members_restored(void)
{
    static const uint64_t both[] = {11, 12};
    struct store *s;
    struct ring r;
    begin(&r, &s);
    join(&r, STAGE_TEMPLATER, "templater-1", 11, 0);
    join(&r, STAGE_SENDER, "sender-1", 12, 4);
    join(&r, STAGE_SENDER, "sender-2", 13, 4);
    ring_leave(&r, 13);
    CHECK_INT(store_commit(s), 0);
    join(&r, STAGE_SENDER, "sender-3", 14, 4); /* its welcome was not said: the commit comes first */
    restart(&r, &s);
    CHECK_U64(r.stage_count, 2);
    CHECK(ring_find_epoch(&r, 13) == NULL);
    CHECK(ring_find_epoch(&r, 14) == NULL);
    struct stage *templater = ring_find_name(&r, span_of("templater-1"));
    CHECK(templater != NULL && templater->kind == STAGE_TEMPLATER && templater->epoch == 11);
    CHECK(ring_find_name(&r, span_of("sender-1")) == ring_find_epoch(&r, 12));
    CHECK(!fence_is_living(&r.fence, 11));
    CHECK(!fence_is_living(&r.fence, 12));
    CHECK_INT(fence_try_close(&r.fence), 0);
    CHECK_U64(sender_for(&r, "shop"), 0);
    CHECK(!ring_can_render(&r));
    CHECK_U64(ring_slots(&r), 0);
    join(&r, STAGE_TEMPLATER, "templater-1", 11, 0);
    CHECK_INT(fence_try_close(&r.fence), 0);
    join(&r, STAGE_SENDER, "sender-1", 12, 4);
    CHECK_U64(r.stage_count, 2); /* they are the same ones */
    CHECK_INT(answer_and_close(&r, both, 2), 1);
    CHECK_U64(sender_for(&r, "shop"), 12);
    end(&r, &s);
}

/* One that does not come back is gone after its silence, for ever. */
static void test_expected_lost(void)
{
    struct store *s;
    struct ring r;
    begin(&r, &s);
    join(&r, STAGE_SENDER, "sender-1", 12, 4);
    CHECK_INT(store_commit(s), 0);
    restart(&r, &s);
    uint64_t before = r.fence.generation;
    CHECK_U64(fence_find_silent(&r.fence, NOW_MS + 500, 500), 0);
    CHECK_U64(fence_find_silent(&r.fence, NOW_MS + 501, 500), 12);
    ring_leave(&r, 12);
    CHECK(r.fence.generation > before);
    CHECK(ring_find_name(&r, span_of("sender-1")) == NULL);
    CHECK_INT(fence_try_close(&r.fence), 1);
    CHECK_INT(store_commit(s), 0);
    restart(&r, &s);
    CHECK_U64(r.stage_count, 0);
    end(&r, &s);
}

/* Without its members nobody knows who still holds what: the broker must not go on as if there had been none. */
static void test_damaged_members(void)
{
    static const char *const kept[] = {"", "c0", "9205", "9205c0", "920591c0", "92059191a161", "92059193a16102c0",
                                       "92059293a161020b93a16202c0"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        struct store *s = fixture_open("ring");
        struct buf bytes = hex_bytes(kept[i]);
        struct ring r;
        store_meta_write(s, "ring", buf_span(&bytes));
        CHECK_INT(store_commit(s), 0);
        CHECK_INT(ring_init(&r, s, NOW_MS), -1);
        buf_free(&bytes);
        end(&r, &s);
    }
}

/* --- stages --------------------------------------------------------------------------------------------- */

static void test_join_and_leave(void)
{
    struct store *s;
    struct ring r;
    begin(&r, &s);
    CHECK_INT(fence_try_close(&r.fence), 1); /* nobody is there */
    uint64_t generation = r.fence.generation;
    join(&r, STAGE_TEMPLATER, "t", 1, 0);
    join(&r, STAGE_SENDER, "a", 2, 4);
    join(&r, STAGE_SENDER, "b", 3, 5);
    CHECK_U64(r.fence.generation, generation); /* who joins holds nothing of before */
    CHECK(!r.fence.open);
    ring_leave(&r, 2);
    CHECK_U64(r.fence.generation, generation + 1);
    CHECK(r.fence.open);
    CHECK(ring_find_epoch(&r, 2) == NULL);
    CHECK(!fence_is_living(&r.fence, 2));
    struct stage *b = ring_find_name(&r, span_of("b"));
    CHECK(b != NULL && b->epoch == 3 && b->slots == 5);
    CHECK(ring_find_name(&r, span_of("t")) != NULL);
    CHECK(ring_find_name(&r, span_of("")) == NULL);
    ring_leave(&r, 2); /* of nobody: nothing is raised */
    CHECK_U64(r.fence.generation, generation + 1);
    ring_leave(&r, 3);
    ring_leave(&r, 1);
    CHECK_U64(r.stage_count, 0);
    end(&r, &s);
}

/* A second hello of a stage brings it up to date; what it was given is counted again. */
static void test_hello_again(void)
{
    struct store *s;
    struct ring r;
    begin(&r, &s);
    join(&r, STAGE_SENDER, "a", 2, 4);
    give(&r, 1, 2);
    give(&r, 2, 2);
    stop(&r, 2, "{shop 'no token'}");
    struct stage *a = join(&r, STAGE_SENDER, "a", 2, 3);
    CHECK_U64(r.stage_count, 1);
    CHECK_U64(a->slots, 3);
    CHECK_U64(a->out, 2);
    CHECK_STR(a->endpoint, "ipc://inbox");
    CHECK_U64(sender_for(&r, "shop"), 2); /* until its next beat says otherwise */
    end(&r, &s);
}

/* A templater takes jobs only after a beat said that it does. */
static void test_can_render(void)
{
    struct store *s;
    struct ring r;
    begin(&r, &s);
    CHECK(!ring_can_render(&r));
    join(&r, STAGE_SENDER, "a", 2, 4);
    CHECK(!ring_can_render(&r));
    join(&r, STAGE_TEMPLATER, "t", 1, 0);
    CHECK(!ring_can_render(&r));
    ring_find_epoch(&r, 1)->behind = 0;
    CHECK(ring_can_render(&r));
    join(&r, STAGE_TEMPLATER, "u", 3, 0);
    CHECK(ring_can_render(&r)); /* one is enough */
    ring_leave(&r, 1);
    CHECK(!ring_can_render(&r));
    end(&r, &s);
}

static void test_full(void)
{
    struct store *s;
    struct ring r;
    char name[16];
    begin(&r, &s);
    for (uint64_t epoch = 1; epoch <= FENCE_MEMBERS_MAX; epoch++) {
        snprintf(name, sizeof name, "s-%d", (int)epoch);
        join(&r, STAGE_SENDER, name, epoch, 1);
    }
    struct control more = hello(STAGE_SENDER, "more", 1000, 1);
    CHECK(ring_join(&r, &more, NOW_MS) == NULL);
    CHECK_U64(ring_slots(&r), FENCE_MEMBERS_MAX);
    CHECK_INT(store_commit(s), 0);
    restart(&r, &s);
    CHECK_U64(r.stage_count, FENCE_MEMBERS_MAX);
    CHECK(ring_join(&r, &more, NOW_MS) == NULL);
    join(&r, STAGE_SENDER, "s-7", 7, 1); /* one of them */
    ring_leave(&r, 9);
    CHECK(ring_join(&r, &more, NOW_MS) != NULL);
    end(&r, &s);
}

/* --- senders -------------------------------------------------------------------------------------------- */

/* The one with the most free slots, not the one with the most slots or the fewest jobs. */
static void test_emptiest(void)
{
    struct store *s;
    struct ring r;
    begin(&r, &s);
    CHECK_U64(sender_for(&r, "shop"), 0);
    join(&r, STAGE_TEMPLATER, "t", 1, 0);
    CHECK_U64(sender_for(&r, "shop"), 0);
    join(&r, STAGE_SENDER, "small", 2, 2);
    join(&r, STAGE_SENDER, "large", 3, 10);
    CHECK_U64(ring_slots(&r), 12);
    for (uint64_t seq = 1; seq <= 8; seq++) {
        CHECK_U64(sender_for(&r, "shop"), 3);
        give(&r, seq, 3);
    }
    give(&r, 9, 3);
    CHECK_U64(sender_for(&r, "shop"), 2);
    give(&r, 10, 2);
    give(&r, 11, 2);
    CHECK_U64(sender_for(&r, "shop"), 3);
    give(&r, 12, 3);
    CHECK_U64(sender_for(&r, "shop"), 0); /* all are full */
    CHECK_U64(ring_slots(&r), 12);
    ring_out_remove(&r, ring_out_find(&r, 12));
    ring_find_epoch(&r, 3)->behind = 1; /* it stops: what it has goes on, nothing is added */
    CHECK_U64(sender_for(&r, "shop"), 0);
    CHECK_U64(ring_slots(&r), 11);
    ring_find_epoch(&r, 3)->behind = 0;
    give(&r, 12, 3);
    ring_out_remove(&r, ring_out_find(&r, 10));
    CHECK_U64(sender_for(&r, "shop"), 2);
    ring_leave(&r, 2);
    CHECK_U64(sender_for(&r, "shop"), 0);
    CHECK_U64(ring_slots(&r), 10);
    ring_out_remove(&r, ring_out_find(&r, 11)); /* of a sender that is gone */
    ring_out_remove(&r, ring_out_find(&r, 1));
    CHECK_U64(sender_for(&r, "shop"), 3);
    end(&r, &s);
}

/* A sender that cannot send for an account gets nothing of it, however empty it is, and all of the others. */
static void test_stopped(void)
{
    struct store *s;
    struct ring r;
    begin(&r, &s);
    join(&r, STAGE_SENDER, "empty", 2, 100);
    join(&r, STAGE_SENDER, "busy", 3, 1);
    stop(&r, 2, "{shop 'no token' news 'api unauthorized'}");
    CHECK_U64(sender_for(&r, "shop"), 3);
    CHECK_U64(sender_for(&r, "news"), 3);
    CHECK_U64(sender_for(&r, "sho"), 2);
    CHECK_U64(sender_for(&r, "other"), 2);
    give(&r, 1, 3);
    CHECK_U64(sender_for(&r, "shop"), 0);
    CHECK_U64(sender_for(&r, "other"), 2);
    stop(&r, 2, "{news 'api unauthorized'}");
    CHECK_U64(sender_for(&r, "shop"), 2);
    end(&r, &s);
}

/* An account is stopped when nobody is left who could send for it; with no sender at all it only waits. */
static void test_account_stopped(void)
{
    struct store *s;
    struct ring r;
    struct span reason = {NULL, 0};
    begin(&r, &s);
    CHECK_INT(ring_account_stopped(&r, span_of("shop"), &reason), 0);
    join(&r, STAGE_TEMPLATER, "t", 1, 0);
    join(&r, STAGE_SENDER, "a", 2, 4);
    CHECK_INT(ring_account_stopped(&r, span_of("shop"), &reason), 0);
    stop(&r, 2, "{news 'wrong secret' shop 'no token'}");
    CHECK_INT(ring_account_stopped(&r, span_of("shop"), &reason), 1);
    CHECK_SPAN(reason, "no token");
    CHECK_INT(ring_account_stopped(&r, span_of("other"), &reason), 0);
    join(&r, STAGE_SENDER, "b", 3, 4);
    CHECK_INT(ring_account_stopped(&r, span_of("shop"), &reason), 0);
    stop(&r, 3, "{shop 'no token'}");
    CHECK_INT(ring_account_stopped(&r, span_of("shop"), &reason), 1);
    CHECK_SPAN(reason, "no token");
    stop(&r, 2, "{}");
    CHECK_INT(ring_account_stopped(&r, span_of("shop"), &reason), 0);
    ring_leave(&r, 2);
    CHECK_INT(ring_account_stopped(&r, span_of("shop"), &reason), 1);
    end(&r, &s);
}

/* What a sender says of its accounts comes from outside. */
static void test_stopped_damaged(void)
{
    static const char *const said[] = {"c0",       "81",         "81a3",        "81a473686f70",
                                       "8101a161", "df7fffffff", "91a473686f70"};
    struct store *s;
    struct ring r;
    struct span reason;
    begin(&r, &s);
    join(&r, STAGE_SENDER, "a", 2, 4);
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct buf bytes = hex_bytes(said[i]);
        struct stage *a = ring_find_epoch(&r, 2);
        buf_free(&a->stopped);
        buf_append(&a->stopped, bytes.data, bytes.bytes);
        CHECK_INT(ring_account_stopped(&r, span_of("other"), &reason), 0);
        CHECK_U64(sender_for(&r, "other"), 2);
        buf_free(&bytes);
    }
    end(&r, &s);
}

/* --- jobs that are out ---------------------------------------------------------------------------------- */

static void test_outs(void)
{
    struct store *s;
    struct ring r;
    struct mark mark = {.seq = 7, .generation = 3, .sender = 2, .out_ms = 1234, .turn = 5, .begun = 1};
    begin(&r, &s);
    join(&r, STAGE_SENDER, "a", 2, 4);
    CHECK(ring_out_find(&r, 7) == NULL);
    ring_out_add(&r, &mark, 6, (struct hash128){8, 9}, NOW_MS + 1);
    struct out *o = ring_out_find(&r, 7);
    CHECK(o != NULL);
    CHECK_U64(o->turn, 5);
    CHECK_U64(o->generation, 3);
    CHECK_U64(o->sender, 2);
    CHECK_INT(o->out_ms, 1234);
    CHECK_INT(o->out_mono_ms, NOW_MS + 1);
    CHECK_INT(o->begun, 1); /* a restart must not forget it */
    CHECK_U64(o->account, 6);
    CHECK(o->recipient.high == 8 && o->recipient.low == 9);
    CHECK(!o->held && !o->settled);
    ring_out_remove(&r, o);
    CHECK(ring_out_find(&r, 7) == NULL);
    CHECK_U64(ring_find_epoch(&r, 2)->out, 0);
    end(&r, &s); /* with some in it, in test_oldest_first */
}

/* The one that has been out for longest stands first, whatever was removed before: control.c looks only at
 * it. */
static void test_oldest_first(void)
{
    struct store *s;
    struct ring r;
    begin(&r, &s);
    for (uint64_t seq = 1000; seq > 0; seq--)
        give(&r, seq, 2);
    for (uint64_t seq = 1000; seq > 500; seq--) {
        CHECK_U64(r.outs->seq, seq);
        if (seq % 2)
            CHECK_INT(give(&r, seq + 5000, 2)->seq, seq + 5000);
        ring_out_remove(&r, r.outs);
    }
    end(&r, &s);
}

int main(void)
{
    test_copy();
    test_generations();
    test_members_restored();
    test_expected_lost();
    test_damaged_members();
    test_join_and_leave();
    test_hello_again();
    test_can_render();
    test_full();
    test_emptiest();
    test_stopped();
    test_account_stopped();
    test_stopped_damaged();
    test_outs();
    test_oldest_first();
    return 0;
}
