/* A store as an earlier version of mega-broker left it (format 2: records without fallback and earlier calls; 3: results without a receipt, no
 * customer-service windows): the check finds nothing wrong
 * in it, the rescue takes all of it, and the broker goes on with it. This test knows the engine. */
#include <lmdb.h>

#include "broker/store_check.h"
#include "broker/store_internal.h"
#include "broker/store_salvage.h"
#include "tests/unit/store_inside.h"

/* fixture_full_message and fixture_full_final in the records of that time. */
#define MESSAGE_BEFORE                                                                                       \
    "fee80477241f48e2 dc001602a473686f70a76f726465722d37a46f414243a470616964a473616c65c4"                    \
    "0481a16100cffedcba9876543210cf0000018bcfe56800cf0000018bcfe56be8cf0000018bcfe56fd0c"                    \
    "f0000018bcfe571c4000201ceee6b2801ceee6b2802ceee6b2803ceee6b2804cf0000018bcfe573b8cf"                    \
    "0000018bcfe577a092ffab73797374656d2062757379"
#define FINAL_BEFORE                                                                                         \
    "174227fdeeb6802f 9f0205cd0190cda7fccf7fffffffffffffff03cf0000018bcfe56800cf0000018b"                    \
    "cfe56be8cf0000018bcfe57b88b17b22657272636f6465223a34333030347da473686f70a76f7264657"                    \
    "22d37a46f414243a470616964a473616c65"
#define FINAL_BEFORE_RECEIPTS                                                                                \
    "bb3a1b29ea5ef7f3 dc00110305cd0190cda7fccf7fffffffffffffff03cf0000018bcfe56800cf0000018b"                \
    "cfe56be8cf0000018bcfe57b88b17b22657272636f6465223a34333030347da473686f70a76f7264657"                    \
    "22d37a46f414243a470616964a473616c65a5706c61696ec4029101"

static void put(struct engine *e, enum database db, const struct key *key, struct span value)
{
    struct span there;
    CHECK_INT(engine_get(e, db, key, &there), STORE_OK);
    engine_put(e, db, key, value);
}

