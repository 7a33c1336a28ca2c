/* The addresses of an account as a table of steps: which one a call gets, what its end makes of it, how long
 * it is left. */
#include "sender/hosts.h"
#include "tests/unit/test.h"

#define CALLS 8 /* under way at once, by their numbers */

enum what { PICK, END, MORE }; /* a call gets an address; it ends; it has another one to go to, or not */

struct step {
    int64_t now_ms;
    enum what what;
    size_t call;
    int value; /* PICK: the address; END: an enum host_end; MORE: 1 or 0 */
    enum host_news news;
    int64_t left_ms; /* END: of the address, afterwards */
};

struct world {
    struct hosts hosts;
    struct host_use uses[CALLS];
};

static void open_world(struct world *w, const char *api_base)
{
    struct conf_account account = {0};
    memset(w, 0, sizeof *w);
    snprintf(account.api_base, sizeof account.api_base, "%s", api_base);
    hosts_open(&w->hosts, &account);
}

static void expect(const char *name, size_t step, int64_t got, int64_t expected)
{
    if (got != expected)
        fprintf(stderr, "%s, step %zu:\n", name, step);
    CHECK_INT(got, expected);
}

static void run(const char *name, const char *api_base, const struct step *steps, size_t count)
{
    struct world w;
    open_world(&w, api_base);
    for (size_t i = 0; i < count; i++) {
        const struct step *step = &steps[i];
        struct host_use *use = &w.uses[step->call];
        if (step->what == PICK) {
            hosts_pick(&w.hosts, use, step->now_ms);
            expect(name, i, (int64_t)use->host, step->value);
        } else if (step->what == END) {
            expect(name, i, hosts_end(&w.hosts, use, (enum host_end)step->value, step->now_ms), step->news);
            expect(name, i, hosts_left_ms(&w.hosts, use->host), step->left_ms);
        } else {
            expect(name, i, hosts_have_other(&w.hosts, use), step->value);
        }
    }
}

#define RUN(api_base, steps) run(#steps, api_base, steps, sizeof(steps) / sizeof *(steps))

/* The call goes on at the next address, others go there at once; one call tries the first again. */
static const struct step not_sent[] = {
    {0, PICK, 0, 0, 0, 0},
    {10, END, 0, HOST_NOT_SENT, HOST_LEFT, 5000},
    {10, MORE, 0, 1, 0, 0},
    {10, PICK, 0, 1, 0, 0},
    {10, PICK, 1, 1, 0, 0},
    {20, END, 0, HOST_ANSWERED, HOST_SAME, 0},
    {5009, PICK, 2, 1, 0, 0},
    {5010, PICK, 3, 0, 0, 0}, /* tries it */
    {5010, PICK, 4, 1, 0, 0}, /* one only */
    {5020, END, 3, HOST_ANSWERED, HOST_BACK, 0},
    {5020, PICK, 5, 0, 0, 0},
};

/* 5, 10, 20 … 300 s while it keeps failing; an answer begins anew. */
static const struct step longer[] = {
    {0, PICK, 0, 0, 0, 0},      {0, END, 0, HOST_NOT_SENT, HOST_LEFT, 5000},
    {5000, PICK, 1, 0, 0, 0},   {5000, END, 1, HOST_NOT_SENT, HOST_SAME, 10000},
    {14999, PICK, 1, 1, 0, 0},  {14999, END, 1, HOST_ANSWERED, HOST_SAME, 0},
    {15000, PICK, 2, 0, 0, 0},  {15000, END, 2, HOST_MISSED, HOST_SAME, 20000}, /* one miss does for a try */
    {35000, PICK, 3, 0, 0, 0},  {35000, END, 3, HOST_MISSED, HOST_SAME, 40000},
    {75000, PICK, 4, 0, 0, 0},  {75000, END, 4, HOST_MISSED, HOST_SAME, 80000},
    {155000, PICK, 5, 0, 0, 0}, {155000, END, 5, HOST_MISSED, HOST_SAME, 160000},
    {315000, PICK, 6, 0, 0, 0}, {315000, END, 6, HOST_MISSED, HOST_SAME, 300000},
    {615000, PICK, 7, 0, 0, 0}, {615000, END, 7, HOST_MISSED, HOST_SAME, 300000},
    {915000, PICK, 7, 0, 0, 0}, {915000, END, 7, HOST_ANSWERED, HOST_BACK, 0},
    {915000, PICK, 7, 0, 0, 0}, {915000, END, 7, HOST_NOT_SENT, HOST_LEFT, 5000},
};

