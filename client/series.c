#include "client/series.h"

#include <stdio.h>
#include <unistd.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/term.h"
#include "client/confirm.h"
#include "client/queue.h"
#include "client/series_options.h"
#include "client/series_plan.h"
#include "client/series_print.h"
#include "proto/mp_json.h"
#include "proto/mp_view.h"

#define BUSY_AGAIN_MS 250 /* from a "not now" (503) to the next ask */

/* Asks and waits; a 503 is asked again until the time-out. When the code is neither 200 nor 100, its message is printed and the status that
 * belongs to the code returned. */
static enum status exchange(struct queue_link *l, const struct series_options *o, struct series_ask *a, struct answer *answer)
{
    int64_t until_ms = clock_mono_ms() + o->timeout_ms;
    for (;;) {
        struct buf *packed = queue_link_prepare(l, &a->ref, &a->by);
        series_ask_pack(a, packed);
        queue_link_send(l);
        enum status status = queue_link_wait(l, answer);
        if (status != STATUS_DONE || answer->code == CODE_OK || answer->code == CODE_QUEUED)
            return status;
        if (answer->code != CODE_BUSY || clock_mono_ms() + BUSY_AGAIN_MS >= until_ms)
            return queue_refused(answer);
        zclock_sleep(BUSY_AGAIN_MS);
    }
}

/* Prints what was gathered. */
static void print(struct buf *out)
{
    if (out->bytes)
        fwrite(out->data, 1, out->bytes, stdout);
    buf_free(out);
}

static enum status print_json(struct span data)
{
    struct buf out = {0};
    if (mp_json(data, &out))
        return queue_not_understood();
    buf_append_str(&out, "\n");
    print(&out);
    return STATUS_DONE;
}

/* An array, a row each; as JSON a line each. */
static enum status print_rows(const struct series_options *o, struct span data, struct table *t, void (*row)(struct table *, struct span))
{
    struct mp_list list;
    struct span one;
    if (mp_list_open(&list, data) != 0)
        return queue_not_understood();
    while (mp_list_next(&list, &one))
        if (!o->json)
            row(t, one);
        else if (print_json(one) != STATUS_DONE)
            return STATUS_AWAY;
    return STATUS_DONE;
}

static void print_table(struct table **t)
{
    struct buf out = {0};
    size_t columns, rows;
    term_size(STDOUT_FILENO, &columns, &rows);
    table_write(*t, columns, &out);
    table_destroy(t);
    print(&out);
}

static enum status run_list(struct queue_link *l, const struct series_options *o)
{
    struct series_ask ask = {.op = SERIES_LIST};
    struct answer answer;
    enum status status = exchange(l, o, &ask, &answer);
    if (status != STATUS_DONE)
        return status;
    struct table *t = series_print_list_new();
    struct mp_list list;
    int is_empty = mp_list_open(&list, answer.data) == 0 && list.left == 0;
    status = print_rows(o, answer.data, t, series_print_list_row);
    if (status == STATUS_DONE && !o->json && is_empty)
        puts("there are no series");
    else if (status == STATUS_DONE && !o->json) {
        print_table(&t);
        return STATUS_DONE;
    }
    table_destroy(&t);
    return status;
}

/* Pages are printed as they come: there may be millions. */
static enum status run_who(struct queue_link *l, const struct series_options *o)
{
    struct series_ask ask = {.op = SERIES_WHO, .name = o->name, .openid = o->openid};
    struct answer answer = {.code = CODE_QUEUED};
    struct buf from = {0};
    enum status status = STATUS_DONE;
    size_t count = 0;
    while (status == STATUS_DONE && answer.code == CODE_QUEUED) {
        ask.from = buf_span(&from);
        status = exchange(l, o, &ask, &answer);
        struct mp_list list;
        if (status == STATUS_DONE && mp_list_open(&list, answer.data) == 0)
            count += list.left;
        if (status == STATUS_DONE) {
            struct table *t = series_print_who_new();
            status = print_rows(o, answer.data, t, series_print_who_row);
            if (status == STATUS_DONE && !o->json && count)
                print_table(&t);
            else
                table_destroy(&t);
        }
        buf_clear(&from);
        buf_append(&from, answer.next.data, answer.next.bytes);
    }
    if (status == STATUS_DONE && count == 0 && !o->json)
        puts("nobody is in it");
    buf_free(&from);
    return status;
}

