#include "client/queue_change.h"

#include <inttypes.h>
#include <stdio.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/json.h"
#include "client/confirm.h"
#include "proto/mp_view.h"
#include "client/progress.h"
#include "client/queue_print.h"
#include "client/queue_show.h"

#define DRAIN_LOOK_MS 200 /* between two looks at what is out */

/* --- asking the person -------------------------------------------------------------------------------------------- */

/* 1 for what changes many messages, or cannot be taken back. */
static int is_asked(const struct queue_options *o)
{
    switch (o->command) {
    case QUEUE_CANCEL:
    case QUEUE_REQUEUE:
        return o->id_count == 0;
    case QUEUE_PAUSE:
        return o->filter.all;
    case QUEUE_PURGE:
    case QUEUE_DRAIN:
        return 1;
    default:
        return 0;
    }
}

static void append_messages(const struct queue_options *o, const char *kind, struct buf *out)
{
    if (o->id_count) {
        buf_printf(out, "%zu %s message%s", o->id_count, kind, o->id_count == 1 ? "" : "s");
        return;
    }
    buf_printf(out, "all %s messages", kind);
    if (o->filter.all)
        return;
    buf_append_str(out, " with");
    queue_print_filter(&o->filter, out);
}

static void append_question(const struct queue_options *o, struct buf *out)
{
    switch (o->command) {
    case QUEUE_CANCEL:
        buf_append_str(out, "Cancel ");
        append_messages(o, "waiting", out);
        break;
    case QUEUE_REQUEUE:
        buf_append_str(out, "Send again ");
        append_messages(o, "dead", out);
        break;
    case QUEUE_PURGE:
        buf_append_str(out, "Remove ");
        append_messages(o, "dead", out);
        buf_append_str(out, ", which cannot be sent again then");
        break;
    case QUEUE_DRAIN:
        buf_append_str(out, "Pause everything, until it is resumed, and wait until nothing is out");
        break;
    default:
        buf_append_str(out, "Pause everything");
    }
}

enum status queue_confirm(const struct queue_options *o)
{
    struct buf question = {0};
    if (o->yes || !is_asked(o))
        return STATUS_DONE;
    append_question(o, &question);
    enum status status = confirm("queue", o->name, &question);
    buf_free(&question);
    return status;
}

/* --- cancel, requeue, purge --------------------------------------------------------------------------------------- */

struct change {
    uint64_t done, left, looked; /* as in struct answer */
    struct buf missing;          /* ids of which there was nothing to change: the inside of a JSON array */
};

static const char *verb_of(const struct queue_options *o)
{
    return o->command == QUEUE_CANCEL ? "cancelled" : o->command == QUEUE_REQUEUE ? "requeued" : "purged";
}

static struct ask ask_of(const struct queue_options *o)
{
    struct ask ask = {.op = ASK_CANCEL, .filter = o->filter, .ttl_ms = o->ttl_ms};
    if (o->command == QUEUE_REQUEUE)
        ask.op = ASK_REQUEUE;
    if (o->command == QUEUE_PURGE)
        ask.op = ASK_DISCARD;
    return ask;
}

/* Adds up an operation. Counts that fall are those of a broker that was restarted and began anew: what the old one had done
 * counts too, as far as it had told of it. */
static void follow(struct change *sum, struct change *run, const struct answer *answer)
{
    if (answer->done < run->done || (answer->looked && answer->looked < run->looked)) {
        sum->done += run->done;
        sum->looked += run->looked;
    }
    *run = (struct change){.done = answer->done, .left = answer->left, .looked = answer->looked};
}

/* Asks, shows the progress, and adds what was done to `sum`. Prints nothing of a 404, which is in the status. */
static enum status run_change(struct queue_link *l, const struct ask *ask, struct progress *progress,
                              struct change *sum)
{
    struct answer answer;
    struct change run = {0};
    queue_link_ask(l, ask);
    for (;;) {
        enum status status = queue_link_wait(l, &answer);
        if (status == STATUS_DONE) {
            follow(sum, &run, &answer);
            progress_show(progress, sum->done + run.done, &answer);
        }
        if (status == STATUS_DONE && answer.code == CODE_QUEUED)
            continue;
        sum->done += run.done;
        sum->left += run.left;
        sum->looked += run.looked;
        progress_end(progress);
        if (status != STATUS_DONE || answer.code == CODE_OK)
            return status;
        return answer.code == CODE_NOT_FOUND && ask->filter.id.bytes ? STATUS_UNKNOWN
                                                                     : queue_refused(&answer);
    }
}

static void note_missing(const struct queue_options *o, const char *id, struct change *sum)
{
    fprintf(stderr, "mega: %s: there is no %s message of this id\n", id,
            o->command == QUEUE_CANCEL ? "waiting" : "dead");
    buf_append_str(&sum->missing, sum->missing.bytes ? ",\"" : "\"");
    json_escape(span_of(id), &sum->missing);
    buf_append_str(&sum->missing, "\"");
}

