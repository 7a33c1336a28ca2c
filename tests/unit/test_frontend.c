/* Requests and results of the frontend: what is taken, what is refused and with which words, that an answer
 * can be matched to its request even when that was refused, and that what we pack is what we read. */
#include "proto/frontend.h"

#include "proto/mp.h"
#include "tests/unit/pack.h"

#define PUSH "op push openid o key k "

static int unpack_text(const char *text, struct request *r, struct buf *error, struct buf *packed)
{
    *packed = pack(text);
    return request_unpack(buf_span(packed), NULL, r, error);
}

/* --- requests that are taken
 * -------------------------------------------------------------------------------------- */

static void test_every_member(void)
{
    struct request r;
    struct buf error = {0}, packed, vars = pack("{name Ann n 3}"), ref = pack("'r 1'");
    CHECK_INT(
        unpack_text(
            "{op send ref 'r 1' id id-1 app shop openid o1 key paid vars {name Ann n 3} at 1700000000000"
            " ttl 60000 lane express task t-1}",
            &r, &error, &packed),
        0);
    CHECK_INT(r.op, OP_SEND);
    CHECK_BYTES(r.ref, buf_span(&ref));
    CHECK_SPAN(r.id, "id-1");
    CHECK_SPAN(r.app, "shop");
    CHECK_SPAN(r.openid, "o1");
    CHECK_SPAN(r.key, "paid");
    CHECK_BYTES(r.vars, buf_span(&vars));
    CHECK_SPAN(r.task, "t-1");
    CHECK_INT(r.at_ms, 1700000000000);
    CHECK_INT(r.in_ms, 0);
    CHECK_INT(r.ttl_ms, 60000);
    CHECK_INT(r.lane, LANE_EXPRESS);
    buf_free(&packed);
    buf_free(&vars);
    buf_free(&ref);
    buf_free(&error);
}

/* What is not given, and what is given as nil, is the default. */
static void test_defaults(void)
{
    static const char *const texts[] = {
        "{" PUSH "}", "{" PUSH " ref nil id nil app nil vars nil at nil ttl nil lane nil task nil}",
        "{" PUSH " in nil at 0 ttl 0}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct request r;
        struct buf error = {0}, packed;
        CHECK_INT(unpack_text(texts[i], &r, &error, &packed), 0);
        CHECK_INT(r.op, OP_PUSH);
        CHECK(r.id.bytes == 0 && r.app.bytes == 0 && r.vars.bytes == 0 && r.task.bytes == 0);
        CHECK(r.at_ms == 0 && r.in_ms == 0 && r.ttl_ms == 0);
        CHECK_INT(r.lane, -1);
        buf_free(&packed);
        buf_free(&error);
    }
}

static void test_taken(void)
{
    static const char *const texts[] = {
        "{op ping}",
        "{op ping ref 1}",
        "{op tset key k}",
        "{op tset key ''}", /* no such template: that is said by who knows the templates */
        "{op status id i}",
        "{op status id i wait true}",
        "{op push openid o key k wait false}",
        "{op check openid o key k}",
        "{op cancel id i app a}",
        "{op cancel openid o}",
        "{op cancel task t openid o key k app a}",
        "{" PUSH "in 34560000000}",
        "{" PUSH "at 9223372036854775807}", /* how far ahead is too far depends on the clock */
        "{" PUSH "ttl 34560000000}",
        "{" PUSH "lane bulk}",
        "{" PUSH "at 0 in 5}",
        "{" PUSH "at 5 in 0}",
        "{" PUSH "vars {}}",
        "{" PUSH "vars {a nil b true c false d -5 e 1.5 f '' '' g}}",
        "{" PUSH "vars {n <d40130> m <d5012d35> l <c7030131 3233>}}", /* 0, -5, 123 as ext 1 */
        "{" PUSH "id '\xe4\xbd\xa0'}",
        "{op push openid '\xe4\xbd\xa0 a' key '\xff'}", /* a key that is no UTF-8 just does not exist */
        "{" PUSH
        "ref <d9 3e 30313233343536373839 30313233343536373839 30313233343536373839 30313233343536373839"
        " 30313233343536373839 30313233343536373839 3031>}", /* 64 bytes packed */
        "{" PUSH "ref 1.5}",
        "{" PUSH "ref true}",
        "{" PUSH "ref <c40161>}",
        "{op push op send openid o key k}", /* the last one counts */
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct request r;
        struct buf error = {0}, packed;
        int wrong = unpack_text(texts[i], &r, &error, &packed);
        if (wrong)
            fprintf(stderr, "%s: %s\n", texts[i], buf_str(&error));
        CHECK_INT(wrong, 0);
        CHECK_U64(error.bytes, 0);
        buf_free(&packed);
        buf_free(&error);
    }
}