/* Three in a row; an answer between them begins the count anew. */
static const struct step missed[] = {
    {0, PICK, 0, 0, 0, 0},  {1, END, 0, HOST_MISSED, HOST_SAME, 0},
    {2, PICK, 0, 0, 0, 0},  {3, END, 0, HOST_MISSED, HOST_SAME, 0},
    {4, PICK, 0, 0, 0, 0},  {5, END, 0, HOST_ANSWERED, HOST_SAME, 0},
    {6, PICK, 0, 0, 0, 0},  {7, END, 0, HOST_MISSED, HOST_SAME, 0},
    {8, PICK, 0, 0, 0, 0},  {9, END, 0, HOST_DROPPED, HOST_SAME, 0},
    {10, PICK, 0, 0, 0, 0}, {11, END, 0, HOST_MISSED, HOST_SAME, 0},
    {12, PICK, 0, 0, 0, 0}, {13, END, 0, HOST_MISSED, HOST_LEFT, 5000},
    {14, PICK, 0, 1, 0, 0},
};

/* Calls that were under way when the address failed do not make its time longer; one of them that is answered, over a
 * connection of before, does not make it good either. */
static const struct step burst[] = {
    {0, PICK, 0, 0, 0, 0}, {0, PICK, 1, 0, 0, 0}, {0, PICK, 2, 0, 0, 0},
    {0, PICK, 3, 0, 0, 0}, {1, END, 0, HOST_NOT_SENT, HOST_LEFT, 5000},
    {1, END, 1, HOST_NOT_SENT, HOST_SAME, 5000}, {2, END, 2, HOST_MISSED, HOST_SAME, 5000},
    {3, PICK, 4, 1, 0, 0}, {4, END, 3, HOST_ANSWERED, HOST_SAME, 5000},
    {5, PICK, 5, 1, 0, 0}, {5001, PICK, 6, 0, 0, 0},
    {5002, END, 6, HOST_ANSWERED, HOST_BACK, 0},
};

/* The one call that tries was not made after all (a lease ran out): the next one tries. */
static const struct step dropped[] = {
    {0, PICK, 0, 0, 0, 0},    {0, END, 0, HOST_NOT_SENT, HOST_LEFT, 5000},
    {5000, PICK, 1, 0, 0, 0}, {5001, PICK, 2, 1, 0, 0},
    {5002, END, 1, HOST_DROPPED, HOST_SAME, 5000}, {5003, PICK, 3, 0, 0, 0},
};

/* All are left: the one whose time comes first, and each once a call. */
static const struct step all_left[] = {
    {0, PICK, 0, 0, 0, 0},       {100, END, 0, HOST_NOT_SENT, HOST_LEFT, 5000},
    {100, PICK, 0, 1, 0, 0},     {200, END, 0, HOST_NOT_SENT, HOST_LEFT, 5000},
    {200, PICK, 0, 2, 0, 0},     {300, END, 0, HOST_NOT_SENT, HOST_LEFT, 5000},
    {300, MORE, 0, 0, 0, 0},     {300, PICK, 1, 0, 0, 0},
    {300, END, 1, HOST_NOT_SENT, HOST_SAME, 5000}, /* was no try: its time stays */
    {300, PICK, 1, 1, 0, 0},     {300, END, 1, HOST_NOT_SENT, HOST_SAME, 5000},
    {5100, PICK, 2, 0, 0, 0},    {5100, PICK, 3, 0, 0, 0}, /* a try, and one that has nowhere else to go */
    {5110, END, 2, HOST_NOT_SENT, HOST_SAME, 10000},
    {5120, PICK, 4, 1, 0, 0},    {5130, END, 4, HOST_ANSWERED, HOST_BACK, 0},
    {5300, PICK, 5, 1, 0, 0},    {5310, END, 5, HOST_ANSWERED, HOST_SAME, 0},
};

/* There is nothing to go to: it is never left, and told of once a turn. */
static const struct step single[] = {
    {0, PICK, 0, 0, 0, 0}, {0, END, 0, HOST_NOT_SENT, HOST_SAME, 0}, {0, MORE, 0, 0, 0, 0},
    {1, PICK, 1, 0, 0, 0}, {1, END, 1, HOST_MISSED, HOST_SAME, 0},   {1, MORE, 1, 1, 0, 0},
    {2, PICK, 1, 0, 0, 0}, {2, END, 1, HOST_MISSED, HOST_SAME, 0},   {3, PICK, 1, 0, 0, 0},
    {3, END, 1, HOST_MISSED, HOST_SAME, 0}, {4, PICK, 1, 0, 0, 0},
};

