#include "console/alarm_ways.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf_alarm.h"
#include "base/log.h"
#include "console/alarm_command.h"
#include "console/alarm_mail.h"
#include "console/alarm_webhook.h"
#include "http/fetch.h"

#define CALLS_MAX        4     /* at once: webhook and mail, a notice and a test of each */
#define ANSWER_BYTES_MAX 16384 /* kept of a webhook's answer */

/* One delivery that is under way, or its place. */
struct delivery {
    struct alarm_ways *owner;
    enum alarm_way way;
    int is_test;
};

struct alarm_ways {
    const struct conf_alarm *conf;
    const char *name;
    struct alarm_ear ear;
    struct alarm_commands *commands;
    struct fetch *fetch;
    int epoll_fd; /* holds those of both */
    struct delivery deliveries[ALARM_WAYS][2];
};

const char *alarm_way_name(enum alarm_way way)
{
    static const char *const names[ALARM_WAYS] = {"command", "webhook", "mail"};
    return names[way];
}

int alarm_way_is_on(const struct conf_alarm *conf, enum alarm_way way)
{
    const char *const keys[ALARM_WAYS] = {conf->command, conf->webhook, conf->mail_server};
    return keys[way][0] != '\0';
}

void alarm_way_target(const struct conf_alarm *conf, enum alarm_way way, struct buf *out)
{
    const char *rest = conf->command, *host = strstr(conf->webhook, "://");
    struct span word;
    if (way == ALARM_BY_MAIL)
        buf_printf(out, "%s by %s", conf->mail_to, conf->mail_server);
    else if (way == ALARM_BY_COMMAND && conf_next_word(&rest, " \t", &word))
        buf_append(out, word.data, word.bytes);
    else if (way == ALARM_BY_WEBHOOK && host)
        buf_append(out, host + 3, strcspn(host + 3, "/?#"));
}

