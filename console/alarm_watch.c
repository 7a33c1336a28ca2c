#include "console/alarm_watch.h"

static struct alarm *find(struct alarm_watch *w, enum alarm_kind kind, const char *subject)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->list[i].kind == kind && strcmp(w->list[i].subject, subject) == 0)
            return &w->list[i];
    return NULL;
}

static void tell(const struct alarm *a, enum alarm_event_type type, int64_t wall_ms, const struct alarm_listener *listener)
{
    struct alarm_event event = {.type = type, .kind = a->kind, .at_ms = wall_ms, .since_ms = a->since_ms};
    memcpy(event.subject, a->subject, sizeof event.subject);
    memcpy(event.text, a->text, sizeof event.text);
    listener->tell(listener->self, &event);
}

/* --- silences ----------------------------------------------------------------------------------------------------- */

static int concerns(const struct alarm_silence *s, const struct alarm *a)
{
    char id[ALARM_ID_BYTES_MAX];
    alarm_id(a->kind, a->subject, id);
    return strcmp(s->name, "all") == 0 || strcmp(s->name, id) == 0 || strcmp(s->name, alarm_kind_name(a->kind)) == 0;
}

int64_t alarm_watch_silenced_until(const struct alarm_watch *w, const struct alarm *a, int64_t wall_ms)
{
    int64_t until_ms = 0;
    for (size_t i = 0; i < w->silence_count; i++) {
        const struct alarm_silence *s = &w->silences[i];
        if (s->until_ms > wall_ms && s->until_ms > until_ms && concerns(s, a))
            until_ms = s->until_ms;
    }
    return until_ms;
}

static void end_silences(struct alarm_watch *w, int64_t wall_ms)
{
    for (size_t i = w->silence_count; i-- > 0;)
        if (w->silences[i].until_ms <= wall_ms) {
            w->silences[i] = w->silences[--w->silence_count];
            w->changed = 1;
        }
}

static int name_is_known(struct span name)
{
    const char *colon = name.bytes ? memchr(name.data, ':', name.bytes) : NULL;
    struct span kind = colon ? (struct span){name.data, (size_t)(colon - name.data)} : name;
    return name.bytes < ALARM_ID_BYTES_MAX && (span_is(name, "all") || alarm_kind_find(kind) != ALARM_KINDS);
}

int alarm_watch_silence(struct alarm_watch *w, struct span name, int64_t until_ms, int64_t wall_ms, const char **error)
{
    end_silences(w, wall_ms);
    if (!name_is_known(name)) {
        *error = "name: is no alarm; give one as mega alarm list shows it, its kind, or all";
        return -1;
    }
    size_t i = 0;
    while (i < w->silence_count && !span_is(name, w->silences[i].name))
        i++;
    if (i == ALARM_SILENCES_MAX) {
        *error = "name: 64 alarms are silenced already; silence a kind, or all";
        return -1;
    }
    if (i == w->silence_count)
        w->silence_count++;
    span_to_text(w->silences[i].name, sizeof w->silences[i].name, name);
    w->silences[i].until_ms = until_ms;
    w->changed = 1;
    end_silences(w, wall_ms);
    return 0;
}

/* --- a look ------------------------------------------------------------------------------------------------------- */

static void note(struct alarm_watch *w, const struct alarm_finding *f, int64_t mono_ms, int64_t wall_ms)
{
    struct alarm *a = find(w, f->kind, f->subject);
    if (a == NULL && w->count == ALARM_FINDINGS_MAX)
        return;
    if (a == NULL) {
        a = &w->list[w->count++];
        *a = (struct alarm){.kind = f->kind, .since_ms = wall_ms, .wrong_ms = mono_ms, .told_ms = ALARM_UNTOLD};
        memcpy(a->subject, f->subject, sizeof a->subject);
    }
    a->fine_ms = -1;
    memcpy(a->text, f->text, sizeof a->text);
    if (a->state == ALARM_PENDING && mono_ms - a->wrong_ms >= f->for_ms) {
        a->state = ALARM_RAISED;
        w->changed = 1;
    }
}

static int is_found(const struct alarm_findings *found, const struct alarm *a)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->list[i].kind == a->kind && strcmp(found->list[i].subject, a->subject) == 0)
            return 1;
    return 0;
}

/* Returns 1 when it is over. */
static int note_fine(struct alarm_watch *w, struct alarm *a, int64_t mono_ms)
{
    if (a->state == ALARM_PENDING)
        return 1;
    if (a->fine_ms < 0)
        a->fine_ms = mono_ms;
    return mono_ms - a->fine_ms >= w->conf->fine_ms;
}

static void end_fine(struct alarm_watch *w, const struct alarm_findings *found, int64_t mono_ms, int64_t wall_ms,
                     const struct alarm_listener *listener)
{
    for (size_t i = w->count; i-- > 0;) {
        struct alarm *a = &w->list[i];
        if (is_found(found, a))
            continue;
        if (found->unknown & 1u << a->kind) {
            if (a->state == ALARM_RAISED) { /* one that is only pending begins anew when it can be told again */
                a->fine_ms = a->fine_ms < 0 ? -1 : mono_ms;
                continue;
            }
        } else if (!note_fine(w, a, mono_ms)) {
            continue;
        }
        if (a->state == ALARM_RAISED && a->told_ms != ALARM_UNTOLD && !alarm_watch_silenced_until(w, a, wall_ms))
            tell(a, ALARM_EVENT_RECOVERED, wall_ms, listener);
        w->changed |= a->state == ALARM_RAISED;
        *a = w->list[--w->count];
    }
}

/* New ones, those whose silence has ended, reminders. */
static void tell_raised(struct alarm_watch *w, int64_t mono_ms, int64_t wall_ms, const struct alarm_listener *listener)
{
    for (size_t i = 0; i < w->count; i++) {
        struct alarm *a = &w->list[i];
        int is_told = a->told_ms != ALARM_UNTOLD;
        if (a->state != ALARM_RAISED || a->fine_ms >= 0 || alarm_watch_silenced_until(w, a, wall_ms))
            continue;
        if (is_told && (w->conf->repeat_ms == 0 || mono_ms - a->told_ms < w->conf->repeat_ms))
            continue;
        tell(a, is_told ? ALARM_EVENT_REMINDER : ALARM_EVENT_RAISED, wall_ms, listener);
        a->told_ms = mono_ms;
        w->changed = 1;
    }
}

void alarm_watch_take(struct alarm_watch *w, const struct alarm_findings *found, int64_t mono_ms, int64_t wall_ms,
                      const struct alarm_listener *listener)
{
    end_silences(w, wall_ms);
    for (size_t i = 0; i < found->count; i++)
        note(w, &found->list[i], mono_ms, wall_ms);
    end_fine(w, found, mono_ms, wall_ms, listener);
    tell_raised(w, mono_ms, wall_ms, listener);
}
