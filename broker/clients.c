#include "broker/clients.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#define SHARE_MIN       64                /* requests of a turn that everybody may have read ahead */
#define LOOK_BYTES      (4u * 1024 * 1024) /* read of a client in a turn beyond its share, to see whether it ever ends */
#define CONTEST_US      10000             /* so long after a fair one was served greedy ones have their part of the time only */
#define COMPANY_US      1000000           /* so long after that their turns are short, so that who comes back does not wait */
#define COMPANY_WORK    512               /* requests of such a turn */
#define GREEDY_PART     10                /* one part of so many of the time */
#define GREEDY_US       1000000           /* since it had half a turn's work waiting: until a greedy one may be fair again */
#define JUDGE_US        100000            /* between looks at what everybody took */
#define HEAVY_PART      6                 /* who took more than one part of so many of that time is held */
#define GROWTH_BYTES    (128u * 1024)     /* so much more waiting than at the last look: it does not wait for answers */
#define TRUST_US_MIN    2000000           /* not held again for so long; each time for twice as long, */
#define TRUST_US_MAX    30000000          /* up to so long */
#define CREDIT_US_MAX   2000              /* of that time, saved up at most: what a fair one may have to wait longer */
#define DEBT_US_MAX     500000            /* overdrawn at most, so that after a disk that stood still they wait for some seconds only */
#define FORGET_EVERY_US 1000000
#define MILLION         1000000

struct line {
    struct client *first, *last;
};

/* A client with its name: the table's own. */
struct entry {
    struct client client;
    UT_hash_handle hh;
    char name[];
};

struct clients {
    struct clients_rules rules;
    struct entry *table;
    struct line fair, greedy;
    size_t active;         /* clients of which something is kept */
    size_t greedy_count;
    size_t bytes;          /* kept, of all */
    uint64_t turn;
    size_t sated;          /* messages of clients who have enough here, one behind the other */
    int64_t now_us;
    int fair_served;       /* a fair one was served in this turn */
    int64_t fair_us;       /* and last in the turn that ended then */
    int64_t credit_us;     /* that greedy ones may take while fair ones are at work; below 0: they took more */
    int64_t forget_us;
    struct client *held;   /* NULL: nobody is */
    struct client *heaviest; /* of those who may be held: whose work since the last look is most */
    uint64_t look;
    int64_t judged_us;     /* the last look */
    int64_t busy_us;       /* since then, with serving and commits */
    size_t used, used_fair; /* work served since then: of all, of fair ones */
};

struct clients *clients_new(void)
{
    struct clients *c = mem_new(sizeof *c);
    c->fair_us = INT64_MIN / 2;
    return c;
}

void clients_configure(struct clients *c, const struct clients_rules *rules)
{
    c->rules = *rules;
}

static void calm(struct clients *c, struct client *who)
{
    c->greedy_count -= (size_t)who->is_greedy;
    who->is_greedy = 0;
    if (c->held == who)
        c->held = NULL;
}

static void forget(struct clients *c, struct entry *e)
{
    calm(c, &e->client);
    if (c->heaviest == &e->client)
        c->heaviest = NULL;
    HASH_DEL(c->table, e);
    free(e);
}

void clients_destroy(struct clients **self, void (*drop)(struct parcel *p))
{
    struct clients *c = *self;
    struct entry *e, *next;
    if (c == NULL)
        return;
    HASH_ITER(hh, c->table, e, next)
    {
        while (e->client.first)
            drop(clients_pop(c, &e->client));
        forget(c, e);
    }
    free(c);
    *self = NULL;
}

static void forget_idle(struct clients *c)
{
    struct entry *e, *next;
    HASH_ITER(hh, c->table, e, next)
    {
        const struct client *who = &e->client;
        if (!who->is_queued && who->first == NULL && who->waiting == 0 && c->now_us - who->seen_us >= CLIENTS_IDLE_US)
            forget(c, e);
    }
}

/* --- lines ------------------------------------------------------------------------------------------------------- */

static void stand(struct clients *c, struct client *who)
{
    struct line *line = who->is_greedy ? &c->greedy : &c->fair;
    who->behind = NULL;
    if (line->first)
        line->last->behind = who;
    else
        line->first = who;
    line->last = who;
    who->is_queued = 1;
}

static struct client *leave(struct line *line)
{
    struct client *who = line->first;
    if (who)
        line->first = who->behind;
    return who;
}

/* Everybody stands in the line of his kind. */
static void sort_lines(struct clients *c)
{
    struct line fair = c->fair, greedy = c->greedy;
    struct client *who;
    c->fair = c->greedy = (struct line){NULL, NULL};
    while ((who = leave(&fair)) != NULL)
        stand(c, who);
    while ((who = leave(&greedy)) != NULL)
        stand(c, who);
}