/* One person: who --openid, start. */
static enum status print_person(const struct series_options *o, struct span person)
{
    struct buf out = {0};
    if (o->json)
        return print_json(person);
    series_print_person(person, &out);
    print(&out);
    return STATUS_DONE;
}

static enum status run_person(struct queue_link *l, const struct series_options *o)
{
    struct series_ask ask = {.op = SERIES_WHO, .name = o->name, .openid = o->openid};
    struct answer answer;
    struct mp_list list;
    struct span one;
    enum status status = exchange(l, o, &ask, &answer);
    if (status == STATUS_DONE && mp_list_open(&list, answer.data) != 0)
        return queue_not_understood();
    while (status == STATUS_DONE && mp_list_next(&list, &one))
        status = print_person(o, one);
    return status;
}

static enum status run_start(struct queue_link *l, const struct series_options *o)
{
    /* With its time, so that asking again is the same start. */
    struct series_ask ask = {.op = SERIES_START, .name = o->name, .openid = o->openid, .at_ms = clock_wall_ms()};
    struct answer answer;
    enum status status = exchange(l, o, &ask, &answer);
    if (status != STATUS_DONE)
        return status;
    if (!o->json && mp_view_i64(answer.data, "start") != ask.at_ms)
        puts("is in it already; nothing changes");
    return print_person(o, answer.data);
}

static enum status run_stop(struct queue_link *l, const struct series_options *o)
{
    struct series_ask ask = {.op = SERIES_STOP, .name = o->name, .openid = o->openid, .all = o->all};
    struct answer answer = {.code = CODE_QUEUED};
    uint64_t count = 0;
    enum status status = STATUS_DONE;
    while (status == STATUS_DONE && answer.code == CODE_QUEUED) {
        status = exchange(l, o, &ask, &answer);
        if (status == STATUS_DONE)
            count += answer.done;
    }
    if (status != STATUS_DONE && count == 0)
        return status;
    if (o->json)
        printf("{\"name\":\"%.*s\",\"stopped\":%llu}\n", (int)o->name.bytes, o->name.data, (unsigned long long)count);
    else if (o->all)
        printf("%llu stopped\n", (unsigned long long)count);
    else
        puts(count ? "stopped" : "was not in it");
    return status;
}

/* Commands whose answer is one map. */
static enum status run_one(struct queue_link *l, const struct series_options *o)
{
    struct series_ask ask = {.op = o->command, .name = o->name, .app = o->app, .event = o->event};
    struct answer answer;
    struct buf out = {0};
    enum status status = exchange(l, o, &ask, &answer);
    if (status != STATUS_DONE)
        return status;
    if (o->command == SERIES_PLAN)
        return series_plan_print(o, answer.data);
    if (o->json)
        return print_json(answer.data);
    if (o->command == SERIES_SHOW)
        series_print_all(answer.data, &out);
    else
        series_print_status(answer.data, &out);
    print(&out);
    return STATUS_DONE;
}

static enum status confirm_stop(const struct series_options *o)
{
    struct buf question = {0};
    if (o->command != SERIES_STOP || !o->all || o->yes)
        return STATUS_DONE;
    buf_printf(&question, "Stop %.*s for everybody who is in it: cancel all that waits of it", (int)o->name.bytes, o->name.data);
    enum status status = confirm("series", o->verb, &question);
    buf_free(&question);
    return status;
}

static enum status run(const struct series_options *o)
{
    enum status status = confirm_stop(o);
    if (status != STATUS_DONE)
        return status;
    struct queue_link *link = queue_link_new(&o->access, o->endpoint, o->timeout_ms);
    if (link == NULL)
        return STATUS_USAGE;
    if (o->command == SERIES_LIST)
        status = run_list(link, o);
    else if (o->command == SERIES_WHO)
        status = o->openid.bytes ? run_person(link, o) : run_who(link, o);
    else if (o->command == SERIES_START)
        status = run_start(link, o);
    else if (o->command == SERIES_STOP)
        status = run_stop(link, o);
    else
        status = run_one(link, o);
    queue_link_destroy(&link);
    return status;
}

int series_main(int argc, char **argv)
{
    struct series_options options;
    int status = series_options_read(&options, argc, argv);
    if (status == STATUS_DONE)
        status = (int)run(&options);
    if (term_end("mega") != 0 && status == STATUS_DONE)
        status = STATUS_FAILED;
    series_options_free(&options);
    return status < 0 ? STATUS_DONE : status;
}
