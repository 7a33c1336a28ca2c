/* What dispatching remembers of each account: when something of it may be ready, and what holds it back. One entry an account of the
 * configuration; accounts are named by their index there. In memory, but for the rates that operators have set: these are in the
 * store, by name, so a restart changes nothing. */
#ifndef BROKER_ACCOUNTS_H
#define BROKER_ACCOUNTS_H

#include "base/conf.h"
#include "broker/pace.h"
#include "broker/store.h"
#include "proto/job.h"

struct account {
    int64_t wake_ms;      /* monotonic: nothing of it can be ready before; 0 = look now, INT64_MAX = it has nothing */
    int64_t brake_ms;     /* monotonic: nothing goes out before */
    struct pace pace;     /* messages a second */
    uint32_t out;         /* jobs that are out */
    uint32_t express_run; /* express messages since the last bulk one */
    uint32_t unanswered;  /* its last calls in a row that were not answered */
    int stopped;          /* 1: no sender can send for it now, so it claims no share */
    int paused;           /* 1: an operator has paused it */
    int halted;           /* 1: WeChat has stopped it, likewise */
};

struct accounts {
    const struct conf *conf;
    size_t count;
    size_t next; /* the round goes on here */
    struct account list[CONF_ACCOUNTS_MAX];
};

void accounts_init(struct accounts *a, const struct conf *conf);

/* The configuration's rates may be others: they count from now on, where no operator has set one. */
void accounts_configure(struct accounts *a);

/* The index of an account; -1 when there is none of that name. The empty name is the default account. */
int accounts_find(const struct accounts *a, struct span name);

/* The name of an account. */
struct span accounts_name(const struct accounts *a, size_t account);

/* Something of it becomes ready at at_ms, monotonic; 0 = now. */
void accounts_wake(struct accounts *a, size_t account, int64_t at_ms);

/* Looks at all of them now: a clock was set, or what was held back is free. */
void accounts_wake_all(struct accounts *a);

/* Nothing of it goes out before until_ms (monotonic): its jobs came back unsent. */
void accounts_brake(struct accounts *a, size_t account, int64_t until_ms);

/* A job of it went out, and came to its end. */
void accounts_begin(struct accounts *a, size_t account, int64_t now_us);
void accounts_end(struct accounts *a, size_t account);

/* It was looked at, and nothing of it was ready. */
void accounts_rest(struct accounts *a, size_t account);

/* What a sender reports of a call may make its account slower, and tells when WeChat is no longer overloaded, and whether it answers.
 * Call for every report; a change of the pace is logged. */
void accounts_on_report(struct accounts *a, size_t account, const struct outcome_report *report, int64_t now_us);

/* Reads the rates that operators have set. */
void accounts_load_rates(struct accounts *a, struct store *store);

/* Sets a rate while the broker runs; per_s as in pace_override. Written to the store. */
void accounts_set_rate(struct accounts *a, struct store *store, size_t account, int64_t per_s);

/* Microseconds until brake and rate allow it a job; 0 = now. Times are monotonic. */
int64_t accounts_held_us(const struct accounts *a, size_t account, int64_t now_us);

/* Slots that an account may hold. */
struct account_shares {
    uint32_t answered; /* whom WeChat answers */
    uint32_t silent;   /* of whose last calls none was answered: each of these takes a slot for as long as a call may last */
};

/* Divides `slots`. Accounts with work have equal parts. While one is alone an eighth stays free all the same, where there are others in
 * the configuration: what comes for them finds a slot at once, even if all calls of the first one have just stopped being answered.
 * A silent account has an eighth at most, and all of them together half. Each share is at least 1. */
struct account_shares accounts_shares(const struct accounts *a, uint32_t slots, int64_t mono_ms);

/* The share of that account. */
uint32_t accounts_share_of(const struct accounts *a, size_t account, const struct account_shares *shares);

#endif
