/*
 * quota.c - counts calls against daily and minute quotas; see quota.h.
 */
#include "tests/sim/quota.h"

#include <stdbool.h>
#include <string.h>

#include "tests/sim/errcode.h"

#define DAY_MS     86400000
#define BEIJING_MS 28800000 /* WeChat's days begin at midnight in Beijing, UTC+8 */

void quotas_init(struct quotas *self, int64_t daily, int64_t minute, int64_t minute_s)
{
    memset(self, 0, sizeof *self);
    self->minute_ms = minute_s * 1000;
    for (unsigned account = 0; account < TOKENS_ACCOUNTS_MAX; account++) {
        struct quota *rows = self->rows[account];
        for (int path = 0; path < KIND_COUNT; path++)
            rows[path] = (struct quota){.daily = daily, .minute = minute};
        rows[QUOTA_CLASSIC].daily = QUOTA_CLASSIC_DAILY;
        rows[QUOTA_STABLE].daily = QUOTA_STABLE_DAILY;
        rows[QUOTA_STABLE].minute = QUOTA_STABLE_MINUTE;
        rows[QUOTA_FOLLOWERS].daily = QUOTA_FOLLOWERS_DAILY;
    }
}

int quota_path_find(const char *path)
{
    for (int i = 0; i < QUOTA_PATHS; i++)
        if (strcmp(path, quota_path_name(i)) == 0)
            return i;
    return -1;
}

const char *quota_path_name(int path)
{
    if (path == QUOTA_CLASSIC)
        return "/cgi-bin/token";
    if (path == QUOTA_FOLLOWERS)
        return "/cgi-bin/user/get";
    return path == QUOTA_STABLE ? "/cgi-bin/stable_token" : kind_at(path)->path;
}

int quotas_take(struct quotas *self, unsigned account, int path, int64_t wall_ms)
{
    struct quota *row = quotas_row(self, account, path, wall_ms);
    if (row->daily > 0 && row->used >= row->daily)
        return ERRCODE_DAILY_QUOTA;
    if (row->minute > 0 && row->minute_used >= row->minute)
        return ERRCODE_MINUTE_QUOTA;
    row->used++;
    row->minute_used++;
    return 0;
}

struct quota *quotas_row(struct quotas *self, unsigned account, int path, int64_t wall_ms)
{
    struct quota *row = &self->rows[account][path];
    bool is_token_path = path == QUOTA_CLASSIC || path == QUOTA_STABLE;
    int64_t day = is_token_path ? quotas_token_day(self, wall_ms) : self->new_days;
    int64_t minute = wall_ms / self->minute_ms;
    if (row->day != day) {
        row->day = day;
        row->used = 0;
    }
    if (row->minute_number != minute) {
        row->minute_number = minute;
        row->minute_used = 0;
    }
    return row;
}

void quotas_clear(struct quotas *self, unsigned account)
{
    for (int path = 0; path < QUOTA_PATHS; path++)
        self->rows[account][path].used = 0;
}

void quotas_new_day(struct quotas *self)
{
    self->new_days++;
}

int64_t quotas_token_day(const struct quotas *self, int64_t wall_ms)
{
    return (wall_ms + BEIJING_MS) / DAY_MS + self->new_days;
}
