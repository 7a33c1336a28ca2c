/* Golden bytes: packing gives exactly what tests/data/messages.hex holds, and reading that gives the same
 * values. The bytes are part of the agreement between processes of different builds and with callers in other
 * languages, so a change here is a change of the protocol. tests/process/test_messages.py compares the same
 * bytes with Python's msgpack.
 */
#include "proto/control.h"
#include "proto/frontend.h"
#include "proto/job.h"
#include "proto/token.h"
#include "tests/unit/golden.h"

#define EPOCH     0x0123456789abcdefu
#define BROKER    0xfedcba9876543210u
#define SENDER_1  "ipc:///run/mega-wechat/sender-1.0123456789abcdef.ipc"
#define SENDER_2  "tcp://10.0.0.8:40001"

/* --- the frontend
 * ------------------------------------------------------------------------------------------------- */

static void check_request(struct golden *g, const char *name, const struct request *expected)
{
    struct buf bytes = golden_find(g, name), packed = {0}, error = {0};
    struct request r;
    request_pack(expected, &packed);
    golden_check_packed(name, &packed, &bytes);
    CHECK_INT(request_unpack(buf_span(&bytes), NULL, &r, &error), 0);
    CHECK_INT(r.op, expected->op);
    CHECK_BYTES(r.ref, expected->ref);
    CHECK_BYTES(r.id, expected->id);
    CHECK_BYTES(r.app, expected->app);
    CHECK_BYTES(r.openid, expected->openid);
    CHECK_BYTES(r.key, expected->key);
    CHECK_BYTES(r.vars, expected->vars);
    CHECK_BYTES(r.task, expected->task);
    CHECK_INT(r.at_ms, expected->at_ms);
    CHECK_INT(r.in_ms, expected->in_ms);
    CHECK_INT(r.ttl_ms, expected->ttl_ms);
    CHECK_INT(r.lane, expected->lane);
    buf_free(&bytes);
    buf_free(&packed);
    buf_free(&error);
}

static void test_requests(struct golden *g)
{
    struct buf vars = pack("{name '\xe5\xbc\xa0\xe4\xb8\x89' count 3 debt -250 price 19.5 paid true note nil"
                           " order <c71701 3132333435363738393031323334353637383930313233>}");
    struct buf code = pack("{code '0417'}");
    check_request(g, "request push",
                  &(struct request){.op = OP_PUSH,
                                    .ref = S("\x01"),
                                    .id = S("order-7-paid"),
                                    .app = S("shop"),
                                    .openid = S("oABCD1234567890abcdefghijklm"),
                                    .key = S("paid"),
                                    .vars = buf_span(&vars),
                                    .task = S("spring-sale"),
                                    .in_ms = 90000,
                                    .ttl_ms = 3600000,
                                    .lane = LANE_BULK});
    check_request(g, "request push least",
                  &(struct request){.op = OP_PUSH, .openid = S("o1"), .key = S("paid"), .lane = -1});
    check_request(g, "request send",
                  &(struct request){.op = OP_SEND,
                                    .ref = S("\xa3s-2"),
                                    .id = S("otp-88"),
                                    .openid = S("o1"),
                                    .key = S("otp"),
                                    .vars = buf_span(&code),
                                    .at_ms = 1700000000000,
                                    .lane = LANE_EXPRESS});
    check_request(g, "request tset",
                  &(struct request){.op = OP_TSET, .ref = S("\x03"), .key = S("paid"), .lane = -1});
    check_request(
        g, "request cancel",
        &(struct request){
            .op = OP_CANCEL, .ref = S("\x04"), .id = S("order-7-paid"), .app = S("shop"), .lane = -1});
    check_request(
        g, "request status",
        &(struct request){
            .op = OP_STATUS, .ref = S("\x05"), .id = S("order-7-paid"), .app = S("shop"), .lane = -1});
    check_request(g, "request status wait",
                  &(struct request){.op = OP_STATUS, .ref = S("\x07"), .id = S("order-7-paid"), .wait = 1, .lane = -1});
    check_request(g, "request check",
                  &(struct request){.op = OP_CHECK, .ref = S("\x08"), .openid = S("o1"), .key = S("paid"), .lane = -1});
    check_request(g, "request receipt",
                  &(struct request){.op = OP_RECEIPT,
                                    .ref = S("\x09"),
                                    .app = S("shop"),
                                    .openid = S("o1"),
                                    .at_ms = 1700000000000,
                                    .lane = -1,
                                    .msgid = 3141592653589793238,
                                    .outcome = RECEIPT_REJECTED,
                                    .message = S("failed:user block")});
    check_request(g, "request window",
                  &(struct request){.op = OP_WINDOW,
                                    .ref = S("\x09"),
                                    .app = S("shop"),
                                    .openid = S("o1"),
                                    .action = S("message"),
                                    .at_ms = 1700000000000,
                                    .lane = -1});
    check_request(g, "request ping", &(struct request){.op = OP_PING, .ref = S("\x06"), .lane = -1});
    buf_free(&vars);
    buf_free(&code);
}

