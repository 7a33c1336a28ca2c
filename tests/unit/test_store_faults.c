/* A disk that fails: the Nth write, growth, meta page, sync, allocation or opening of the engine fails, for N
 * = 1, 2, … until the load makes no such call any more; once, and in a second series for ever from then on.
 *
 * Whatever fails: nothing crashes; an opening that fails says why; a commit that fails is followed by none
 * that succeeds, however healthy the disk is again, and all other calls of the store are harmless; and a
 * store opened on a healthy disk behind that holds every turn whose commit had returned 0, the failed one
 * wholly or not at all, and goes on. A write or a sync that fails is never passed over.
 * The same for the opening of a store that holds the whole load.
 */
#include "base/log.h"
#include "tests/unit/disk_shim.h"

#define SEED   9503
#define TURNS  12
#define STORE  "faults"
#define N_STEP 16 /* the whole load is run to its end behind every so many faults */

/* What is tried, each once and for ever. */
static const struct disk_fault faults[] = {{.call = DISK_WRITE, .error = ENOSPC, .harm = HARM_NONE},
                                           {.call = DISK_WRITE, .error = EIO, .harm = HARM_HALF},
                                           {.call = DISK_WRITE, .error = EIO, .harm = HARM_WHOLE},
                                           {.call = DISK_WRITE, .error = ENOSPC, .harm = HARM_SHORT},
                                           {.call = DISK_GROW, .error = ENOSPC, .harm = HARM_NONE},
                                           {.call = DISK_GROW, .error = ENOSPC, .harm = HARM_SHORT},
                                           {.call = DISK_META, .error = EIO, .harm = HARM_NONE},
                                           {.call = DISK_META, .error = EIO, .harm = HARM_HALF},
                                           {.call = DISK_META, .error = EIO, .harm = HARM_WHOLE},
                                           {.call = DISK_META, .error = EIO, .harm = HARM_SHORT},
                                           {.call = DISK_SYNC, .error = EIO},
                                           {.call = DISK_SYNC, .error = ENOSPC},
                                           {.call = DISK_MEMORY, .error = ENOMEM},
                                           {.call = DISK_OPEN, .error = EIO},
                                           {.call = DISK_OPEN, .error = EMFILE}};

struct outcome {
    int acknowledged; /* the last turn whose commit returned 0 */
    int failed;       /* 1: the opening or a commit failed */
    uint64_t hits;
};

static void remove_store(void)
{
    static const char *const files[] = {"data.mdb", "lock.mdb", "store.lock"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct buf path = {0};
        buf_printf(&path, "%s/%s/%s", test_folder(), STORE, files[i]);
        CHECK(unlink(buf_str(&path)) == 0 || errno == ENOENT);
        buf_free(&path);
    }
}

static void ignore_mark(void *self, const struct mark *mark, const struct message *m)
{
    (void)self;
    (void)mark;
    (void)m;
}

static void ignore_parked(void *self, const struct message *first)
{
    (void)self;
    (void)first;
}

/* What only reads. Nothing is said of what it answers. */
static void read_all(struct store *s)
{
    struct load_item item = {.id = "1"};
    struct place place;
    struct span value, account = span_of("a"), id = span_of(item.id);
    struct found found;
    enum store_state state;
    uint64_t number;
    store_find(s, account, id, &state, &item.m, &found.f, &number);
    store_first(s, account, LANE_BULK, TIMED_NOW, &place);
    store_first_parked(s, account, span_of("o1"), &place);
    store_first_held(s, store_hold_name(HOLD_TASK, account, id), &place);
    store_read(s, 1, &item.m);
    store_look(s, 1, &found);
    store_find_seq(s, account, id, &number);
    store_first_over(s, OVER_EXPIRED, INT64_MAX, &number);
    for (int path = WALK_LIVE; path <= WALK_SETTLED; path++) {
        struct walk walk = {.path = (enum walk_path)path, .account = account, .openid = id, .task = id};
        for (int i = 0; i < 100 && store_walk_next(s, &walk, &number) == STORE_OK; i++)
            continue;
    }
    store_count_due(s, TIMED_NOW, INT64_MAX - 1, 100);
    store_meta_read(s, "turn", &value);
    store_last_order_ms(s, account);
    store_index_left(s);
    store_count_held(s, 1, 100);
    store_next_seq(s);
    store_counts(s);
    store_bytes_used(s);
    store_disk_free(s);
    store_forget_dead_readers(s);
    store_bytes_unused(s);
    CHECK_INT(store_each_mark(s, ignore_mark, NULL), -1);
    CHECK_INT(store_each_parked(s, ignore_parked, NULL), -1);
}

static void write_all(struct store *s, const struct load *l)
{
    struct load_item item;
    struct place place = {.seq = 1};
    struct mark mark = {.seq = 1, .turn = 1};
    load_fill(l, 1, TURNS, &item);
    store_append(s, &item.m);
    store_update(s, &item.m);
    store_mark(s, &mark);
    store_take(s, &item.m, &mark);
    store_park(s, &item.m);
    store_hold(s, &item.m, 1);
    store_release(s, 1, 10);
    store_put_back(s, &item.m);
    load_settle(s, &item.m, 'D', TURNS);
    store_requeue(s, &item.m);
    store_discard_dead(s, 1);
    store_set_aside(s, item.m.account, item.m.openid, &place);
    store_forget_first_over(s, OVER_EXPIRED);
    store_forget_first_over(s, OVER_GIVEN_UP);
    store_purge(s, INT64_MAX, 100);
    store_index_step(s, 100);
    store_meta_write(s, "turn", span_of("12345678"));
}

