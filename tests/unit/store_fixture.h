/* What the tests of the store share: a store in a folder of the test, messages with every field set, and
 * comparisons. Written against broker/store.h alone, so that another engine has to pass the same tests.
 */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include "broker/store.h"
#include "tests/unit/hex.h"

#define FIXTURE_BYTES_MAX (256u * 1024 * 1024)
#define FIXTURE_NOW_MS    1700000000000

/* The path of the store `name` in the test's folder, to be freed by the caller. */
static inline char *fixture_path(const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", test_folder(), name);
    buf_str(&path);
    return path.data;
}

static inline struct store *fixture_open_sized(const char *name, uint64_t bytes_max)
{
    struct buf error = {0};
    char *path = fixture_path(name);
    struct store *s = store_open(path, bytes_max, &error);
    if (s == NULL)
        fprintf(stderr, "%s\n", buf_str(&error));
    CHECK(s != NULL);
    free(path);
    buf_free(&error);
    return s;
}

static inline struct store *fixture_open(const char *name)
{
    return fixture_open_sized(name, FIXTURE_BYTES_MAX);
}

/* Closes and opens again. */
static inline void fixture_reopen(struct store **s, const char *name)
{
    store_close(s);
    CHECK(*s == NULL);
    *s = fixture_open(name);
}

/* A message that is due at once. Texts are not copied. */
static inline struct message fixture_message(const char *account, const char *id, const char *openid)
{
    return (struct message){.account = span_of(account),
                            .id = span_of(id),
                            .openid = span_of(openid),
                            .key = span_of("paid"),
                            .accepted_ms = FIXTURE_NOW_MS,
                            .due_ms = FIXTURE_NOW_MS,
                            .lane = LANE_BULK};
}

/* Appends it and returns its seq. */
static inline uint64_t fixture_append(struct store *s, struct message m)
{
    CHECK_INT(store_append(s, &m), STORE_OK);
    CHECK(m.seq > 0);
    return m.seq;
}

static inline uint64_t fixture_add(struct store *s, const char *account, const char *id, const char *openid)
{
    return fixture_append(s, fixture_message(account, id, openid));
}

static inline struct message fixture_read(struct store *s, uint64_t seq)
{
    struct message m;
    CHECK_INT(store_read(s, seq, &m), STORE_OK);
    CHECK_U64(m.seq, seq);
    return m;
}

static inline enum store_state fixture_state(struct store *s, const char *account, const char *id)
{
    enum store_state state;
    struct message m;
    struct final f;
    uint64_t content;
    enum store_answer answer = store_find(s, span_of(account), span_of(id), &state, &m, &f, &content);
    CHECK_INT(answer, state == STATE_NONE ? STORE_NONE : STORE_OK);
    return state;
}

/* queued or parked -> out */
static inline void fixture_take(struct store *s, uint64_t seq)
{
    struct message m = fixture_read(s, seq);
    struct mark mark = {
        .seq = seq, .generation = 7, .sender = 99, .out_ms = FIXTURE_NOW_MS + 5, .turn = m.turn + 1};
    store_take(s, &m, &mark);
}

static inline void fixture_park(struct store *s, uint64_t seq)
{
    struct message m = fixture_read(s, seq);
    store_park(s, &m);
}

#define FIXTURE_MSGID 3000000000000000000 /* and the seq: of what fixture_settle has sent */

static inline void fixture_settle_at(struct store *s, uint64_t seq, enum store_state state,
                                     int64_t settled_ms)
{
    struct message m = fixture_read(s, seq);
    struct final f = {.state = state,
                      .code = CODE_OK,
                      .msgid = state == STATE_SENT ? FIXTURE_MSGID + (int64_t)seq : 0,
                      .accepted_ms = m.accepted_ms,
                      .due_ms = m.due_ms,
                      .settled_ms = settled_ms,
                      .account = m.account,
                      .id = m.id,
                      .openid = m.openid,
                      .key = m.key,
                      .task = m.task,
                      .fallback = m.fallback,
                      .tries = m.tries};
    store_settle(s, &m, &f);
}

static inline void fixture_settle(struct store *s, uint64_t seq, enum store_state state)
{
    fixture_settle_at(s, seq, state, FIXTURE_NOW_MS + 100);
}

/* The seq at the head of a queue, 0 when it is empty. */
static inline uint64_t fixture_first(struct store *s, const char *account, int lane, int timed)
{
    struct place place;
    enum store_answer answer = store_first(s, span_of(account), lane, timed, &place);
    if (answer == STORE_NONE)
        return 0;
    CHECK_INT(answer, STORE_OK);
    CHECK_INT(place.lane, lane);
    CHECK_INT(place.timed, timed);
    return place.seq;
}

static inline uint64_t fixture_first_parked(struct store *s, const char *account, const char *openid)
{
    struct place place;
    enum store_answer answer = store_first_parked(s, span_of(account), span_of(openid), &place);
    CHECK(answer == STORE_OK || answer == STORE_NONE);
    return answer == STORE_OK ? place.seq : 0;
}

/* By all clocks. */
static inline uint64_t fixture_queued(struct store *s)
{
    struct store_counts counts = store_counts(s);
    return counts.queued[TIMED_NOW] + counts.queued[TIMED_WALL] + counts.queued[TIMED_ORDER];
}