/* --- requests that are refused
 * ------------------------------------------------------------------------------------ */

/* Each has ref 7, which must be read whatever else is wrong. */
static const struct refused {
    const char *text, *error;
} refused[] = {
    {"{ref 7}", "op: missing; give push, send, check, tset, cancel, status, receipt, window or ping"},
    {"{ref 7 op shove}", "op: unknown; give push, send, check, tset, cancel, status, receipt, window or ping"},
    {"{ref 7 op nil}", "op: unknown; give push, send, check, tset, cancel, status, receipt, window or ping"},
    {"{ref 7 op 1}", "op: an integer; give a str"},
    {"{ref 7 op window openid o}", "action: missing; give message, menu, follow, scan, pay or unfollow"},
    {"{ref 7 op window openid o action nod}", "action: unknown; give message, menu, follow, scan, pay or unfollow"},
    {"{ref 7 op window openid o action 1}", "action: an integer; give a str"},
    {"{ref 7 op window action pay}", "openid: empty or missing; give 1 to 128 bytes"},
    {"{" PUSH "action pay ref 7}", "action: only a window has one"},
    {"{op PUSH ref 7}", "op: unknown; give push, send, check, tset, cancel, status, receipt, window or ping"},
    {"{" PUSH "ref 7 colour red}", "colour: unknown member"},
    {"{" PUSH "colour {a [1 2]} ref 7}", "colour: unknown member"},
    {"{" PUSH "id 5 ref 7}", "id: an integer; give a str"},
    {"{" PUSH "id -5 ref 7}", "id: an integer; give a str"},
    {"{" PUSH "id 1.5 ref 7}", "id: a float; give a str"},
    {"{" PUSH "id true ref 7}", "id: a bool; give a str"},
    {"{" PUSH "id [] ref 7}", "id: an array; give a str"},
    {"{" PUSH "id {} ref 7}", "id: a map; give a str"},
    {"{" PUSH "id <c40161> ref 7}", "id: a bin; give a str"},
    {"{" PUSH "id <d40161> ref 7}", "id: an ext; give a str"},
    {"{" PUSH "id '' ref 7}", "id: empty, or not plain UTF-8 without spaces and control characters"},
    {"{" PUSH "id 'a b' ref 7}", "id: empty, or not plain UTF-8 without spaces and control characters"},
    {"{" PUSH "id 'a\x7f' ref 7}", "id: empty, or not plain UTF-8 without spaces and control characters"},
    {"{" PUSH "id <a20061> ref 7}", "id: empty, or not plain UTF-8 without spaces and control characters"},
    {"{" PUSH "id <a1ff> ref 7}", "id: empty, or not plain UTF-8 without spaces and control characters"},
    {"{" PUSH "app 'a b' ref 7}", "app: empty, or not plain UTF-8 without spaces and control characters"},
    {"{" PUSH "task 'a\tb' ref 7}", "task: empty, or not plain UTF-8 without spaces and control characters"},
    {"{op push key k ref 7}", "openid: empty or missing; give 1 to 128 bytes"},
    {"{op push key k openid '' ref 7}", "openid: empty or missing; give 1 to 128 bytes"},
    {"{op send key k openid nil ref 7}", "openid: empty or missing; give 1 to 128 bytes"},
    {"{op push key k openid <a1ff> ref 7}", "openid: not UTF-8"},
    {"{op push key k openid 5 ref 7}", "openid: an integer; give a str"},
    {"{op push openid o ref 7}", "key: missing"},
    {"{op push openid o key nil ref 7}", "key: missing"},
    {"{op push openid o key 5 ref 7}", "key: an integer; give a str"},
    {"{op tset ref 7}", "key: missing"},
    {"{op status ref 7}", "id: missing"},
    {"{op status id i wait 1 ref 7}", "wait: an integer; give true or false"},
    {"{" PUSH "wait true ref 7}", "wait: only a status waits"},
    {"{op check key k ref 7}", "openid: empty or missing; give 1 to 128 bytes"},
    {"{op receipt openid o ref 7}", "outcome: missing; give delivered, blocked or failed"},
    {"{op receipt openid o outcome sent ref 7}", "outcome: unknown; give delivered, blocked or failed"},
    {"{op receipt openid o outcome 1 ref 7}", "outcome: an integer; give a str"},
    {"{op receipt outcome failed ref 7}", "openid: empty or missing; give 1 to 128 bytes"},
    {"{op receipt outcome failed openid <a1ff> ref 7}", "openid: not UTF-8"},
    {"{op receipt outcome failed openid o msgid x ref 7}", "msgid: a str; give an integer of 64 bits with sign"},
    {"{op receipt outcome failed openid o msgid <cf8000000000000000> ref 7}", "msgid: too large; give an integer of 64 bits with sign"},
    {"{op receipt outcome failed openid o message <a1ff> ref 7}", "message: not UTF-8"},
    {"{" PUSH "msgid 5 ref 7}", "outcome, msgid, message: only a receipt has them"},
    {"{" PUSH "outcome failed ref 7}", "outcome, msgid, message: only a receipt has them"},
    {"{op cancel ref 7 app a}", "id: missing; give an id, or an openid or a task to cancel all that wait of it"},
    {"{op cancel ref 7 key k}", "id: missing; give an id, or an openid or a task to cancel all that wait of it"},
    {"{op cancel ref 7 openid '' task t}", "openid: empty; leave it out, or say whose messages"},
    {"{op cancel ref 7 key '' task t}", "key: empty; leave it out, or say of which template"},
    {"{op cancel ref 7 id i task t}", "id: given together with openid or task; give one id, or what is to be found"},
    {"{" PUSH "vars 5 ref 7}", "vars: an integer; give a map"},
    {"{" PUSH "vars [] ref 7}", "vars: an array; give a map"},
    {"{" PUSH "vars {5 a} ref 7}", "vars: a name that is no str"},
    {"{" PUSH "vars {<a1ff> a} ref 7}", "vars: a name over 256 bytes or not UTF-8"},
    {"{" PUSH "vars {name <a1ff>} ref 7}",
     "name: a str; a variable is UTF-8 text, a finite number, a bool or nil"},
    {"{" PUSH "vars {name []} ref 7}",
     "name: an array; a variable is UTF-8 text, a finite number, a bool or nil"},
    {"{" PUSH "vars {name {}} ref 7}",
     "name: a map; a variable is UTF-8 text, a finite number, a bool or nil"},
    {"{" PUSH "vars {name <c40161>} ref 7}",
     "name: a bin; a variable is UTF-8 text, a finite number, a bool or nil"},
    {"{" PUSH "vars {name <cb7ff0000000000000>} ref 7}",
     "name: a float; a variable is UTF-8 text, a finite number, a bool or nil"},
    {"{" PUSH "vars {name <cbfff0000000000000>} ref 7}",
     "name: a float; a variable is UTF-8 text, a finite number, a bool or nil"},
    {"{" PUSH "vars {name <cb7ff8000000000000>} ref 7}",
     "name: a float; a variable is UTF-8 text, a finite number, a bool or nil"},
    {"{" PUSH "vars {name <d40231>} ref 7}",
     "name: an ext; a variable is UTF-8 text, a finite number, a bool or nil"},
    {"{" PUSH "vars {name <d40178>} ref 7}",
     "name: an ext; a variable is UTF-8 text, a finite number, a bool or nil"},
    {"{" PUSH "vars {name <d4012d>} ref 7}",
     "name: an ext; a variable is UTF-8 text, a finite number, a bool or nil"},
    {"{" PUSH "vars {name <d5013035>} ref 7}",
     "name: an ext; a variable is UTF-8 text, a finite number, a bool or nil"},
    {"{" PUSH "vars {name <c70001>} ref 7}",
     "name: an ext; a variable is UTF-8 text, a finite number, a bool or nil"},
    {"{" PUSH "at soon ref 7}", "at: a str; give an integer of milliseconds"},
    {"{" PUSH "at 1.5 ref 7}", "at: a float; give an integer of milliseconds"},
    {"{" PUSH "at -1 ref 7}", "at: out of range; give 0 to 9223372036854775807 ms"},
    {"{" PUSH "at <cf8000000000000000> ref 7}", "at: out of range; give 0 to 9223372036854775807 ms"},
    {"{" PUSH "in -1 ref 7}", "in: out of range; give 0 to 34560000000 ms"},
    {"{" PUSH "in 34560000001 ref 7}", "in: out of range; give 0 to 34560000000 ms"},
    {"{" PUSH "ttl 34560000001 ref 7}", "ttl: out of range; give 0 to 34560000000 ms"},
    {"{" PUSH "ttl {} ref 7}", "ttl: a map; give an integer of milliseconds"},
    {"{" PUSH "at 5 in 5 ref 7}", "at: given together with in; give one of them"},
    {"{" PUSH "lane fast ref 7}", "lane: unknown; give express or bulk"},
    {"{" PUSH "lane 1 ref 7}", "lane: an integer; give a str"},
    {"{" PUSH "ref 7 5 a}", "request: a member's name that is no str"},
    {"{" PUSH "ref 7 <c40161> a}", "request: a member's name that is no str"},
};

