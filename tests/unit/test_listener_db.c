/* The listener's file: which files are taken, what counts after a failure, another process that holds it. */
#include "listener/db.h"

#include "base/clock.h"
#include "listener/db_schema.h"
#include "tests/unit/test.h"

static char *path_of(const char *name)
{
    char *path = test_file(name, span_of(""));
    unlink(path);
    return path;
}

static int add(struct db *db, const char *name)
{
    struct db_query *q = db_query(db, "INSERT INTO totals(name, n) VALUES(?1, 1)");
    db_set_text(q, 1, span_of(name));
    return (int)db_run(q);
}

static int64_t count(struct db *db)
{
    return db_number(db, "SELECT count(*) FROM totals", -1);
}

static void test_commit(void)
{
    char *path = path_of("commit.db");
    struct db *db = db_open(path);
    CHECK(db != NULL);
    int64_t before = count(db);
    CHECK_INT(db_commit(db), 0); /* of nothing */
    CHECK_INT(db_begin(db), 0);
    CHECK_INT(db_begin(db), 0);
    CHECK_INT(add(db, "a"), 1);
    CHECK_INT(db_commit(db), 0);
    CHECK_INT(db_begin(db), 0);
    CHECK_INT(add(db, "b"), 1);
    CHECK_INT(add(db, "a"), -1); /* is there: it spoils all */
    CHECK_INT(db_begin(db), -1);
    CHECK_INT(db_commit(db), -1);
    CHECK_INT(count(db), before + 1);
    CHECK_INT(db_begin(db), 0); /* and the next one is a new one */
    CHECK_INT(add(db, "c"), 1);
    db_close(&db); /* takes it back */
    db = db_open(path);
    CHECK(db != NULL);
    CHECK_INT(count(db), before + 1);
    db_close(&db);
    free(path);
}

static void test_values(void)
{
    char *path = path_of("values.db");
    struct db *db = db_open(path);
    struct db_query *q = db_query(db, "SELECT ?1, ?2, ?3, ?4");
    db_set_i64(q, 1, INT64_MIN);
    db_set_text(q, 2, span_of(""));
    db_set_blob(q, 3, (struct span){"a\0b", 3});
    CHECK_INT(db_step(q), 1);
    CHECK_INT(db_i64(q, 0), INT64_MIN);
    CHECK(db_text(q, 1).data != NULL && db_text(q, 1).bytes == 0);
    CHECK_BYTES(db_text(q, 2), ((struct span){"a\0b", 3}));
    CHECK(db_text(q, 3).data == NULL);
    CHECK_INT(db_step(q), 0);
    db_end(q);
    CHECK_INT(db_step(db_query(db, "SELECT nix FROM nix")), -1);
    db_close(&db);
    free(path);
}

static void test_foreign(void)
{
    char *path = test_file("text.db", span_of("this is no database, but long enough to look like something that could be one, is it not?"));
    CHECK(db_open(path) == NULL);
    free(path);
    path = path_of("other.db");
    struct db *db = db_open(path);
    CHECK(db_run(db_query(db, "PRAGMA application_id = 1")) >= 0);
    db_close(&db);
    CHECK(db_open(path) == NULL);
    free(path);
    path = path_of("newer.db");
    db = db_open(path);
    CHECK(db_run(db_query(db, "PRAGMA user_version = 1000")) >= 0);
    db_close(&db);
    CHECK(db_open(path) == NULL);
    free(path);
    CHECK(db_open("/nix/nix.db") == NULL);
}

static void test_damaged(void)
{
    char *path = path_of("damaged.db");
    struct db *db = db_open(path);
    CHECK_INT(db_begin(db), 0);
    for (int i = 0; i < 2000; i++) {
        char name[32];
        snprintf(name, sizeof name, "name-%d", i);
        CHECK_INT(add(db, name), 1);
    }
    CHECK_INT(db_commit(db), 0);
    db_close(&db);
    FILE *file = fopen(path, "r+b");
    CHECK(file != NULL);
    for (long page = 8; page < 20; page++) { /* its first bytes say what a page is */
        CHECK_INT(fseek(file, page * 4096, SEEK_SET), 0);
        CHECK_INT(fwrite("\xff\xff\xff\xff\xff\xff\xff\xff", 1, 8, file), 8);
    }
    CHECK_INT(fclose(file), 0);
    CHECK(db_open(path) == NULL);
    free(path);
}

/* Whoever looks into the file, or copies it, holds up nothing for good. */
static void test_locked(void)
{
    char *path = path_of("locked.db");
    struct db *db = db_open(path), *other = db_open(path);
    CHECK(db != NULL && other != NULL);
    CHECK_INT(db_begin(other), 0);
    CHECK_INT(add(other, "x"), 1);
    int64_t began_ms = clock_mono_ms();
    for (int i = 0; i < 20; i++) /* all who come meanwhile are told in the time of one wait */
        CHECK_INT(db_begin(db), -1);
    CHECK(clock_mono_ms() - began_ms < 8 * DB_BUSY_MS);
    CHECK_INT(db_commit(other), 0);
    CHECK_INT(db_begin(db), 0);
    CHECK_INT(add(db, "y"), 1);
    CHECK_INT(db_commit(db), 0);
    db_close(&db);
    db_close(&other);
    free(path);
}

int main(void)
{
    test_commit();
    test_values();
    test_foreign();
    test_damaged();
    test_locked();
    return 0;
}
