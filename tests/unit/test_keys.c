/* The list of template keys: what is known, what survives a restart, what a damaged list changes, and
 * versions that never go back. */
#include "broker/keys.h"

#include "tests/unit/pack.h"
#include "tests/unit/store_fixture.h"

#define NAME_MAX_BYTES (KEY_TEXT_BYTES_MAX + 2)

static struct key_info info_of(const char *key, uint64_t version)
{
    return (struct key_info){.key = span_of(key), .version = version, .lane = -1};
}

/* A packed array of entries; to be freed by the caller with buf_free. */
static struct buf list_of(const struct key_info *infos, size_t count)
{
    struct buf list = {0};
    mp_array(&list, count);
    for (size_t i = 0; i < count; i++)
        control_key_pack(&infos[i], &list);
    return list;
}

static int replace(struct keys *k, const struct key_info *infos, size_t count)
{
    struct buf list = list_of(infos, count);
    int failed = keys_replace(k, buf_span(&list));
    buf_free(&list); /* what is kept of it was copied */
    return failed;
}

static int put(struct keys *k, const struct key_info *info)
{
    struct buf list = list_of(info, 1);
    int failed = keys_put(k, buf_span(&list));
    buf_free(&list);
    return failed;
}

/* 0 when there is no such key. */
static uint64_t version_of(const struct keys *k, const char *key)
{
    const struct key_info *info = keys_find(k, span_of(key));
    if (info == NULL)
        return 0;
    CHECK_SPAN(info->key, key);
    return info->version;
}

/* The process ends and begins again; what was not committed is gone. */
static void restart(struct keys **k, struct store **s)
{
    keys_destroy(k);
    CHECK(*k == NULL);
    fixture_reopen(s, "keys");
    *k = keys_new(*s);
}

static void end(struct keys **k, struct store **s)
{
    keys_destroy(k);
    keys_destroy(k); /* of nothing */
    store_close(s);
    test_remove_folder();
    CHECK_INT(mkdir(test_folder(), 0700), 0);
}

static void begin(struct keys **k, struct store **s)
{
    *s = fixture_open("keys");
    *k = keys_new(*s);
}

static void test_unknown_at_first(void)
{
    struct store *s;
    struct keys *k;
    begin(&k, &s);
    CHECK(!keys_are_known(k));
    CHECK(keys_find(k, span_of("paid")) == NULL);
    CHECK_INT(replace(k, NULL, 0), 0); /* a templater without a single template has told its list too */
    CHECK(keys_are_known(k));
    end(&k, &s);
}

/* Everything that acceptance goes by is there again after a restart, without any templater. */
static void test_restart(void)
{
    struct store *s;
    struct keys *k;
    struct buf needs = pack("[name total]");
    struct key_info infos[] = {info_of("paid", 3), info_of("shipped", 1)};
    infos[0].ttl_ms = 60000;
    infos[0].lane = LANE_EXPRESS;
    infos[0].needs = buf_span(&needs);
    begin(&k, &s);
    CHECK_INT(replace(k, infos, 2), 0);
    CHECK_INT(store_commit(s), 0);
    restart(&k, &s);
    CHECK(keys_are_known(k));
    const struct key_info *paid = keys_find(k, span_of("paid"));
    CHECK(paid != NULL);
    CHECK_U64(paid->version, 3);
    CHECK_INT(paid->ttl_ms, 60000);
    CHECK_INT(paid->lane, LANE_EXPRESS);
    CHECK_BYTES(paid->needs, buf_span(&needs));
    const struct key_info *shipped = keys_find(k, span_of("shipped"));
    CHECK(shipped != NULL);
    CHECK_INT(shipped->ttl_ms, 0);
    CHECK_INT(shipped->lane, -1);
    CHECK(keys_find(k, span_of("pai")) == NULL);
    buf_free(&needs);
    end(&k, &s);
}

