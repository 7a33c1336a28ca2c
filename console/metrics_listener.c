/* What mega-listener says. */
#include "console/metrics.h"

#include "proto/mp_view.h"

/* A sample for each member of a map, by its name. */
static void by_name(struct exposition *e, const char *label, struct span map)
{
    struct mp_list list;
    struct span name, value;
    mp_list_open_map(&list, map);
    while (mp_list_next(&list, &name) && mp_list_next(&list, &value))
        sample(e, LABELS(LABEL(label, mp_value_str(name))), mp_value_number(value));
}

/* Samples of the members that are named. */
static void by_outcome(struct exposition *e, struct span map, const char *const *outcomes)
{
    for (; *outcomes; outcomes++)
        sample(e, LABELS(LABEL("outcome", span_of(*outcomes))), mp_view_number(map, *outcomes));
}

static void callbacks(struct exposition *e, struct span status)
{
    family(e, "megawechat_listener_events_total", "counter", "Events of WeChat that were applied, by kind.");
    by_name(e, "kind", mp_view(status, "events"));
    family(e, "megawechat_listener_repeats_total", "counter", "Callbacks that WeChat repeated, which did nothing.");
    sample(e, NO_LABELS, mp_view_number(status, "repeats"));
    family(e, "megawechat_listener_echoes_total", "counter", "Questions of WeChat's console whether the address is the account's.");
    sample(e, NO_LABELS, mp_view_number(status, "echoes"));
    family(e, "megawechat_listener_refused_total", "counter", "Calls that were refused, by reason.");
    by_name(e, "reason", mp_view(status, "refused"));
    family(e, "megawechat_listener_held_calls", "gauge", "Callbacks that wait for the commit, or for a reply of the account's owner.");
    sample(e, NO_LABELS, mp_view_number(status, "held"));
}

static void outbox(struct exposition *e, struct span box)
{
    static const char *const outcomes[] = {"done", "refused", "unmatched", NULL};
    family(e, "megawechat_listener_outbox_requests", "gauge", "Requests that the broker has not answered yet.");
    sample(e, NO_LABELS, mp_view_number(box, "rows"));
    family(e, "megawechat_listener_outbox_oldest_age_seconds", "gauge",
           "How long the oldest of them has waited, but for receipts that were set aside; 0: there is none.");
    sample(e, NO_LABELS, mp_view_number(box, "oldest_ms") / 1000);
    family(e, "megawechat_listener_outbox_away", "gauge", "1 while the broker does not answer mega-listener.");
    sample(e, NO_LABELS, mp_view_number(box, "away"));
    family(e, "megawechat_listener_requests_total", "counter", "Requests that are over with; unmatched: receipts for which there is no message.");
    by_outcome(e, box, outcomes);
    family(e, "megawechat_listener_requests_repeated_total", "counter", "Requests that had to be made again.");
    sample(e, NO_LABELS, mp_view_number(box, "again"));
}

static void forwards(struct exposition *e, struct span forward)
{
    static const char *const outcomes[] = {"taken", "failed", "dropped", NULL};
    family(e, "megawechat_listener_forward_waiting_events", "gauge", "Events that the account's owner has not taken yet.");
    sample(e, NO_LABELS, mp_view_number(forward, "rows"));
    family(e, "megawechat_listener_forwards_total", "counter", "Events that were taken, tries that failed, events that were dropped.");
    by_outcome(e, forward, outcomes);
}

static void series(struct exposition *e, struct span status)
{
    static const char *const outcomes[] = {"done", "ended", NULL};
    family(e, "megawechat_listener_series", "gauge", "Series that are defined.");
    sample(e, NO_LABELS, mp_view_number(status, "series"));
    family(e, "megawechat_listener_series_people", "gauge", "People who are in a series; who is in two counts twice.");
    sample(e, NO_LABELS, mp_view_number(status, "in"));
    family(e, "megawechat_listener_series_started_total", "counter", "Series that were started for somebody.");
    sample(e, NO_LABELS, mp_view_number(status, "started"));
    family(e, "megawechat_listener_series_finished_total", "counter", "Those that came to their last step, and those that were ended before.");
    by_outcome(e, status, outcomes);
}

void metrics_listener(struct exposition *e, struct span status)
{
    callbacks(e, status);
    outbox(e, mp_view(status, "outbox"));
    forwards(e, mp_view(status, "forward"));
    series(e, status);
}
