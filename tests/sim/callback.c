/*
 * callback.c - the way of an event to its account's address; see callback.h.
 */
#include "tests/sim/callback.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "tests/sim/control.h"
#include "tests/sim/memory.h"
#include "tests/sim/post.h"
#include "tests/sim/reply.h"

#define KEY_PREFIX_BYTES 3 /* "07/" before the openid: accounts have openids of their own */
#define MOOD_SALT        UINT64_C(0x6d6f6f6473) /* so that its dice are not those of faults */
#define NONCE_SALT       UINT64_C(0x6e6f6e6365)

/* Somebody of whom events are to be told. Lives as long as one of them. */
struct recipient {
    UT_hash_handle hh;
    int events;
    bool busy;                /* one is on its way */
    struct callback *waiting; /* the next ones (utlist) */
    struct callback *held;    /* by a mood */
    char key[];               /* account and openid */
};

struct callback {
    struct callbacks *owner;
    struct callback *prev; /* of the queue, or of the recipient's waiting ones */
    struct callback *next;
    struct callback *all_prev; /* of all that there are */
    struct callback *all_next;
    struct recipient *recipient;
    struct timer timer;
    int64_t number;
    unsigned account;
    enum event_kind kind;
    int tries;
    bool answered;
    bool repeat; /* a mood wants it once more */
    int64_t begun_ms;
    int64_t begun_wall_ms;
    struct text plain;
};

struct callbacks {
    struct sim *sim;
    struct post *post;
    struct hook hooks[TOKENS_ACCOUNTS_MAX];
    struct mood mood;
    struct dice mood_dice;
    struct dice nonce_dice;
    int64_t last_number;
    int64_t queued;
    bool ending;
    struct callback *all;
    struct callback *queue;
    struct recipient *recipients;
    int64_t answers;
    uint32_t histogram[CALLBACK_ANSWER_MS_MAX + 1]; /* answers by their ms */
};

static void callbacks_pump(struct callbacks *self);
static void callback_start(void *argument);
static void callback_queue(struct callback *callback);
static void callback_send(struct callback *callback);
static void callback_done(void *argument, const struct post_answer *answer);
static void callback_free(struct callback *callback);

struct callbacks *callbacks_new(struct sim *sim)
{
    struct callbacks *self = memory_new(sizeof *self);
    const struct options *options = sim->options;
    self->sim = sim;
    self->post = post_new(sim->loop, options->callback_timeout_ms, (int)options->callback_connections);
    self->mood = options->mood;
    dice_seed(&self->mood_dice, options->seed ^ MOOD_SALT);
    dice_seed(&self->nonce_dice, options->seed ^ NONCE_SALT);
    memcpy(self->hooks, options->hooks, sizeof self->hooks);
    return self;
}

void callbacks_destroy(struct callbacks **self)
{
    if (*self == NULL)
        return;
    (*self)->ending = true;
    post_destroy(&(*self)->post);
    while ((*self)->all != NULL)
        callback_free((*self)->all);
    free(*self);
    *self = NULL;
}

struct hook *callbacks_hook(struct callbacks *self, unsigned account)
{
    return &self->hooks[account];
}

struct mood *callbacks_mood(struct callbacks *self)
{
    return &self->mood;
}

void callbacks_set_connections(struct callbacks *self, int connections)
{
    post_set_connections(self->post, connections);
    callbacks_pump(self);
}

int64_t callbacks_queued(const struct callbacks *self)
{
    return self->queued;
}

static int64_t *callback_counter(const struct callbacks *self, enum counter counter)
{
    return &self->sim->counters.values[counter];
}

static struct recipient *recipient_find_or_add(struct callbacks *self, unsigned account, const char *openid)
{
    char key[KEY_PREFIX_BYTES + BODY_OPENID_BYTES_MAX + 1];
    struct recipient *recipient = NULL;
    snprintf(key, sizeof key, "%02u/%s", account % TOKENS_ACCOUNTS_MAX, openid);
    HASH_FIND_STR(self->recipients, key, recipient);
    if (recipient == NULL) {
        recipient = memory_new(sizeof *recipient + strlen(key) + 1);
        memcpy(recipient->key, key, strlen(key) + 1);
        HASH_ADD_STR(self->recipients, key, recipient);
    }
    recipient->events++;
    return recipient;
}