static void check_ref(struct span got)
{
    CHECK_BYTES(got, ((struct span){"\x07", 1}));
}

static void test_refused(void)
{
    struct buf error = {0};
    buf_append_str(&error, "of the last one");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct request r;
        struct buf packed;
        if (unpack_text(refused[i].text, &r, &error, &packed) != -1 ||
            !span_is(buf_span(&error), refused[i].error))
            fprintf(stderr, "in case: %s\n", refused[i].text);
        CHECK_SPAN(buf_span(&error), refused[i].error);
        check_ref(r.ref);
        buf_free(&packed);
    }
    buf_free(&error);
}

/* Texts of every length around a limit. */
static void test_lengths(void)
{
    static const struct {
        const char *field;
        size_t bytes_max;
    } cases[] = {{"id", ID_BYTES_MAX},
                 {"app", ACCOUNT_BYTES_MAX},
                 {"task", TASK_BYTES_MAX},
                 {"openid", OPENID_BYTES_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t bytes = cases[i].bytes_max - 1; bytes <= cases[i].bytes_max + 1; bytes++) {
            struct request r;
            struct buf error = {0}, expected = {0},
                       packed = hex_bytes("85 a26f70 a470757368 a66f70656e6964 a16f a36b6579 a16b"
                                          "a3726566 07"); /* op, openid, key, ref */
            mp_str(&packed, cases[i].field);
            char *text = mem_new(bytes);
            memset(text, 'x', bytes);
            mp_span(&packed, (struct span){text, bytes});
            CHECK_INT(request_unpack(buf_span(&packed), NULL, &r, &error), bytes > cases[i].bytes_max ? -1 : 0);
            if (bytes > cases[i].bytes_max)
                buf_printf(&expected, "%s: %zu bytes; at most %zu", cases[i].field, bytes,
                           cases[i].bytes_max);
            CHECK_BYTES(buf_span(&error), buf_span(&expected));
            check_ref(r.ref);
            free(text);
            buf_free(&packed);
            buf_free(&error);
            buf_free(&expected);
        }
    }
}

