#include "listener/series_enrol.h"

#include <stdio.h>

#include "base/log.h"
#include "base/crypto.h"
#include "listener/outbox.h"
#include "listener/series_plan.h"
#include "listener/series_rows.h"
#include "proto/mp.h"

#define SECOND_MS 1000

/* --- messages -------------------------------------------------------------------------------------------------------- */

void series_message_id(struct span app, struct span openid, struct span series, int64_t start_ms, unsigned step, char id[SERIES_ID_BYTES + 1])
{
    unsigned char hash[SHA256_BYTES];
    struct buf text = {0};
    buf_append(&text, app.data, app.bytes);
    buf_append(&text, "", 1); /* NUL: in none of the names */
    buf_append(&text, openid.data, openid.bytes);
    buf_append(&text, "", 1);
    buf_append(&text, series.data, series.bytes);
    buf_append(&text, "", 1);
    buf_printf(&text, "%lld %u", (long long)start_ms, step);
    sha256(buf_span(&text), hash);
    buf_free(&text);
    memcpy(id, "s-", 3);
    for (int i = 0; i < 20; i++)
        snprintf(id + 2 + 2 * i, 3, "%02x", hash[i]);
}

static int push_steps(struct db *db, const struct series *s, struct span openid, int64_t start_ms, const int64_t *due_ms, int64_t now_ms)
{
    char task[SERIES_NAME_BYTES_MAX + 8];
    snprintf(task, sizeof task, "series/%s", s->name);
    for (size_t i = 0; i < s->step_count; i++) {
        char id[SERIES_ID_BYTES + 1];
        series_message_id(span_of(s->app), openid, span_of(s->name), start_ms, (unsigned)i + 1, id);
        struct outbox_push push = {.app = span_of(s->app),
                                   .openid = openid,
                                   .id = span_of(id),
                                   .key = span_of(s->steps[i].key),
                                   .task = span_of(task),
                                   .at_ms = due_ms[i],
                                   .ttl_ms = s->steps[i].ttl_ms,
                                   .vars = buf_span(&s->vars)};
        if (outbox_add_push(db, &push, now_ms) != 0)
            return -1;
    }
    return 0;
}

/* Cancels the messages of a row that may still wait. */
static int cancel_steps(struct db *db, struct span name, const struct series_row *row, int64_t now_ms)
{
    struct series_steps steps;
    struct series_step_at step;
    series_steps_open(&steps, row->steps);
    while (series_steps_next(&steps, &step)) {
        char id[SERIES_ID_BYTES + 1];
        if (step.due_ms < now_ms - SERIES_KEPT_MS)
            continue;
        series_message_id(row->app, row->openid, name, row->start_ms, step.number, id);
        struct outbox_cancel cancel = {.app = row->app, .openid = row->openid, .id = span_of(id)};
        if (outbox_add_cancel(db, &cancel, now_ms) != 0)
            return -1;
    }
    return 0;
}

/* --- ending ----------------------------------------------------------------------------------------------------------- */

/* Ends what was started until at_s. Returns 1 when somebody was in it, 0, or -1. */
static int end_row(struct db *db, struct span name, const struct series_row *row, int64_t at_s, struct span reason, int64_t now_ms)
{
    if (row->state == SERIES_ENDED || row->start_ms / SECOND_MS > at_s || row->last_ms < now_ms - SERIES_KEPT_MS)
        return 0;
    if (cancel_steps(db, name, row, now_ms) != 0)
        return -1;
    if (row->state == SERIES_DONE)
        return 0;
    return series_rows_end(db, name, row, reason, now_ms) == 0 ? 1 : -1;
}

/* One person's row of one series. */
static int end_one(struct db *db, struct span app, struct span name, struct span openid, int64_t at_s, struct span reason, int64_t now_ms)
{
    struct series_kept kept = {0};
    int rc = series_rows_find(db, app, openid, name, now_ms, &kept);
    if (rc == 1)
        rc = end_row(db, name, &kept.row, at_s, reason, now_ms);
    series_kept_free(&kept);
    return rc;
}