/* --- who is held --------------------------------------------------------------------------------------------------- */

/* Greedy, not only held. */
static int is_flood(const struct clients *c, const struct client *who)
{
    return who->is_greedy && who != c->held;
}

static int is_contested(const struct clients *c)
{
    return c->fair_served || c->now_us - c->fair_us < CONTEST_US;
}

/* Trusted for a while: it was held, and seen to wait for answers. */
static void trust(const struct clients *c, struct client *who)
{
    who->trust_us = who->trust_us ? 2 * who->trust_us : TRUST_US_MIN;
    if (who->trust_us > TRUST_US_MAX)
        who->trust_us = TRUST_US_MAX;
    who->trusted_us = c->now_us + who->trust_us;
}

/* The held one either has a window, or is on its way to be greedy. Where nobody was in its way that does not show. */
static void judge_held(struct clients *c)
{
    struct client *who = c->held;
    int has_grown = who->bytes > who->look_bytes + GROWTH_BYTES;
    who->look_bytes = who->bytes;
    if (has_grown)
        return;
    calm(c, who);
    if (is_contested(c))
        trust(c, who);
    sort_lines(c);
}

static int is_too_heavy(const struct clients *c, const struct client *who)
{
    int has_company = who->used < c->used_fair;
    return !who->is_greedy && has_company &&
           (double)c->busy_us * (double)who->used / (double)c->used > (double)(c->now_us - c->judged_us) / HEAVY_PART;
}

/* One at a time, the heaviest: where all are held nobody is in their way, and it does not show who has a window. */
static void judge(struct clients *c)
{
    struct client *heaviest = c->heaviest;
    if (c->held)
        judge_held(c);
    if (c->held == NULL && heaviest && is_too_heavy(c, heaviest)) {
        c->held = heaviest; /* its line is changed when it comes to the front of this one */
        heaviest->is_greedy = 1;
        heaviest->look_bytes = 0;
        c->greedy_count++;
    }
    c->heaviest = NULL;
    c->look++;
    c->judged_us = c->now_us;
    c->busy_us = 0;
    c->used = c->used_fair = 0;
}

/* Greedy ones took so much time. Where it was not contested nobody had to wait for them. */
static void spend(struct clients *c, int64_t us)
{
    if (!is_contested(c))
        return;
    c->credit_us -= us;
    if (c->credit_us < -DEBT_US_MAX)
        c->credit_us = -DEBT_US_MAX;
}

/* Of the client so much was done. */
static void note_work(struct clients *c, struct client *who, size_t work)
{
    if (who->look != c->look)
        who->used = 0;
    who->look = c->look;
    who->used += work;
    c->used += work;
    if (who->is_greedy)
        return;
    c->used_fair += work;
    if (c->now_us >= who->trusted_us && (c->heaviest == NULL || who->used > c->heaviest->used))
        c->heaviest = who;
}

void clients_begin(struct clients *c, int64_t now_us)
{
    int64_t since_us = now_us - c->now_us;
    c->credit_us += since_us / GREEDY_PART;
    if (c->credit_us > CREDIT_US_MAX)
        c->credit_us = CREDIT_US_MAX;
    if (c->fair_served)
        c->fair_us = now_us; /* its answer is out only now, however long the turn was */
    c->fair_served = 0;
    c->now_us = now_us;
    c->turn++;
    c->sated = 0;
    if (now_us - c->judged_us >= JUDGE_US)
        judge(c);
    if (now_us < c->forget_us)
        return;
    c->forget_us = now_us + FORGET_EVERY_US;
    forget_idle(c);
}

