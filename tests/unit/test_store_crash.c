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

#define ROUNDS       30
#define TURN_OPS_MAX 20
#define TURNS_MAX    40 /* told in one round before the kill */
#define MESSAGES_MAX 20000
#define SPIN_US_MAX  2000
#define OPENIDS      7
#define STORE        "crash"

enum where { GONE, WAITING, PARKED, HELD_BACK, OUT, SETTLED, BURIED, DISCARDED, WHERES };

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
    snprintf(openid, sizeof openid, "o%" PRIu64, t->last % OPENIDS);
    t->last = fixture_add(s, "a", id, openid);
    change(t, turn, t->last, WAITING);
}

static void move_waiting(struct store *s, struct table *t, struct turn *turn, uint64_t seq, uint64_t random)
{
    struct message m = fixture_read(s, seq);
    if (random % 3 == 0) {
        store_park(s, &m);
        change(t, turn, seq, PARKED);
    } else if (random % 3 == 1) {
        store_hold(s, &m, store_hold_name(HOLD_TEMPLATE, m.account, m.key));
        change(t, turn, seq, HELD_BACK);
    } else {
        fixture_take(s, seq);
        change(t, turn, seq, OUT);
    }
}

static void move_out(struct store *s, struct table *t, struct turn *turn, uint64_t seq, uint64_t random)
{
    if (random % 3 == 0) {
        struct message m = fixture_read(s, seq);
        store_put_back(s, &m);
        change(t, turn, seq, WAITING);
        return;
    }
    fixture_settle(s, seq, random % 3 == 1 ? STATE_SENT : STATE_DEAD);
    change(t, turn, seq, random % 3 == 1 ? SETTLED : BURIED);
}

static void move_dead(struct store *s, struct table *t, struct turn *turn, uint64_t seq, uint64_t random)
{
    struct message m = fixture_read(s, seq);
    if (random % 2 == 0) {
        store_requeue(s, &m);
        change(t, turn, seq, WAITING);
        return;
    }
    CHECK_INT(store_discard_dead(s, seq), 0);
    change(t, turn, seq, DISCARDED);
}

/* The first of the hold goes back to the queue, whichever that is; or to those parked that it stands before. */
static void release(struct store *s, struct table *t, struct turn *turn)
{
    uint64_t hold = store_hold_name(HOLD_TEMPLATE, span_of("a"), span_of("paid"));
    struct place place;
    if (store_first_held(s, hold, &place) != STORE_OK)
        return;
    struct found found;
    CHECK_U64(store_release(s, hold, 1), 1);
    CHECK_INT(store_look(s, place.seq, &found), STORE_OK);
    CHECK(found.standing == STANDS_QUEUED || found.standing == STANDS_PARKED);
    change(t, turn, place.seq, found.standing == STANDS_PARKED ? PARKED : WAITING);
}

/* Moves a random message on from where it stands. */
static void move(struct store *s, struct table *t, struct turn *turn, uint64_t random)
{
    uint64_t seq = t->last - random % (t->last < 100 ? t->last : 100), dice = random >> 32;
    switch (t->where[seq]) {
    case WAITING:
        move_waiting(s, t, turn, seq, dice);
        return;
    case PARKED:
        fixture_take(s, seq);
        change(t, turn, seq, OUT);
        return;
    case HELD_BACK:
        release(s, t, turn);
        return;
    case OUT:
        move_out(s, t, turn, seq, dice);
        return;
    case BURIED:
        move_dead(s, t, turn, seq, dice);
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
        store_index_step(s, hex_random(&random) % 20);
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
    static const enum store_state states[WHERES] = {STATE_NONE, STATE_WAITING, STATE_WAITING, STATE_WAITING,
                                                    STATE_OUT,  STATE_SENT,    STATE_DEAD,    STATE_DEAD};
    static const enum standing standings[WHERES] = {
        [WAITING] = STANDS_QUEUED, [PARKED] = STANDS_PARKED, [HELD_BACK] = STANDS_HELD, [OUT] = STANDS_OUT};
    char id[24];
    struct found found;
    enum where where = (enum where)t->where[seq];
    snprintf(id, sizeof id, "%" PRIu64, seq);
    return store_look(s, seq, &found) == (where == GONE ? STORE_NONE : STORE_OK) &&
           found.standing == standings[where] && found.state == states[where] &&
           found.has_message == (where != GONE && where != SETTLED && where != DISCARDED) &&
           fixture_state(s, "a", id) == states[where];
}

static uint64_t count(const struct table *t, enum where where)
{
    uint64_t n = 0;
    for (uint64_t seq = 1; seq <= t->last; seq++)
        n += t->where[seq] == where;
    return n;
}

/* 1 when the counts are those of the table. */
static int counts_are(struct store *s, const struct table *t)
{
    struct store_counts counts = store_counts(s);
    uint64_t dead = count(t, BURIED);
    return fixture_queued(s) == count(t, WAITING) && counts.parked == count(t, PARKED) &&
           counts.held == count(t, HELD_BACK) && counts.out == count(t, OUT) && counts.dead == dead &&
           counts.settled == count(t, SETTLED) + count(t, DISCARDED) + dead;
}

/* The index may be behind; what it brings up is the whole of each recipient. */
static void check_index(struct store *s, const struct table *t)
{
    uint64_t met = 0, seq;
    while (store_index_step(s, 1000) > 0)
        continue;
    for (int i = 0; i < OPENIDS; i++) {
        char openid[24];
        snprintf(openid, sizeof openid, "o%d", i);
        struct walk w = {.path = WALK_RECIPIENT, .account = span_of("a"), .openid = span_of(openid)};
        for (; store_walk_next(s, &w, &seq) == STORE_OK; met++)
            CHECK_INT((seq - 1) % OPENIDS, i);
    }
    CHECK_U64(met, t->last);
}

static void check_store(struct store *s, const struct table *t)
{
    for (uint64_t seq = 1; seq <= t->last; seq++)
        CHECK(is_as(s, t, seq));
    CHECK(is_as(s, t, t->last + 1));
    CHECK(counts_are(s, t));
    check_index(s, t);
}

/* 1 when the store holds the turn in which the child was killed. */
static int holds_open_turn(struct store *s, const struct told *told, struct table *with)
{
    *with = *told->durable;
    apply(with, &told->open);
    if (!counts_are(s, with))
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