static void test_count(void)
{
    struct world w;
    open_world(&w, "https://a");
    CHECK_INT(w.hosts.count, 1);
    open_world(&w, "https://a,https://b,https://c");
    CHECK_INT(w.hosts.count, 3);
    open_world(&w, "https://a,https://b,https://c,https://d,https://e,https://f,https://g,https://h");
    CHECK_INT(w.hosts.count, CONF_BASES_MAX);
    open_world(&w, "");
    CHECK_INT(w.hosts.count, 1);
}

/* The addresses change while calls are under way: what these come to says nothing of the new ones, and they may go to each of them. */
static void test_change(void)
{
    struct conf_account account = {0};
    struct world w;
    struct host_use *use = &w.uses[0], *late = &w.uses[1];
    open_world(&w, "https://a,https://b");
    hosts_pick(&w.hosts, use, 0);
    hosts_pick(&w.hosts, late, 0);
    CHECK_INT(hosts_end(&w.hosts, use, HOST_NOT_SENT, 0), HOST_LEFT);
    hosts_pick(&w.hosts, use, 0);
    CHECK_INT(use->host, 1);
    CHECK_INT(hosts_end(&w.hosts, use, HOST_NOT_SENT, 0), HOST_LEFT);
    CHECK_INT(hosts_have_other(&w.hosts, use), 0);
    snprintf(account.api_base, sizeof account.api_base, "https://a,https://b");
    hosts_change(&w.hosts, &account); /* the same: nothing is forgotten */
    CHECK_INT(hosts_left_ms(&w.hosts, 0), HOSTS_LEAVE_MS);
    CHECK_INT(hosts_have_other(&w.hosts, use), 0);
    snprintf(account.api_base, sizeof account.api_base, "https://c,https://d,https://e");
    hosts_change(&w.hosts, &account);
    CHECK_U64(w.hosts.count, 3);
    CHECK_INT(hosts_left_ms(&w.hosts, 0), 0);
    CHECK_INT(hosts_have_other(&w.hosts, use), 1);
    CHECK_INT(hosts_end(&w.hosts, late, HOST_NOT_SENT, 0), HOST_SAME); /* was at https://a */
    CHECK_INT(hosts_left_ms(&w.hosts, 0), 0);
    hosts_pick(&w.hosts, use, 0);
    CHECK_INT(use->host, 0);
    CHECK_INT(hosts_end(&w.hosts, use, HOST_NOT_SENT, 0), HOST_LEFT);
}

/* Whatever happens: a call gets each address at most once after NOT_SENT, and no address stays untried. */
static void test_random(void)
{
    struct world w;
    unsigned state = 1;
    int64_t now_ms = 0;
    uint32_t picked = 0;
    open_world(&w, "https://a,https://b,https://c");
    for (int i = 0; i < 200000; i++) {
        state = state * 1103515245 + 12345;
        struct host_use *use = &w.uses[(state >> 8) % CALLS];
        enum host_end end = (enum host_end)((state >> 16) % 4);
        now_ms += (state >> 20) % 1000;
        if (!hosts_have_other(&w.hosts, use))
            *use = (struct host_use){0};
        uint32_t before = use->not_sent;
        hosts_pick(&w.hosts, use, now_ms);
        CHECK(use->host < w.hosts.count && !(before >> use->host & 1));
        picked |= 1U << use->host;
        hosts_end(&w.hosts, use, end, now_ms);
        if (end == HOST_ANSWERED)
            CHECK_INT(hosts_left_ms(&w.hosts, use->host), 0);
        CHECK(hosts_left_ms(&w.hosts, use->host) <= HOSTS_LEAVE_MS_MAX);
    }
    CHECK_INT(picked, 7);
}

int main(void)
{
    test_count();
    RUN("https://a,https://b", not_sent);
    RUN("https://a,https://b", longer);
    RUN("https://a,https://b", missed);
    RUN("https://a,https://b", burst);
    RUN("https://a,https://b", dropped);
    RUN("https://a,https://b,https://c", all_left);
    RUN("https://a", single);
    test_change();
    test_random();
    return 0;
}