struct client *clients_find(struct clients *c, struct span name)
{
    struct entry *e;
    HASH_FIND(hh, c->table, name.data, name.bytes, e);
    if (e == NULL) {
        e = mem_new(sizeof *e + name.bytes);
        memcpy(e->name, name.data, name.bytes);
        e->client.allowance = (int64_t)c->rules.rate_per_s * MILLION;
        e->client.allowed_us = c->now_us;
        HASH_ADD_KEYPTR(hh, c->table, e->name, name.bytes, e);
    }
    e->client.seen_us = c->now_us;
    return &e->client;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

int clients_take(const struct clients *c, const struct client *who)
{
    return who->bytes < c->rules.kept_bytes_max && (c->bytes < CLIENTS_ALL_BYTES || !who->is_greedy);
}

void clients_keep(struct clients *c, struct client *who, struct parcel *p)
{
    p->next = NULL;
    if (who->first)
        who->last->next = p;
    else
        who->first = p;
    c->active += who->last == NULL;
    who->last = p;
    who->bytes += p->bytes;
    who->work += p->work;
    c->bytes += p->bytes;
    if (who->turn != c->turn) {
        who->turn = c->turn;
        who->read_bytes = 0;
    }
    who->read_bytes += p->bytes;
    if (who->bytes >= CLIENTS_GREEDY_BYTES && (who->is_greedy || c->active > 1)) {
        c->greedy_count += !who->is_greedy;
        who->trust_us = 0;
        if (c->held == who)
            c->held = NULL;
        who->is_greedy = 1; /* its line is changed when it comes to the front of this one */
    }
    if (who->work >= CLIENTS_TURN_WORK / 2)
        who->greedy_us = c->now_us;
    if (!who->is_queued)
        stand(c, who);
}

/* A client that has its share of the turn here. Beside others, more of it is read, to see whether it is a greedy one. */
static int is_sated(const struct clients *c, const struct client *who)
{
    size_t share = c->active > 1 ? CLIENTS_TURN_WORK / c->active : CLIENTS_TURN_WORK;
    if (who->work < (share > SHARE_MIN ? share : SHARE_MIN))
        return 0;
    if (is_flood(c, who) || c->active < 2 || c->bytes >= CLIENTS_ALL_BYTES / 2)
        return 1;
    return who->turn != c->turn || who->read_bytes >= LOOK_BYTES;
}

/* The socket gives a message of each peer in turn. While fair ones are at work it is read once round behind the last one that was
 * wanted; else a single message that is not wanted ends the turn, so that nothing is taken out of connections that are to wait. */
int clients_read_on(struct clients *c, const struct client *who)
{
    if (!is_sated(c, who)) {
        c->sated = 0;
        return 1;
    }
    c->sated++;
    return is_contested(c) && c->sated < c->active;
}

/* --- serving ------------------------------------------------------------------------------------------------------ */

struct client *clients_next(struct clients *c)
{
    struct client *who;
    while ((who = leave(&c->fair)) != NULL && who->is_greedy)
        stand(c, who);
    if (who == NULL && (!is_contested(c) || c->credit_us > 0))
        who = leave(&c->greedy);
    if (who == NULL)
        return NULL;
    c->fair_served |= !who->is_greedy;
    return who;
}

struct parcel *clients_pop(struct clients *c, struct client *who)
{
    struct parcel *p = who->first;
    who->first = p->next;
    who->bytes -= p->bytes;
    who->work -= p->work;
    c->bytes -= p->bytes;
    if (who->first == NULL) {
        who->last = NULL;
        c->active--;
    }
    return p;
}

void clients_served(struct clients *c, struct client *who, size_t work, int64_t us)
{
    note_work(c, who, work);
    who->is_queued = 0;
    who->seen_us = c->now_us;
    if (who->is_greedy)
        spend(c, us);
    if (who->first)
        stand(c, who);
    else if (is_flood(c, who) && c->now_us - who->greedy_us >= GREEDY_US)
        calm(c, who);
}

void clients_charge(struct clients *c, int64_t busy_us, int64_t greedy_us)
{
    c->busy_us += busy_us;
    spend(c, greedy_us);
}

size_t clients_greedy_max(const struct clients *c)
{
    return c->fair_served || c->now_us - c->fair_us < COMPANY_US ? COMPANY_WORK : SIZE_MAX;
}

int clients_rate_allows(struct clients *c, struct client *who)
{
    int64_t rate = c->rules.rate_per_s, since_us = c->now_us - who->allowed_us;
    if (rate == 0)
        return 1;
    who->allowed_us = c->now_us;
    who->allowance += since_us < MILLION ? since_us * rate : MILLION * rate;
    if (who->allowance > MILLION * rate)
        who->allowance = MILLION * rate;
    if (who->allowance < MILLION)
        return 0;
    who->allowance -= MILLION;
    return 1;
}

int64_t clients_wait_us(const struct clients *c)
{
    if (c->active == 0)
        return INT64_MAX;
    if (c->fair.first || !is_contested(c) || c->credit_us > 0)
        return 0;
    int64_t contest_us = c->fair_us + CONTEST_US - c->now_us, credit_us = (1 - c->credit_us) * GREEDY_PART;
    return contest_us < credit_us ? contest_us : credit_us;
}

size_t clients_count(const struct clients *c)
{
    return HASH_COUNT(c->table);
}

size_t clients_greedy_count(const struct clients *c)
{
    return c->greedy_count;
}

size_t clients_kept_bytes(const struct clients *c)
{
    return c->bytes;
}
