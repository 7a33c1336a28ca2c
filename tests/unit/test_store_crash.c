/* A store whose process is killed: a child writes and commits in a loop and tells each turn through a pipe,
 * what it is about to commit before and that it is durable after; it is killed with -9 at a random moment.
 * Then the store must hold every turn that was told durable, and the one it was killed in wholly or not at
 * all; each message stands in exactly one place.
 *
 * Fixed seeds; the moments themselves differ from run to run. Written against broker/store.h alone.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "tests/unit/store_fixture.h"

#define ROUNDS       50
#define TURN_OPS_MAX 20
#define TURNS_MAX    40 /* told in one round before the kill */
#define MESSAGES_MAX 20000
#define SPIN_US_MAX  2000
#define STORE        "crash"

enum where { GONE, WAITING, PARKED, OUT, SETTLED };

/* What goes through the pipe: a change of one message, or the end of a turn. */
struct note {
    uint64_t seq;  /* 0: the end of a turn */
    uint64_t what; /* enum where; of an end: TOLD or DURABLE */
};

enum { TOLD = 1, DURABLE = 2 };

struct table {
    uint8_t where[MESSAGES_MAX + 1]; /* by seq */
    uint64_t last;
};

struct turn {
    struct note notes[TURN_OPS_MAX + 1];
    size_t count;
};

/* --- the child
 * ---------------------------------------------------------------------------------------------------- */

static void change(struct table *t, struct turn *turn, uint64_t seq, enum where where)
{
    t->where[seq] = (uint8_t)where;
    turn->notes[turn->count++] = (struct note){seq, (uint64_t)where};
}

static void append(struct store *s, struct table *t, struct turn *turn)
{
    char id[24], openid[24];
    if (t->last == MESSAGES_MAX)
        return;
    snprintf(id, sizeof id, "%" PRIu64, t->last + 1);
    snprintf(openid, sizeof openid, "o%" PRIu64, t->last % 7);
    t->last = fixture_add(s, "a", id, openid);
    change(t, turn, t->last, WAITING);
}

/* Moves a random message on from where it stands. */
static void move(struct store *s, struct table *t, struct turn *turn, uint64_t random)
{
    uint64_t seq = t->last - random % (t->last < 100 ? t->last : 100);
    struct message m;
    switch (t->where[seq]) {
    case WAITING:
        if (random >> 32 & 1) {
            fixture_park(s, seq);
            change(t, turn, seq, PARKED);
            return;
        }
        fixture_take(s, seq);
        change(t, turn, seq, OUT);
        return;
    case PARKED:
        fixture_take(s, seq);
        change(t, turn, seq, OUT);
        return;
    case OUT:
        if (random >> 32 & 1) {
            m = fixture_read(s, seq);
            store_put_back(s, &m);
            change(t, turn, seq, WAITING);
            return;
        }
        fixture_settle(s, seq, STATE_SENT);
        change(t, turn, seq, SETTLED);
        return;
    default:
        append(s, t, turn);
    }
}

/* Writes of this size into a pipe are never cut in two (PIPE_BUF). */
static void tell(int fd, const void *data, size_t bytes)
{
    if (write(fd, data, bytes) != (ssize_t)bytes)
        _exit(3);
}

static _Noreturn void run_child(struct table *t, int fd, uint64_t random)
{
    const struct note durable = {0, DURABLE};
    struct store *s = fixture_open(STORE);
    for (;;) {
        struct turn turn = {.count = 0};
        uint64_t ops = 1 + hex_random(&random) % TURN_OPS_MAX;
        for (uint64_t i = 0; i < ops; i++) {
            uint64_t dice = hex_random(&random);
            if (t->last == 0 || dice % 3 == 0)
                append(s, t, &turn);
            else
                move(s, t, &turn, dice);
        }
        turn.notes[turn.count++] = (struct note){0, TOLD};
        tell(fd, turn.notes, turn.count * sizeof *turn.notes);
        if (store_commit(s) != 0)
            _exit(4);
        tell(fd, &durable, sizeof durable);
    }
}

/* --- the parent
 * --------------------------------------------------------------------------------------------------- */

struct told {
    struct table *durable; /* what must be there */
    struct turn open;      /* the turn that was told last and not yet called durable */
    int is_whole;          /* its end was told, so its commit may have begun */
    int turns;
};

static void apply(struct table *t, const struct turn *turn)
{
    for (size_t i = 0; i < turn->count; i++) {
        t->where[turn->notes[i].seq] = (uint8_t)turn->notes[i].what;
        if (turn->notes[i].seq > t->last)
            t->last = turn->notes[i].seq;
    }
}