static const struct {
    const char *name;
    struct result result;
} results[] = {
    {"result accepted", {.ref = S("\x01"), .id = S("order-7-paid"), .code = CODE_OK, .state = S("waiting")}},
    {"result sent",
     {.ref = S("\xa3s-2"),
      .id = S("otp-88"),
      .code = CODE_OK,
      .msgid = 3141592653589793238,
      .state = S("sent")}},
    {"result pending",
     {.ref = S("\xa3s-2"),
      .id = S("otp-88"),
      .code = CODE_OK,
      .message = S("WeChat answered 40252 (content is being reviewed)"),
      .errcode = 40252,
      .state = S("pending")}},
    {"result refused",
     {.ref = S("\xa3s-2"),
      .id = S("otp-88"),
      .code = CODE_REFUSED,
      .message = S("{\"errcode\":43004,\"errmsg\":\"require subscribe\",\"openid\":\"o1\"}"),
      .errcode = 43004,
      .state = S("refused")}},
    {"result wrong request",
     {.ref = S("\x07"), .code = CODE_REFUSED, .message = S("task: 65 bytes; at most 64")}},
    {"result waiting",
     {.ref = S("\x05"),
      .id = S("order-7-paid"),
      .code = CODE_QUEUED,
      .message = S("WeChat answered -1 (system busy)"),
      .errcode = -1,
      .state = S("waiting")}},
    {"result not found",
     {.ref = S("\x05"), .id = S("order-8"), .code = CODE_NOT_FOUND, .message = S("id: unknown")}},
    {"result expired",
     {.ref = S("\x05"),
      .id = S("order-9"),
      .code = CODE_EXPIRED,
      .message = S("not sent within its ttl"),
      .state = S("expired")}},
    {"result cancelled",
     {.ref = S("\x05"),
      .id = S("order-7-paid"),
      .code = CODE_CANCELLED,
      .message = S("cancelled"),
      .state = S("cancelled")}},
    {"result dead",
     {.ref = S("\x05"),
      .id = S("order-10"),
      .code = CODE_FAILED,
      .message = S("WeChat answered -1 (system busy)"),
      .errcode = -1,
      .state = S("dead")}},
    {"result busy",
     {.ref = S("\x01"),
      .id = S("order-7-paid"),
      .code = CODE_BUSY,
      .message = S("the disk is nearly full (min_free_space); try again")}},
    {"result ready", {.ref = S("\x06"), .code = CODE_OK, .state = S("ready")}},
    {"result unready", {.code = CODE_OK, .message = S("no sender is connected"), .state = S("unready")}},
};

static void test_results(struct golden *g)
{
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        struct buf bytes = golden_find(g, results[i].name), packed = {0};
        struct result expected = results[i].result, r;
        expected.epoch = BROKER;
        result_pack(&expected, &packed);
        golden_check_packed(results[i].name, &packed, &bytes);
        CHECK_INT(result_unpack(buf_span(&bytes), NULL, &r), 0);
        CHECK_BYTES(r.ref, expected.ref);
        CHECK_BYTES(r.id, expected.id);
        CHECK_INT(r.code, expected.code);
        CHECK_BYTES(r.message, expected.message);
        CHECK_INT(r.errcode, expected.errcode);
        CHECK_INT(r.msgid, expected.msgid);
        CHECK_BYTES(r.state, expected.state);
        CHECK_U64(r.epoch, BROKER);
        buf_free(&bytes);
        buf_free(&packed);
    }
}