/* One after the other; one that is unknown or just being sent does not hold up the others. */
static enum status change_ids(struct queue_link *l, const struct queue_options *o, struct progress *progress,
                              struct change *sum)
{
    for (size_t i = 0; i < o->id_count; i++) {
        struct ask ask = ask_of(o);
        uint64_t done = sum->done, left = sum->left;
        ask.filter.id = span_of(o->ids[i]);
        enum status status = run_change(l, &ask, progress, sum);
        if (status != STATUS_DONE && status != STATUS_UNKNOWN)
            return status;
        if (sum->left > left)
            fprintf(stderr, "mega: %s: is just being sent\n", o->ids[i]);
        else if (sum->done == done)
            note_missing(o, o->ids[i], sum);
    }
    return sum->missing.bytes ? STATUS_UNKNOWN : sum->left ? STATUS_AWAY : STATUS_DONE;
}

static void print_change(const struct queue_options *o, struct change *sum)
{
    if (!o->json) {
        printf("%" PRIu64 " %s\n", sum->done, verb_of(o));
        if (sum->left)
            printf("%" PRIu64 " just being sent, left alone\n", sum->left);
        return;
    }
    printf("{\"done\":%" PRIu64 ",\"left\":%" PRIu64 ",\"looked\":%" PRIu64, sum->done, sum->left,
           sum->looked);
    if (o->id_count)
        printf(",\"missing\":[%s]", buf_str(&sum->missing));
    puts("}");
}

enum status queue_change(struct queue_link *l, const struct queue_options *o)
{
    struct change sum = {0};
    struct progress progress;
    progress_begin(&progress, verb_of(o), !o->json);
    struct ask ask = ask_of(o);
    enum status status =
        o->id_count ? change_ids(l, o, &progress, &sum) : run_change(l, &ask, &progress, &sum);
    if (status == STATUS_DONE || sum.done || sum.left || sum.missing.bytes)
        print_change(o, &sum);
    buf_free(&sum.missing);
    return status;
}

/* --- pause, resume, drain ----------------------------------------------------------------------------------------- */

static enum status change_pauses(struct queue_link *l, const struct queue_options *o, enum ask_op op)
{
    struct ask ask = {.op = op, .filter = o->filter, .for_ms = o->for_ms};
    struct answer answer;
    enum status status = queue_exchange(l, &ask, &answer);
    if (status != STATUS_DONE)
        return status;
    if (answer.message.bytes && !o->json)
        printf("%.*s\n", (int)answer.message.bytes, answer.message.data);
    return queue_show_these_pauses(answer.data, o);
}

enum status queue_pause(struct queue_link *l, const struct queue_options *o)
{
    return change_pauses(l, o, ASK_PAUSE);
}

enum status queue_resume(struct queue_link *l, const struct queue_options *o)
{
    return change_pauses(l, o, ASK_RESUME);
}

/* Waits until nothing is out or the time is over; *out is how many are. */
static enum status wait_drained(struct queue_link *l, int64_t until_ms, struct progress *progress,
                                int64_t *out)
{
    for (;;) {
        struct answer answer;
        int64_t left_ms = until_ms - clock_mono_ms();
        queue_link_limit(l, left_ms > DRAIN_LOOK_MS ? left_ms : DRAIN_LOOK_MS);
        enum status status = queue_exchange(l, &(struct ask){.op = ASK_STATUS}, &answer);
        if (status != STATUS_DONE)
            return status;
        struct span depth = mp_view(answer.data, "depth");
        if (mp_view(depth, "out").bytes == 0)
            return queue_not_understood();
        *out = mp_view_i64(depth, "out");
        if (*out == 0 || left_ms <= DRAIN_LOOK_MS)
            return STATUS_DONE;
        progress_show(progress, (uint64_t)*out, &answer);
        zclock_sleep(DRAIN_LOOK_MS);
    }
}

static void print_drained(const struct queue_options *o, int64_t out)
{
    if (o->json)
        printf("{\"drained\":%s,\"out\":%" PRId64 "}\n", out ? "false" : "true", out);
    else if (out)
        printf("%" PRId64 " still out after %" PRId64 " ms; all stays paused until mega queue resume --all\n",
               out, o->timeout_ms);
    else
        puts("nothing is out; all stays paused until mega queue resume --all");
}

enum status queue_drain(struct queue_link *l, const struct queue_options *o)
{
    struct ask ask = {.op = ASK_PAUSE, .filter = {.all = 1}};
    struct answer answer;
    struct progress progress;
    int64_t out = 0, until_ms = clock_mono_ms() + o->timeout_ms;
    enum status status = queue_exchange(l, &ask, &answer);
    if (status != STATUS_DONE)
        return status;
    progress_begin(&progress, "out", !o->json);
    status = wait_drained(l, until_ms, &progress, &out);
    progress_end(&progress);
    if (status != STATUS_DONE)
        return status;
    print_drained(o, out);
    return out ? STATUS_AWAY : STATUS_DONE;
}
