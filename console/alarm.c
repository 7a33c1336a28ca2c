#include "console/alarm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"
#include "console/alarm_channel.h"
#include "console/alarm_locks.h"
#include "console/alarm_state.h"
#include "console/alarm_ways.h"

#define SAVE_EVERY_MS    1000
#define SAVE_LATEST_MS   30000 /* a way that is dead does not keep the file old for longer */

enum test_state { TEST_NONE, TEST_UNDER_WAY, TEST_TAKEN, TEST_FAILED };

struct test {
    enum test_state state;
    char error[ALARM_ERROR_BYTES_MAX];
};

struct alarms {
    const struct conf *conf;
    char name[CONF_TEXT_BYTES_MAX]; /* of the installation */
    struct alarm_rules rules;
    struct alarm_findings found;
    struct alarm_watch watch;
    struct alarm_channel channels[ALARM_WAYS];
    struct alarm_ways *ways;
    struct alarm_locks locks;
    struct test tests[ALARM_WAYS];
    int64_t tested_ms; /* wall time of the last test; 0 = none */
    int64_t saved_ms;  /* monotonic: the file was written last */
    int64_t changed_ms; /* monotonic: something that belongs there is new since; 0 = nothing is */
    int cannot_save;   /* it was said */
};

/* --- the file ----------------------------------------------------------------------------------------------------- */

static void read_state(struct alarms *a)
{
    const char *path = a->conf->alarm.state_file;
    struct buf bytes = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT)
            log_warn("what was raised cannot be read, what still holds is told again", log_str("file", path), log_str("error", strerror(errno)));
        return;
    }
    if (file_read(fd, ALARM_STATE_BYTES_MAX, &bytes) != 0 ||
        alarm_state_unpack(buf_span(&bytes), &a->watch, &a->rules.stages, clock_mono_ms(), clock_wall_ms()) != 0)
        log_warn("what was raised is damaged, what still holds is told again", log_str("file", path));
    close(fd);
    buf_free(&bytes);
}

static void save_state(struct alarms *a)
{
    const char *path = a->conf->alarm.state_file;
    struct file_place place = {.path = path, .mode = 0600, .folder_mode = 0750, .is_for_folder_owner = 1};
    struct buf bytes = {0};
    alarm_state_pack(&a->watch, &a->rules.stages, clock_mono_ms(), clock_wall_ms(), &bytes);
    int failed = file_replace(&place, buf_span(&bytes));
    if (failed && !a->cannot_save)
        log_warn("what is raised cannot be kept, a restart will tell it again", log_str("file", path), log_str("error", strerror(errno)));
    a->cannot_save = failed;
    a->watch.changed = a->rules.stages.changed = 0;
    a->changed_ms = 0;
    a->saved_ms = clock_mono_ms();
    buf_free(&bytes);
}

static int is_idle(const struct alarms *a)
{
    for (int way = 0; way < ALARM_WAYS; way++)
        if (!alarm_channel_is_idle(&a->channels[way]))
            return 0;
    return 1;
}

/* When the file is to be written; INT64_MAX: nothing is new. What is on its way to people is waited for: if this process is killed before
 * they have it, the next one finds the file of before, and tells it. */
static int64_t save_due_ms(const struct alarms *a)
{
    if (a->changed_ms == 0)
        return INT64_MAX;
    return is_idle(a) ? a->saved_ms + SAVE_EVERY_MS : a->changed_ms + SAVE_LATEST_MS;
}

