/* A store that was put in the place of another one: a backup. Its seqs are no seqs of the original, and it stays a copy until the broker
 * has decided on everything that depends on it. */
#include "tests/unit/store_copy.h"

static uint64_t append(struct store *s, const char *id)
{
    return fixture_add(s, "default", id, "oA");
}

/* "one" with two messages, and "two", a copy of its file. */
static struct store *make_copy(int is_indexed)
{
    struct store *s = fixture_open("one");
    CHECK_INT(store_is_copy(s), 0);
    CHECK_U64(append(s, "a"), 1);
    CHECK_U64(append(s, "b"), 2);
    if (is_indexed)
        CHECK_U64(store_index_step(s, 10), 2);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "one");
    CHECK_INT(store_is_copy(s), 0);
    CHECK_U64(store_next_seq(s), 3);
    store_close(&s);
    copy_store("one", "two");
    return fixture_open("two");
}

static void end(struct store **s)
{
    store_close(s);
    test_remove_folder();
    CHECK_INT(mkdir(test_folder(), 0700), 0);
}

static void test_seqs(void)
{
    struct store *s = make_copy(1);
    CHECK_INT(store_is_copy(s), 1);
    CHECK(store_next_seq(s) > 1000000000);
    CHECK_U64(store_index_left(s), 0);
    uint64_t seq = append(s, "c");
    CHECK_U64(store_index_left(s), 1);
    CHECK_INT(store_commit(s), 0);
    fixture_reopen(&s, "two"); /* killed before it was settled in */
    CHECK_INT(store_is_copy(s), 1);
    CHECK(store_next_seq(s) > seq);
    CHECK(store_index_left(s) <= 3);
    store_settle_in(s);
    CHECK_INT(store_is_copy(s), 0);
    CHECK_INT(store_commit(s), 0);
    uint64_t next = store_next_seq(s);
    fixture_reopen(&s, "two");
    CHECK_INT(store_is_copy(s), 0);
    CHECK_U64(store_next_seq(s), next);
    CHECK_U64(store_index_step(s, 10), 1);
    CHECK_U64(store_index_left(s), 0);
    end(&s);
}

/* Behind the gap it is not taken for more than there is: the broker keeps room for what is not indexed. */
static void test_not_indexed(void)
{
    struct store *s = make_copy(0);
    CHECK_U64(store_index_left(s), 2);
    CHECK_U64(store_index_left_before(s, 2), 1);
    append(s, "c");
    CHECK_U64(store_index_left(s), 3);
    CHECK_U64(store_index_step(s, 10), 3);
    CHECK_U64(store_index_left(s), 0);
    end(&s);
}

static void test_moved(void)
{
    struct store *s = fixture_open("one");
    char *from = fixture_path("one"), *to = fixture_path("two");
    append(s, "a");
    CHECK_INT(store_commit(s), 0);
    store_close(&s);
    CHECK_INT(rename(from, to), 0);
    s = fixture_open("two");
    CHECK_INT(store_is_copy(s), 0);
    CHECK_U64(store_next_seq(s), 2);
    free(from);
    free(to);
    end(&s);
}

int main(void)
{
    test_seqs();
    test_not_indexed();
    test_moved();
    return 0;
}