int64_t callbacks_add(struct callbacks *self, unsigned account, const struct event *event, int64_t delay_ms)
{
    const struct hook *hook = &self->hooks[account];
    if (hook->url[0] == '\0')
        return 0;
    if (*callback_counter(self, COUNTER_CALLBACKS_WAITING) >= CALLBACK_WAITING_MAX) {
        ++*callback_counter(self, COUNTER_CALLBACKS_DROPPED);
        return 0;
    }
    struct callback *callback = memory_new(sizeof *callback);
    struct mood_choice choice = mood_draw(&self->mood, &self->mood_dice);
    callback->owner = self;
    callback->number = ++self->last_number;
    callback->account = account;
    callback->kind = event->kind;
    callback->repeat = choice.repeat;
    callback->recipient = recipient_find_or_add(self, account, event->openid);
    event_write(event, hook->name, hook->json, &callback->plain);
    DL_APPEND2(self->all, callback, all_prev, all_next);
    ++*callback_counter(self, COUNTER_CALLBACKS_EVENTS);
    ++*callback_counter(self, COUNTER_CALLBACKS_WAITING);
    delay_ms += choice.late_ms;
    if (choice.reorder && callback->recipient->held == NULL) {
        callback->recipient->held = callback;
        delay_ms += CALLBACK_REORDER_MS;
    }
    if (delay_ms > 0)
        loop_start_timer(self->sim->loop, &callback->timer, delay_ms, callback_start, callback);
    else
        callback_start(callback);
    return callback->number;
}

/* Its time has come, for the first time or for its next try. The one that was held back for it follows. */
static void callback_start(void *argument)
{
    struct callback *callback = argument;
    struct callback *held = callback->recipient->held;
    if (held != NULL)
        callback->recipient->held = NULL;
    callback_queue(callback);
    if (held != NULL && held != callback) {
        loop_stop_timer(callback->owner->sim->loop, &held->timer);
        callback_queue(held);
    }
    callbacks_pump(callback->owner);
}

static void callback_queue(struct callback *callback)
{
    DL_APPEND(callback->owner->queue, callback);
    callback->owner->queued++;
}

static void callbacks_pump(struct callbacks *self)
{
    while (!self->ending && self->queue != NULL && post_has_room(self->post)) {
        struct callback *callback = self->queue;
        DL_DELETE(self->queue, callback);
        if (callback->recipient->busy)
            DL_APPEND(callback->recipient->waiting, callback);
        else
            callback_send(callback);
    }
}

static const char *callback_openid(const struct callback *callback)
{
    return callback->recipient->key + KEY_PREFIX_BYTES;
}

static void callback_send(struct callback *callback)
{
    struct callbacks *self = callback->owner;
    const struct hook *hook = &self->hooks[callback->account];
    struct text url = {0};
    struct text body = {0};
    self->queued--;
    callback->recipient->busy = true;
    callback->begun_ms = loop_now_ms();
    callback->begun_wall_ms = loop_wall_ms();
    ++*callback_counter(self, COUNTER_CALLBACKS_SENT);
    if (++callback->tries > 1)
        ++*callback_counter(self, COUNTER_CALLBACKS_REPEATED);
    hook_write(hook, callback_openid(callback), callback->plain.bytes, callback->plain.used,
               callback->begun_wall_ms / 1000, &self->nonce_dice, &url, &body);
    post_start(self->post, url.bytes, hook->json ? "application/json" : "text/xml", &body, callback_done, callback);
    text_clear(&url);
}

/* What became of a try. */
struct callback_result {
    enum counter counter;
    const char *name;
    char why[REPLY_WHY_BYTES_MAX];
};

static struct callback_result callback_judge(struct callback *callback, const struct post_answer *answer)
{
    struct callback_result result = {.counter = COUNTER_CALLBACKS_REFUSED, .name = "refused"};
    struct callbacks *self = callback->owner;
    if (answer->end == POST_TIMED_OUT)
        return (struct callback_result){.counter = COUNTER_CALLBACKS_LATE, .name = "late"};
    if (answer->end != POST_ANSWERED) {
        result = (struct callback_result){.counter = COUNTER_CALLBACKS_FAILED,
                                          .name = answer->end == POST_ENDED ? "ended" : "failed"};
        snprintf(result.why, sizeof result.why, "%s", answer->why);
        return result;
    }
    if (answer->status != 200) {
        snprintf(result.why, sizeof result.why, "HTTP status %d", answer->status);
        return result;
    }
    enum reply reply = reply_read(&self->hooks[callback->account], callback_openid(callback), answer->bytes,
                                  answer->count, result.why);
    if (reply == REPLY_WRONG)
        return result;
    if (reply == REPLY_MESSAGE)
        ++*callback_counter(self, COUNTER_CALLBACKS_REPLIES);
    result.counter = COUNTER_CALLBACKS_ANSWERED;
    result.name = "answered";
    return result;
}

static void callback_journal(const struct callback *callback, const struct post_answer *answer,
                             const struct callback_result *result, int64_t ms)
{
    const struct journal_callback line = {
        .begun_ms = callback->begun_wall_ms,
        .done_ms = callback->begun_wall_ms + ms,
        .app = callback->owner->hooks[callback->account].appid,
        .openid = callback_openid(callback),
        .event = event_name(callback->kind),
        .number = callback->number,
        .tries = callback->tries,
        .result = result->name,
        .why = result->why[0] != '\0' ? result->why : NULL,
        .status = answer->status,
        .ms = ms,
        .reply = answer->end == POST_ANSWERED ? answer->bytes : NULL,
        .reply_bytes = answer->count,
        .body = callback->plain.bytes,
        .body_bytes = callback->plain.used,
    };
    journal_add_callback(callback->owner->sim->journal, &line);
}

