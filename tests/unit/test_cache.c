/* The table of templates and its file. */
#include <sys/stat.h>

#include "base/hash.h"
#include "proto/mp.h"
#include "templater/cache.h"
#include "templater/cache_file.h"
#include "tests/unit/test.h"

#define SMALL "{\"touser\":\"${OPENID}\",\"template_id\":\"T\"}"
#define LARGE "{\"touser\":\"${OPENID}\",\"template_id\":\"一些文字\"}"

static void put(struct cache *c, const char *key, uint64_t version, const char *text, int expected)
{
    struct buf error = {0};
    struct template *t = template_compile(span_of(text), &error);
    CHECK(t != NULL);
    CHECK_INT(cache_put(c, span_of(key), version, &t), expected);
    CHECK((t != NULL) == (expected != 0));
    template_destroy(&t);
    buf_free(&error);
}

/* `text` NULL: the key is not there. */
static void check_entry(const struct cache *c, const char *key, uint64_t version, const char *text)
{
    struct cache_entry entry;
    CHECK_INT(cache_find(c, span_of(key), &entry), text != NULL);
    if (text == NULL)
        return;
    CHECK_SPAN(entry.key, key);
    CHECK_U64(entry.version, version);
    CHECK_SPAN(entry.template->text, text);
}

static void test_table(void)
{
    struct cache *c = cache_new(2);
    put(c, "a", 1, "{}", 0);
    put(c, "b", 2, "{\"b\":1}", 0);
    put(c, "c", 1, "{}", -1); /* full */
    check_entry(c, "c", 0, NULL);
    put(c, "a", 7, "{\"a\":2}", 0); /* not a new key */
    CHECK_INT(cache_count(c), 2);
    check_entry(c, "a", 7, "{\"a\":2}");
    check_entry(c, "A", 0, NULL);
    check_entry(c, "", 0, NULL);
    cache_set_version(c, span_of("a"), 9);
    cache_set_version(c, span_of("nobody"), 9);
    check_entry(c, "a", 9, "{\"a\":2}");
    cache_remove(c, span_of("a"), 10);
    check_entry(c, "a", 0, NULL);
    CHECK_U64(cache_absent(c, span_of("a")), 10);
    CHECK_U64(cache_absent(c, span_of("b")), 0);
    put(c, "a", 11, "{}", 0);
    CHECK_U64(cache_absent(c, span_of("a")), 0);
    cache_destroy(&c);
    CHECK(c == NULL);
}

static void test_absent_is_bounded(void)
{
    struct cache *c = cache_new(2);
    cache_remove(c, span_of("x"), 1);
    cache_remove(c, span_of("y"), 1);
    cache_remove(c, span_of("x"), 2);
    CHECK_U64(cache_absent(c, span_of("x")), 2);
    cache_remove(c, span_of("z"), 3);
    CHECK_U64(cache_absent(c, span_of("z")), 3);
    CHECK_U64(cache_absent(c, span_of("y")), 0);
    cache_destroy(&c);
}

static struct buf pack_two(void)
{
    struct buf content = {0};
    struct cache *c = cache_new(10);
    put(c, "test", 5, SMALL, 0);
    put(c, "巧克力", 1ULL << 60, LARGE, 0);
    cache_file_pack(c, &content);
    cache_destroy(&c);
    return content;
}

/* The bytes of a released format: they must be read for ever. */
static void test_format_1(void)
{
    static const char payload[] = "\x91\x93\xa4test\x05\xc4\x28" SMALL;
    struct buf content = {0}, error = {0};
    uint64_t hash = hash_64(payload, sizeof payload - 1);
    buf_append_str(&content, "mega-templates 1\n");
    buf_append_u32be(&content, (uint32_t)(hash >> 32));
    buf_append_u32be(&content, (uint32_t)hash);
    buf_append(&content, payload, sizeof payload - 1);
    struct cache *c = cache_new(1);
    CHECK_INT(cache_file_unpack(buf_span(&content), c, 100, &error), 0);
    check_entry(c, "test", 5, SMALL);
    cache_destroy(&c);
    buf_free(&content);
    buf_free(&error);
}

