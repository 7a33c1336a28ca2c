/* The rescue of a store: out of files in which pages were overwritten, bits changed, or that were cut, with fixed seeds.
 *
 *   test_store_salvage [SEEDS [FIRST]]
 */
#include "tests/unit/salvage_world.h"

/* --- tests -------------------------------------------------------------------------------------------------------- */

/* Nothing is damaged: everything is as it was. */
static void test_whole(const struct world *w)
{
    struct damage d = damage_begin(w);
    damage_write(&d, "whole");
    compare(w, &d, "whole", "whole-new");
    struct salvage_result r = salvage("whole", "whole-again");
    CHECK_INT(r.has_state && r.is_newest && r.is_free_known && r.are_fates_whole, 1);
    CHECK_U64(r.pages_bad + r.unreadable + r.lost + r.unknown, 0);
    struct store *s = fixture_open("whole-new");
    for (uint64_t seq = 1; seq <= MESSAGES_MADE; seq++) {
        struct found f;
        enum store_answer answer = store_look(s, seq, &f);
        CHECK_INT(answer == STORE_OK ? f.state : STATE_NONE, w->truths[seq].state);
    }
    store_close(&s);
    damage_free(&d);
}

/* Of what waited at least so many of a hundred wait. */
static void check_waiting(const struct world *w, uint64_t seed, uint64_t percent)
{
    char name[32];
    uint64_t waiting = 0;
    snprintf(name, sizeof name, "to-%" PRIu64, seed);
    for (uint64_t seq = 1; seq <= MESSAGES_MADE; seq++)
        waiting += w->truths[seq].state == STATE_WAITING;
    struct store *s = fixture_open(name);
    CHECK(fixture_queued(s) * 100 >= waiting * percent);
    store_close(&s);
}

/* Each page that everything begins with, alone and together. As long as one way is left to tell what is in use, what waited waits. */
static void test_beginnings(const struct world *w)
{
    const uint64_t pages[] = {w->newest_meta, !w->newest_meta, w->main_root, w->free_root};
    static const struct {
        unsigned hit; /* bits of `pages` */
        uint64_t percent;
    } rows[] = {{1, 90}, {2, 95}, {3, 90}, {4, 100}, {8, 100}, {12, 0}, {5, 0}, {9, 0}, {15, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (int64_t kind = 0; kind < 2; kind++) {
            uint64_t which[4], seed = 1000 + 10 * i + (uint64_t)kind;
            size_t count = 0;
            for (size_t j = 0; j < 4; j++)
                if (rows[i].hit >> j & 1)
                    which[count++] = pages[j];
            try_damage(w, seed, count, kind, which);
            check_waiting(w, seed, rows[i].percent);
        }
    }
}

/* One bit, in a great many pages: what has a checksum shows it, what has none (keys, the list of free pages, meta pages) is compared. */
static void test_bits(const struct world *w, uint64_t first, uint64_t times)
{
    for (uint64_t i = 0; i < times; i++) {
        uint64_t which[64], seed = first + 10 * i, random = seed;
        size_t count = 0;
        try_damage(w, seed, 20 + 5 * (i % 30), KIND_BIT, NULL);
        for (uint64_t page = 2; page < w->pages && count < 64; page++)
            if (w->is_fate[page])
                which[count++] = page;
        try_damage(w, seed + 1, count, KIND_BIT, which);
        try_damage(w, seed + 2, 1, KIND_BIT, &w->free_root);
        which[0] = world_dice(&random, 2);
        try_damage(w, seed + 3, 1, KIND_HEAD, which);
    }
}

/* A file that was cut. */
static void test_cut(const struct world *w, uint64_t number)
{
    for (uint64_t i = 1; i < 16; i++) {
        char from[32], to[32];
        struct damage d = damage_begin(w);
        uint64_t keeps = w->pages * i / 16;
        snprintf(from, sizeof from, "cut-%d-%d", (int)number, (int)i);
        snprintf(to, sizeof to, "uncut-%d-%d", (int)number, (int)i);
        memset(d.is_hit + keeps, 1, w->pages - keeps);
        d.file.bytes = keeps * PAGE + 100;
        damage_write(&d, from);
        compare(w, &d, from, to);
        damage_free(&d);
    }
}

int main(int argc, char **argv)
{
    uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 50, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    for (uint64_t number = first; number < first + 2; number++) {
        struct world *w = make_world(number), *other = make_world(number + 30);
        test_cut(w, number);
        test_cut(other, number + 30);
        if (number == first) {
            test_whole(w);
            test_beginnings(w);
            test_bits(w, 3000, 30);
        }
        if (argc > 1)
            test_bits(w, number * 100000 + 50000, seeds / 4);
        for (uint64_t seed = 1; seed <= seeds; seed++)
            try_damage(w, number * 100000 + seed, 1 + seed % 40, -1, NULL);
        world_free(&w);
        world_free(&other);
    }
    return 0;
}