/* All series of one person. Each row is read after the one before was changed: no statement stays open meanwhile. */
static int end_all(struct db *db, struct span app, struct span openid, int64_t at_s, int64_t now_ms)
{
    struct series_kept kept = {0};
    char name[SERIES_NAME_BYTES_MAX + 1] = "";
    int rc;
    while ((rc = series_rows_after(db, app, openid, now_ms, name, &kept)) == 1 &&
           (rc = end_row(db, span_of(name), &kept.row, at_s, span_of("unfollow"), now_ms)) >= 0)
        ;
    series_kept_free(&kept);
    return rc < 0 ? -1 : 0;
}

/* Series of this account that `event` ends, for one person. */
static int end_by(struct series_set *set, struct db *db, const char *app, struct span openid, const struct series_trigger *event, int64_t at_s,
                  struct span reason, int64_t now_ms)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct series *s = set->all[i];
        if (strcmp(s->app, app) == 0 && series_plan_ends(s, event) &&
            end_one(db, span_of(app), span_of(s->name), openid, at_s, reason, now_ms) < 0)
            return -1;
    }
    return 0;
}

int series_stop(struct db *db, struct span name, struct span openid, int64_t now_ms)
{
    struct series_kept kept = {0};
    int rc = series_rows_of_person(db, name, openid, now_ms, &kept);
    if (rc == 1)
        rc = end_row(db, name, &kept.row, INT64_MAX, span_of("operator"), now_ms);
    series_kept_free(&kept);
    return rc;
}

int series_stop_some(struct db *db, struct span name, int64_t now_ms)
{
    struct series_kept kept = {0};
    int count = 0, rc = 1;
    while (count < SERIES_STOP_MAX && (rc = series_rows_first(db, name, now_ms, &kept)) == 1) {
        /* One whose last step is due, and that no sweep has noted yet, leaves those that are in it as well. */
        int ended = end_row(db, name, &kept.row, INT64_MAX, span_of("operator"), now_ms);
        if (ended < 0 || (ended == 0 && series_rows_done(db, name, &kept.row) != 0)) {
            rc = -1;
            break;
        }
        count++;
    }
    series_kept_free(&kept);
    return rc < 0 ? -1 : count;
}

/* --- starting ---------------------------------------------------------------------------------------------------------- */

/* Whether a start is one beside what there was. */
static enum series_started judge(const struct series *s, const struct series_row *before, int64_t start_ms)
{
    if (before->start_ms == start_ms)
        return SERIES_IS_IN;
    if (before->start_ms > start_ms)
        return SERIES_TOO_SOON;
    if (before->state != SERIES_ENDED && before->last_ms > start_ms)
        return SERIES_IS_IN;
    if (s->again_ms == SERIES_AGAIN_NEVER || start_ms < before->start_ms + s->again_ms)
        return SERIES_TOO_SOON;
    return SERIES_STARTED;
}

static int64_t purge_ms(const struct series *s, int64_t start_ms, int64_t last_ms)
{
    if (s->again_ms == SERIES_AGAIN_NEVER)
        return 0;
    int64_t kept_ms = last_ms + SERIES_KEPT_MS, again_ms = start_ms + s->again_ms;
    return kept_ms > again_ms ? kept_ms : again_ms;
}

static int write_start(struct db *db, const struct series *s, struct span openid, int64_t start_ms, const struct series_row *before, int64_t now_ms)
{
    int64_t due_ms[SERIES_STEPS_MAX], last_ms = start_ms;
    struct buf steps = {0};
    mp_array(&steps, s->step_count);
    for (size_t i = 0; i < s->step_count; i++) {
        due_ms[i] = series_plan_due_ms(s, i, start_ms);
        last_ms = due_ms[i] > last_ms ? due_ms[i] : last_ms;
        series_steps_pack((unsigned)i + 1, due_ms[i], s->steps[i].key, &steps);
    }
    struct series_row row = {.openid = openid,
                             .app = span_of(s->app),
                             .start_ms = start_ms,
                             .last_ms = last_ms,
                             .steps = buf_span(&steps)};
    int rc = series_rows_start(db, span_of(s->name), &row, before, purge_ms(s, start_ms, last_ms));
    buf_free(&steps);
    return rc == 0 ? push_steps(db, s, openid, start_ms, due_ms, now_ms) : -1;
}