static void test_round_trip(void)
{
    struct buf content = pack_two(), error = {0}, read = {0};
    struct cache *c = cache_new(10);
    struct buf path = {0};
    struct stat info;
    buf_printf(&path, "%s/store/templates-x.cache", test_folder());
    CHECK_INT(cache_file_read(buf_str(&path), &read, &error), 0);
    CHECK_INT(cache_file_write(buf_str(&path), span_of("older"), &error), 0); /* makes the folder */
    CHECK_INT(cache_file_write(buf_str(&path), buf_span(&content), &error), 0);
    CHECK_INT(cache_file_read(buf_str(&path), &read, &error), 1);
    CHECK_BYTES(buf_span(&read), buf_span(&content));
    CHECK_INT(cache_file_unpack(buf_span(&read), c, 100, &error), 0);
    CHECK_STR(buf_str(&error), "");
    CHECK_INT(cache_count(c), 2);
    check_entry(c, "test", 5, SMALL);
    check_entry(c, "巧克力", 1ULL << 60, LARGE);
    CHECK_INT(stat(buf_str(&path), &info), 0);
    CHECK_INT(info.st_mode & 0007, 0);
    buf_append_str(&path, ".new");
    CHECK_INT(stat(buf_str(&path), &info), -1); /* nothing is left beside it */
    cache_destroy(&c);
    buf_free(&path);
    buf_free(&content);
    buf_free(&read);
    buf_free(&error);
}

static void test_every_damage_is_found(void)
{
    struct buf content = pack_two();
    for (size_t i = 0; i < content.bytes; i++) {
        struct buf error = {0};
        struct cache *c = cache_new(10);
        content.data[i] = (char)(content.data[i] ^ 0x10);
        CHECK_INT(cache_file_unpack(buf_span(&content), c, 100, &error), -1);
        CHECK(error.bytes > 0);
        content.data[i] = (char)(content.data[i] ^ 0x10);
        buf_clear(&error);
        CHECK_INT(cache_file_unpack((struct span){content.data, i}, c, 100, &error), -1); /* torn */
        cache_destroy(&c);
        buf_free(&error);
    }
    buf_free(&content);
}

static void test_limits_of_today(void)
{
    struct buf content = pack_two(), error = {0};
    struct cache *c = cache_new(10);
    CHECK_INT(cache_file_unpack(buf_span(&content), c, sizeof SMALL - 1, &error), 0);
    check_entry(c, "test", 5, SMALL);
    CHECK_INT(cache_count(c), 1); /* the other one is over template size */
    cache_destroy(&c);
    c = cache_new(1);
    CHECK_INT(cache_file_unpack(buf_span(&content), c, 100, &error), 0);
    CHECK_INT(cache_count(c), 1); /* over table size */
    cache_destroy(&c);
    buf_free(&content);
    buf_free(&error);
}

/* A file of an earlier version may hold what we do not take any more. */
static void test_refused_are_left_out(void)
{
    static const char *const bodies[] = {"{}", "{\"touser\":\"${OPENID}\"}", "{",
                                         "{\"touser\":\"o\",\"template_id\":\"T\",\"$mega\":{\"fallback\":\"0\"}}"};
    struct buf content = {0}, error = {0};
    char magic[] = "mega-templates 1\n";
    struct buf payload = {0};
    mp_array(&payload, 5);
    for (size_t i = 0; i < 5; i++) {
        mp_array(&payload, 3);
        mp_str(&payload, i == 0 ? "0" : "1"); /* the last one falls back to another key */
        mp_u64(&payload, 1);
        mp_bin(&payload, span_of(bodies[i == 0 ? 3 : i - 1]));
    }
    uint64_t hash = hash_64(payload.data, payload.bytes);
    buf_append_str(&content, magic);
    buf_append_u32be(&content, (uint32_t)(hash >> 32));
    buf_append_u32be(&content, (uint32_t)hash);
    buf_append(&content, payload.data, payload.bytes);
    struct cache *c = cache_new(10);
    CHECK_INT(cache_file_unpack(buf_span(&content), c, 100, &error), 0);
    CHECK_INT(cache_count(c), 1);
    check_entry(c, "1", 1, bodies[3]);
    cache_destroy(&c);
    buf_free(&content);
    buf_free(&payload);
    buf_free(&error);
}

static void test_file_errors(void)
{
    struct buf error = {0}, out = {0}, path = {0};
    CHECK_INT(cache_file_read(test_folder(), &out, &error), -1);
    CHECK_HAS(buf_str(&error), test_folder());
    buf_clear(&error);
    buf_printf(&path, "%s/none/none/x", test_folder());
    CHECK_INT(cache_file_write(buf_str(&path), span_of("x"), &error), -1);
    CHECK_HAS(buf_str(&error), "none/none");
    buf_free(&error);
    buf_free(&out);
    buf_free(&path);
}

int main(void)
{
    test_table();
    test_absent_is_bounded();
    test_format_1();
    test_round_trip();
    test_every_damage_is_found();
    test_limits_of_today();
    test_refused_are_left_out();
    test_file_errors();
    return 0;
}
