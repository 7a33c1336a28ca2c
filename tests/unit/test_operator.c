/* What operators ask and what they are answered: every member, there and back, each limit with its words, what is
 * nonsense or cut off; the names of states; the bytes of one ask and one answer, which must not change. */
#include "proto/operator.h"

#include "tests/unit/pack.h"

/* --- taken -------------------------------------------------------------------------------------------------------- */

static void test_every_member(void)
{
    struct buf packed =
        pack("{t ask ref 7 op requeue filter {app a id i openid 'o 1' key k task x state dead since 1 "
             "until 2 errcode -1 all true} for 3 ttl 4 rate 6 limit 5 from <c40201ff> by root@h}");
    struct ask a;
    struct buf error = {0};
    CHECK_INT(ask_unpack(buf_span(&packed), &a, &error), 0);
    CHECK_U64(error.bytes, 0);
    CHECK_INT(a.op, ASK_REQUEUE);
    CHECK_U64(a.ref, 7);
    CHECK_SPAN(a.filter.app, "a");
    CHECK_SPAN(a.filter.id, "i");
    CHECK_SPAN(a.filter.openid, "o 1");
    CHECK_SPAN(a.filter.key, "k");
    CHECK_SPAN(a.filter.task, "x");
    CHECK_INT(a.filter.states, ENTRY_DEAD);
    CHECK_INT(a.filter.since_ms, 1);
    CHECK_INT(a.filter.until_ms, 2);
    CHECK_INT(a.filter.errcode, -1);
    CHECK_INT(a.filter.all, 1);
    CHECK_INT(a.for_ms, 3);
    CHECK_INT(a.ttl_ms, 4);
    CHECK_INT(a.rate_per_s, 6);
    CHECK_INT(a.limit, 5);
    CHECK_SPAN(a.from, "\x01\xff");
    CHECK_SPAN(a.by, "root@h");
    buf_free(&packed);
    buf_free(&error);
}

static void test_taken(void)
{
    static const char *const texts[] = {
        "{t ask op status}",
        "{op status t ask}",
        "{t ask op pauses filter nil for nil ttl nil limit nil from nil by nil ref nil}",
        "{t ask op list}",
        "{t ask op list filter {}}",
        "{t ask op list filter {app nil id nil openid nil key nil task nil state nil since nil until nil "
        "errcode nil "
        "all nil}}",
        "{t ask op list limit 1}",
        "{t ask op list limit 1000}",
        "{t ask op list filter {state all,dead}}",
        "{t ask op list filter {since 9223372036854775807 until 0}}",
        "{t ask op list filter {errcode -9223372036854775807}}",
        "{t ask op show filter {id i}}",
        "{t ask op pause filter {all true}}",
        "{t ask op pause filter {app a}}",
        "{t ask op pause filter {key k} for 34560000000}",
        "{t ask op pause filter {key k app a}}",
        "{t ask op resume filter {task x app a}}",
        "{t ask op resume filter {task x all false}}",
        "{t ask op windows filter {openid o}}",
        "{t ask op windows filter {openid o app a}}",
        "{t ask op rate filter {app a}}",
        "{t ask op rate filter {app a} rate nil}",
        "{t ask op rate filter {app a all false} rate 0}",
        "{t ask op rate filter {app a} rate 1000000}",
        "{t ask op cancel ref 1 filter {id i}}",
        "{t ask op cancel ref 1 filter {state waiting}}",
        "{t ask op cancel ref 1 filter {all true}}",
        "{t ask op cancel ref 1 filter {all true task x}}",
        "{t ask op requeue ref 1 filter {since 1} ttl 34560000000}",
        "{t ask op discard ref <cfffffffffffffffff> filter {state dead}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf packed = pack(texts[i]), error = {0};
        struct ask a;
        if (ask_unpack(buf_span(&packed), &a, &error))
            fprintf(stderr, "in case: %s: %s\n", texts[i], buf_str(&error));
        CHECK_INT(ask_unpack(buf_span(&packed), &a, &error), 0);
        buf_free(&packed);
        buf_free(&error);
    }
}

/* --- refused ------------------------------------------------------------------------------------------------------ */

#define L33  "a23456789012345678901234567890123"
#define L65  L33 "45678901234567890123456789012345"
#define L129 L65 "6789012345678901234567890123456789012345678901234567890123456789"