/* A commit has failed: no other succeeds. */
static void check_is_over(struct store *s, const struct load *l, int turn)
{
    for (int i = 0; i < 2; i++) {
        CHECK_INT(store_commit(s), -1);
        load_turn(s, l, turn);
        CHECK_INT(store_commit(s), -1);
        write_all(s, l);
        read_all(s);
        CHECK_INT(store_commit(s), -1);
        disk_fail((struct disk_fault){.nth = 0}); /* healthy again, which must not help */
    }
}

/* Runs the load on a new store until something fails. Leaves a healthy disk and no open store. */
static struct outcome run(const struct load *l, struct disk_fault fault)
{
    struct outcome o = {.acknowledged = 0};
    struct buf error = {0};
    char *folder = fixture_path(STORE);
    remove_store();
    disk_watch(folder);
    disk_fail(fault);
    struct store *s = store_open(folder, FIXTURE_BYTES_MAX, &error);
    o.failed = s == NULL;
    if (s == NULL)
        CHECK_HAS(buf_str(&error), folder);
    for (int turn = 1; s != NULL && !o.failed && turn <= l->turns; turn++) {
        load_turn(s, l, turn);
        o.failed = store_commit(s) != 0;
        o.acknowledged = o.failed ? o.acknowledged : turn;
    }
    o.hits = disk.hits;
    if (s != NULL && o.failed)
        check_is_over(s, l, o.acknowledged + 1);
    disk_fail((struct disk_fault){.nth = 0});
    store_close(&s);
    buf_free(&error);
    free(folder);
    return o;
}

static void check_again(const struct load *l, const struct outcome *o, uint64_t n)
{
    struct store *s = fixture_open(STORE);
    int turn = load_last_turn(s);
    CHECK(turn >= o->acknowledged && turn <= o->acknowledged + (o->failed ? 1 : 0));
    load_check(s, l, turn);
    int last = n % N_STEP == 0 || turn == l->turns ? l->turns : turn + 1;
    while (turn < last) {
        load_turn(s, l, ++turn);
        CHECK_INT(store_commit(s), 0);
    }
    fixture_reopen(&s, STORE);
    load_check(s, l, last);
    store_close(&s);
}

/* Opens a whole store on a disk that fails then. Returns -1 when there was no such call any more. */
static int open_again(const struct load *l, struct disk_fault fault)
{
    struct buf error = {0};
    char *folder = fixture_path(STORE);
    disk_fail(fault);
    struct store *s = store_open(folder, FIXTURE_BYTES_MAX, &error);
    uint64_t hits = disk.hits;
    CHECK(s != NULL || hits > 0);
    if (s == NULL)
        CHECK_HAS(buf_str(&error), folder);
    disk_fail((struct disk_fault){.nth = 0});
    store_close(&s);
    s = fixture_open(STORE);
    load_check(s, l, l->turns);
    store_close(&s);
    buf_free(&error);
    free(folder);
    return hits > 0 ? 0 : -1;
}

/* Leaves a whole store behind. Returns how many calls there were to fail. */
static uint64_t run_series(const struct load *l, struct disk_fault fault)
{
    static const char *const names[DISK_CALLS] = {"write", "grow", "meta", "sync", "memory", "open"};
    int may_pass = fault.call == DISK_MEMORY || fault.call == DISK_OPEN;
    uint64_t tolerated = 0;
    for (fault.nth = 1;; fault.nth++) {
        struct outcome o = run(l, fault);
        if (o.hits == 0) {
            CHECK(!o.failed);
            break;
        }
        CHECK(o.failed || may_pass);
        tolerated += o.failed ? 0 : 1;
        check_again(l, &o, fault.nth);
    }
    printf("call=%s error=\"%s\" harm=%d for_ever=%d calls=%" PRIu64 " tolerated=%" PRIu64 "\n",
           names[fault.call], strerror(fault.error), fault.harm, fault.for_ever, fault.nth - 1, tolerated);
    return fault.nth - 1;
}

int main(void)
{
    static struct load load;
    uint64_t calls[DISK_CALLS] = {0};
    CHECK_INT(log_open(&(struct log_options){.program = "test", .path = "/dev/null"}), 0);
    load_begin(&load, SEED, TURNS);
    disk_install();
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (int for_ever = 0; for_ever <= 1; for_ever++) {
            struct disk_fault fault = faults[i];
            fault.for_ever = for_ever;
            calls[fault.call] = run_series(&load, fault);
            for (fault.nth = 1; open_again(&load, fault) == 0;)
                fault.nth++;
        }
    CHECK(calls[DISK_WRITE] >= 2 * TURNS); /* pages and a meta page for each turn */
    CHECK(calls[DISK_META] >= TURNS);
    CHECK(calls[DISK_SYNC] >= TURNS);
    CHECK(calls[DISK_GROW] > 2);
    CHECK(calls[DISK_MEMORY] > 100);
    CHECK(calls[DISK_OPEN] >= 3);
    return 0;
}