static inline void fixture_counts(struct store *s, uint64_t queued, uint64_t parked, uint64_t out,
                                  uint64_t settled, uint64_t dead)
{
    struct store_counts counts = store_counts(s);
    CHECK_U64(fixture_queued(s), queued);
    CHECK_U64(counts.parked, parked);
    CHECK_U64(counts.held, 0);
    CHECK_U64(counts.out, out);
    CHECK_U64(counts.settled, settled);
    CHECK_U64(counts.dead, dead);
    CHECK_U64(counts.damaged, 0);
}

static inline void fixture_same_message(const struct message *got, const struct message *expected)
{
    CHECK_BYTES(got->account, expected->account);
    CHECK_BYTES(got->id, expected->id);
    CHECK_BYTES(got->openid, expected->openid);
    CHECK_BYTES(got->key, expected->key);
    CHECK_BYTES(got->task, expected->task);
    CHECK_BYTES(got->vars, expected->vars);
    CHECK_U64(got->content, expected->content);
    CHECK_INT(got->accepted_ms, expected->accepted_ms);
    CHECK_INT(got->due_ms, expected->due_ms);
    CHECK_INT(got->expires_ms, expected->expires_ms);
    CHECK_INT(got->give_up_ms, expected->give_up_ms);
    CHECK_INT(got->lane, expected->lane);
    CHECK_INT(got->timed, expected->timed);
    CHECK_INT(got->is_send, expected->is_send);
    CHECK_U64(got->turn, expected->turn);
    CHECK_U64(got->call, expected->call);
    CHECK_U64(got->calls, expected->calls);
    CHECK_U64(got->failures, expected->failures);
    CHECK_INT(got->first_out_ms, expected->first_out_ms);
    CHECK_INT(got->unknown_since_ms, expected->unknown_since_ms);
    CHECK_INT(got->errcode, expected->errcode);
    CHECK_BYTES(got->note, expected->note);
    CHECK_BYTES(got->fallback, expected->fallback);
    CHECK_BYTES(got->tries, expected->tries);
}

static inline void fixture_same_final(const struct final *got, const struct final *expected)
{
    CHECK_INT(got->state, expected->state);
    CHECK_INT(got->code, expected->code);
    CHECK_INT(got->errcode, expected->errcode);
    CHECK_INT(got->msgid, expected->msgid);
    CHECK_U64(got->calls, expected->calls);
    CHECK_INT(got->accepted_ms, expected->accepted_ms);
    CHECK_INT(got->due_ms, expected->due_ms);
    CHECK_INT(got->settled_ms, expected->settled_ms);
    CHECK_BYTES(got->message, expected->message);
    CHECK_BYTES(got->account, expected->account);
    CHECK_BYTES(got->id, expected->id);
    CHECK_BYTES(got->openid, expected->openid);
    CHECK_BYTES(got->key, expected->key);
    CHECK_BYTES(got->task, expected->task);
    CHECK_BYTES(got->fallback, expected->fallback);
    CHECK_BYTES(got->tries, expected->tries);
    CHECK_INT(got->received_ms, expected->received_ms);
}

/* Every field has a value of its own. */
static inline struct message fixture_full_message(void)
{
    return (struct message){.account = span_of("shop"),
                            .id = span_of("order-7"),
                            .openid = span_of("oABC"),
                            .key = span_of("paid"),
                            .task = span_of("sale"),
                            .vars = {"\x81\xa1\x61\x00", 4},
                            .content = 0xfedcba9876543210u,
                            .accepted_ms = FIXTURE_NOW_MS,
                            .due_ms = FIXTURE_NOW_MS + 1000,
                            .expires_ms = FIXTURE_NOW_MS + 2000,
                            .give_up_ms = FIXTURE_NOW_MS + 2500,
                            .lane = LANE_EXPRESS,
                            .timed = TIMED_ORDER,
                            .is_send = 1,
                            .turn = 4000000001u,
                            .call = 4000000002u,
                            .calls = 4000000003u,
                            .failures = 4000000004u,
                            .first_out_ms = FIXTURE_NOW_MS + 3000,
                            .unknown_since_ms = FIXTURE_NOW_MS + 4000,
                            .errcode = -1,
                            .note = span_of("system busy"),
                            .fallback = span_of("plain"),
                            .tries = {"\x91\x01", 2}};
}

/* Of that message. */
static inline struct final fixture_full_final(void)
{
    return (struct final){.state = STATE_REFUSED,
                          .code = CODE_REFUSED,
                          .errcode = 43004,
                          .msgid = INT64_MAX,
                          .calls = 3,
                          .accepted_ms = FIXTURE_NOW_MS,
                          .due_ms = FIXTURE_NOW_MS + 1000,
                          .settled_ms = FIXTURE_NOW_MS + 5000,
                          .message = span_of("{\"errcode\":43004}"),
                          .account = span_of("shop"),
                          .id = span_of("order-7"),
                          .openid = span_of("oABC"),
                          .key = span_of("paid"),
                          .task = span_of("sale"),
                          .fallback = span_of("plain"),
                          .tries = {"\x91\x01", 2},
                          .received_ms = FIXTURE_NOW_MS + 9000};
}

#endif