static const struct {
    const char *text, *error;
} refused[] = {
    {"{}", "t: missing; give ask"},
    {"{t ask}", "op: missing; give status"},
    {"{op status}", "t: missing; give ask"},
    {"{t answer op status}", "t: unknown; give ask"},
    {"{t 5 op status}", "t: an integer; give a str"},
    {"{t nil op status}", "t: unknown; give ask"},
    {"{t ask op dance}", "op: unknown; give status"},
    {"{t ask op 5}", "op: an integer; give a str"},
    {"{t ask op nil}", "op: unknown; give status"},
    {"{t ask op status colour red}", "colour: unknown member"},
    {"{t ask op list filter {colour red}}", "filter.colour: unknown member"},
    {"{t ask op list filter {5 red}}", "filter: a member's name that is no str"},
    {"{t ask op list 5 5}", "ask: a member's name that is no str"},
    {"{t ask op list filter [app a]}", "filter: an array; give a map"},
    {"[t ask]", "ask: an array; give a map with str names"},
    {"7", "ask: an integer; give a map with str names"},
    {"{t ask op status ref -1}", "ref: give an integer that is not negative"},
    {"{t ask op status ref x}", "ref: give an integer that is not negative"},
    {"{t ask op list limit 0}", "limit: out of range; give 1 to 1000"},
    {"{t ask op list limit 1001}", "limit: out of range; give 1 to 1000"},
    {"{t ask op list limit -1}", "limit: out of range; give 1 to 1000"},
    {"{t ask op list limit 1.5}", "limit: a float; give an integer"},
    {"{t ask op list filter {app ''}}", "filter.app: empty, or not plain UTF-8"},
    {"{t ask op list filter {app " L33 "}}", "filter.app: 33 bytes; at most 32"},
    {"{t ask op list filter {app 'a b'}}", "filter.app: empty, or not plain UTF-8"},
    {"{t ask op list filter {app 5}}", "filter.app: an integer; give a str"},
    {"{t ask op list filter {id " L65 "}}", "filter.id: 65 bytes; at most 64"},
    {"{t ask op list filter {id ''}}", "filter.id: empty"},
    {"{t ask op list filter {openid ''}}", "filter.openid: empty, or not UTF-8; give 1 to 128 bytes"},
    {"{t ask op list filter {openid " L129 "}}", "filter.openid: 129 bytes; at most 128"},
    {"{t ask op list filter {openid <a1ff>}}", "filter.openid: empty, or not UTF-8"},
    {"{t ask op list filter {key ''}}", "filter.key: empty"},
    {"{t ask op list filter {key " L129 "}}", "filter.key: 129 bytes; at most 128"},
    {"{t ask op list filter {task ''}}", "filter.task: empty"},
    {"{t ask op list filter {task " L65 "}}", "filter.task: 65 bytes; at most 64"},
    {"{t ask op list filter {state gone}}", "filter.state: unknown; give one or several of ready"},
    {"{t ask op list filter {state dead,}}", "filter.state: unknown"},
    {"{t ask op list filter {state ''}}", "filter.state: empty"},
    {"{t ask op list filter {state 1024}}", "filter.state: an integer; give a str"},
    {"{t ask op list filter {since -1}}", "filter.since: out of range; give 0 to 9223372036854775807 ms"},
    {"{t ask op list filter {until <cf8000000000000000>}}", "filter.until: out of range"},
    {"{t ask op list filter {since 1h}}", "filter.since: a str; give an integer"},
    {"{t ask op list filter {errcode 1.5}}", "filter.errcode: a float; give an integer"},
    {"{t ask op list filter {all 1}}", "filter.all: an integer; give true or false"},
    {"{t ask op pause filter {all true} for 34560000001}", "for: out of range; give 0 to 34560000000 ms"},
    {"{t ask op pause filter {all true} for -1}", "for: out of range"},
    {"{t ask op requeue ref 1 filter {all true} ttl 34560000001}",
     "ttl: out of range; give 0 to 34560000000 ms"},
    {"{t ask op list from 5}", "from: an integer; give a bin"},
    {"{t ask op status by " L65 "}", "by: 65 bytes; at most 64"},
    {"{t ask op status by 'a b'}", "by: empty, or not plain UTF-8"},
    {"{t ask op show}", "filter.id: missing; say which message"},
    {"{t ask op show filter {openid o}}", "filter.id: missing; say which message"},
    {"{t ask op pause}", "filter: nothing to pause or resume"},
    {"{t ask op pause filter {all false}}", "filter: nothing to pause or resume"},
    {"{t ask op resume filter {}}", "filter: nothing to pause or resume"},
    {"{t ask op pause filter {openid o app a}}", "filter: only app, key, task and all can be paused"},
    {"{t ask op pause filter {app a state ready}}", "filter: only app, key, task and all can be paused"},
    {"{t ask op pause filter {key k task x}}", "filter.key: given together with filter.task"},
    {"{t ask op pause filter {all true app a}}", "filter.all: given together with what it contains"},
    {"{t ask op windows}", "filter.openid: missing; say whose windows"},
    {"{t ask op windows filter {app a}}", "filter.openid: missing"},
    {"{t ask op windows filter {openid o key k}}", "filter: a recipient has windows"},
    {"{t ask op windows filter {openid o all true}}", "filter: a recipient has windows"},
    {"{t ask op rate rate 5}", "filter.app: missing; say which account"},
    {"{t ask op rate filter {all true} rate 5}", "filter: only an account has a rate to be set; give app alone"},
    {"{t ask op rate filter {app a key k} rate 5}", "filter: only an account has a rate to be set"},
    {"{t ask op rate filter {app a id i} rate 5}", "filter: only an account has a rate to be set"},
    {"{t ask op rate filter {app a} rate 1000001}", "rate: out of range; give 0 to 1000000 messages a second"},
    {"{t ask op rate filter {app a} rate -1}", "rate: out of range"},
    {"{t ask op rate filter {app a} rate 1.5}", "rate: a float; give an integer"},
    {"{t ask op cancel filter {id i}}", "ref: missing; give an integer above 0"},
    {"{t ask op cancel ref 1}", "filter: empty; say which messages, or all: true"},
    {"{t ask op requeue ref 1 filter {all false}}", "filter: empty; say which messages, or all: true"},
    {"{t ask op cancel ref 1 filter {state waiting,out}}", "filter.state: cancel is for what waits"},
    {"{t ask op discard ref 1 filter {state all}}",
     "filter.state: requeue and discard are for dead messages"}};

