/* The facts of a task: written and read as they were, read by a later version's file too; nothing of a damaged file is believed, and
 * one that could not be written leaves the old one. */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

#include "base/hash.h"
#include "proto/mp.h"
#include "task/facts.h"
#include "tests/unit/test.h"

static struct facts example(void)
{
    struct facts f = {.name = "may-sale.2",
                      .uid = "0badcafe",
                      .upload = "0123456789abcdef",
                      .key = "order",
                      .app = "shop",
                      .source = "/home/ann/may.csv",
                      .lane = LANE_BULK,
                      .state = TASK_STOPPED,
                      .is_held = 1,
                      .resends = RESEND_FAILED | RESEND_CANCELLED,
                      .rate_per_s = 250,
                      .ttl_ms = 3600000,
                      .at_ms = 1700000000001,
                      .created_ms = 1700000000002,
                      .started_ms = 1700000000003,
                      .ended_ms = INT64_MAX,
                      .bad = 17,
                      .round = 65535,
                      .counts = {1, 2, 3, 4, 5, 6, 7, UINT64_MAX}};
    mp_array(&f.columns, 2);
    mp_str(&f.columns, "item");
    mp_str(&f.columns, "\xe4\xbb\xb7");
    return f;
}

static void check_same(const struct facts *got, const struct facts *expected)
{
    CHECK_STR(got->name, expected->name);
    CHECK_STR(got->uid, expected->uid);
    CHECK_STR(got->upload, expected->upload);
    CHECK_STR(got->key, expected->key);
    CHECK_STR(got->app, expected->app);
    CHECK_STR(got->source, expected->source);
    CHECK_BYTES(buf_span(&got->columns), buf_span(&expected->columns));
    CHECK_INT(got->lane, expected->lane);
    CHECK_INT(got->state, expected->state);
    CHECK_INT(got->is_held, expected->is_held);
    CHECK_INT(got->resends, expected->resends);
    CHECK_U64(got->rate_per_s, expected->rate_per_s);
    CHECK_INT(got->ttl_ms, expected->ttl_ms);
    CHECK_INT(got->at_ms, expected->at_ms);
    CHECK_INT(got->created_ms, expected->created_ms);
    CHECK_INT(got->started_ms, expected->started_ms);
    CHECK_INT(got->ended_ms, expected->ended_ms);
    CHECK_U64(got->bad, expected->bad);
    CHECK_U64(got->round, expected->round);
    for (size_t i = 0; i < ROW_STATES; i++)
        CHECK_U64(got->counts[i], expected->counts[i]);
}

static int write_facts(const struct facts *f)
{
    return facts_write(f, test_folder(), "facts");
}

/* Returns 0, or -1 when nothing but an error has come back. */
static int read_facts(struct facts *f)
{
    struct buf error = {0};
    int wrong = facts_read(f, test_folder(), "facts", &error);
    CHECK_INT(wrong == 0, error.bytes == 0);
    if (wrong)
        CHECK(f->columns.data == NULL);
    buf_free(&error);
    return wrong;
}

static struct buf facts_bytes(void)
{
    struct buf path = {0};
    buf_printf(&path, "%s/facts", test_folder());
    struct buf bytes = test_read(buf_str(&path));
    buf_free(&path);
    return bytes;
}

static void put_bytes(struct span bytes)
{
    free(test_file("facts", bytes));
}

/* With the checksum that belongs to them. */
static void put_map(struct span map)
{
    struct buf file = {0};
    buf_append_u32be(&file, (uint32_t)hash_64(map.data, map.bytes));
    buf_append(&file, map.data, map.bytes);
    put_bytes(buf_span(&file));
    buf_free(&file);
}

static void test_round_trip(void)
{
    struct facts full = example(), bare = {.name = "a", .lane = -1}, f;
    for (enum task_state state = TASK_READY; state <= TASK_DONE; state++)
        for (int lane = -1; lane <= LANE_BULK; lane++) {
            full.state = state;
            full.lane = lane;
            CHECK_INT(write_facts(&full), 0);
            CHECK_INT(read_facts(&f), 0);
            check_same(&f, &full);
            facts_free(&f);
        }
    CHECK_INT(write_facts(&bare), 0);
    CHECK_INT(read_facts(&f), 0);
    check_same(&f, &bare);
    facts_free(&f);
    facts_free(&full);
}

static void test_every_byte(void)
{
    struct facts full = example(), f;
    CHECK_INT(write_facts(&full), 0);
    struct buf bytes = facts_bytes();
    for (size_t i = 0; i < bytes.bytes; i++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes.data[i] = (char)(bytes.data[i] ^ 1 << bit);
            put_bytes(buf_span(&bytes));
            CHECK_INT(read_facts(&f), -1);
            bytes.data[i] = (char)(bytes.data[i] ^ 1 << bit);
        }
        put_bytes((struct span){bytes.data, i});
        CHECK_INT(read_facts(&f), -1);
    }
    put_bytes(buf_span(&bytes));
    CHECK_INT(read_facts(&f), 0);
    check_same(&f, &full);
    facts_free(&f);
    facts_free(&full);
    buf_free(&bytes);
}

