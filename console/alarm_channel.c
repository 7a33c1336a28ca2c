#include "console/alarm_channel.h"

#include "base/hash.h"
#include "base/utf8.h"

void alarm_channel_open(struct alarm_channel *c, const struct conf_alarm *conf)
{
    *c = (struct alarm_channel){.conf = conf};
}

void alarm_channel_add(struct alarm_channel *c, const struct alarm_event *event, int64_t mono_ms)
{
    if (c->gathered.count == 0)
        c->gathered_ms = mono_ms;
    alarm_notice_add(&c->gathered, event);
}

/* When what is gathered may go: it is whole, and the rate allows it. */
static int64_t gathered_due_ms(const struct alarm_channel *c)
{
    int64_t due_ms = c->gathered_ms + c->conf->group_ms;
    if (c->begun < c->conf->notices)
        return due_ms;
    int64_t free_ms = c->began_ms[(c->begun - c->conf->notices) % ALARM_RATE_MAX] + c->conf->notices_window_ms;
    return free_ms > due_ms ? free_ms : due_ms;
}

/* When something is to be delivered; INT64_MAX: nothing waits. */
static int64_t due_ms(const struct alarm_channel *c)
{
    if (c->is_delivering)
        return INT64_MAX;
    if (c->is_going)
        return c->try_ms;
    return c->gathered.count ? gathered_due_ms(c) : INT64_MAX;
}

static void begin_notice(struct alarm_channel *c, int64_t mono_ms, int64_t wall_ms)
{
    c->going = c->gathered;
    c->going.at_ms = wall_ms;
    hash_hex(hash_random_128(), c->going.id);
    c->going.id[32] = '\0';
    c->gathered = (struct alarm_notice){0};
    c->is_going = 1;
    c->tries = 0;
    c->began_ms[c->begun++ % ALARM_RATE_MAX] = mono_ms;
}

const struct alarm_notice *alarm_channel_next(struct alarm_channel *c, int64_t mono_ms, int64_t wall_ms)
{
    if (due_ms(c) > mono_ms)
        return NULL;
    if (!c->is_going)
        begin_notice(c, mono_ms, wall_ms);
    c->is_delivering = 1;
    c->tries++;
    return &c->going;
}

int alarm_channel_done(struct alarm_channel *c, const char *error, int64_t mono_ms)
{
    c->is_delivering = 0;
    utf8_to_text(c->error, sizeof c->error, span_of(error ? error : ""));
    if (error == NULL) {
        c->is_going = 0;
        c->taken++;
        return 0;
    }
    if (c->tries >= c->conf->tries) {
        c->is_going = 0;
        c->lost++;
        return 1;
    }
    int64_t wait_ms = c->conf->retry_ms;
    for (unsigned i = 1; i < c->tries && wait_ms < ALARM_RETRY_MS_MAX; i++)
        wait_ms *= 2;
    c->try_ms = mono_ms + (wait_ms < ALARM_RETRY_MS_MAX ? wait_ms : ALARM_RETRY_MS_MAX);
    return 0;
}

int alarm_channel_is_idle(const struct alarm_channel *c)
{
    return !c->is_going && c->gathered.count == 0;
}

int64_t alarm_channel_wait_ms(const struct alarm_channel *c, int64_t mono_ms, int64_t limit_ms)
{
    int64_t at_ms = due_ms(c);
    if (at_ms == INT64_MAX || at_ms - mono_ms >= limit_ms)
        return limit_ms;
    return at_ms > mono_ms ? at_ms - mono_ms : 0;
}