/* A list is the whole truth about which keys there are; one reading is about its own key only. */
static void test_replace_put_remove(void)
{
    struct store *s;
    struct keys *k;
    const struct key_info first[] = {info_of("a", 1), info_of("b", 1)},
                          second[] = {info_of("b", 1), info_of("c", 1)};
    struct key_info b = info_of("b", 2);
    begin(&k, &s);
    CHECK_INT(replace(k, first, 2), 0);
    CHECK_INT(replace(k, second, 2), 0);
    CHECK_U64(version_of(k, "a"), 0);
    b.ttl_ms = 7;
    CHECK_INT(put(k, &b), 0);
    CHECK_INT(store_commit(s), 0);
    restart(&k, &s);
    CHECK_INT(keys_find(k, span_of("b"))->ttl_ms, 7);
    CHECK_U64(version_of(k, "c"), 1);
    keys_remove(k, span_of("c"));
    keys_remove(k, span_of("never there"));
    CHECK_INT(store_commit(s), 0);
    restart(&k, &s);
    CHECK_U64(version_of(k, "a"), 0);
    CHECK_U64(version_of(k, "b"), 2);
    CHECK_U64(version_of(k, "c"), 0);
    end(&k, &s);
}

/* A templater that is behind tells an older version: it gets no jobs until it has the newer one, so the newer
 * one has to be remembered. */
static void test_versions_stay(void)
{
    struct store *s;
    struct keys *k;
    const struct key_info newer = info_of("paid", 9), older = info_of("paid", 4);
    begin(&k, &s);
    CHECK_INT(replace(k, &newer, 1), 0);
    CHECK_INT(replace(k, &older, 1), 0);
    CHECK_U64(version_of(k, "paid"), 9);
    CHECK_INT(put(k, &older), 0);
    CHECK_U64(version_of(k, "paid"), 9);
    end(&k, &s);
}

static void test_next_version(void)
{
    struct store *s;
    struct keys *k;
    const struct key_info paid = info_of("paid", 70);
    begin(&k, &s);
    uint64_t one = keys_next_version(k), two = keys_next_version(k);
    CHECK(one > 1); /* 1 is what a template has that was read without being asked for */
    CHECK(two > one);
    CHECK_INT(store_commit(s), 0);
    restart(&k, &s);
    CHECK(keys_next_version(k) > two);
    CHECK_INT(replace(k, &paid, 1), 0);
    uint64_t three = keys_next_version(k);
    CHECK(three > 70);
    CHECK_INT(replace(k, NULL, 0), 0); /* the template goes, its number does not come again */
    CHECK_INT(store_commit(s), 0);
    restart(&k, &s);
    CHECK(keys_next_version(k) > three);
    end(&k, &s);
}

static void check_refused(struct keys *k, struct span packed)
{
    struct span copy = hex_exact_copy(packed);
    CHECK_INT(keys_replace(k, copy), -1);
    CHECK(keys_are_known(k));
    CHECK_U64(version_of(k, "old"), 5);
    CHECK_U64(version_of(k, "paid"), 0);
    free((char *)copy.data);
}

/* Nothing of a damaged list is taken, wherever it is damaged. */
static void test_damaged_list(void)
{
    struct store *s;
    struct keys *k;
    const struct key_info old = info_of("old", 5);
    struct key_info infos[] = {info_of("paid", 8), info_of("", 8)};
    char name[NAME_MAX_BYTES] = "";
    begin(&k, &s);
    CHECK_INT(replace(k, &old, 1), 0);
    struct buf list = list_of(infos, 1);
    for (size_t bytes = 1; bytes < list.bytes; bytes++)
        check_refused(k, (struct span){list.data, bytes});
    buf_free(&list);
    struct buf empty_name = list_of(infos, 2);
    check_refused(k, buf_span(&empty_name));
    buf_free(&empty_name);
    memset(name, 'k', KEY_TEXT_BYTES_MAX + 1);
    infos[1].key = span_of(name);
    struct buf long_name = list_of(infos, 2);
    check_refused(k, buf_span(&long_name));
    buf_free(&long_name);
    CHECK_INT(put(k, &infos[1]), -1);
    CHECK(keys_find(k, span_of(name)) == NULL);
    name[KEY_TEXT_BYTES_MAX] = '\0';
    infos[1].key = span_of(name);
    CHECK_INT(put(k, &infos[1]), 0); /* the longest one */
    CHECK_U64(version_of(k, name), 8);
    end(&k, &s);
}