static void note_changed(struct alarms *a)
{
    if (a->changed_ms == 0 && (a->watch.changed || a->rules.stages.changed))
        a->changed_ms = clock_mono_ms();
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void on_delivered(void *self, enum alarm_way way, int is_test, const char *error)
{
    struct alarms *a = self;
    if (is_test) {
        struct test *t = &a->tests[way];
        t->state = error ? TEST_FAILED : TEST_TAKEN;
        snprintf(t->error, sizeof t->error, "%s", error ? error : "");
        log_info("alarm test", log_str("by", alarm_way_name(way)), log_str("error", error ? error : "none"));
        return;
    }
    int is_lost = alarm_channel_done(&a->channels[way], error, clock_mono_ms());
    if (error == NULL)
        log_info("alarm notice taken", log_str("by", alarm_way_name(way)), log_str("notice", a->channels[way].going.id));
    else
        log_fields(is_lost ? LEVEL_ERROR : LEVEL_WARN, is_lost ? "alarm notice lost" : "alarm notice not taken, will be tried again",
                   (struct log_field[]){log_str("by", alarm_way_name(way)), log_str("notice", a->channels[way].going.id),
                                        log_str("error", error)},
                   3);
}

static void find_name(struct alarms *a)
{
    if (a->conf->alarm.name[0])
        snprintf(a->name, sizeof a->name, "%s", a->conf->alarm.name);
    else if (gethostname(a->name, sizeof a->name - 1) != 0)
        snprintf(a->name, sizeof a->name, "unknown");
}

struct alarms *alarms_new(const struct conf *conf)
{
    struct alarms *a = mem_new(sizeof *a);
    a->conf = conf;
    a->rules.conf = a->watch.conf = &conf->alarm;
    for (int way = 0; way < ALARM_WAYS; way++)
        alarm_channel_open(&a->channels[way], &conf->alarm);
    find_name(a);
    read_state(a);
    a->ways = alarm_ways_new(&conf->alarm, a->name, (struct alarm_ear){a, on_delivered});
    return a;
}

void alarms_destroy(struct alarms **self)
{
    struct alarms *a = *self;
    if (a == NULL)
        return;
    if (a->changed_ms && is_idle(a))
        save_state(a);
    alarm_ways_destroy(&a->ways);
    free(a);
    *self = NULL;
}

/* --- looking and telling ------------------------------------------------------------------------------------------ */

static void on_event(void *self, const struct alarm_event *event)
{
    struct alarms *a = self;
    char id[ALARM_ID_BYTES_MAX];
    alarm_id(event->kind, event->subject, id);
    log_fields(event->type == ALARM_EVENT_RECOVERED ? LEVEL_INFO : LEVEL_WARN,
               event->type == ALARM_EVENT_RECOVERED ? "alarm recovered" : event->type == ALARM_EVENT_REMINDER ? "alarm still raised" : "alarm",
               (struct log_field[]){log_str("alarm", id), log_str("text", event->text)}, 2);
    for (int way = 0; way < ALARM_WAYS; way++)
        if (alarm_way_is_on(&a->conf->alarm, (enum alarm_way)way))
            alarm_channel_add(&a->channels[way], event, clock_mono_ms());
}

/* Token keeper, task runner and listener are there when they answer, from whatever machine. What ended by itself is heard for a while after its
 * end; after that its lock says that nobody need miss it. */
static void see_programs(struct alarms *a, const struct alarms_heard *heard)
{
    alarm_locks_look(&a->locks, a->conf->run.dir);
    if (heard->token.bytes > 0)
        alarm_locks_see(&a->locks, "token");
    if (heard->has_task)
        alarm_locks_see(&a->locks, "task");
    if (heard->listener.bytes > 0)
        alarm_locks_see(&a->locks, "listener");
}

void alarms_look(struct alarms *a, const struct alarms_heard *heard)
{
    int64_t mono_ms = clock_mono_ms();
    struct alarm_listener listener = {a, on_event};
    find_name(a); /* the configuration may have been read again */
    see_programs(a, heard);
    struct alarm_view view = {.mono_ms = mono_ms, .status = heard->broker, .tokens = heard->token, .listener = heard->listener,
                              .processes = a->locks.list, .process_count = a->locks.count};
    alarm_rules_look(&a->rules, &view, &a->found);
    alarm_watch_take(&a->watch, &a->found, mono_ms, clock_wall_ms(), &listener);
    note_changed(a);
}

int alarms_expect(const struct alarms *a, const char *kind)
{
    return alarm_rules_expect(&a->rules, kind);
}

int alarms_fd(const struct alarms *a)
{
    return alarm_ways_fd(a->ways);
}

int64_t alarms_wait_ms(const struct alarms *a, int64_t limit_ms)
{
    int64_t mono_ms = clock_mono_ms();
    for (int way = 0; way < ALARM_WAYS; way++)
        limit_ms = alarm_channel_wait_ms(&a->channels[way], mono_ms, limit_ms);
    int64_t save_ms = save_due_ms(a);
    if (save_ms < mono_ms + limit_ms)
        limit_ms = save_ms > mono_ms ? save_ms - mono_ms : 0;
    return alarm_ways_wait_ms(a->ways, limit_ms);
}

void alarms_run(struct alarms *a)
{
    alarm_ways_run(a->ways);
    int64_t mono_ms = clock_mono_ms();
    for (int way = 0; way < ALARM_WAYS; way++) {
        const struct alarm_notice *notice = alarm_channel_next(&a->channels[way], mono_ms, clock_wall_ms());
        if (notice)
            alarm_ways_deliver(a->ways, (enum alarm_way)way, 0, notice);
    }
    if (mono_ms >= save_due_ms(a))
        save_state(a);
}

/* --- for people --------------------------------------------------------------------------------------------------- */

static int is_testing(const struct alarms *a)
{
    for (int way = 0; way < ALARM_WAYS; way++)
        if (a->tests[way].state == TEST_UNDER_WAY)
            return 1;
    return 0;
}

int alarms_test(struct alarms *a, const char **error)
{
    struct alarm_notice notice = {.at_ms = clock_wall_ms()};
    struct alarm_event event = {.type = ALARM_EVENT_TEST, .kind = ALARM_KINDS, .text = "a test of the way by which alarms come",
                                .at_ms = notice.at_ms, .since_ms = notice.at_ms};
    size_t begun = 0;
    if (is_testing(a)) {
        *error = "a test is under way; ask again when it has ended";
        return -1;
    }
    hash_hex(hash_random_128(), notice.id);
    alarm_notice_add(&notice, &event);
    a->tested_ms = notice.at_ms;
    for (int way = 0; way < ALARM_WAYS; way++) {
        a->tests[way].state = alarm_way_is_on(&a->conf->alarm, (enum alarm_way)way) ? TEST_UNDER_WAY : TEST_NONE;
        if (a->tests[way].state == TEST_NONE)
            continue;
        alarm_ways_deliver(a->ways, (enum alarm_way)way, 1, &notice);
        begun++;
    }
    if (begun == 0)
        *error = "no way is configured; give [alarm] command, webhook or mail_server";
    return begun ? 0 : -1;
}

int alarms_silence(struct alarms *a, struct span name, int64_t for_ms, const char **error)
{
    int64_t wall_ms = clock_wall_ms();
    int failed = alarm_watch_silence(&a->watch, name, for_ms ? wall_ms + for_ms : 0, wall_ms, error);
    note_changed(a);
    if (!failed)
        log_info(for_ms ? "alarm silenced" : "silence ended", log_span("alarm", name), log_i64("for_ms", for_ms));
    return failed;
}

static void append_alarms(const struct alarms *a, int64_t wall_ms, struct buf *out)
{
    const char *between = "";
    for (size_t i = 0; i < a->watch.count; i++) {
        const struct alarm *one = &a->watch.list[i];
        char id[ALARM_ID_BYTES_MAX];
        if (one->state != ALARM_RAISED)
            continue;
        alarm_id(one->kind, one->subject, id);
        buf_printf(out, "%s{\"since\":%" PRId64 ",\"silenced_until\":%" PRId64 ",\"fine\":%s", between, one->since_ms,
                   alarm_watch_silenced_until(&a->watch, one, wall_ms), one->fine_ms >= 0 ? "true" : "false");
        alarm_json_member(out, "name", id);
        alarm_json_member(out, "alarm", alarm_kind_name(one->kind));
        alarm_json_member(out, "subject", one->subject);
        alarm_json_member(out, "severity", alarm_kind_is_critical(one->kind) ? "critical" : "warning");
        alarm_json_member(out, "text", one->text);
        buf_append_str(out, "}");
        between = ",";
    }
}

static void append_silences(const struct alarms *a, int64_t wall_ms, struct buf *out)
{
    const char *between = "";
    for (size_t i = 0; i < a->watch.silence_count; i++) {
        const struct alarm_silence *s = &a->watch.silences[i];
        if (s->until_ms <= wall_ms)
            continue;
        buf_printf(out, "%s{\"until\":%" PRId64, between, s->until_ms);
        alarm_json_member(out, "name", s->name);
        buf_append_str(out, "}");
        between = ",";
    }
}

static void append_ways(const struct alarms *a, struct buf *out)
{
    static const char *const states[] = {"none", "under way", "taken", "failed"};
    const char *between = "";
    for (int way = 0; way < ALARM_WAYS; way++) {
        const struct alarm_channel *c = &a->channels[way];
        struct buf target = {0};
        if (!alarm_way_is_on(&a->conf->alarm, (enum alarm_way)way))
            continue;
        alarm_way_target(&a->conf->alarm, (enum alarm_way)way, &target);
        buf_printf(out, "%s{\"taken\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"waiting\":%zu", between, c->taken, c->lost,
                   c->gathered.count + c->gathered.more + (c->is_going ? c->going.count + c->going.more : 0));
        alarm_json_member(out, "way", alarm_way_name((enum alarm_way)way));
        alarm_json_member(out, "to", buf_str(&target));
        alarm_json_member(out, "error", c->error);
        alarm_json_member(out, "test", states[a->tests[way].state]);
        alarm_json_member(out, "test_error", a->tests[way].error);
        buf_append_str(out, "}");
        buf_free(&target);
        between = ",";
    }
}

void alarms_json(const struct alarms *a, struct buf *out)
{
    int64_t wall_ms = clock_wall_ms();
    buf_printf(out, "{\"now\":%" PRId64, wall_ms);
    alarm_json_member(out, "name", a->name);
    buf_append_str(out, ",\"alarms\":[");
    append_alarms(a, wall_ms, out);
    buf_append_str(out, "],\"silences\":[");
    append_silences(a, wall_ms, out);
    buf_printf(out, "],\"tested\":%" PRId64 ",\"ways\":[", a->tested_ms);
    append_ways(a, out);
    buf_append_str(out, "]}");
}
