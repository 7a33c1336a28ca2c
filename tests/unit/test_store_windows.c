/* Customer-service windows in the store: they come back as they were, also after the process was killed before a commit; old and damaged
 * ones are forgotten piece by piece; a rescue keeps what is whole. This test knows the engine. */
#include <stdlib.h>

#include "broker/store_internal.h"
#include "broker/store_salvage.h"
#include "tests/unit/store_inside.h"

#define PEOPLE_COUNT 2500

static const struct windows full = {
    .unfollowed_ms = 1,
    .of = {{FIXTURE_NOW_MS, INT64_MAX, 0}, {2, 3, 1}, {INT64_MAX, 4, WINDOWS_ANY}, {0, 0, 0}, {5, 6, WINDOWS_ANY - 1}}};

static void check_same(const struct windows *a, const struct windows *b)
{
    CHECK_INT(a->unfollowed_ms, b->unfollowed_ms);
    for (int i = 0; i < WINDOW_ACTIONS; i++) {
        CHECK_INT(a->of[i].at_ms, b->of[i].at_ms);
        CHECK_INT(a->of[i].until_ms, b->of[i].until_ms);
        CHECK_U64(a->of[i].left, b->of[i].left);
    }
}

static int is_known(struct store *s, const char *account, const char *openid)
{
    struct windows w;
    enum store_answer answer = store_windows_read(s, span_of(account), span_of(openid), &w);
    CHECK(answer == STORE_OK || answer == STORE_NONE);
    return answer == STORE_OK;
}

static void test_there_and_back(void)
{
    struct store *s = fixture_open("back");
    struct windows w;
    char longest[OPENID_BYTES_MAX + 1];
    memset(longest, 'o', OPENID_BYTES_MAX);
    longest[OPENID_BYTES_MAX] = 0;
    store_windows_write(s, span_of("a"), span_of(longest), &full);
    store_windows_write(s, span_of("ab"), span_of("c"), &full);
    store_windows_write(s, span_of("a"), span_of("c"), &(struct windows){.unfollowed_ms = 9});
    CHECK_INT(store_commit(s), 0);
    store_windows_write(s, span_of("a"), span_of("c"), &full); /* is not committed */
    fixture_reopen(&s, "back");
    CHECK_INT(store_windows_read(s, span_of("a"), span_of(longest), &w), STORE_OK);
    check_same(&w, &full);
    CHECK_INT(store_windows_read(s, span_of("a"), span_of("c"), &w), STORE_OK);
    CHECK_INT(w.unfollowed_ms, 9);
    CHECK(is_known(s, "ab", "c") && !is_known(s, "a", "bc") && !is_known(s, "ab", ""));
    CHECK_U64(store_windows_purge(s, FIXTURE_NOW_MS, 1000), 1); /* what was done at 9 ms alone is old */
    CHECK(is_known(s, "ab", "c") && is_known(s, "a", longest) && !is_known(s, "a", "c"));
    store_close(&s);
}

static void person(int i, char openid[32])
{
    snprintf(openid, 32, "o%05d", i);
}

/* Each third one is old; the purge looks at a few at a time, comes round, and takes all of them and no other. */
static void test_purge(void)
{
    struct store *s = fixture_open("purge");
    char openid[32];
    size_t gone = 0;
    for (int i = 0; i < PEOPLE_COUNT; i++) {
        struct windows w = {.unfollowed_ms = i % 3 ? FIXTURE_NOW_MS - WINDOWS_KEPT_MS : FIXTURE_NOW_MS - WINDOWS_KEPT_MS - 1};
        person(i, openid);
        store_windows_write(s, span_of("a"), span_of(openid), &w);
    }
    CHECK_INT(store_commit(s), 0);
    for (int i = 0; i < 2 * PEOPLE_COUNT / 100; i++) {
        size_t one = store_windows_purge(s, FIXTURE_NOW_MS, 100);
        CHECK(one <= 34);
        gone += one;
        CHECK_INT(store_commit(s), 0);
    }
    CHECK_U64(gone, (PEOPLE_COUNT + 2) / 3);
    for (int i = 0; i < PEOPLE_COUNT; i++) {
        person(i, openid);
        CHECK_INT(is_known(s, "a", openid), i % 3 != 0);
    }
    CHECK_U64(store_windows_purge(s, FIXTURE_NOW_MS + 1, PEOPLE_COUNT) + store_windows_purge(s, FIXTURE_NOW_MS + 1, PEOPLE_COUNT),
              PEOPLE_COUNT - gone);
    CHECK_U64(store_windows_purge(s, FIXTURE_NOW_MS + 1, 10), 0);
    store_close(&s);
}

