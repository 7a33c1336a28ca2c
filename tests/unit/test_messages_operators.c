/* Golden bytes of what operators ask and are answered; see test_messages.c. */
#include "proto/operator.h"
#include "tests/unit/golden.h"


static const struct {
    const char *name;
    struct ask ask;
} asks[] = {
    {"ask list",
     {.op = ASK_LIST,
      .ref = 7,
      .filter = {.app = S("shop"),
                 .task = S("spring-sale"),
                 .states = ENTRY_REFUSED | ENTRY_DEAD,
                 .since_ms = 1700000000000},
      .limit = 100,
      .from = S("page 2"),
      .by = S("ann@ops")}},
    {"ask pause",
     {.op = ASK_PAUSE, .ref = 8, .filter = {.key = S("paid")}, .for_ms = 7200000, .by = S("ann@ops")}},
    {"ask rate",
     {.op = ASK_RATE, .ref = 10, .filter = {.app = S("shop")}, .rate_per_s = 250, .by = S("ann@ops")}},
    {"ask rate of the configuration",
     {.op = ASK_RATE, .ref = 11, .filter = {.app = S("shop")}, .rate_per_s = RATE_OF_CONF, .by = S("ann@ops")}},
    {"ask windows", {.op = ASK_WINDOWS, .ref = 12, .filter = {.app = S("shop"), .openid = S("o1")}, .by = S("ann@ops")}},
    {"ask requeue",
     {.op = ASK_REQUEUE,
      .ref = 9,
      .filter = {.errcode = 45009, .all = 1},
      .ttl_ms = 43200000,
      .by = S("ann@ops")}},
};

static void test_asks(struct golden *g)
{
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        const struct ask *expected = &asks[i].ask;
        struct buf bytes = golden_find(g, asks[i].name), packed = {0}, error = {0};
        struct ask a;
        ask_pack(expected, &packed);
        golden_check_packed(asks[i].name, &packed, &bytes);
        CHECK_INT(ask_unpack(buf_span(&bytes), &a, &error), 0);
        CHECK_INT(a.op, expected->op);
        CHECK_U64(a.ref, expected->ref);
        CHECK_INT(a.filter.states, expected->filter.states);
        CHECK_INT(a.for_ms, expected->for_ms);
        CHECK_INT(a.ttl_ms, expected->ttl_ms);
        if (a.op == ASK_RATE)
            CHECK_INT(a.rate_per_s, expected->rate_per_s);
        CHECK_BYTES(a.from, expected->from);
        CHECK_BYTES(a.by, expected->by);
        buf_free(&bytes);
        buf_free(&packed);
        buf_free(&error);
    }
}

static void test_answers(struct golden *g)
{
    struct buf page = {0};
    mp_array(&page, 1);
    size_t place = mp_map_open(&page);
    mp_put_str(&page, "id", "order-7-paid");
    mp_put_str(&page, "app", "shop");
    mp_put_str(&page, "openid", "o1");
    mp_put_str(&page, "key", "paid");
    mp_put_str(&page, "state", "dead");
    mp_put_i64(&page, "accepted", 1700000000000);
    mp_map_close(&page, place, 6);
    const struct {
        const char *name;
        struct answer answer;
    } answers[] = {
        {"answer page",
         {.ref = 7, .code = CODE_QUEUED, .looked = 5000, .next = S("page 3"), .data = buf_span(&page)}},
        {"answer progress", {.ref = 9, .code = CODE_QUEUED, .done = 480, .left = 3, .looked = 500}},
        {"answer not found", {.ref = 8, .code = CODE_NOT_FOUND, .message = S("it is not paused")}},
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const struct answer *expected = &answers[i].answer;
        struct buf bytes = golden_find(g, answers[i].name), packed = {0};
        struct answer a;
        answer_pack(expected, &packed);
        golden_check_packed(answers[i].name, &packed, &bytes);
        CHECK_INT(answer_unpack(buf_span(&bytes), &a), 0);
        CHECK_U64(a.ref, expected->ref);
        CHECK_INT(a.code, expected->code);
        CHECK_BYTES(a.next, expected->next);
        CHECK_BYTES(a.data, expected->data);
        buf_free(&bytes);
        buf_free(&packed);
    }
    buf_free(&page);
}

int main(void)
{
    struct golden g = {.text = test_read(GOLDEN_FILE)};
    test_asks(&g);
    test_answers(&g);
    CHECK_U64(g.compared, golden_count(&g, GOLDEN_OF_OPERATORS));
    buf_free(&g.text);
    return 0;
}
