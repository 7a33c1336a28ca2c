/* What the broker says of its stages, and what they say of WeChat. */
#include "console/metrics.h"

#include "proto/mp_view.h"

/* A family with a sample for each stage, or for each sender. */
static void by_stage(struct exposition *e, struct span stages, const char *member, double unit, int of_senders)
{
    struct mp_list list;
    struct span one;
    mp_list_open(&list, stages);
    while (mp_list_next(&list, &one)) {
        struct span kind = mp_view_str(one, "kind");
        if (!of_senders || span_is(kind, "sender"))
            sample(e, LABELS(LABEL("kind", kind), LABEL("name", mp_view_str(one, "name"))), mp_view_number(one, member) * unit);
    }
}

static void states(struct exposition *e, struct span stages)
{
    static const char *const names[] = {"ok", "behind", "fence", "expected"};
    struct mp_list list;
    struct span one;
    family(e, "megawechat_stage_up", "gauge", "1 when the stage works: it is heard, has answered the fence and takes jobs.");
    mp_list_open(&list, stages);
    while (mp_list_next(&list, &one))
        sample(e, LABELS(LABEL("kind", mp_view_str(one, "kind")), LABEL("name", mp_view_str(one, "name"))),
               span_is(mp_view_str(one, "state"), "ok"));
    family(e, "megawechat_stage_state", "gauge", "1 for the state that the stage is in.");
    mp_list_open(&list, stages);
    while (mp_list_next(&list, &one))
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            sample(e, LABELS(LABEL("kind", mp_view_str(one, "kind")), LABEL("name", mp_view_str(one, "name")),
                             LABEL("state", span_of(names[i]))),
                   span_is(mp_view_str(one, "state"), names[i]));
}

/* One element of a sender's `latency`: [account, kind, n, sum]. */
static void latency_of(struct exposition *e, struct span sender, struct span le, struct span packed)
{
    struct mp_list list;
    struct span account, kind, n, sum;
    mp_list_open(&list, packed);
    if (!mp_list_next(&list, &account) || !mp_list_next(&list, &kind) || !mp_list_next(&list, &n) || !mp_list_next(&list, &sum))
        return;
    sample_histogram(e,
                     LABELS(LABEL("sender", sender), LABEL("account", mp_value_str(account)), LABEL("kind", mp_value_str(kind))),
                     le, n, mp_value_number(sum));
}

static void latency(struct exposition *e, struct span stages)
{
    struct mp_list list, series;
    struct span one, packed;
    family(e, "megawechat_wechat_call_duration_seconds", "histogram", "How long a call of WeChat takes, whichever way it ends, by sender, account and kind of message.");
    mp_list_open(&list, stages);
    while (mp_list_next(&list, &one)) {
        struct span map = mp_view(one, "latency");
        mp_list_open(&series, mp_view(map, "of"));
        while (mp_list_next(&series, &packed))
            latency_of(e, mp_view_str(one, "name"), mp_view(map, "le"), packed);
    }
}

void metrics_stages(struct exposition *e, struct span status)
{
    struct span stages = mp_view(status, "stages");
    states(e, stages);
    family(e, "megawechat_stage_heard_age_seconds", "gauge", "Since the broker heard the stage last.");
    by_stage(e, stages, "heard_ms", 0.001, 0);
    family(e, "megawechat_sender_slots", "gauge", "Calls that the sender can have in flight.");
    by_stage(e, stages, "slots", 1, 1);
    family(e, "megawechat_sender_out_messages", "gauge", "Messages that the sender has been given and has no confirmed result of.");
    by_stage(e, stages, "out", 1, 1);
    latency(e, stages);
}
