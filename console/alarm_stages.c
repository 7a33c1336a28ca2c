#include "console/alarm_stages.h"

int alarm_stages_is_of_broker(const char *kind)
{
    return strcmp(kind, "sender") == 0 || strcmp(kind, "templater") == 0;
}

void alarm_stages_begin(struct alarm_stages *s, int of_broker)
{
    for (size_t i = 0; i < s->count; i++)
        if (alarm_stages_is_of_broker(s->list[i].kind) == of_broker)
            s->list[i].presence = ALARM_UNSEEN;
}

/* Names are unique among a kind only. */
static struct alarm_stage *find(struct alarm_stages *s, struct span kind, struct span name)
{
    for (size_t i = 0; i < s->count; i++)
        if (span_is(name, s->list[i].name) && span_is(kind, s->list[i].kind))
            return &s->list[i];
    return NULL;
}

void alarm_stages_see(struct alarm_stages *s, struct span kind, struct span name, enum alarm_presence presence)
{
    struct alarm_stage *stage = find(s, kind, name);
    if (stage != NULL && presence == ALARM_ENDED) {
        *stage = s->list[--s->count];
        s->changed = 1;
        return;
    }
    int is_new = stage == NULL && presence == ALARM_THERE && name.bytes > 0 && name.bytes < ALARM_STAGE_NAME_MAX;
    if (is_new && s->count < ALARM_STAGES_MAX) {
        stage = &s->list[s->count++];
        span_to_text(stage->name, sizeof stage->name, name);
        span_to_text(stage->kind, sizeof stage->kind, kind);
        s->changed = 1;
    }
    if (stage != NULL)
        stage->presence = presence;
}

int alarm_stages_has(const struct alarm_stages *s, const char *kind)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->list[i].kind, kind) == 0)
            return 1;
    return 0;
}

size_t alarm_stages_count(const struct alarm_stages *s, const char *kind)
{
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++)
        count += s->list[i].presence == ALARM_THERE && strcmp(s->list[i].kind, kind) == 0;
    return count;
}
