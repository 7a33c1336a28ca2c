/* The alarms over HTTP: /api/alarms shows them, /api/alarms/test sends a test by every way, /api/alarms/silence holds one back. */
#include "console/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "console/console.h"

#define FOR_MS_MAX (400LL * 86400 * 1000) /* as of a pause */

/* What is asked of a silence. */
struct silence {
    struct buf name;
    int64_t for_ms;
};

static void answer_alarms(struct console *c, struct exchange *x, unsigned status)
{
    struct buf body = {0};
    buf_printf(&body, "{\"code\":%u,\"data\":", status);
    alarms_json(c->alarms, &body);
    buf_append_str(&body, "}\n");
    web_answer(x, status, API_TYPE, &body);
}

static int read_ms(struct span raw, int64_t *out)
{
    char text[24], *end;
    if (raw.bytes >= sizeof text)
        return -1;
    span_to_text(text, sizeof text, raw);
    errno = 0;
    long long value = strtoll(text, &end, 10);
    *out = value;
    return errno || *end || value < 0 || value > FOR_MS_MAX ? -1 : 0;
}

static const char *take_member(const struct buf *name, struct json_token value, struct silence *s)
{
    if (span_is(buf_span(name), "name")) {
        buf_clear(&s->name);
        if (value.type != JSON_STRING)
            return "name: is no string";
        json_unescape(value.raw, &s->name);
        return NULL;
    }
    if (!span_is(buf_span(name), "for"))
        return "unknown member; give name and for";
    if (value.type != JSON_NUMBER || read_ms(value.raw, &s->for_ms) != 0)
        return "for: give milliseconds, 0 (it ends now) to 34560000000";
    return NULL;
}

/* {"name":NAME,"for":MS}. NULL, or what is wrong. */
static const char *read_silence(struct span body, struct silence *s)
{
    static const char no_object[] = "give a JSON object: {\"name\":NAME,\"for\":MS}";
    struct json_reader r;
    struct buf name = {0};
    const char *error = NULL;
    s->for_ms = -1;
    json_open(&r, body);
    if (json_next(&r).type != JSON_OBJECT)
        return no_object;
    struct json_token t = json_next(&r);
    for (; t.type == JSON_NAME && error == NULL; t = json_next(&r)) {
        buf_clear(&name);
        json_unescape(t.raw, &name);
        error = take_member(&name, json_next(&r), s);
    }
    buf_free(&name);
    if (error)
        return error;
    if (t.type != JSON_OBJECT_END || json_next(&r).type != JSON_END)
        return no_object;
    return s->name.bytes == 0 ? "name: is missing; give an alarm's name, its kind, or all"
           : s->for_ms < 0    ? "for: is missing; give milliseconds, 0 ends a silence"
                              : NULL;
}

static void silence(struct console *c, struct exchange *x)
{
    struct silence s = {0};
    const char *error = read_silence(buf_span(&x->body), &s);
    if (error == NULL)
        alarms_silence(c->alarms, buf_span(&s.name), s.for_ms, &error);
    if (error)
        api_refuse(x, 400, error);
    else
        answer_alarms(c, x, 200);
    buf_free(&s.name);
}

static void begin_test(struct console *c, struct exchange *x)
{
    const char *error;
    if (alarms_test(c->alarms, &error) != 0)
        api_refuse(x, 400, error);
    else
        answer_alarms(c, x, 202);
}

void api_alarms(struct console *c, struct exchange *x, const char *name)
{
    int shows = *name == '\0';
    if (!shows && strcmp(name, "/test") != 0 && strcmp(name, "/silence") != 0)
        api_refuse(x, 404, "no such address; there are /api/alarms, /api/alarms/test and /api/alarms/silence");
    else if (!shows && x->method != WEB_POST)
        api_refuse(x, 405, "this does something; use POST");
    else if (shows)
        answer_alarms(c, x, 200);
    else if (strcmp(name, "/test") == 0)
        begin_test(c, x);
    else
        silence(c, x);
}