/* --- control
 * ------------------------------------------------------------------------------------------------------ */

/* `packed` is msgpack in the notation of pack.h, put into the member that `where` names. */
static const struct {
    const char *name;
    struct control control;
    size_t where;
    const char *packed;
} controls[] = {
    {"control hello templater",
     {.type = CONTROL_HELLO,
      .epoch = EPOCH,
      .kind = STAGE_TEMPLATER,
      .name = S("templater-1"),
      .version = S("0.1.0"),
      .clock_ms = 7200123},
     0,
     NULL},
    {"control hello sender",
     {.type = CONTROL_HELLO,
      .epoch = EPOCH,
      .kind = STAGE_SENDER,
      .name = S("sender-1"),
      .version = S("0.1.0"),
      .slots = 64,
      .endpoint = S(SENDER_1),
      .clock_ms = 7200123,
      .generation = 41},
     0,
     NULL},
    {"control welcome",
     {.type = CONTROL_WELCOME,
      .epoch = EPOCH,
      .clock_ms = 7200123,
      .generation = 42,
      .broker = BROKER,
      .lease_ms = 3000},
     offsetof(struct control, versions),
     "{paid 7 otp 300}"},
    {"control beat templater",
     {.type = CONTROL_BEAT, .epoch = EPOCH, .clock_ms = 7200723, .behind = 1, .generation = 42},
     0,
     NULL},
    {"control beat sender",
     {.type = CONTROL_BEAT, .epoch = EPOCH, .clock_ms = 7200723, .generation = 42},
     offsetof(struct control, stopped),
     "{shop 'no access token: invalid appsecret'}"},
    {"control beat figures",
     {.type = CONTROL_BEAT, .epoch = EPOCH, .clock_ms = 7201723, .cpu_us = 1250000, .rss_bytes = 18087936, .generation = 42},
     offsetof(struct control, latency),
     "{le [50000 100000] of [[shop template [7 2 1] 612000]]}"},
    {"control beat broker",
     {.type = CONTROL_BEAT, .epoch = EPOCH, .clock_ms = 7200723, .generation = 43, .broker = BROKER},
     0,
     NULL},
    {"control fence", {.type = CONTROL_FENCE, .generation = 43}, 0, NULL},
    {"control held",
     {.type = CONTROL_HELD, .epoch = EPOCH, .generation = 43},
     offsetof(struct control, holdings),
     "[[1001 1] [1002 3]]"},
    {"control held nothing",
     {.type = CONTROL_HELD, .epoch = EPOCH, .generation = 43},
     offsetof(struct control, holdings),
     "[]"},
    {"control begin",
     {.type = CONTROL_BEGIN, .epoch = EPOCH},
     offsetof(struct control, holdings),
     "[[1001 1] [1002 3]]"},
    {"control begun", {.type = CONTROL_BEGUN}, offsetof(struct control, holdings), "[[1002 3]]"},
    {"control results",
     {.type = CONTROL_RESULTS, .epoch = EPOCH},
     offsetof(struct control, results),
     "[[1001 1 sent 0 3141592653589793238 200 1 '' ''] [1002 3 unknown 0 0 0 1 'no answer within 10000 ms' network]]"},
    {"control results without causes",
     {.type = CONTROL_RESULTS, .epoch = EPOCH},
     offsetof(struct control, results),
     "[[1001 1 sent 0 3141592653589793238 200 1 ''] [1002 3 unknown 0 0 0 1 'no answer within 10000 ms']]"},
    {"control confirm", {.type = CONTROL_CONFIRM}, offsetof(struct control, holdings), "[[1001 1] [1002 3]]"},
    {"control keys",
     {.type = CONTROL_KEYS, .epoch = EPOCH},
     offsetof(struct control, keys),
     "[[paid 7 86400000 -1 [name count] 50 paid-plain [45015 45047] custom] [otp 300 0 0 [] 0 '' [] template]]"},
    {"control keys without kinds",
     {.type = CONTROL_KEYS, .epoch = EPOCH},
     offsetof(struct control, keys),
     "[[paid 7 86400000 -1 [name count] 50 paid-plain [45015 45047]] [otp 300 0 0 [] 0 '' []]]"},
    {"control keys without rates",
     {.type = CONTROL_KEYS, .epoch = EPOCH},
     offsetof(struct control, keys),
     "[[paid 7 86400000 -1 [name count]] [otp 300 0 0 []]]"},
    {"control tset ask", {.type = CONTROL_TSET, .ref = 9, .key = S("paid"), .key_version = 8}, 0, NULL},
    {"control tset answer",
     {.type = CONTROL_TSET, .epoch = EPOCH, .ref = 9, .key = S("paid"), .key_version = 8, .code = CODE_OK},
     offsetof(struct control, keys),
     "[[paid 8 0 -1 [name]]]"},
    {"control tset refused",
     {.type = CONTROL_TSET,
      .epoch = EPOCH,
      .ref = 9,
      .key = S("paid"),
      .key_version = 8,
      .code = CODE_REFUSED,
      .message = S("template key not exists")},
     offsetof(struct control, keys),
     "[]"},
    {"control lost",
     {.type = CONTROL_LOST,
      .epoch = EPOCH,
      .endpoint = S(SENDER_2),
      .message = S("the connection to a sender was lost")},
     0,
     NULL},
    {"control senders",
     {.type = CONTROL_SENDERS},
     offsetof(struct control, endpoints),
     "[" SENDER_1 " " SENDER_2 "]"},
    {"control who", {.type = CONTROL_WHO}, 0, NULL},
    {"control refused", {.type = CONTROL_REFUSED, .message = S("too many stages: at most 256")}, 0, NULL},
    {"control bye", {.type = CONTROL_BYE, .epoch = EPOCH}, 0, NULL},
};

