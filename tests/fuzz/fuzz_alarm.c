/* What mega-console's alarms read from outside: a status of the broker, the token keeper or the listener, and the answer of a webhook, from any
 * bytes. What people are told of it is a line of UTF-8 that a terminal only shows; what is sent is JSON. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "console/alarm_webhook.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct conf_alarm conf = {.window_ms = 600000, .stage_gone_ms = 1, .broker_gone_ms = 1, .refusing_ms = 1, .not_ready_ms = 1,
                                 .account_stopped_ms = 1, .token_missing_ms = 1, .oldest_ms = 1, .token_left_ms = 60000,
                                 .clock_step_ms = 1, .dead = 1, .damaged = 1, .callbacks_refused = 1, .disk_spare_bytes = 1 << 30, .store_percent = 1,
                                 .failed_percent = 1, .expect = "sender*2, templater, listener"};

static void check_line(const char *text)
{
    assert(span_is_utf8(span_of(text)));
    for (const char *at = text; *at; at++)
        assert((unsigned char)*at >= ' ' && *at != 0x7f);
}

static void check_json(struct span text)
{
    struct json_reader r;
    json_open(&r, text);
    int failed = json_skip(&r, json_next(&r));
    assert(!failed && json_next(&r).type == JSON_END);
}

static void check_notice(const struct alarm_finding *f)
{
    struct alarm_notice n = {.id = "0"};
    struct alarm_event e = {.type = ALARM_EVENT_RAISED, .kind = f->kind};
    struct buf body = {0};
    memcpy(e.subject, f->subject, sizeof e.subject);
    memcpy(e.text, f->text, sizeof e.text);
    alarm_notice_add(&n, &e);
    for (int type = WEBHOOK_JSON; type <= WEBHOOK_DINGTALK; type++) {
        buf_clear(&body);
        alarm_webhook_body((enum conf_webhook)type, &n, "host", &body);
        check_json(buf_span(&body));
    }
    buf_free(&body);
}

static void look(struct span bytes)
{
    static struct alarm_rules rules;
    static struct alarm_findings found;
    rules = (struct alarm_rules){.conf = &conf};
    struct alarm_view view = {.mono_ms = 1, .status = bytes, .tokens = bytes, .listener = bytes};
    alarm_rules_look(&rules, &view, &found);
    view.mono_ms = 2;
    alarm_rules_look(&rules, &view, &found);
    assert(found.count <= ALARM_FINDINGS_MAX && rules.stages.count <= ALARM_STAGES_MAX);
    for (size_t i = 0; i < found.count; i++) {
        check_line(found.list[i].subject);
        check_line(found.list[i].text);
    }
    if (found.count)
        check_notice(&found.list[found.count - 1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = {(const char *)data, size};
    struct buf error = {0};
    look(bytes);
    int is_taken = alarm_webhook_taken(WEBHOOK_WECOM, 200, bytes, &error);
    assert(is_taken == (error.bytes == 0));
    check_line(buf_str(&error));
    buf_free(&error);
    return 0;
}