static void callbacks_count_answer(struct callbacks *self, int64_t ms)
{
    int64_t *max = callback_counter(self, COUNTER_CALLBACK_MS_MAX);
    if (ms > *max)
        *max = ms;
    self->histogram[ms < CALLBACK_ANSWER_MS_MAX ? ms : CALLBACK_ANSWER_MS_MAX]++;
    self->answers++;
}

/* The event ends, or goes on with its next try. */
static void callback_settle(struct callback *callback, bool well)
{
    struct callbacks *self = callback->owner;
    if (well && !callback->answered) {
        callback->answered = true;
        ++*callback_counter(self, COUNTER_CALLBACKS_DONE);
    }
    if (well && callback->repeat) {
        callback->repeat = false;
        callback_queue(callback);
    } else if (!callback->answered && callback->tries <= self->sim->options->callback_retries) {
        int64_t wait_ms = callback->begun_ms + self->sim->options->callback_timeout_ms - loop_now_ms();
        loop_start_timer(self->sim->loop, &callback->timer, wait_ms > 0 ? wait_ms : 0, callback_start, callback);
    } else {
        if (!callback->answered)
            ++*callback_counter(self, COUNTER_CALLBACKS_GIVEN_UP);
        callback_free(callback);
    }
}

static void callback_done(void *argument, const struct post_answer *answer)
{
    struct callback *callback = argument;
    struct callbacks *self = callback->owner;
    struct recipient *recipient = callback->recipient;
    int64_t ms = loop_now_ms() - callback->begun_ms;
    struct callback_result result = callback_judge(callback, answer);
    callback_journal(callback, answer, &result, ms);
    recipient->busy = false;
    if (answer->end == POST_ENDED)
        return;
    ++*callback_counter(self, result.counter);
    if (answer->end == POST_ANSWERED)
        callbacks_count_answer(self, ms);
    struct callback *next = recipient->waiting;
    if (next != NULL) {
        DL_DELETE(recipient->waiting, next);
        DL_PREPEND(self->queue, next); /* before what happened later */
    }
    callback_settle(callback, result.counter == COUNTER_CALLBACKS_ANSWERED);
    control_counters_changed(self->sim);
    callbacks_pump(self);
}

/* It stands in no queue any more, unless all end. */
static void callback_free(struct callback *callback)
{
    struct callbacks *self = callback->owner;
    struct recipient *recipient = callback->recipient;
    loop_stop_timer(self->sim->loop, &callback->timer);
    --*callback_counter(self, COUNTER_CALLBACKS_WAITING);
    ++*callback_counter(self, COUNTER_CALLBACKS_ENDED);
    if (--recipient->events == 0) {
        HASH_DEL(self->recipients, recipient);
        free(recipient);
    }
    DL_DELETE2(self->all, callback, all_prev, all_next);
    text_clear(&callback->plain);
    free(callback);
}

void callbacks_measure(struct callbacks *self)
{
    int64_t above = self->answers / 100; /* answers that may be slower */
    int64_t seen = 0;
    int ms = CALLBACK_ANSWER_MS_MAX;
    while (ms > 0 && (seen += self->histogram[ms]) <= above)
        ms--;
    *callback_counter(self, COUNTER_CALLBACK_MS_P99) = ms;
}

/* A GET that tries an address. */
struct callback_check {
    struct exchange *exchange;
    char echostr[32];
};

static void callback_checked(void *argument, const struct post_answer *answer)
{
    struct callback_check *check = argument;
    char message[100];
    if (answer->end == POST_TIMED_OUT)
        control_error(check->exchange, 400, "no answer in time");
    else if (answer->end != POST_ANSWERED)
        control_error(check->exchange, 400, answer->why[0] != '\0' ? answer->why : "the simulator ends");
    else if (answer->status == 200 && answer->count == strlen(check->echostr) &&
             memcmp(answer->bytes, check->echostr, answer->count) == 0)
        control_ok(check->exchange);
    else {
        snprintf(message, sizeof message, "HTTP status %d; the answer must be 200 and echostr, nothing else",
                 answer->status);
        control_error(check->exchange, 400, message);
    }
    free(check);
}

void callbacks_check(struct callbacks *self, unsigned account, struct exchange *exchange)
{
    const struct hook *hook = &self->hooks[account];
    struct text url = {0};
    if (hook->url[0] == '\0' || !post_has_room(self->post)) {
        control_error(exchange, 400, hook->url[0] == '\0' ? "the account has no callback URL"
                                                          : "all connections are busy; try again");
        return;
    }
    struct callback_check *check = memory_new(sizeof *check);
    check->exchange = exchange;
    snprintf(check->echostr, sizeof check->echostr, "%" PRIu64, dice_roll(&self->nonce_dice));
    hook_write_check(hook, check->echostr, loop_wall_ms() / 1000, &self->nonce_dice, &url);
    post_start(self->post, url.bytes, NULL, NULL, callback_checked, check);
    text_clear(&url);
}