static void check_same_control(const struct control *got, const struct control *expected)
{
    CHECK_INT(got->type, expected->type);
    CHECK_U64(got->epoch, expected->epoch);
    CHECK_INT(got->kind, expected->kind);
    CHECK_BYTES(got->name, expected->name);
    CHECK_BYTES(got->version, expected->version);
    CHECK_U64(got->slots, expected->slots);
    CHECK_BYTES(got->endpoint, expected->endpoint);
    CHECK_INT(got->clock_ms, expected->clock_ms);
    CHECK_BYTES(got->stopped, expected->stopped);
    CHECK_INT(got->cpu_us, expected->cpu_us);
    CHECK_U64(got->rss_bytes, expected->rss_bytes);
    CHECK_BYTES(got->latency, expected->latency);
    CHECK_INT(got->behind, expected->behind);
    CHECK_U64(got->generation, expected->generation);
    CHECK_U64(got->broker, expected->broker);
    CHECK_INT(got->lease_ms, expected->lease_ms);
    CHECK_BYTES(got->versions, expected->versions);
    CHECK_BYTES(got->holdings, expected->holdings);
    CHECK_BYTES(got->results, expected->results);
    CHECK_BYTES(got->keys, expected->keys);
    CHECK_BYTES(got->endpoints, expected->endpoints);
    CHECK_U64(got->ref, expected->ref);
    CHECK_BYTES(got->key, expected->key);
    CHECK_U64(got->key_version, expected->key_version);
    CHECK_INT(got->code, expected->code);
    CHECK_BYTES(got->message, expected->message);
}

static void test_controls(struct golden *g)
{
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++) {
        struct buf bytes = golden_find(g, controls[i].name), packed = {0}, inside = {0};
        struct control expected = controls[i].control, got;
        if (controls[i].packed != NULL) {
            inside = pack(controls[i].packed);
            *(struct span *)((char *)&expected + controls[i].where) = buf_span(&inside);
        }
        control_pack(&expected, &packed);
        golden_check_packed(controls[i].name, &packed, &bytes);
        CHECK_INT(control_unpack(buf_span(&bytes), &got), 0);
        check_same_control(&got, &expected);
        buf_free(&bytes);
        buf_free(&packed);
        buf_free(&inside);
    }
}