static void test_errors(void)
{
    struct facts f;
    struct buf error = {0}, expected = {0};
    CHECK_INT(facts_read(&f, test_folder(), "nothing", &error), -1);
    buf_printf(&expected, "%s/nothing: No such file or directory", test_folder());
    CHECK_STR(buf_str(&error), buf_str(&expected));
    buf_clear(&error);
    buf_clear(&expected);
    put_bytes(span_of("what is this?"));
    CHECK_INT(facts_read(&f, test_folder(), "facts", &error), -1);
    buf_printf(&expected, "%s/facts: damaged, or of a later version", test_folder());
    CHECK_STR(buf_str(&error), buf_str(&expected));
    buf_free(&error);
    buf_free(&expected);
}

/* A later version may add members and counts; what is not known is no reason to lose a task. */
static void test_later_members(void)
{
    struct facts f;
    struct buf map = {0};
    mp_map(&map, 6);
    mp_put_u64(&map, "format", 1);
    mp_put_str(&map, "name", "a");
    mp_put_u64(&map, "colour", 5);
    mp_put_u64(&map, "state", 200); /* none that we know */
    mp_str(&map, "counts");
    mp_array(&map, ROW_STATES + 2);
    for (unsigned i = 0; i < ROW_STATES + 2; i++)
        mp_u64(&map, i + 1);
    mp_put_u64(&map, "rate", 7);
    put_map(buf_span(&map));
    CHECK_INT(read_facts(&f), 0);
    CHECK_STR(f.name, "a");
    CHECK_INT(f.state, TASK_READY);
    CHECK_U64(f.counts[ROW_STATES - 1], ROW_STATES);
    CHECK_U64(f.rate_per_s, 7);
    facts_free(&f);
    buf_free(&map);
}

/* Members of other types too, whatever they hold. */
static void test_later_types(void)
{
    struct facts f;
    for (int type = 0; type < 5; type++) {
        struct buf map = {0};
        mp_map(&map, 3);
        mp_put_str(&map, "name", "a");
        mp_str(&map, "colour");
        if (type == 0)
            mp_str(&map, "red");
        else if (type == 1)
            mp_bool(&map, 1);
        else if (type == 2)
            mp_double(&map, 0.5);
        else if (type == 3)
            mp_i64(&map, -1);
        else {
            mp_array(&map, 2);
            mp_map(&map, 1);
            mp_put_str(&map, "r", "g");
            mp_nil(&map);
        }
        mp_put_u64(&map, "rate", 7);
        put_map(buf_span(&map));
        CHECK_INT(read_facts(&f), 0);
        CHECK_U64(f.rate_per_s, 7);
        facts_free(&f);
        buf_free(&map);
    }
}

static void test_later_format(void)
{
    struct facts f;
    struct buf map = {0};
    mp_map(&map, 2);
    mp_put_str(&map, "name", "a");
    mp_put_u64(&map, "format", 2);
    put_map(buf_span(&map));
    CHECK_INT(read_facts(&f), -1);
    buf_free(&map);
}

static void test_cannot_be_written(void)
{
    struct facts full = example(), other = {.name = "b", .lane = -1}, f;
    struct rlimit limit, none;
    CHECK_INT(write_facts(&full), 0);
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &limit), 0);
    none = limit;
    none.rlim_cur = 10;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &none), 0);
    int wrong = write_facts(&other), error = errno;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_INT(wrong, -1);
    CHECK_INT(error, EFBIG);
    CHECK_INT(read_facts(&f), 0);
    check_same(&f, &full);
    facts_free(&f);
    CHECK_INT(write_facts(&other), 0);
    CHECK_INT(read_facts(&f), 0);
    check_same(&f, &other);
    facts_free(&f);
    facts_free(&full);
}

static void test_names(void)
{
    static const char *const states[] = {"ready", "scheduled", "running", "paused", "stopping", "stopped", "done"};
    static const char *const rows[] = {"todo", "sent", "pending", "refused", "expired", "dead", "cancelled", "dropped"};
    for (enum task_state state = TASK_READY; state <= TASK_DONE; state++) {
        CHECK_STR(task_state_name(state), states[state]);
        CHECK_INT(task_state_is_final(state), state == TASK_STOPPED || state == TASK_DONE);
    }
    for (enum row_state state = ROW_TODO; state < ROW_STATES; state++)
        CHECK_STR(row_state_name(state), rows[state]);
}

int main(void)
{
    test_round_trip();
    test_every_byte();
    test_errors();
    test_later_members();
    test_later_types();
    test_later_format();
    test_cannot_be_written();
    test_names();
    return 0;
}