static void test_refused(void)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct buf packed = pack(refused[i].text), error = {0};
        struct ask a;
        if (ask_unpack(buf_span(&packed), &a, &error) == 0)
            fprintf(stderr, "in case: %s\n", refused[i].text);
        CHECK_INT(ask_unpack(buf_span(&packed), &a, &error), -1);
        CHECK_HAS(buf_str(&error), refused[i].error);
        buf_free(&packed);
        buf_free(&error);
    }
}

/* The ref comes back whichever member was wrong, and wherever it stands. */
static void test_ref_of_refused(void)
{
    static const char *const texts[] = {"{ref 77 colour red}", "{colour red ref 77}",
                                        "{t ask op dance more {a [1 2]} ref 77}", "{t ask op show ref 77}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf packed = pack(texts[i]), error = {0};
        struct ask a;
        CHECK_INT(ask_unpack(buf_span(&packed), &a, &error), -1);
        CHECK_U64(a.ref, 77);
        buf_free(&packed);
        buf_free(&error);
    }
}

/* A long unknown name is not repeated whole, a long `from` is refused. */
static void test_long_members(void)
{
    struct buf packed = {0}, error = {0};
    struct ask a;
    char *text = mem_new(70000);
    memset(text, 'x', 70000);
    mp_map(&packed, 1);
    mp_span(&packed, (struct span){text, 70000});
    mp_nil(&packed);
    CHECK_INT(ask_unpack(buf_span(&packed), &a, &error), -1);
    CHECK_U64(error.bytes, 64 + strlen(": unknown member"));
    buf_clear(&packed);
    mp_map(&packed, 1);
    mp_str(&packed, "from");
    mp_bin(&packed, (struct span){text, 1025});
    CHECK_INT(ask_unpack(buf_span(&packed), &a, &error), -1);
    CHECK_STR(buf_str(&error), "from: 1025 bytes; at most 1024");
    free(text);
    buf_free(&packed);
    buf_free(&error);
}

/* --- there and back ----------------------------------------------------------------------------------------------- */