/* --- jobs and tokens
 * ---------------------------------------------------------------------------------------------- */

static void check_job(struct golden *g, const char *name, const struct job *expected)
{
    struct buf bytes = golden_find(g, name), packed = {0};
    struct job j;
    job_pack(expected, &packed);
    golden_check_packed(name, &packed, &bytes);
    CHECK_INT(job_unpack(buf_span(&bytes), &j), 0);
    CHECK_U64(j.seq, expected->seq);
    CHECK_U64(j.turn, expected->turn);
    CHECK_U64(j.generation, expected->generation);
    CHECK_U64(j.call, expected->call);
    CHECK_BYTES(j.sender, expected->sender);
    CHECK_BYTES(j.id, expected->id);
    CHECK_BYTES(j.app, expected->app);
    CHECK_BYTES(j.openid, expected->openid);
    CHECK_BYTES(j.key, expected->key);
    CHECK_U64(j.version, expected->version);
    CHECK_BYTES(j.vars, expected->vars);
    buf_free(&bytes);
    buf_free(&packed);
}

static void test_jobs(struct golden *g)
{
    struct buf vars = pack("{name '\xe5\xbc\xa0\xe4\xb8\x89' count 3}");
    check_job(g, "job",
              &(struct job){.seq = 1001,
                            .turn = 1,
                            .generation = 42,
                            .sender = S(SENDER_1),
                            .id = S("order-7-paid"),
                            .app = S("shop"),
                            .openid = S("o1"),
                            .key = S("paid"),
                            .version = 7,
                            .vars = buf_span(&vars)});
    check_job(g, "job without variables",
              &(struct job){.seq = 1002,
                            .turn = 3,
                            .generation = 42,
                            .call = 2,
                            .sender = S(SENDER_2),
                            .id = S("otp-88"),
                            .app = S("default"),
                            .openid = S("o1"),
                            .key = S("otp"),
                            .version = 300});
    buf_free(&vars);
}

static void check_rendered(struct golden *g, const char *name, const struct rendered *expected)
{
    struct buf bytes = golden_find(g, name), packed = {0};
    struct rendered r;
    rendered_pack(expected, &packed);
    golden_check_packed(name, &packed, &bytes);
    CHECK_INT(rendered_unpack(buf_span(&bytes), &r), 0);
    CHECK_U64(r.seq, expected->seq);
    CHECK_U64(r.turn, expected->turn);
    CHECK_U64(r.generation, expected->generation);
    CHECK_BYTES(r.id, expected->id);
    CHECK_BYTES(r.app, expected->app);
    CHECK_BYTES(r.openid, expected->openid);
    CHECK_BYTES(r.kind, expected->kind);
    CHECK_BYTES(r.body, expected->body);
    buf_free(&bytes);
    buf_free(&packed);
}

static void test_rendered(struct golden *g)
{
    check_rendered(g, "rendered",
                   &(struct rendered){.seq = 1001,
                                      .turn = 1,
                                      .generation = 42,
                                      .id = S("order-7-paid"),
                                      .app = S("shop"),
                                      .openid = S("o1"),
                                      .kind = S("template"),
                                      .body = S("{\"touser\":\"o1\",\"template_id\":\"T1\",\"data\":"
                                                "{\"name\":{\"value\":\"\xe5\xbc\xa0\xe4\xb8\x89\"}},"
                                                "\"client_msg_id\":\"0c8a3e4d0c8a3e4d0c8a3e4d0c8a3e4d\"}")});
    check_rendered(g, "rendered custom",
                   &(struct rendered){.seq = 1002,
                                      .turn = 3,
                                      .generation = 42,
                                      .id = S("order-7-paid"),
                                      .app = S("shop"),
                                      .openid = S("o1"),
                                      .kind = S("custom"),
                                      .body = S("{\"touser\":\"o1\",\"msgtype\":\"text\",\"text\":"
                                                "{\"content\":\"\xe5\xbc\xa0\xe4\xb8\x89\"}}")});
}

