/* What the token keeper and the task runner say. */
#include "console/metrics.h"

#include "proto/mp_view.h"

static void by_account(struct exposition *e, struct span accounts, const char *member, double unit)
{
    struct mp_list list;
    struct span one;
    mp_list_open(&list, accounts);
    while (mp_list_next(&list, &one))
        sample(e, LABELS(LABEL("account", mp_view_str(one, "app"))), mp_view_number(one, member) * unit);
}

static void usable(struct exposition *e, struct span accounts)
{
    struct mp_list list;
    struct span one;
    family(e, "megawechat_token_usable", "gauge", "1 while the account has an access token that may be used.");
    mp_list_open(&list, accounts);
    while (mp_list_next(&list, &one))
        sample(e, LABELS(LABEL("account", mp_view_str(one, "app"))), mp_view(one, "usable").bytes > 0);
}

void metrics_tokens(struct exposition *e, struct span status)
{
    struct span accounts = mp_view(status, "accounts");
    usable(e, accounts);
    family(e, "megawechat_token_age_seconds", "gauge", "Since when the account's access token is used; 0: there is none.");
    by_account(e, accounts, "age", 0.001);
    family(e, "megawechat_token_remaining_seconds", "gauge", "How long the account's access token is still valid; 0: there is none.");
    by_account(e, accounts, "ttl", 0.001);
    family(e, "megawechat_token_fetches_total", "counter", "Fetches of an access token that have ended.");
    by_account(e, accounts, "fetches", 1);
    family(e, "megawechat_token_fetches_failed_total", "counter", "Fetches of an access token that brought none.");
    by_account(e, accounts, "failed", 1);
    family(e, "megawechat_token_rejections_total", "counter", "Access tokens that WeChat has rejected before their end.");
    by_account(e, accounts, "rejected", 1);
}

static void by_state(struct exposition *e, struct span map)
{
    struct mp_list list;
    struct span name, value;
    mp_list_open_map(&list, map);
    while (mp_list_next(&list, &name) && mp_list_next(&list, &value))
        sample(e, LABELS(LABEL("state", mp_value_str(name))), mp_value_number(value));
}

void metrics_tasks(struct exposition *e, struct span status)
{
    family(e, "megawechat_tasks", "gauge", "Bulk tasks by state.");
    by_state(e, mp_view(status, "tasks"));
    family(e, "megawechat_task_rows", "gauge", "Rows of all bulk tasks by state.");
    by_state(e, mp_view(status, "rows"));
    family(e, "megawechat_tasks_being_made", "gauge", "Bulk tasks whose rows are being handed over.");
    sample(e, NO_LABELS, mp_view_number(status, "makings"));
}
