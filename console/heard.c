#include "console/heard.h"

#include "proto/mp_view.h"

#define SAME_START_MS 2000 /* an answer is at most a poll old, and the clock is slewed */

void heard_free(struct heard *h)
{
    buf_free(&h->data);
}

void heard_take(struct heard *h, struct span data, int64_t mono_ms, int64_t now_ms)
{
    int64_t uptime_ms = mp_view_i64(data, "uptime_ms"), off_ms = now_ms - uptime_ms - h->start_ms;
    if (uptime_ms == 0)
        h->start_ms = 0;
    else if (off_ms < -SAME_START_MS || off_ms > SAME_START_MS)
        h->start_ms = now_ms - uptime_ms;
    buf_clear(&h->data);
    buf_append(&h->data, data.data, data.bytes);
    h->heard_ms = mono_ms;
}

int heard_is_up(const struct heard *h, int64_t mono_ms)
{
    return h->heard_ms != 0 && mono_ms - h->heard_ms <= HEARD_MS_MAX;
}

int heard_is_missed(const struct heard *h, int64_t mono_ms)
{
    return !h->is_optional && !heard_is_up(h, mono_ms);
}

const char *party_name(enum party party)
{
    static const char *const names[PARTIES] = {[PARTY_BROKER] = "broker", [PARTY_TOKEN] = "token", [PARTY_TASK] = "task",
                                               [PARTY_LISTENER] = "listener"};
    return names[party];
}
