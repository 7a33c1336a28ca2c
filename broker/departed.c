#include "broker/departed.h"

#include <string.h>

static void remove_at(struct departed *d, size_t i)
{
    d->count--;
    memmove(&d->list[i], &d->list[i + 1], (d->count - i) * sizeof *d->list);
}

void departed_remove(struct departed *d, const char *name)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->list[i].name, name) == 0) {
            remove_at(d, i);
            return;
        }
}

void departed_add(struct departed *d, const char *name, enum stage_kind kind, int said_goodbye, int64_t mono_ms)
{
    departed_remove(d, name);
    if (d->count == DEPARTED_MAX)
        remove_at(d, 0);
    struct departed_stage *s = &d->list[d->count++];
    *s = (struct departed_stage){.kind = kind, .said_goodbye = said_goodbye, .left_ms = mono_ms};
    span_to_text(s->name, sizeof s->name, span_of(name));
}