/* The reports inside a golden results message; those of an earlier version have no causes. */
static void test_reports(struct golden *g, const char *name, int has_causes)
{
    const struct outcome_report expected[] = {{.seq = 1001,
                                               .turn = 1,
                                               .outcome = OUTCOME_SENT,
                                               .msgid = 3141592653589793238,
                                               .http_status = 200,
                                               .calls = 1},
                                              {.seq = 1002,
                                               .turn = 3,
                                               .outcome = OUTCOME_UNKNOWN,
                                               .calls = 1,
                                               .message = S("no answer within 10000 ms"),
                                               .cause = CAUSE_NETWORK}};
    struct buf bytes = golden_find(g, name), packed = {0};
    struct control m;
    struct mp_cursor c;
    g->compared--; /* counted already */
    CHECK_INT(control_unpack(buf_span(&bytes), &m), 0);
    control_array_open(&c, m.results);
    mp_array(&packed, 2);
    for (size_t i = 0; i < 2; i++) {
        struct outcome_report r;
        CHECK_INT(outcome_read(&c, &r), 0);
        CHECK_U64(r.seq, expected[i].seq);
        CHECK_U64(r.turn, expected[i].turn);
        CHECK_INT(r.outcome, expected[i].outcome);
        CHECK_INT(r.msgid, expected[i].msgid);
        CHECK_U64(r.http_status, expected[i].http_status);
        CHECK_U64(r.calls, expected[i].calls);
        CHECK_BYTES(r.message, expected[i].message);
        CHECK_INT(r.cause, has_causes ? expected[i].cause : CAUSE_NONE);
        outcome_pack(&expected[i], &packed);
    }
    CHECK(c.at == c.end);
    if (has_causes)
        CHECK_BYTES(buf_span(&packed), m.results);
    buf_free(&bytes);
    buf_free(&packed);
}

static const struct {
    const char *name;
    struct token_message token;
} tokens[] = {
    {"token get", {.type = TOKEN_GET, .app = S("shop")}},
    {"token rejected", {.type = TOKEN_REJECTED, .app = S("shop"), .token = S("EXAMPLE_TOKEN_OLD")}},
    {"token token", {.type = TOKEN_TOKEN, .app = S("shop"), .token = S("EXAMPLE_TOKEN"), .ttl_ms = 7140000}},
    {"token none",
     {.type = TOKEN_NONE, .app = S("shop"), .message = S("invalid appsecret (40125)"), .retry_ms = 60000}},
    {"token status", {.type = TOKEN_STATUS, .ref = 5}},
};

static void test_tokens(struct golden *g)
{
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++) {
        const struct token_message *expected = &tokens[i].token;
        struct buf bytes = golden_find(g, tokens[i].name), packed = {0};
        struct token_message m;
        token_pack(expected, &packed);
        golden_check_packed(tokens[i].name, &packed, &bytes);
        CHECK_INT(token_unpack(buf_span(&bytes), &m), 0);
        CHECK_INT(m.type, expected->type);
        CHECK_BYTES(m.app, expected->app);
        CHECK_BYTES(m.token, expected->token);
        CHECK_INT(m.ttl_ms, expected->ttl_ms);
        CHECK_INT(m.retry_ms, expected->retry_ms);
        CHECK_BYTES(m.message, expected->message);
        CHECK_U64(m.ref, expected->ref);
        buf_free(&bytes);
        buf_free(&packed);
    }
}

int main(void)
{
    struct golden g = {.text = test_read(GOLDEN_FILE)};
    test_requests(&g);
    test_results(&g);
    test_controls(&g);
    test_jobs(&g);
    test_rendered(&g);
    test_reports(&g, "control results", 1);
    test_reports(&g, "control results without causes", 0);
    test_tokens(&g);
    CHECK_U64(g.compared, golden_count(&g, GOLDEN_OF_OTHERS));
    buf_free(&g.text);
    return 0;
}
