/* Which programs of this machine run, as their lock files tell. */
#include "console/alarm_locks.h"

#include "base/program.h"
#include "tests/unit/test.h"

static void put(const char *name, const char *text)
{
    char *path = test_file(name, span_of(text));
    free(path);
}

/* 1 when it is told so. */
static int has(const struct alarm_locks *locks, const char *kind, const char *name, enum alarm_presence presence)
{
    for (size_t i = 0; i < locks->count; i++)
        if (span_is(locks->list[i].kind, kind) && span_is(locks->list[i].name, name))
            return locks->list[i].presence == presence;
    return 0;
}

static void test_files(void)
{
    struct alarm_locks *locks = mem_new(sizeof *locks);
    char mine[32];
    snprintf(mine, sizeof mine, "%d\n", (int)getpid());
    put("g1.lock", mine); /* this process is no gateway */
    put("g2.lock", PROGRAM_LOCK_ENDED);
    put("g3.lock", "999999999\n");
    put("g4.lock", "");
    put("g5.lock", "-1\n");
    put(".lock", mine);
    put("token.lock", PROGRAM_LOCK_ENDED);
    put("token.ipc", PROGRAM_LOCK_ENDED);
    put("a-name-that-is-longer-than-any-stage-can-have.lock", PROGRAM_LOCK_ENDED);
    alarm_locks_look(locks, test_folder());
    CHECK_U64(locks->count, 8); /* g2 and token, each of four kinds */
    CHECK(has(locks, "gateway", "g2", ALARM_ENDED) && has(locks, "token", "token", ALARM_ENDED));
    alarm_locks_see(locks, "token"); /* it answers, so it has not ended */
    alarm_locks_see(locks, "task");
    CHECK_U64(locks->count, 9);
    CHECK(has(locks, "listener", "g2", ALARM_ENDED));
    CHECK(has(locks, "token", "token", ALARM_THERE) && has(locks, "task", "task", ALARM_THERE));
    alarm_locks_look(locks, "/nonexistent");
    CHECK_U64(locks->count, 0);
    free(locks);
}

/* More files than are looked at: those beyond are left out. */
static void test_limit(void)
{
    struct alarm_locks *locks = mem_new(sizeof *locks);
    for (int i = 0; i < ALARM_LOCKS_MAX + 50; i++) {
        char name[32];
        snprintf(name, sizeof name, "s%d.lock", i);
        put(name, PROGRAM_LOCK_ENDED);
    }
    alarm_locks_look(locks, test_folder());
    CHECK(locks->count <= ALARM_LOCKS_KINDS * ALARM_LOCKS_MAX && locks->count >= ALARM_LOCKS_KINDS * (ALARM_LOCKS_MAX - 4)); /* four of the others are none */
    alarm_locks_see(locks, "token"); /* no room: it is left out */
    free(locks);
}

int main(void)
{
    test_files();
    test_limit();
    return 0;
}
