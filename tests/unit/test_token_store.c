/* The cache file of tokens: its mode, what comes back, and what is ignored. */
#include <sys/stat.h>

#include "base/log.h"
#include "sender/token_store.h"
#include "tests/unit/test.h"

static char path[128];

static void make_path(void)
{
    snprintf(path, sizeof path, "%s/token.cache", test_folder());
}

static void write_two(void)
{
    struct token_record records[2] = {{.token = span_of("token-a"),
                                       .until_wall_ms = 1750000000000,
                                       .lifetime_ms = 7200000,
                                       .forced = {.day = 20254, .count = 3, .last_wall_ms = 1749999999999}},
                                      {.token = {0}}};
    memset(records[0].key, 'a', TOKEN_KEY_BYTES);
    memset(records[1].key, 'b', TOKEN_KEY_BYTES);
    CHECK_INT(token_store_write(path, records, 2), 0);
}

static size_t count_records(void)
{
    struct buf bytes = {0};
    struct token_record records[4];
    size_t count = token_store_read(path, &bytes, records, 4);
    buf_free(&bytes);
    return count;
}

static void test_round_trip(void)
{
    struct buf bytes = {0};
    struct token_record r[2];
    struct stat st;
    unlink(path);
    CHECK_U64(count_records(), 0); /* no file is no error */
    write_two();
    CHECK_INT(stat(path, &st), 0);
    CHECK_INT(st.st_mode & 07777, 0600);
    CHECK_U64(token_store_read(path, &bytes, r, 2), 2);
    CHECK(memcmp(r[0].key, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", TOKEN_KEY_BYTES) == 0);
    CHECK_SPAN(r[0].token, "token-a");
    CHECK_INT(r[0].until_wall_ms, 1750000000000);
    CHECK_INT(r[0].lifetime_ms, 7200000);
    CHECK_INT(r[0].forced.day, 20254);
    CHECK_INT(r[0].forced.count, 3);
    CHECK_INT(r[0].forced.last_wall_ms, 1749999999999);
    CHECK_INT(r[1].token.bytes, 0);
    buf_free(&bytes);
}

/* A file that others can read is ignored, and the next writing makes it private again. */
static void test_mode(void)
{
    struct stat st;
    write_two();
    for (mode_t mode = 0600; mode < 0700; mode++) {
        CHECK_INT(chmod(path, mode), 0);
        CHECK_U64(count_records(), mode == 0600 ? 2 : 0);
    }
    write_two();
    CHECK_INT(stat(path, &st), 0);
    CHECK_INT(st.st_mode & 07777, 0600);
}

static void test_symlink(void)
{
    char other[160];
    snprintf(other, sizeof other, "%s.other", path);
    write_two();
    CHECK_INT(rename(path, other), 0);
    CHECK_INT(symlink(other, path), 0);
    CHECK_U64(count_records(), 0);
    CHECK_INT(unlink(path), 0);
}

/* Every byte counts: changed, or the file cut before it, nothing is read. */
static void test_damage(void)
{
    write_two();
    struct buf good = test_read(path);
    for (size_t i = 0; i < good.bytes; i++) {
        good.data[i] ^= 1;
        free(test_file("token.cache", buf_span(&good)));
        CHECK_U64(count_records(), 0);
        good.data[i] ^= 1;
        free(test_file("token.cache", (struct span){good.data, i}));
        CHECK_U64(count_records(), 0);
    }
    buf_append(&good, "x", 1);
    free(test_file("token.cache", buf_span(&good)));
    CHECK_U64(count_records(), 0);
    buf_free(&good);
}

static void test_not_written(void)
{
    struct token_record none;
    CHECK_INT(token_store_write("/proc/no/such/token.cache", &none, 0), -1);
}

/* A token belongs to what it was fetched with. */
static void test_key(void)
{
    struct conf_account a = {.app_id = "id", .app_secret = "secret", .api_base = "https://h"}, b = a;
    char one[TOKEN_KEY_BYTES], other[TOKEN_KEY_BYTES];
    token_store_key(&a, one);
    token_store_key(&b, other);
    CHECK(memcmp(one, other, sizeof one) == 0);
    b.token_mode = TOKEN_CLASSIC;
    token_store_key(&b, other);
    CHECK(memcmp(one, other, sizeof one) != 0);
    b = a;
    b.app_secret[0] = 'S';
    token_store_key(&b, other);
    CHECK(memcmp(one, other, sizeof one) != 0);
}

int main(void)
{
    make_path();
    umask(022);
    log_open(&(struct log_options){.program = "test", .level = LEVEL_FATAL}); /* warnings are what is tested here */
    test_round_trip();
    test_mode();
    test_symlink();
    test_damage();
    test_not_written();
    test_key();
    return 0;
}