static void test_damaged(void)
{
    struct store *s = fixture_open("damaged");
    struct windows w;
    store_windows_write(s, span_of("a"), span_of("good"), &full);
    store_windows_write(s, span_of("a"), span_of("bad"), &full);
    struct engine *e = go_inside(&s, "damaged");
    struct key bad = key_parked_prefix(span_of("a"), span_of("bad")), odd = {.used = 0}, longest = {.used = KEY_ROOM};
    key_raw(&odd, span_of("\xff"));
    memset(longest.bytes, 'k', sizeof longest.bytes);
    engine_put(e, WINDOWS, &bad, span_of("nonsense"));
    engine_put(e, WINDOWS, &odd, span_of("nonsense"));
    engine_put(e, WINDOWS, &longest, span_of("nonsense"));
    come_back(&e, &s, "damaged");
    CHECK_INT(store_windows_read(s, span_of("a"), span_of("bad"), &w), STORE_DAMAGED);
    CHECK_U64(store_windows_purge(s, FIXTURE_NOW_MS, 100), 3);
    CHECK(!is_known(s, "a", "bad") && is_known(s, "a", "good"));
    store_close(&s);
}

static void on_lost(void *self, struct span account, struct span id, uint64_t seq, int has_bytes)
{
    (void)self;
    (void)account;
    (void)id;
    (void)seq;
    CHECK_INT(has_bytes, -1);
}

static void on_range(void *self, enum database db, uint64_t from, uint64_t to)
{
    (void)self;
    (void)db;
    CHECK_U64(from, to);
}

static int on_step(void *self, const char *verb, uint64_t done, uint64_t total)
{
    (void)self;
    (void)done;
    (void)total;
    return verb[0] ? 0 : -1;
}

/* A key of 8 bytes looks like a seq to the rescue: it is none. */
static void test_rescue(void)
{
    struct store *s = fixture_open("old");
    const struct salvage_report report = {NULL, on_lost, on_range, on_step};
    struct salvage_result r;
    struct buf error = {0};
    char *from = fixture_path("old"), *to = fixture_path("new");
    store_windows_write(s, span_of("ab"), span_of("oABC"), &full);
    store_windows_write(s, span_of("shop"), span_of("oABCDEF"), &full);
    fixture_append(s, fixture_message("a", "1", "oABCDEF"));
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
    struct store_file *f = store_file_open(from, &error);
    CHECK(f != NULL);
    CHECK_INT(store_file_begin(f), 0);
    CHECK_INT(store_salvage(f, to, FIXTURE_BYTES_MAX, FIXTURE_NOW_MS, &report, &r, &error), 0);
    CHECK_U64(r.unreadable + r.lost + r.unknown, 0);
    store_file_close(&f);
    s = fixture_open("new");
    CHECK(is_known(s, "ab", "oABC") && is_known(s, "shop", "oABCDEF"));
    CHECK_U64(fixture_first(s, "a", LANE_BULK, TIMED_NOW), 1);
    store_close(&s);
    free(from);
    free(to);
}

int main(void)
{
    test_there_and_back();
    test_purge();
    test_damaged();
    test_rescue();
    return 0;
}