static const struct ask asks[] = {{.op = ASK_STATUS},
                                  {.op = ASK_PAUSES, .ref = UINT64_MAX},
                                  {.op = ASK_LIST, .limit = LIST_ENTRIES_MAX, .from = {"\0\1\xff", 3}},
                                  {.op = ASK_SHOW, .filter = {.id = {"i", 1}, .app = {"a", 1}}},
                                  {.op = ASK_PAUSE, .filter = {.all = 1}, .for_ms = AT_AHEAD_MS_MAX},
                                  {.op = ASK_RESUME, .filter = {.task = {"x", 1}}},
                                  {.op = ASK_RATE, .filter = {.app = {"a", 1}}, .rate_per_s = RATE_MAX},
                                  {.op = ASK_RATE, .filter = {.app = {"a", 1}}, .rate_per_s = 0},
                                  {.op = ASK_RATE, .filter = {.app = {"a", 1}}, .rate_per_s = RATE_OF_CONF},
                                  {.op = ASK_WINDOWS, .filter = {.openid = {"o", 1}}},
                                  {.op = ASK_CANCEL, .ref = 1, .filter = {.states = ENTRY_WAITING}},
                                  {.op = ASK_DISCARD, .ref = 2, .filter = {.since_ms = 1}},
                                  {.op = ASK_REQUEUE,
                                   .ref = 3,
                                   .filter = {.app = {"a", 1},
                                              .id = {"i", 1},
                                              .openid = {"o p", 3},
                                              .key = {"k", 1},
                                              .task = {"x", 1},
                                              .states = ENTRY_DEAD,
                                              .since_ms = INT64_MAX,
                                              .until_ms = INT64_MAX - 1,
                                              .errcode = INT64_MIN,
                                              .all = 1},
                                   .ttl_ms = AT_AHEAD_MS_MAX,
                                   .by = {"root@host", 9}}};

static void check_same_filter(const struct filter *a, const struct filter *b)
{
    CHECK_BYTES(a->app, b->app);
    CHECK_BYTES(a->id, b->id);
    CHECK_BYTES(a->openid, b->openid);
    CHECK_BYTES(a->key, b->key);
    CHECK_BYTES(a->task, b->task);
    CHECK_INT(a->states, b->states);
    CHECK_INT(a->since_ms, b->since_ms);
    CHECK_INT(a->until_ms, b->until_ms);
    CHECK_INT(a->errcode, b->errcode);
    CHECK_INT(a->all, b->all);
}

static void check_same_ask(const struct ask *a, const struct ask *b)
{
    CHECK_INT(a->op, b->op);
    CHECK_U64(a->ref, b->ref);
    check_same_filter(&a->filter, &b->filter);
    CHECK_INT(a->for_ms, b->for_ms);
    CHECK_INT(a->ttl_ms, b->ttl_ms);
    if (a->op == ASK_RATE)
        CHECK_INT(a->rate_per_s, b->rate_per_s);
    CHECK_INT(a->limit, b->limit);
    CHECK_BYTES(a->from, b->from);
    CHECK_BYTES(a->by, b->by);
}

/* Cut off at any byte it is no ask, and nothing behind its end is looked at. */
static void check_cut_asks(const struct buf *packed)
{
    for (size_t bytes = 0; bytes < packed->bytes; bytes++) {
        struct span cut = hex_exact_copy((struct span){packed->data, bytes});
        struct buf error = {0};
        struct ask a;
        CHECK_INT(ask_unpack(cut, &a, &error), -1);
        CHECK(error.bytes > 0);
        ask_is(cut);
        buf_free(&error);
        free((char *)cut.data);
    }
}

static void test_ask_round_trip(void)
{
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        struct buf packed = {0}, error = {0};
        struct ask a;
        ask_pack(&asks[i], &packed);
        CHECK_INT(ask_is(buf_span(&packed)), 1);
        CHECK_INT(ask_unpack(buf_span(&packed), &a, &error), 0);
        check_same_ask(&a, &asks[i]);
        check_cut_asks(&packed);
        buf_append(&packed, "", 1);
        CHECK_INT(ask_unpack(buf_span(&packed), &a, &error), -1);
        CHECK_STR(buf_str(&error), "ask: bytes behind the map; give one map a frame");
        buf_free(&packed);
        buf_free(&error);
    }
}

