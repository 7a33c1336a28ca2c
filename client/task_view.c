#include "client/task_view.h"

int task_view_read(struct span data, struct task_view *v)
{
    const struct {
        const char *name;
        struct span *to;
    } texts[] = {{"name", &v->name}, {"state", &v->state},   {"key", &v->key},  {"app", &v->app},
                 {"lane", &v->lane}, {"source", &v->source}, {"note", &v->note}};
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = {{"rows", &v->rows},
                   {"dropped", &v->dropped},
                   {"bad", &v->bad},
                   {"todo", &v->todo},
                   {"out", &v->out},
                   {"sent", &v->sent},
                   {"pending", &v->pending},
                   {"refused", &v->refused},
                   {"expired", &v->expired},
                   {"dead", &v->dead},
                   {"cancelled", &v->cancelled},
                   {"rate", &v->rate_per_s},
                   {"at", &v->at_ms},
                   {"ttl", &v->ttl_ms},
                   {"created", &v->created_ms},
                   {"started", &v->started_ms},
                   {"ended", &v->ended_ms},
                   {"round", &v->round}};
    *v = (struct task_view){0};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i].to = mp_view_str(data, texts[i].name);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i].to = mp_view_i64(data, numbers[i].name);
    v->columns = mp_view(data, "columns");
    v->per_s = mp_view_number(data, "per_s");
    return v->name.bytes && v->state.bytes ? 0 : -1;
}

int64_t task_view_waiting(const struct task_view *v)
{
    return v->todo + v->out;
}

int64_t task_view_settled(const struct task_view *v)
{
    return v->sent + v->pending + v->cancelled + task_view_failed(v);
}

int64_t task_view_failed(const struct task_view *v)
{
    return v->refused + v->expired + v->dead;
}

int task_view_is_over(const struct task_view *v)
{
    return span_is(v->state, "done") || span_is(v->state, "stopped");
}

int task_view_percent(const struct task_view *v)
{
    int64_t settled = task_view_settled(v);
    if (v->rows <= 0)
        return 0;
    return settled >= v->rows ? 100 : (int)((double)settled * 100 / (double)v->rows);
}

int64_t task_view_left_ms(const struct task_view *v)
{
    double ms = v->per_s > 0 ? (double)task_view_waiting(v) * 1000 / v->per_s : -1;
    int is_moving = span_is(v->state, "running") || span_is(v->state, "stopping");
    return is_moving && ms >= 0 && ms < 1e15 ? (int64_t)ms : -1;
}