static int add_fd(struct alarm_ways *ways, int fd)
{
    struct epoll_event event = {.events = EPOLLIN};
    return epoll_ctl(ways->epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

struct alarm_ways *alarm_ways_new(const struct conf_alarm *conf, const char *name, struct alarm_ear ear)
{
    struct alarm_ways *ways = mem_new(sizeof *ways);
    *ways = (struct alarm_ways){.conf = conf, .name = name, .ear = ear, .epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
    ways->commands = alarm_commands_new();
    ways->fetch = fetch_new(CALLS_MAX);
    for (int way = 0; way < ALARM_WAYS; way++)
        for (int is_test = 0; is_test < 2; is_test++)
            ways->deliveries[way][is_test] = (struct delivery){ways, (enum alarm_way)way, is_test};
    if (ways->epoll_fd < 0 || add_fd(ways, alarm_commands_fd(ways->commands)) != 0 || add_fd(ways, fetch_fd(ways->fetch)) != 0) {
        log_fatal("epoll cannot be used", log_str("error", strerror(errno)));
        exit(1);
    }
    return ways;
}

void alarm_ways_destroy(struct alarm_ways **self)
{
    struct alarm_ways *ways = *self;
    if (ways == NULL)
        return;
    alarm_commands_destroy(&ways->commands);
    fetch_destroy(&ways->fetch);
    close(ways->epoll_fd);
    free(ways);
    *self = NULL;
}

/* --- delivering --------------------------------------------------------------------------------------------------- */

static void tell(const struct delivery *d, const char *error)
{
    d->owner->ear.done(d->owner->ear.self, d->way, d->is_test, error);
}

static void on_command(void *self, const char *error)
{
    tell(self, error);
}

static void run_command(struct delivery *d, const struct alarm_notice *n)
{
    static const char *const names[] = {"MEGA_ALARM_NAME", "MEGA_ALARM_EVENT",   "MEGA_ALARM_ALARM", "MEGA_ALARM_ABOUT",
                                        "MEGA_ALARM_COUNT", "MEGA_ALARM_SUBJECT", "MEGA_ALARM_TEXT",  NULL};
    const struct alarm_event *first = &n->events[0];
    struct buf subject = {0}, text = {0}, json = {0}, count = {0}, error = {0};
    alarm_notice_subject(n, d->owner->name, &subject);
    alarm_notice_text(n, d->owner->name, &text);
    alarm_notice_json(n, d->owner->name, &json);
    buf_printf(&count, "%zu", n->count + n->more);
    const char *values[] = {d->owner->name, alarm_event_name(first->type),
                            first->kind == ALARM_KINDS ? "test" : alarm_kind_name(first->kind), first->subject, buf_str(&count),
                            buf_str(&subject), buf_str(&text)};
    struct alarm_command command = {.command = d->owner->conf->command, .argument = buf_str(&subject), .names = names,
                                    .values = values, .input = buf_span(&json), .timeout_ms = d->owner->conf->command_timeout_ms,
                                    .self = d, .done = on_command};
    if (alarm_commands_begin(d->owner->commands, &command, &error) != 0)
        tell(d, buf_str(&error));
    buf_free(&subject);
    buf_free(&text);
    buf_free(&json);
    buf_free(&count);
    buf_free(&error);
}

static void on_answer(void *self, const struct fetch_answer *answer)
{
    const struct delivery *d = self;
    struct buf error = {0};
    if (answer->error)
        buf_append_str(&error, answer->error);
    else if (d->way == ALARM_BY_WEBHOOK)
        alarm_webhook_taken(d->owner->conf->webhook_type, answer->status, answer->body, &error);
    tell(d, error.bytes ? buf_str(&error) : NULL);
    buf_free(&error);
}

static void begin(struct delivery *d, struct fetch_call *call)
{
    const struct conf_alarm *conf = d->owner->conf;
    call->ca_file = conf->ca_file;
    call->timeout_ms = conf->timeout_ms;
    call->answer_bytes_max = ANSWER_BYTES_MAX;
    call->self = d;
    call->done = on_answer;
    if (fetch_begin(d->owner->fetch, call) != 0)
        tell(d, "too many deliveries are under way");
}

static void post(struct delivery *d, const struct alarm_notice *n)
{
    static const char *const headers[] = {"Content-Type: application/json; charset=utf-8", NULL};
    const struct conf_alarm *conf = d->owner->conf;
    struct buf url = {0}, body = {0};
    alarm_webhook_url(conf, clock_wall_ms(), &url);
    alarm_webhook_body(conf->webhook_type, n, d->owner->name, &body);
    begin(d, &(struct fetch_call){.url = buf_str(&url), .body = buf_span(&body), .headers = headers});
    explicit_bzero(url.data, url.bytes);
    buf_free(&url);
    buf_free(&body);
}

static void mail(struct delivery *d, const struct alarm_notice *n)
{
    const struct conf_alarm *conf = d->owner->conf;
    const struct fetch_mail envelope = {.user = conf->mail_user[0] ? conf->mail_user : NULL,
                                        .password = conf->mail_password,
                                        .from = conf->mail_from,
                                        .to = conf->mail_to,
                                        .needs_tls = conf->mail_tls == MAIL_STARTTLS};
    struct buf body = {0};
    alarm_mail(conf, n, d->owner->name, &body);
    begin(d, &(struct fetch_call){.url = conf->mail_server, .body = buf_span(&body), .mail = &envelope});
    buf_free(&body);
}

void alarm_ways_deliver(struct alarm_ways *ways, enum alarm_way way, int is_test, const struct alarm_notice *notice)
{
    struct delivery *d = &ways->deliveries[way][is_test != 0];
    if (way == ALARM_BY_COMMAND)
        run_command(d, notice);
    else if (way == ALARM_BY_WEBHOOK)
        post(d, notice);
    else
        mail(d, notice);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

int alarm_ways_fd(const struct alarm_ways *ways)
{
    return ways->epoll_fd;
}

int64_t alarm_ways_wait_ms(const struct alarm_ways *ways, int64_t limit_ms)
{
    return fetch_wait_ms(ways->fetch, alarm_commands_wait_ms(ways->commands, limit_ms));
}

void alarm_ways_run(struct alarm_ways *ways)
{
    alarm_commands_run(ways->commands);
    fetch_run(ways->fetch);
}