static void check_same_answer(const struct answer *a, const struct answer *b)
{
    CHECK_U64(a->ref, b->ref);
    CHECK_INT(a->code, b->code);
    CHECK_BYTES(a->message, b->message);
    CHECK_U64(a->done, b->done);
    CHECK_U64(a->left, b->left);
    CHECK_U64(a->looked, b->looked);
    CHECK_U64(a->indexing, b->indexing);
    CHECK_BYTES(a->next, b->next);
    CHECK_BYTES(a->data, b->data);
}

static void test_answer_round_trip(void)
{
    struct buf data = pack("[{id a state ready} {id b}]");
    const struct answer answers[] = {{.code = CODE_OK},
                                     {.code = CODE_NOT_FOUND, .ref = 1, .message = span_of("no such pause")},
                                     {.ref = UINT64_MAX,
                                      .code = CODE_QUEUED,
                                      .done = UINT64_MAX,
                                      .left = 2,
                                      .looked = 3,
                                      .indexing = 4,
                                      .next = {"\0\xff", 2},
                                      .data = buf_span(&data)}};
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        struct buf packed = {0};
        struct answer a;
        answer_pack(&answers[i], &packed);
        CHECK_INT(ask_is(buf_span(&packed)), 0);
        CHECK_INT(answer_unpack(buf_span(&packed), &a), 0);
        check_same_answer(&a, &answers[i]);
        for (size_t bytes = 0; bytes < packed.bytes; bytes++) {
            struct span cut = hex_exact_copy((struct span){packed.data, bytes});
            CHECK_INT(answer_unpack(cut, &a), -1);
            free((char *)cut.data);
        }
        buf_free(&packed);
    }
    buf_free(&data);
}

/* --- answers of others -------------------------------------------------------------------------------------------- */

static void test_answer_of_a_newer_broker(void)
{
    struct buf packed = pack("{colour red t answer shades [1 {a b}] code 503 more {a [nil 1.5]} ref 9}");
    struct answer a;
    CHECK_INT(answer_unpack(buf_span(&packed), &a), 0);
    CHECK_INT(a.code, CODE_BUSY);
    CHECK_U64(a.ref, 9);
    buf_free(&packed);
}

static void test_no_answer(void)
{
    static const char *const texts[] = {"{}",
                                        "{t answer}",
                                        "{code 200}",
                                        "{t beat code 200}",
                                        "{t answer code ok}",
                                        "{t answer code 0}",
                                        "{t answer code 99}",
                                        "{t answer code 600}",
                                        "{t answer code 4294967496}",
                                        "{t answer code -200}",
                                        "{t answer code 200 done -1}",
                                        "{t answer code 200 ref x}",
                                        "{t answer code 200 message 5}",
                                        "{t answer code 200 next 5}",
                                        "{t answer code 200 5 5}",
                                        "{t answer code 200 data <c1>}",
                                        "[t answer code 200]",
                                        "answer"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf packed = pack(texts[i]);
        struct answer a;
        if (answer_unpack(buf_span(&packed), &a) == 0)
            fprintf(stderr, "in case: %s\n", texts[i]);
        CHECK_INT(answer_unpack(buf_span(&packed), &a), -1);
        buf_free(&packed);
    }
}