static void put_push(struct buf *packed, size_t members)
{
    mp_map(packed, members);
    mp_put_str(packed, "op", "push");
    mp_put_str(packed, "openid", "o");
    mp_put_str(packed, "key", "k");
    mp_put_u64(packed, "ref", 7);
}

static void check_vars(size_t count, size_t name_bytes, const char *expected)
{
    struct request r;
    struct buf error = {0}, packed = {0};
    char *name = mem_new(name_bytes + 1);
    memset(name, 'n', name_bytes);
    put_push(&packed, 5);
    mp_str(&packed, "vars");
    mp_map(&packed, count);
    for (size_t i = 0; i < count; i++) {
        mp_span(&packed, (struct span){name, name_bytes});
        mp_u64(&packed, i);
    }
    CHECK_INT(request_unpack(buf_span(&packed), NULL, &r, &error), *expected == '\0' ? 0 : -1);
    CHECK_SPAN(buf_span(&error), expected);
    check_ref(r.ref);
    free(name);
    buf_free(&packed);
    buf_free(&error);
}

static void test_vars_limits(void)
{
    check_vars(VARS_MAX, 1, "");
    check_vars(VARS_MAX + 1, 1, "vars: 1025 variables; at most 1024");
    check_vars(1, VAR_NAME_BYTES_MAX, "");
    check_vars(1, VAR_NAME_BYTES_MAX + 1, "vars: a name over 256 bytes or not UTF-8");
}

