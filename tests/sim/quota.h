/*
 * quota.h - how many calls an account may make: a day, and a minute, for each API path that has a quota.
 * Those are the message paths (kind.h), both token paths and the list of followers.
 *
 * A refused call is not counted. A minute is one of the wall clock: it begins when the time since 1970 is a
 * multiple of its length. A day of a message path or of the list ends with quotas_new_day() only, so that a test meets no
 * midnight; a day of a token path ends at midnight in Beijing too.
 *
 * Takes the time as an argument: wall_ms, milliseconds since 1970.
 */
#ifndef SIM_QUOTA_H
#define SIM_QUOTA_H

#include <stdint.h>

#include "tests/sim/kind.h"
#include "tests/sim/tokens.h"

/* Numbers of the paths: those of kind.h, then these. */
#define QUOTA_CLASSIC KIND_COUNT /* /cgi-bin/token */
#define QUOTA_STABLE                                                                                         \
    (KIND_COUNT + 1) /* /cgi-bin/stable_token in normal mode; force_refresh has rules of its own */
#define QUOTA_FOLLOWERS (KIND_COUNT + 2) /* /cgi-bin/user/get */
#define QUOTA_PATHS     (KIND_COUNT + 3)

/* Of WeChat: doc/service/Message_Management/API_Call_Limits, doc/service/api/base/api_getstableaccesstoken.
 */
#define QUOTA_CLASSIC_DAILY   2000
#define QUOTA_STABLE_DAILY    500000
#define QUOTA_STABLE_MINUTE   10000
#define QUOTA_FOLLOWERS_DAILY 500

#define QUOTA_CALLS_MAX    1000000000
#define QUOTA_MINUTE_MAX_S 3600

/* One path of one account. */
struct quota {
    int64_t daily; /* calls a day; 0: no limit */
    int64_t used;  /* on `day` */
    int64_t day;
    int64_t minute; /* calls a minute; 0: no limit */
    int64_t minute_used;
    int64_t minute_number; /* which minute minute_used is of */
};

struct quotas {
    int64_t minute_ms;
    int64_t new_days; /* how often quotas_new_day() was called */
    struct quota rows[TOKENS_ACCOUNTS_MAX][QUOTA_PATHS];
};

/* `daily` and `minute` are those of each message path; the other paths get WeChat's. minute_s is 1 or more.
 */
void quotas_init(struct quotas *self, int64_t daily, int64_t minute, int64_t minute_s);

/* The number of a path, or -1: it has no quota. */
int quota_path_find(const char *path);
const char *quota_path_name(int path);

/* Counts a call. 0; or 45009 or 45011 and it was not counted. */
int quotas_take(struct quotas *self, unsigned account, int path, int64_t wall_ms);

/* The row as it is now, to be looked at or changed. Valid until the account's next call. */
struct quota *quotas_row(struct quotas *self, unsigned account, int path, int64_t wall_ms);

/* Gives back what the account has used of the day, on all paths. */
void quotas_clear(struct quotas *self, unsigned account);

/* A new day for all accounts. */
void quotas_new_day(struct quotas *self);

/* Which day it is for token calls: a number that changes at midnight in Beijing and by quotas_new_day(). */
int64_t quotas_token_day(const struct quotas *self, int64_t wall_ms);

#endif
