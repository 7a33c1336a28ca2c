#include "console/heard.h"

void heard_free(struct heard *h)
{
    buf_free(&h->data);
}

void heard_take(struct heard *h, struct span data, int64_t mono_ms)
{
    buf_clear(&h->data);
    buf_append(&h->data, data.data, data.bytes);
    h->heard_ms = mono_ms;
}

int heard_is_up(const struct heard *h, int64_t mono_ms)
{
    return h->heard_ms != 0 && mono_ms - h->heard_ms <= HEARD_MS_MAX;
}

const char *party_name(enum party party)
{
    static const char *const names[PARTIES] = {[PARTY_BROKER] = "broker", [PARTY_TOKEN] = "token", [PARTY_TASK] = "task"};
    return names[party];
}