static void check_number(const char *digits, size_t more, int holds)
{
    struct request r;
    struct buf error = {0}, packed = {0}, text = {0};
    buf_append_str(&text, digits);
    for (size_t i = 0; i < more; i++)
        buf_append_str(&text, "0");
    put_push(&packed, 5);
    mp_str(&packed, "vars");
    mp_map(&packed, 1);
    mp_str(&packed, "n");
    mp_ext(&packed, MP_EXT_NUMBER, buf_span(&text));
    CHECK_INT(request_unpack(buf_span(&packed), NULL, &r, &error), holds ? 0 : -1);
    buf_free(&text);
    buf_free(&packed);
    buf_free(&error);
}

static void test_number_limits(void)
{
    check_number("12345678901234567890123", 0, 1);
    check_number("-0", 0, 1);
    check_number("1", 255, 1);
    check_number("1", 256, 0);
    check_number("1e", 5, 0);
    check_number("--", 1, 0);
}

/* A ref that is too long or no scalar is the one thing that cannot be echoed. */
static void test_ref_refused(void)
{
    static const struct refused cases[] = {
        {"{ref [] " PUSH "}", "ref: give a scalar"},
        {"{ref {} " PUSH "}", "ref: give a scalar"},
        {"{" PUSH "ref <d40161>}", "ref: give a scalar"},
        {"{" PUSH
         "ref <d9 3f 30313233343536373839 30313233343536373839 30313233343536373839 30313233343536373839"
         " 30313233343536373839 30313233343536373839 303132>}",
         "ref: 65 bytes packed; at most 64"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct request r;
        struct buf error = {0}, packed;
        CHECK_INT(unpack_text(cases[i].text, &r, &error, &packed), -1);
        CHECK_SPAN(buf_span(&error), cases[i].error);
        CHECK_U64(r.ref.bytes, 0);
        buf_free(&packed);
        buf_free(&error);
    }
}

static void test_no_request(void)
{
    static const struct refused cases[] = {
        {"", "request: not msgpack"},
        {"c1", "request: not msgpack"},
        {"8f01", "request: not msgpack"},
        {"dfffffffff", "request: not msgpack"},
        {"c0", "request: nil; give a map with str names"},
        {"01", "request: an integer; give a map with str names"},
        {"90", "request: an array; give a map with str names"},
        {"a27b7d", "request: a str; give a map with str names"},
        {"80", "op: missing; give push, send, check, tset, cancel, status, receipt, window or ping"},
        {"81a26f70a470696e67 00", "request: bytes behind the map"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct request r;
        struct buf error = {0}, packed = hex_bytes(cases[i].text);
        CHECK_INT(request_unpack(buf_span(&packed), NULL, &r, &error), -1);
        CHECK_SPAN(buf_span(&error), cases[i].error);
        buf_free(&packed);
        buf_free(&error);
    }
}

/* Every message that is cut off is refused, and none is read beyond its end. */
static void test_truncated(void)
{
    struct buf packed =
        pack("{op push ref 7 id i app a openid o key k vars {a b n 1.5} at 5 ttl 9 lane bulk task t}");
    for (size_t bytes = 0; bytes < packed.bytes; bytes++) {
        struct request r;
        struct buf error = {0};
        struct span cut = hex_exact_copy((struct span){packed.data, bytes});
        CHECK_INT(request_unpack(cut, NULL, &r, &error), -1);
        CHECK(error.bytes > 0);
        free((char *)cut.data);
        buf_free(&error);
    }
    buf_free(&packed);
}

/* One that is too large is refused, and still its ref is known. */
static void test_too_large(void)
{
    size_t bytes = REQUEST_BYTES_MAX + 1;
    struct request r;
    struct buf error = {0}, packed = {0}, expected = {0};
    put_push(&packed, 5);
    mp_str(&packed, "vars");
    mp_map(&packed, 1);
    mp_str(&packed, "v");
    size_t room = bytes - packed.bytes - 5; /* behind the header of the str */
    char *text = mem_new(room);
    memset(text, 'x', room);
    mp_span(&packed, (struct span){text, room});
    CHECK_U64(packed.bytes, bytes);
    CHECK_INT(request_unpack(buf_span(&packed), NULL, &r, &error), -1);
    buf_printf(&expected, "request: %zu bytes; at most %d", bytes, REQUEST_BYTES_MAX);
    CHECK_BYTES(buf_span(&error), buf_span(&expected));
    check_ref(r.ref);
    free(text);
    buf_free(&packed);
    buf_free(&error);
    buf_free(&expected);
}

/* --- there and back
 * ----------------------------------------------------------------------------------------------- */

static void check_same_request(const struct request *a, const struct request *b)
{
    CHECK_INT(a->op, b->op);
    CHECK_BYTES(a->ref, b->ref);
    CHECK_BYTES(a->id, b->id);
    CHECK_BYTES(a->app, b->app);
    CHECK_BYTES(a->openid, b->openid);
    CHECK_BYTES(a->key, b->key);
    CHECK_BYTES(a->vars, b->vars);
    CHECK_BYTES(a->task, b->task);
    CHECK_INT(a->at_ms, b->at_ms);
    CHECK_INT(a->in_ms, b->in_ms);
    CHECK_INT(a->ttl_ms, b->ttl_ms);
    CHECK_INT(a->lane, b->lane);
    CHECK_INT(a->wait, b->wait);
    CHECK_BYTES(a->action, b->action);
}

static void test_request_round_trip(void)
{
    struct buf vars = pack("{a 1 b nil}"), ref = pack("-7");
    const struct request requests[] = {
        {.op = OP_PING, .lane = -1},
        {.op = OP_TSET, .key = span_of("k"), .lane = -1, .ref = buf_span(&ref)},
        {.op = OP_STATUS, .id = span_of("i"), .app = span_of("a"), .lane = -1},
        {.op = OP_STATUS, .id = span_of("i"), .wait = 1, .lane = -1},
        {.op = OP_CHECK, .openid = span_of("o"), .key = span_of("k"), .lane = -1},
        {.op = OP_CANCEL, .id = span_of("i"), .lane = -1},
        {.op = OP_WINDOW, .openid = span_of("o"), .action = span_of("pay"), .app = span_of("a"), .at_ms = 7, .lane = -1},
        {.op = OP_PUSH, .openid = span_of("o"), .key = span_of("k"), .lane = LANE_BULK, .in_ms = 5000},
        {.op = OP_SEND,
         .ref = buf_span(&ref),
         .id = span_of("i"),
         .app = span_of("a"),
         .openid = span_of("o"),
         .key = span_of("k"),
         .vars = buf_span(&vars),
         .task = span_of("t"),
         .at_ms = INT64_MAX,
         .ttl_ms = AT_AHEAD_MS_MAX,
         .lane = LANE_EXPRESS},
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct buf packed = {0}, error = {0};
        struct request r;
        request_pack(&requests[i], &packed);
        CHECK_INT(request_unpack(buf_span(&packed), NULL, &r, &error), 0);
        check_same_request(&r, &requests[i]);
        buf_free(&packed);
        buf_free(&error);
    }
    buf_free(&vars);
    buf_free(&ref);
}

static void check_same_result(const struct result *a, const struct result *b)
{
    CHECK_BYTES(a->ref, b->ref);
    CHECK_BYTES(a->id, b->id);
    CHECK_INT(a->code, b->code);
    CHECK_BYTES(a->message, b->message);
    CHECK_INT(a->errcode, b->errcode);
    CHECK_INT(a->msgid, b->msgid);
    CHECK_BYTES(a->state, b->state);
    CHECK_U64(a->epoch, b->epoch);
    CHECK_U64(a->count, b->count);
}

static void test_result_round_trip(void)
{
    struct buf ref = pack("'a b'");
    const struct result results[] = {
        {.code = CODE_OK, .epoch = 1},
        {.code = CODE_QUEUED, .epoch = UINT64_MAX, .state = span_of("waiting"), .id = span_of("i")},
        {.ref = buf_span(&ref),
         .id = span_of("i"),
         .code = CODE_REFUSED,
         .message = span_of("{\"errcode\":43004}"),
         .errcode = -1,
         .msgid = INT64_MAX,
         .state = span_of("refused"),
         .epoch = 7},
        {.code = CODE_OK, .epoch = 1, .state = span_of("cancelled"), .count = 100000},
    };
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        struct buf packed = {0};
        struct result r;
        result_pack(&results[i], &packed);
        CHECK_INT(result_unpack(buf_span(&packed), NULL, &r), 0);
        check_same_result(&r, &results[i]);
        for (size_t bytes = 0; bytes < packed.bytes; bytes++) {
            struct span cut = hex_exact_copy((struct span){packed.data, bytes});
            CHECK_INT(result_unpack(cut, NULL, &r), -1);
            free((char *)cut.data);
        }
        buf_free(&packed);
    }
    buf_free(&ref);
}

static void test_result_of_a_newer_broker(void)
{
    struct buf packed = pack("{code 200 colour red shades [1 {a b}] epoch 5 state sent}");
    struct result r;
    CHECK_INT(result_unpack(buf_span(&packed), NULL, &r), 0);
    CHECK_INT(r.code, CODE_OK);
    CHECK_U64(r.epoch, 5);
    CHECK_SPAN(r.state, "sent");
    buf_free(&packed);
}

static void test_no_result(void)
{
    static const char *const texts[] = {"{}",
                                        "{epoch 5}",
                                        "{code ok}",
                                        "[code 200]",
                                        "{code 200 epoch -1}",
                                        "{code 200 id 5}",
                                        "{code 200 5 5}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf packed = pack(texts[i]);
        struct result r;
        CHECK_INT(result_unpack(buf_span(&packed), NULL, &r), -1);
        buf_free(&packed);
    }
}

static void test_names(void)
{
    CHECK_STR(op_name(OP_NONE), NULL);
    CHECK_STR(op_name(OP_PUSH), "push");
    CHECK_STR(op_name(OP_PING), "ping");
    CHECK_STR(op_name(OP_RECEIPT), "receipt");
    CHECK_STR(receipt_name(RECEIPT_NONE), NULL);
    CHECK_STR(receipt_name(RECEIPT_REJECTED), "blocked");
    CHECK_INT(receipt_find(span_of("delivered")), RECEIPT_REACHED);
    CHECK_INT(receipt_find(span_of("Delivered")), RECEIPT_NONE);
    CHECK(name_is_plain(span_of("a"), 1));
    CHECK(!name_is_plain(span_of("ab"), 1));
    CHECK(!name_is_plain(span_of(""), 1));
    CHECK(name_is_plain(span_of("\xe4\xbd\xa0!~"), 64));
    CHECK(!name_is_plain(span_of("a b"), 64));
    CHECK(!name_is_plain(span_of("a\x1f"), 64));
    CHECK(!name_is_plain(span_of("\xe4\xbd"), 64));
}

int main(void)
{
    test_every_member();
    test_defaults();
    test_taken();
    test_refused();
    test_lengths();
    test_vars_limits();
    test_number_limits();
    test_ref_refused();
    test_no_request();
    test_truncated();
    test_too_large();
    test_request_round_trip();
    test_result_round_trip();
    test_result_of_a_newer_broker();
    test_no_result();
    test_names();
    return 0;
}