/* What the store gives back is no list: messages wait for a templater, which then sets it right. */
static void test_damaged_store(void)
{
    static const char *const kept[] = {"", "c0", "92", "9205", "9205c0", "920591c0", "9205920000"};
    const struct key_info paid = info_of("paid", 6);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        struct store *s = fixture_open("keys");
        struct buf bytes = hex_bytes(kept[i]);
        store_meta_write(s, "keys", buf_span(&bytes));
        CHECK_INT(store_commit(s), 0);
        struct keys *k = keys_new(s);
        CHECK(!keys_are_known(k));
        CHECK(keys_find(k, span_of("paid")) == NULL);
        CHECK_INT(replace(k, &paid, 1), 0);
        CHECK(keys_are_known(k));
        CHECK_U64(version_of(k, "paid"), 6);
        CHECK(keys_next_version(k) > 6);
        buf_free(&bytes);
        end(&k, &s);
    }
}

/* What a templater is told at its welcome, read as it reads it. */
static void test_pack_versions(void)
{
    struct store *s;
    struct keys *k;
    const struct key_info infos[] = {info_of("a", 4), info_of("b", UINT64_MAX)};
    struct buf out = {0};
    struct mp_cursor c;
    begin(&k, &s);
    keys_pack_versions(k, &out);
    CHECK_BYTES(buf_span(&out), ((struct span){"\x80", 1}));
    CHECK_INT(replace(k, infos, 2), 0);
    buf_clear(&out);
    keys_pack_versions(k, &out);
    mp_open(&c, buf_span(&out));
    CHECK_U64(mp_read_map(&c), 2);
    for (int i = 0; i < 2; i++) {
        struct span key = mp_read_str(&c);
        CHECK_U64(mp_read_u64(&c), span_is(key, "a") ? 4 : UINT64_MAX);
        CHECK(span_is(key, "a") || span_is(key, "b"));
    }
    CHECK(!c.failed);
    CHECK(c.at == c.end);
    buf_free(&out);
    end(&k, &s);
}

/* The first variable that a message does not bring. */
static void test_find_missing(void)
{
    static const struct {
        const char *needs, *vars, *missing; /* vars "": none were given; missing NULL: it brings all */
    } cases[] = {
        {"[]", "", NULL},
        {"[]", "{a 1}", NULL},
        {"[name]", "", "name"},
        {"[name]", "{}", "name"},
        {"[name]", "{name x}", NULL},
        {"[name]", "{names x nam x}", "name"},
        {"[name]", "{other name}", "name"}, /* a value is no name */
        {"[name]", "{a 1 b nil name true}", NULL},
        {"[name]", "{name nil}", NULL},
        {"[a b c]", "{c 1 a 1}", "b"},
        {"[a b c]", "{c 1 b 1 a 1}", NULL},
        {"[b a]", "{}", "b"},
        {"['']", "{}", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf needs = pack(cases[i].needs), vars = {0};
        struct key_info info = {.key = span_of("paid"), .needs = buf_span(&needs)};
        struct span missing = {NULL, 0};
        if (*cases[i].vars != '\0')
            vars = pack(cases[i].vars);
        CHECK_INT(keys_find_missing(&info, buf_span(&vars), &missing), cases[i].missing != NULL);
        if (cases[i].missing != NULL)
            CHECK_SPAN(missing, cases[i].missing);
        buf_free(&needs);
        buf_free(&vars);
    }
}

int main(void)
{
    test_unknown_at_first();
    test_restart();
    test_replace_put_remove();
    test_versions_stay();
    test_next_version();
    test_damaged_list();
    test_damaged_store();
    test_pack_versions();
    test_find_missing();
    return 0;
}