enum series_started series_start(struct series_set *set, struct db *db, const struct series *s, struct span openid, int64_t start_ms, int64_t now_ms)
{
    struct span app = span_of(s->app);
    struct series_kept kept = {0};
    enum series_started started = SERIES_STARTED;
    int away = series_rows_unfollowed_since(db, app, openid, start_ms / SECOND_MS);
    int found = series_rows_find(db, app, openid, span_of(s->name), now_ms, &kept);
    if (away < 0 || found < 0)
        started = SERIES_NOT_KEPT;
    else if (away)
        started = SERIES_IS_AWAY;
    else if (found)
        started = judge(s, &kept.row, start_ms);
    if (started == SERIES_STARTED && write_start(db, s, openid, start_ms, found ? &kept.row : NULL, now_ms) != 0)
        started = SERIES_NOT_KEPT;
    series_kept_free(&kept);
    if (started != SERIES_STARTED)
        return started;
    char reason[SERIES_NAME_BYTES_MAX + 8];
    struct series_trigger event = {SERIES_BY_SERIES, span_of(s->name)};
    snprintf(reason, sizeof reason, "series:%s", s->name);
    return end_by(set, db, s->app, openid, &event, start_ms / SECOND_MS, span_of(reason), now_ms) == 0 ? started : SERIES_NOT_KEPT;
}

/* --- events ------------------------------------------------------------------------------------------------------------- */

/* What an event is to series: at most two, of a follow by QR code. */
static size_t triggers_of(const struct event *event, struct series_trigger out[2])
{
    switch (event->kind) {
    case EVENT_FOLLOW:
        out[0] = (struct series_trigger){SERIES_FOLLOW, {NULL, 0}};
        out[1] = (struct series_trigger){SERIES_SCAN, event->key};
        return event->key.bytes ? 2 : 1;
    case EVENT_SCAN:
        out[0] = (struct series_trigger){SERIES_SCAN, event->key};
        return 1;
    case EVENT_CLICK:
        out[0] = (struct series_trigger){SERIES_CLICK, event->key};
        return 1;
    case EVENT_MESSAGE:
        out[0] = (struct series_trigger){SERIES_KEYWORD, event->content};
        return event->content.bytes ? 1 : 0;
    default:
        return 0;
    }
}

static int starts(const struct series *s, const char *app, const struct series_trigger *triggers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(s->app, app) == 0 && series_plan_starts(s, &triggers[i]))
            return 1;
    return 0;
}

int series_on_event(struct series_set *set, struct db *db, const struct event *event, const char *app, int64_t now_ms)
{
    struct series_trigger triggers[2];
    size_t count = triggers_of(event, triggers);
    if (event->kind == EVENT_UNFOLLOW)
        return series_rows_unfollow(db, span_of(app), event->openid, event->created_s) == 0
                   ? end_all(db, span_of(app), event->openid, event->created_s, now_ms)
                   : -1;
    for (size_t i = 0; i < count; i++) {
        struct span reason = span_of(triggers[i].kind == SERIES_CLICK ? "click" : "keyword");
        if (triggers[i].kind >= SERIES_CLICK &&
            end_by(set, db, app, event->openid, &triggers[i], event->created_s, reason, now_ms) != 0)
            return -1;
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct series *s = set->all[i];
        if (!starts(s, app, triggers, count))
            continue;
        enum series_started started = series_start(set, db, s, event->openid, event->created_s * SECOND_MS, now_ms);
        if (started == SERIES_NOT_KEPT)
            return -1;
        log_debug("series is started", log_str("series", s->name), log_str("app", app), log_span("openid", event->openid),
                  log_i64("changed", started == SERIES_STARTED));
    }
    return 0;
}