static void take_note(struct told *told, const struct note *note)
{
    if (note->seq > 0) {
        CHECK(!told->is_whole && told->open.count < TURN_OPS_MAX && note->seq <= MESSAGES_MAX);
        told->open.notes[told->open.count++] = *note;
    } else if (note->what == TOLD) {
        told->is_whole = 1;
    } else {
        apply(told->durable, &told->open);
        told->open.count = 0;
        told->is_whole = 0;
        told->turns++;
    }
}

/* Reads one note. Returns 0 at the end of the pipe. */
static int read_note(int fd, struct note *note)
{
    char *at = (char *)note;
    size_t got = 0;
    while (got < sizeof *note) {
        ssize_t n = read(fd, at + got, sizeof *note - got);
        if (n == 0)
            return 0;
        CHECK(n > 0 || errno == EINTR);
        got += n > 0 ? (size_t)n : 0;
    }
    return 1;
}

/* Lets some moment pass without giving the processor away. */
static void spin(uint64_t us)
{
    int64_t until_us = clock_mono_us() + (int64_t)us;
    while (clock_mono_us() < until_us)
        continue;
}

static void kill_at_random(pid_t child, int fd, struct told *told, uint64_t *random)
{
    int turns = (int)(hex_random(random) % TURNS_MAX);
    struct note note;
    int status;
    while (told->turns < turns && read_note(fd, &note))
        take_note(told, &note);
    spin(hex_random(random) % SPIN_US_MAX);
    CHECK_INT(kill(child, SIGKILL), 0);
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status)); /* it did not end by itself */
    while (read_note(fd, &note))
        take_note(told, &note);
}

static int is_as(struct store *s, const struct table *t, uint64_t seq)
{
    static const enum store_state states[] = {STATE_NONE, STATE_WAITING, STATE_WAITING, STATE_OUT,
                                              STATE_SENT};
    char id[24];
    struct message m;
    enum where where = (enum where)t->where[seq];
    snprintf(id, sizeof id, "%" PRIu64, seq);
    int kept = where != GONE && where != SETTLED;
    return fixture_state(s, "a", id) == states[where] &&
           store_read(s, seq, &m) == (kept ? STORE_OK : STORE_NONE);
}

static uint64_t count(const struct table *t, enum where where)
{
    uint64_t n = 0;
    for (uint64_t seq = 1; seq <= t->last; seq++)
        n += t->where[seq] == where;
    return n;
}

static void check_store(struct store *s, const struct table *t)
{
    for (uint64_t seq = 1; seq <= t->last; seq++)
        CHECK(is_as(s, t, seq));
    CHECK(is_as(s, t, t->last + 1));
    fixture_counts(s, count(t, WAITING), count(t, PARKED), count(t, OUT), count(t, SETTLED), 0);
}

/* 1 when the store holds the turn in which the child was killed. */
static int holds_open_turn(struct store *s, const struct told *told, struct table *with)
{
    *with = *told->durable;
    apply(with, &told->open);
    struct store_counts counts = store_counts(s);
    /* The counts tell a parked message from a waiting one, which its state does not. */
    if (counts.waiting != count(with, WAITING) || counts.parked != count(with, PARKED) ||
        counts.out != count(with, OUT) || counts.settled != count(with, SETTLED))
        return 0;
    for (uint64_t seq = 1; seq <= with->last; seq++)
        if (!is_as(s, with, seq))
            return 0;
    return 1;
}

static void do_round(struct table *durable, uint64_t *random)
{
    static struct table with;
    struct told told = {.durable = durable};
    int ends[2];
    CHECK_INT(pipe(ends), 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(ends[0]);
        run_child(durable, ends[1], hex_random(random));
    }
    close(ends[1]);
    kill_at_random(child, ends[0], &told, random);
    hex_random(random);
    close(ends[0]);
    struct store *s = fixture_open(STORE);
    if (told.is_whole && holds_open_turn(s, &told, &with))
        *durable = with;
    check_store(s, durable);
    store_close(&s);
}

int main(void)
{
    struct table *durable = mem_new(sizeof *durable);
    uint64_t random = 9501;
    test_folder(); /* made by the parent, which removes it */
    for (int i = 0; i < ROUNDS; i++)
        do_round(durable, &random);
    CHECK(durable->last > ROUNDS);
    free(durable);
    return 0;
}