static void test_is_ask(void)
{
    static const struct {
        const char *text;
        int is;
    } cases[] = {{"{t ask}", 1},
                 {"{colour [1 2] t ask 5 5}", 1},
                 {"{t beat}", 0},
                 {"{}", 0},
                 {"{t 5}", 0},
                 {"{ask t}", 0},
                 {"{5 5 t ask}", 0},
                 {"[t ask]", 0},
                 {"ask", 0},
                 {"{op ask}", 0},
                 {"{t <c403617369>}", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf packed = pack(cases[i].text);
        if (ask_is(buf_span(&packed)) != cases[i].is)
            fprintf(stderr, "in case: %s\n", cases[i].text);
        CHECK_INT(ask_is(buf_span(&packed)), cases[i].is);
        buf_free(&packed);
    }
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static void test_states(void)
{
    static const struct {
        const char *text;
        unsigned states;
    } cases[] = {{"ready", ENTRY_READY},
                 {"dead,refused", ENTRY_DEAD | ENTRY_REFUSED},
                 {"refused,dead,dead", ENTRY_DEAD | ENTRY_REFUSED},
                 {"waiting", ENTRY_READY | ENTRY_SCHEDULED | ENTRY_PARKED | ENTRY_PAUSED},
                 {"live", ENTRY_WAITING | ENTRY_OUT},
                 {"settled", ENTRY_SENT | ENTRY_PENDING | ENTRY_REFUSED | ENTRY_EXPIRED | ENTRY_CANCELLED | ENTRY_PURGED | ENTRY_DELIVERED | ENTRY_BLOCKED | ENTRY_FAILED},
                 {"delivered,blocked,failed", ENTRY_RECEIVED},
                 {"all", ENTRY_LIVE | ENTRY_SETTLED | ENTRY_DEAD},
                 {"settled,dead,live", ENTRY_ALL},
                 {"", 0},
                 {",", 0},
                 {"dead,", 0},
                 {",dead", 0},
                 {"dead,,ready", 0},
                 {"dead ready", 0},
                 {"dead, ready", 0},
                 {"Dead", 0},
                 {"dea", 0},
                 {"deadly", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_INT(entry_states_read(span_of(cases[i].text)), cases[i].states);
    CHECK_INT(entry_states_read((struct span){NULL, 0}), 0);
    for (unsigned bit = ENTRY_READY; bit <= ENTRY_LAST; bit <<= 1)
        CHECK_INT(entry_states_read(span_of(entry_state_name((enum entry_state)bit))), bit);
    CHECK_STR(entry_state_name(ENTRY_CANCELLED), "cancelled");
}

static void test_names(void)
{
    CHECK_STR(ask_name(ASK_NONE), NULL);
    CHECK_STR(ask_name(ASK_STATUS), "status");
    CHECK_STR(ask_name(ASK_DISCARD), "discard");
}

/* --- the bytes ---------------------------------------------------------------------------------------------------- */

static void test_bytes(void)
{
    const struct ask ask = {.op = ASK_CANCEL,
                            .ref = 5,
                            .filter = {.app = span_of("a"), .states = ENTRY_READY | ENTRY_PAUSED},
                            .by = span_of("b")};
    const struct answer answer = {
        .ref = 5, .code = CODE_OK, .done = 3, .looked = 300, .next = span_of("n"), .data = {"\x90", 1}};
    struct buf ask_bytes =
        hex_bytes("de0005 a174 a361736b  a3726566 05  a26f70 a663616e63656c\n"
                  "a666696c746572 de0002 a3617070 a161  a57374617465 ac72656164792c706175736564\n"
                  "a26279 a162");
    struct buf answer_bytes =
        hex_bytes("de0007 a174 a6616e73776572  a3726566 05  a4636f6465 ccc8\n"
                  "a4646f6e65 03  a66c6f6f6b6564 cd012c  a46e657874 c4016e  a464617461 90");
    struct buf packed = {0};
    ask_pack(&ask, &packed);
    CHECK_BYTES(buf_span(&packed), buf_span(&ask_bytes));
    buf_clear(&packed);
    answer_pack(&answer, &packed);
    CHECK_BYTES(buf_span(&packed), buf_span(&answer_bytes));
    buf_free(&packed);
    buf_free(&ask_bytes);
    buf_free(&answer_bytes);
}

/* A broker of an earlier version knows the groups, and not every state that is in them now. */
static void test_groups_go_by_name(void)
{
    static const struct {
        unsigned states;
        const char *text;
    } cases[] = {{ENTRY_SETTLED | ENTRY_DEAD, "settled,dead"},
                 {ENTRY_LIVE | ENTRY_DEAD, "live,dead"},
                 {ENTRY_WAITING, "waiting"},
                 {ENTRY_ALL, "all"},
                 {ENTRY_ALL & ~(unsigned)ENTRY_FAILED,
                  "live,sent,pending,refused,expired,cancelled,dead,purged,delivered,blocked"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct ask ask = {.op = ASK_LIST, .filter = {.states = cases[i].states}};
        struct buf packed = {0}, wanted = {0};
        ask_pack(&ask, &packed);
        mp_put_str(&wanted, "state", cases[i].text);
        CHECK(memmem(packed.data, packed.bytes, wanted.data, wanted.bytes) != NULL);
        buf_free(&packed);
        buf_free(&wanted);
    }
}

int main(void)
{
    test_every_member();
    test_taken();
    test_refused();
    test_ref_of_refused();
    test_long_members();
    test_ask_round_trip();
    test_answer_round_trip();
    test_answer_of_a_newer_broker();
    test_no_answer();
    test_is_ask();
    test_states();
    test_groups_go_by_name();
    test_names();
    test_bytes();
    return 0;
}
