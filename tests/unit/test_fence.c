/* The fence as a table: each scenario is a row of calls with what they have to answer. The random walk is in
 * test_fence_model.c. */
#include "broker/fence.h"

#include "tests/unit/test.h"

#define LEASE_MS 1000

enum call { END, EXPECT, JOIN, LEAVE, HEAR, ANSWER, RAISE, CLOSE, SILENT, EXCUSE, LIVING, FATE, OWES };

/* EXPECT, JOIN, HEAR: a = epoch, b = time. LEAVE, LIVING, OWES: a = epoch. ANSWER: a = epoch, b = generation.
 * SILENT: b = time. EXCUSE: b = ms. FATE: a = the job's sender, b = its generation, c = held. RAISE: gives
 * the new generation. */
struct step {
    enum call call;
    uint64_t a;
    int64_t b;
    uint64_t c;
    int64_t expected;
};

#define STEPS_MAX 40

static const struct scenario {
    const char *name;
    struct step steps[STEPS_MAX];
} scenarios[] = {
    {"nobody is there: it closes at once, and only once",
     {{CLOSE, 0, 0, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {CLOSE, 0, 0, 0, 1},
      {CLOSE, 0, 0, 0, 0},
      {FATE, 5, 10, 0, FATE_UNKNOWN}}},

    {"every member has to answer",
     {{JOIN, 1, 0, 0, 0},
      {JOIN, 2, 0, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {CLOSE, 0, 0, 0, 0},
      {ANSWER, 1, 11, 0, 1},
      {CLOSE, 0, 0, 0, 0},
      {ANSWER, 2, 11, 0, 1},
      {CLOSE, 0, 0, 0, 1},
      {CLOSE, 0, 0, 0, 0}}},

    {"what a sender holds stays, what it does not hold goes back",
     {{JOIN, 1, 0, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {ANSWER, 1, 11, 0, 1},
      {CLOSE, 0, 0, 0, 1},
      {FATE, 1, 10, 11, FATE_STAYS},
      {FATE, 1, 10, 10, FATE_BACK},
      {FATE, 1, 10, 0, FATE_BACK},
      {FATE, 1, 3, 0, FATE_BACK}}},

    {"a job that was given out under the fence's own generation is left alone, whoever has it",
     {{JOIN, 1, 0, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {ANSWER, 1, 11, 0, 1},
      {CLOSE, 0, 0, 0, 1},
      {FATE, 1, 11, 0, FATE_STAYS},
      {FATE, 2, 11, 0, FATE_STAYS}}},

    {"a sender said goodbye: what it had may have been sent",
     {{JOIN, 1, 0, 0, 0},
      {JOIN, 2, 0, 0, 0},
      {LEAVE, 1, 0, 0, 1},
      {LEAVE, 1, 0, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {ANSWER, 1, 11, 0, 0},
      {CLOSE, 0, 0, 0, 0},
      {ANSWER, 2, 11, 0, 1},
      {CLOSE, 0, 0, 0, 1},
      {FATE, 1, 10, 0, FATE_UNKNOWN},
      {FATE, 1, 10, 11, FATE_UNKNOWN},
      {FATE, 2, 10, 11, FATE_STAYS}}},

    {"one that falls silent is found after the limit, not at it, and only then the fence closes without it",
     {{JOIN, 1, 100, 0, 0},
      {JOIN, 2, 100, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {ANSWER, 1, 11, 0, 1},
      {HEAR, 1, 900, 0, 0},
      {SILENT, 0, 1100, 0, 0},
      {SILENT, 0, 1101, 0, 2},
      {LEAVE, 2, 0, 0, 1},
      {SILENT, 0, 1101, 0, 0},
      {RAISE, 0, 0, 0, 12},
      {CLOSE, 0, 0, 0, 0},
      {ANSWER, 1, 12, 0, 1},
      {CLOSE, 0, 0, 0, 1},
      {FATE, 2, 10, 0, FATE_UNKNOWN}}},

    {"several silent ones are found one after the other",
     {{JOIN, 1, 0, 0, 0},
      {JOIN, 2, 5000, 0, 0},
      {EXPECT, 3, 0, 0, 0},
      {SILENT, 0, 5000, 0, 1},
      {LEAVE, 1, 0, 0, 1},
      {SILENT, 0, 5000, 0, 3},
      {LEAVE, 3, 0, 0, 1},
      {SILENT, 0, 5000, 0, 0}}},

    {"it comes back under its old epoch while the fence is open: it answers like the others",
     {{JOIN, 1, 0, 0, 0},
      {LEAVE, 1, 0, 0, 1},
      {RAISE, 0, 0, 0, 11},
      {HEAR, 1, 50, 0, -1},
      {JOIN, 1, 60, 0, 0},
      {CLOSE, 0, 0, 0, 0},
      {ANSWER, 1, 11, 0, 1},
      {CLOSE, 0, 0, 0, 1},
      {FATE, 1, 10, 11, FATE_STAYS}}},

    {"it comes back under a new epoch: the old one is gone with what it had",
     {{JOIN, 1, 0, 0, 0},
      {LEAVE, 1, 0, 0, 1},
      {RAISE, 0, 0, 0, 11},
      {JOIN, 7, 60, 0, 0},
      {ANSWER, 7, 11, 0, 1},
      {CLOSE, 0, 0, 0, 1},
      {FATE, 1, 10, 0, FATE_UNKNOWN},
      {LIVING, 1, 0, 0, 0},
      {LIVING, 7, 0, 0, 1}}},

    {"one that joins in the middle of a fence has to answer it too",
     {{JOIN, 1, 0, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {ANSWER, 1, 11, 0, 1},
      {JOIN, 2, 10, 0, 0},
      {CLOSE, 0, 0, 0, 0},
      {ANSWER, 2, 11, 0, 1},
      {CLOSE, 0, 0, 0, 1}}},

    {"one that joins while none is open may answer and changes nothing",
     {{JOIN, 1, 0, 0, 0},
      {ANSWER, 1, 10, 0, 1},
      {CLOSE, 0, 0, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {CLOSE, 0, 0, 0, 0}}},

    {"answers of older and of later generations count for nothing",
     {{JOIN, 1, 0, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {RAISE, 0, 0, 0, 12},
      {ANSWER, 1, 11, 0, 0},
      {ANSWER, 1, 13, 0, 0},
      {ANSWER, 1, 0, 0, 0},
      {CLOSE, 0, 0, 0, 0},
      {ANSWER, 1, 12, 0, 1},
      {CLOSE, 0, 0, 0, 1}}},

    {"a second fence before the first is done: who had answered answers again",
     {{JOIN, 1, 0, 0, 0},
      {JOIN, 2, 0, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {ANSWER, 1, 11, 0, 1},
      {RAISE, 0, 0, 0, 12},
      {ANSWER, 2, 11, 0, 0},
      {ANSWER, 2, 12, 0, 1},
      {CLOSE, 0, 0, 0, 0},
      {ANSWER, 1, 12, 0, 1},
      {CLOSE, 0, 0, 0, 1},
      {FATE, 1, 10, 11, FATE_BACK},
      {FATE, 1, 10, 12, FATE_STAYS},
      {FATE, 1, 11, 0, FATE_BACK}}},

    {"answering twice is answering once",
     {{JOIN, 1, 0, 0, 0},
      {JOIN, 2, 0, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {ANSWER, 1, 11, 0, 1},
      {ANSWER, 1, 11, 0, 1},
      {CLOSE, 0, 0, 0, 0},
      {ANSWER, 2, 11, 0, 1},
      {CLOSE, 0, 0, 0, 1},
      {ANSWER, 2, 11, 0, 1},
      {CLOSE, 0, 0, 0, 0}}},

    {"the broker restarts: those it remembers have to join first or to be lost",
     {{EXPECT, 1, 0, 0, 0},          {EXPECT, 2, 0, 0, 0},
      {EXPECT, 1, 0, 0, 0},          {RAISE, 0, 0, 0, 11},
      {CLOSE, 0, 0, 0, 0},           {LIVING, 1, 0, 0, 0},
      {HEAR, 1, 10, 0, -1},          {ANSWER, 1, 11, 0, 0},
      {JOIN, 1, 20, 0, 0},           {LIVING, 1, 0, 0, 1},
      {ANSWER, 1, 11, 0, 1},         {CLOSE, 0, 0, 0, 0},
      {HEAR, 1, 900, 0, 0},          {SILENT, 0, 1001, 0, 2},
      {LEAVE, 2, 0, 0, 1},           {RAISE, 0, 0, 0, 12},
      {ANSWER, 1, 12, 0, 1},         {CLOSE, 0, 0, 0, 1},
      {FATE, 1, 10, 12, FATE_STAYS}, {FATE, 2, 10, 0, FATE_UNKNOWN},
      {FATE, 9, 10, 0, FATE_UNKNOWN}}},

    {"what was expected is not living, so what it had is never given back as not begun",
     {{EXPECT, 1, 0, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {FATE, 1, 10, 0, FATE_UNKNOWN},
      {JOIN, 1, 0, 0, 0},
      {FATE, 1, 10, 0, FATE_BACK}}},

    {"the broker stood still: nobody is blamed for that time",
     {{JOIN, 1, 0, 0, 0},
      {EXPECT, 2, 0, 0, 0},
      {EXCUSE, 0, 5000, 0, 0},
      {SILENT, 0, 6000, 0, 0},
      {SILENT, 0, 6001, 0, 1},
      {HEAR, 1, 6001, 0, 0},
      {SILENT, 0, 6001, 0, 2}}},

    {"a member owes an open fence an answer, until it has given it",
     {{JOIN, 1, 0, 0, 0},
      {EXPECT, 2, 0, 0, 0},
      {OWES, 1, 0, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {OWES, 1, 0, 0, 1},
      {OWES, 2, 0, 0, 1},
      {OWES, 3, 0, 0, 0},
      {ANSWER, 1, 11, 0, 1},
      {OWES, 1, 0, 0, 0},
      {RAISE, 0, 0, 0, 12},
      {OWES, 1, 0, 0, 1},
      {LEAVE, 2, 0, 0, 1},
      {OWES, 2, 0, 0, 0},
      {ANSWER, 1, 12, 0, 1},
      {CLOSE, 0, 0, 0, 1},
      {JOIN, 3, 0, 0, 0},
      {OWES, 3, 0, 0, 0}}},

    {"leaving keeps the others as they are",
     {{JOIN, 1, 10, 0, 0},
      {JOIN, 2, 20, 0, 0},
      {JOIN, 3, 30, 0, 0},
      {RAISE, 0, 0, 0, 11},
      {ANSWER, 3, 11, 0, 1},
      {LEAVE, 1, 0, 0, 1},
      {LIVING, 2, 0, 0, 1},
      {LIVING, 3, 0, 0, 1},
      {CLOSE, 0, 0, 0, 0},
      {ANSWER, 2, 11, 0, 1},
      {CLOSE, 0, 0, 0, 1},
      {SILENT, 0, 1021, 0, 2},
      {LEAVE, 4, 0, 0, 0},
      {HEAR, 4, 0, 0, -1},
      {LIVING, 4, 0, 0, 0}}},
};

static int64_t do_step(struct fence *f, const struct step *s)
{
    switch (s->call) {
    case EXPECT:
        fence_expect(f, s->a, s->b);
        return 0;
    case JOIN:
        return fence_join(f, s->a, s->b);
    case LEAVE:
        return fence_leave(f, s->a);
    case HEAR:
        return fence_hear(f, s->a, s->b);
    case ANSWER:
        return fence_answer(f, s->a, (uint64_t)s->b);
    case RAISE:
        fence_raise(f);
        return (int64_t)f->generation;
    case CLOSE:
        return fence_try_close(f);
    case SILENT:
        return (int64_t)fence_find_silent(f, s->b, LEASE_MS);
    case EXCUSE:
        fence_excuse(f, s->b);
        return 0;
    case LIVING:
        return fence_is_living(f, s->a);
    case OWES:
        return fence_owes(f, s->a);
    case FATE:
        return fence_fate(f, (uint64_t)s->b, s->a, s->c);
    default:
        return -2;
    }
}

static void test_scenarios(void)
{
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        struct fence f;
        fence_init(&f, 10);
        for (size_t n = 0; n < STEPS_MAX && scenarios[i].steps[n].call != END; n++) {
            const struct step *s = &scenarios[i].steps[n];
            int64_t got = do_step(&f, s);
            if (got != s->expected)
                fprintf(stderr, "in scenario: %s, step %zu\n", scenarios[i].name, n + 1);
            CHECK_INT(got, s->expected);
        }
    }
}

static void test_full_table(void)
{
    struct fence f;
    fence_init(&f, 1);
    for (uint64_t epoch = 1; epoch <= FENCE_MEMBERS_MAX; epoch++)
        CHECK_INT(fence_join(&f, epoch, 0), 0);
    CHECK_INT(fence_join(&f, 1000, 0), -1);
    CHECK_INT(fence_join(&f, 1, 0), 0); /* one that is there */
    fence_expect(&f, 1000, 0);
    CHECK_INT(fence_is_living(&f, 1000), 0);
    CHECK_INT(fence_leave(&f, 1000), 0);
    CHECK_INT(fence_leave(&f, 128), 1);
    CHECK_INT(fence_join(&f, 1000, 0), 0);
    CHECK_INT(fence_is_living(&f, FENCE_MEMBERS_MAX), 1);
}

int main(void)
{
    test_scenarios();
    test_full_table();
    return 0;
}