/* Takes the database away that there was not at that time. */
static void drop_windows(const char *name)
{
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    char *path = fixture_path(name);
    CHECK_INT(mdb_env_create(&env), 0);
    CHECK_INT(mdb_env_set_maxdbs(env, 1), 0);
    CHECK_INT(mdb_env_open(env, path, 0, 0600), 0);
    CHECK_INT(mdb_txn_begin(env, NULL, 0, &txn), 0);
    CHECK_INT(mdb_dbi_open(txn, "windows", 0, &dbi), 0);
    CHECK_INT(mdb_drop(txn, dbi, 1), 0);
    CHECK_INT(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    free(path);
}

/* One message, which waits, or is settled when `db` is the ledger; its record and the store's number are those of that time. */
static void make_before(const char *name, uint64_t before, enum database db, const char *record)
{
    struct store *s = fixture_open(name);
    struct message m = fixture_full_message();
    const struct final f = fixture_full_final();
    struct key seq = key_seq(fixture_append(s, m)), format = {.used = 0}, number = key_seq(before);
    struct buf bytes = hex_bytes(record), packed = {0};
    if (db == LEDGER) {
        m = fixture_read(s, 1);
        store_settle(s, &m, &f);
    }
    store_index_step(s, 10);
    struct engine *e = go_inside(&s, name);
    struct key msgid = key_msgid(f.msgid, 1);
    CHECK_INT(engine_del(e, MSGIDS, &msgid), db == LEDGER); /* it was not listed then */
    key_text(&format, span_of("format"));
    record_pack_blob((struct span){number.bytes, number.used}, &packed);
    put(e, META, &format, buf_span(&packed));
    put(e, db, &seq, buf_span(&bytes));
    CHECK_INT(engine_commit(e), 0);
    engine_close(&e);
    drop_windows(name);
    buf_free(&bytes);
    buf_free(&packed);
}

/* --- check and rescue --------------------------------------------------------------------------------------------- */

static void on_problem(void *self, enum problem what, const char *database, uint64_t seq, const char *text)
{
    ++*(uint64_t *)self;
    fprintf(stderr, "%s: %s: %" PRIu64 ": %s\n", store_problem_name(what), database, seq, text);
}

static void on_set_aside(void *self, uint64_t seq, size_t bytes)
{
    (void)seq;
    (void)bytes;
    ++*(uint64_t *)self;
}

static int on_check_step(void *self, uint64_t done, uint64_t total)
{
    (void)self;
    (void)done;
    (void)total;
    return 0;
}

static void on_lost(void *self, struct span account, struct span id, uint64_t seq, int has_bytes)
{
    (void)account;
    (void)id;
    (void)seq;
    (void)has_bytes;
    ++*(uint64_t *)self;
}

static void on_range(void *self, enum database db, uint64_t from, uint64_t to)
{
    (void)db;
    (void)from;
    (void)to;
    ++*(uint64_t *)self;
}

static int on_step(void *self, const char *verb, uint64_t done, uint64_t total)
{
    (void)self;
    (void)done;
    (void)total;
    return verb[0] ? 0 : -1;
}

static struct store_file *open_file(const char *name)
{
    struct buf error = {0};
    char *path = fixture_path(name);
    struct store_file *f = store_file_open(path, &error);
    CHECK(f != NULL);
    CHECK_INT(store_file_begin(f), 0);
    free(path);
    return f;
}

static void check_clean(const char *name, uint64_t waiting, uint64_t settled)
{
    uint64_t problems = 0;
    const struct check_report report = {&problems, on_problem, on_set_aside, on_check_step};
    struct check_result result;
    struct store_file *f = open_file(name);
    store_check(f, &report, &result);
    CHECK_U64(problems, 0);
    CHECK_U64(result.waiting, waiting);
    CHECK_U64(result.settled, settled);
    store_file_close(&f);
}

static void rescue(const char *from, const char *to)
{
    uint64_t losses = 0;
    struct buf error = {0};
    const struct salvage_report report = {&losses, on_lost, on_range, on_step};
    struct salvage_result r;
    struct store_file *f = open_file(from);
    char *path = fixture_path(to);
    CHECK_INT(store_salvage(f, path, FIXTURE_BYTES_MAX, FIXTURE_NOW_MS, &report, &r, &error), 0);
    CHECK_U64(losses + r.unreadable + r.lost + r.unknown, 0);
    store_file_close(&f);
    free(path);
}

/* --- tests -------------------------------------------------------------------------------------------------------- */

static void check_message(const char *name)
{
    struct store *s = fixture_open(name);
    struct message m = fixture_read(s, 1), expected = fixture_full_message();
    expected.fallback = expected.tries = (struct span){NULL, 0};
    fixture_same_message(&m, &expected);
    CHECK_U64(fixture_first(s, "shop", LANE_EXPRESS, TIMED_ORDER), 1);
    fixture_take(s, 1);
    m = fixture_read(s, 1);
    m.fallback = span_of("plain"); /* and goes on as a message of today */
    m.tries = span_of("t");
    store_put_back(s, &m);
    CHECK_INT(store_commit(s), 0);
    m = fixture_read(s, 1);
    CHECK_SPAN(m.fallback, "plain");
    store_close(&s);
    check_clean(name, 1, 0);
}

/* Read as it is, with or without what came with format 3; and it takes a receipt. */
static void check_final(const char *name, int has_tries)
{
    struct store *s = fixture_open(name);
    struct final expected = fixture_full_final();
    struct found found;
    if (!has_tries)
        expected.fallback = expected.tries = (struct span){NULL, 0};
    expected.received_ms = 0;
    CHECK_INT(store_look(s, 1, &found), STORE_OK);
    fixture_same_final(&found.f, &expected);
    found.f.state = STATE_DELIVERED;
    found.f.received_ms = 7;
    store_receive(s, &found.f);
    CHECK_INT(store_commit(s), 0);
    CHECK_INT(store_find_msgid(s, expected.account, expected.openid, expected.msgid, &found.f), STORE_OK);
    CHECK_INT(found.f.state, STATE_DELIVERED);
    CHECK_INT(found.f.received_ms, 7);
    store_close(&s);
    check_clean(name, 0, 1);
}

static void test_final(const char *name, const char *rescued, uint64_t before, const char *record)
{
    make_before(name, before, LEDGER, record);
    check_clean(name, 0, 1);
    rescue(name, rescued);
    check_clean(rescued, 0, 1);
    check_final(name, before > 2);
    check_final(rescued, before > 2);
}

int main(void)
{
    make_before("message", 2, MESSAGES, MESSAGE_BEFORE);
    check_clean("message", 1, 0);
    rescue("message", "message-new");
    check_clean("message-new", 1, 0);
    check_message("message");
    check_message("message-new");
    test_final("final", "final-new", 2, FINAL_BEFORE);
    test_final("final3", "final3-new", 3, FINAL_BEFORE_RECEIPTS);
    return 0;
}
