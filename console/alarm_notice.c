#include "console/alarm_notice.h"

#include <inttypes.h>

#include "base/iso_time.h"
#include "base/json.h"
#include "base/term.h"

#define SUBJECT_NAMES_MAX 3 /* alarms named in a subject */

static const struct {
    const char *name, *word;
} types[] = {
    [ALARM_EVENT_RAISED] = {"raised", "ALARM"},
    [ALARM_EVENT_REMINDER] = {"reminder", "STILL"},
    [ALARM_EVENT_RECOVERED] = {"recovered", "OK"},
    [ALARM_EVENT_TEST] = {"test", "TEST"},
};

const char *alarm_event_name(enum alarm_event_type type)
{
    return types[type].name;
}

const char *alarm_event_word(enum alarm_event_type type)
{
    return types[type].word;
}

void alarm_notice_add(struct alarm_notice *n, const struct alarm_event *event)
{
    if (n->count == ALARM_NOTICE_EVENTS_MAX)
        n->more++;
    else
        n->events[n->count++] = *event;
}

static void append_id(const struct alarm_event *e, struct buf *out)
{
    char id[ALARM_ID_BYTES_MAX] = "test";
    if (e->kind != ALARM_KINDS)
        alarm_id(e->kind, e->subject, id);
    buf_append_str(out, id);
}

static void append_counts(const struct alarm_notice *n, struct buf *out)
{
    static const struct {
        enum alarm_event_type type;
        const char *one, *many;
    } words[] = {{ALARM_EVENT_RAISED, "alarm", "alarms"},
                 {ALARM_EVENT_REMINDER, "still raised", "still raised"},
                 {ALARM_EVENT_RECOVERED, "recovered", "recovered"},
                 {ALARM_EVENT_TEST, "test", "tests"}};
    const char *between = "";
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t count = 0;
        for (size_t k = 0; k < n->count; k++)
            count += n->events[k].type == words[i].type;
        if (count == 0)
            continue;
        buf_printf(out, "%s%zu %s", between, count, count == 1 ? words[i].one : words[i].many);
        between = ", ";
    }
    if (n->more)
        buf_printf(out, ", %zu more", n->more);
}

void alarm_notice_subject(const struct alarm_notice *n, const char *name, struct buf *out)
{
    buf_append_str(out, "[mega-wechat ");
    term_append(span_of(name), out);
    buf_append_str(out, "] ");
    if (n->count == 1 && n->more == 0) {
        buf_printf(out, "%s ", alarm_event_word(n->events[0].type));
        append_id(&n->events[0], out);
        return;
    }
    append_counts(n, out);
    for (size_t i = 0; i < n->count && i < SUBJECT_NAMES_MAX; i++) {
        buf_append_str(out, i == 0 ? ": " : ", ");
        append_id(&n->events[i], out);
    }
    if (n->count + n->more > SUBJECT_NAMES_MAX)
        buf_append_str(out, ", …");
}

static void append_event(const struct alarm_event *e, struct buf *out)
{
    buf_printf(out, "%s ", alarm_event_word(e->type));
    append_id(e, out);
    buf_printf(out, "\n  %s%s\n", e->type == ALARM_EVENT_RECOVERED ? "it is fine again; it was: " : "", e->text);
    if (e->type == ALARM_EVENT_TEST)
        return;
    buf_append_str(out, "  since ");
    iso_time_append(e->since_ms, out);
    buf_append_str(out, ", for ");
    term_duration(e->at_ms > e->since_ms ? e->at_ms - e->since_ms : 0, out);
    buf_append_str(out, "\n");
    if (e->type != ALARM_EVENT_RECOVERED)
        buf_printf(out, "  what to do: %s, %s\n", ALARM_HELP, alarm_kind_name(e->kind));
}

void alarm_notice_text(const struct alarm_notice *n, const char *name, struct buf *out)
{
    for (size_t i = 0; i < n->count; i++) {
        append_event(&n->events[i], out);
        buf_append_str(out, "\n");
    }
    if (n->more)
        buf_printf(out, "and %zu more: mega alarm list shows what is raised now\n\n", n->more);
    buf_append_str(out, "mega-wechat ");
    term_append(span_of(name), out);
    buf_append_str(out, ", ");
    iso_time_append(n->at_ms, out);
    buf_append_str(out, "\n");
}

void alarm_json_member(struct buf *out, const char *name, const char *text)
{
    struct buf harmless = {0};
    term_append(span_of(text), &harmless);
    buf_printf(out, ",\"%s\":\"", name);
    json_escape(buf_span(&harmless), out);
    buf_append_str(out, "\"");
    buf_free(&harmless);
}

static void append_json_event(const struct alarm_event *e, struct buf *out)
{
    int is_test = e->type == ALARM_EVENT_TEST;
    buf_printf(out, "{\"event\":\"%s\"", alarm_event_name(e->type));
    alarm_json_member(out, "alarm", is_test ? "test" : alarm_kind_name(e->kind));
    alarm_json_member(out, "subject", e->subject);
    alarm_json_member(out, "severity", is_test ? "none" : alarm_kind_is_critical(e->kind) ? "critical" : "warning");
    alarm_json_member(out, "text", e->text);
    buf_printf(out, ",\"at\":%" PRId64 ",\"since\":%" PRId64, e->at_ms, e->since_ms);
    alarm_json_member(out, "help", ALARM_HELP);
    buf_append_str(out, "}");
}

void alarm_notice_json(const struct alarm_notice *n, const char *name, struct buf *out)
{
    struct buf subject = {0};
    alarm_notice_subject(n, name, &subject);
    buf_printf(out, "{\"version\":1,\"id\":\"%s\",\"at\":%" PRId64, n->id, n->at_ms);
    alarm_json_member(out, "name", name);
    alarm_json_member(out, "subject", buf_str(&subject));
    buf_printf(out, ",\"more\":%zu,\"events\":[", n->more);
    for (size_t i = 0; i < n->count; i++) {
        buf_append_str(out, i ? "," : "");
        append_json_event(&n->events[i], out);
    }
    buf_append_str(out, "]}");
    buf_free(&subject);
}
