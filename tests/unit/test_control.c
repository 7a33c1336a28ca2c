/* Control messages, jobs, rendered jobs, reports and token messages: there and back, what a newer peer may
 * add, what is damaged or cut off, and client_msg_id, which must never change. The bytes themselves are in
 * test_messages.c. */
#include "proto/control.h"

#include "proto/frontend.h"
#include "proto/token.h"
#include "tests/unit/pack.h"

#define SEEDS_MAX 2000 /* damaged copies of one message */

/* --- control
 * ------------------------------------------------------------------------------------------------------ */

/* What was read packs to the same bytes again. */
static void check_again(const struct control *m)
{
    struct control got;
    struct buf packed = {0}, again = {0};
    control_pack(m, &packed);
    CHECK_INT(control_unpack(buf_span(&packed), &got), 0);
    control_pack(&got, &again);
    CHECK_BYTES(buf_span(&again), buf_span(&packed));
    buf_free(&packed);
    buf_free(&again);
}

/* Every type alone, and with all members at their largest. */
static void test_every_type(void)
{
    for (int type = CONTROL_HELLO; type <= CONTROL_REFUSED; type++) {
        struct control full = {.type = (enum control_type)type,
                               .epoch = UINT64_MAX,
                               .kind = STAGE_SENDER,
                               .slots = UINT32_MAX,
                               .clock_ms = INT64_MIN,
                               .behind = 1,
                               .generation = UINT64_MAX - 1,
                               .broker = UINT64_MAX - 2,
                               .lease_ms = INT64_MAX,
                               .ref = UINT64_MAX - 3,
                               .key_version = UINT64_MAX - 4,
                               .code = 500};
        struct control least = {.type = (enum control_type)type}, got;
        check_again(&full);
        check_again(&least);
        struct buf packed = {0};
        control_pack(&full, &packed);
        CHECK_INT(control_unpack(buf_span(&packed), &got), 0);
        CHECK_INT(got.type, type);
        CHECK_U64(got.slots, UINT32_MAX);
        CHECK_INT(got.clock_ms, INT64_MIN);
        buf_free(&packed);
    }
}

static void test_unknown_members(void)
{
    struct buf packed =
        pack("{colour red t fence shades [1 {a b} <c40161>] generation 43 more {a [nil 1.5]}}");
    struct control m;
    CHECK_INT(control_unpack(buf_span(&packed), &m), 0);
    CHECK_INT(m.type, CONTROL_FENCE);
    CHECK_U64(m.generation, 43);
    buf_free(&packed);
}

static void test_no_control(void)
{
    static const char *const texts[] = {"{}",
                                        "{generation 43}",
                                        "{t dance}",
                                        "{t ''}",
                                        "{t 5}",
                                        "{t nil}",
                                        "[t fence]",
                                        "fence",
                                        "{t fence generation -1}",
                                        "{t fence generation x}",
                                        "{t hello name 5}",
                                        "{t fence 5 5}",
                                        "{t hello slots -1}",
                                        "{t hello clock 1.5}",
                                        "{t hello clock <cf8000000000000000>}",
                                        "{t tset code x}",
                                        "{t fence more <c1>}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf packed = pack(texts[i]);
        struct control m;
        if (control_unpack(buf_span(&packed), &m) == 0)
            fprintf(stderr, "in case: %s\n", texts[i]);
        CHECK_INT(control_unpack(buf_span(&packed), &m), -1);
        buf_free(&packed);
    }
}

/* A kind that we do not know is none, which the broker refuses with a reason; the message can be read. */
static void test_unknown_kind(void)
{
    struct buf packed = pack("{t hello kind painter epoch 5}");
    struct control m;
    CHECK_INT(control_unpack(buf_span(&packed), &m), 0);
    CHECK_INT(m.kind, STAGE_NONE);
    CHECK_STR(stage_kind_name(STAGE_NONE), "");
    CHECK_STR(stage_kind_name(STAGE_TEMPLATER), "templater");
    CHECK_STR(stage_kind_name(STAGE_SENDER), "sender");
    buf_free(&packed);
}

static void test_holdings(void)
{
    const struct holding holdings[] = {{0, 0}, {1001, 1}, {UINT64_MAX, UINT32_MAX}};
    struct buf packed = {0};
    struct mp_cursor c;
    struct holding h;
    mp_array(&packed, 3);
    for (size_t i = 0; i < 3; i++)
        control_holding_pack(&holdings[i], &packed);
    control_array_open(&c, buf_span(&packed));
    for (size_t i = 0; i < 3; i++) {
        CHECK_INT(control_holding_next(&c, &h), 1);
        CHECK_U64(h.seq, holdings[i].seq);
        CHECK_U64(h.turn, holdings[i].turn);
    }
    CHECK_INT(control_holding_next(&c, &h), 0);
    CHECK_INT(control_holding_next(&c, &h), 0);
    buf_free(&packed);
}

static void test_keys(void)
{
    struct buf packed = {0}, needs = pack("[name count]"), none = pack("[]");
    const struct key_info keys[] = {
        {.key = span_of("paid"), .version = 7, .ttl_ms = 86400000, .lane = -1, .needs = buf_span(&needs)},
        {.key = span_of("otp"), .version = UINT64_MAX, .lane = LANE_EXPRESS},
    };
    struct mp_cursor c;
    struct key_info k;
    mp_array(&packed, 2);
    control_key_pack(&keys[0], &packed);
    control_key_pack(&keys[1], &packed);
    control_array_open(&c, buf_span(&packed));
    for (size_t i = 0; i < 2; i++) {
        CHECK_INT(control_key_next(&c, &k), 1);
        CHECK_BYTES(k.key, keys[i].key);
        CHECK_U64(k.version, keys[i].version);
        CHECK_INT(k.ttl_ms, keys[i].ttl_ms);
        CHECK_INT(k.lane, keys[i].lane);
        CHECK_BYTES(k.needs, i == 0 ? buf_span(&needs) : buf_span(&none));
    }
    CHECK_INT(control_key_next(&c, &k), 0);
    buf_free(&packed);
    buf_free(&needs);
    buf_free(&none);
}

/* An empty span is an empty array; what is no array of the right things is damaged, and stays it. */
static void test_damaged_arrays(void)
{
    static const char *const texts[] = {"5",       "{1 2}",    "[5]",     "[[1]]", "[[1 2 3]]",
                                        "[[1 x]]", "[[-1 1]]", "[{1 1}]", "nil"};
    struct mp_cursor c;
    struct holding h;
    struct key_info k;
    control_array_open(&c, (struct span){NULL, 0});
    CHECK_INT(control_holding_next(&c, &h), 0);
    CHECK_INT(control_key_next(&c, &k), 0);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf packed = pack(texts[i]);
        control_array_open(&c, buf_span(&packed));
        CHECK_INT(control_holding_next(&c, &h), -1);
        CHECK(!c.failed || control_holding_next(&c, &h) == -1);
        control_array_open(&c, buf_span(&packed));
        CHECK_INT(control_key_next(&c, &k), -1);
        buf_free(&packed);
    }
}

/* --- jobs and reports
 * --------------------------------------------------------------------------------------------- */

static void test_job_round_trip(void)
{
    struct buf packed = {0}, vars = pack("{a 1}");
    const struct job full = {.seq = UINT64_MAX,
                             .turn = UINT32_MAX,
                             .generation = UINT64_MAX,
                             .call = UINT32_MAX,
                             .sender = span_of("ipc:///a"),
                             .id = span_of("i"),
                             .app = span_of("a"),
                             .openid = span_of("o"),
                             .key = span_of("k"),
                             .version = UINT64_MAX,
                             .vars = buf_span(&vars)};
    struct job j;
    job_pack(&full, &packed);
    CHECK_INT(job_unpack(buf_span(&packed), &j), 0);
    CHECK_U64(j.seq, full.seq);
    CHECK_U64(j.turn, full.turn);
    CHECK_U64(j.generation, full.generation);
    CHECK_U64(j.call, full.call);
    CHECK_U64(j.version, full.version);
    CHECK_BYTES(j.vars, full.vars);
    buf_free(&packed);
    buf_free(&vars);
}

/* One member more or less, and one of another type, is another message. */
static void test_no_job(void)
{
    static const char *const jobs[] = {"[1 1 1 0 s i a o k 7]",
                                       "[1 1 1 0 s i a o k 7 <c400> 1]",
                                       "[1 1 1 0 s i a o k x <c400>]",
                                       "[1 1 1 0 5 i a o k 7 <c400>]",
                                       "[-1 1 1 0 s i a o k 7 <c400>]",
                                       "{}",
                                       "[]",
                                       "5"};
    static const char *const rendered[] = {"[1 1 1 i a o template]",
                                           "[1 1 1 i a o template <c400> 1]",
                                           "[1 1 x i a o template <c400>]",
                                           "[1 1 1 i a o template 5]",
                                           "{}",
                                           "nil"};
    for (size_t i = 0; i < sizeof jobs / sizeof *jobs; i++) {
        struct buf packed = pack(jobs[i]);
        struct job j;
        CHECK_INT(job_unpack(buf_span(&packed), &j), -1);
        buf_free(&packed);
    }
    for (size_t i = 0; i < sizeof rendered / sizeof *rendered; i++) {
        struct buf packed = pack(rendered[i]);
        struct rendered r;
        CHECK_INT(rendered_unpack(buf_span(&packed), &r), -1);
        buf_free(&packed);
    }
}

static void test_outcomes(void)
{
    for (int o = OUTCOME_SENT; o <= OUTCOME_RETURNED; o++) {
        struct outcome_report report = {.seq = 5,
                                        .turn = 2,
                                        .outcome = (enum outcome)o,
                                        .errcode = -1,
                                        .msgid = INT64_MIN,
                                        .http_status = 503,
                                        .calls = 2,
                                        .message = span_of("why")};
        struct buf packed = {0};
        struct mp_cursor c;
        struct outcome_report r;
        outcome_pack(&report, &packed);
        mp_open(&c, buf_span(&packed));
        CHECK_INT(outcome_read(&c, &r), 0);
        CHECK(c.at == c.end);
        CHECK_U64(r.seq, 5);
        CHECK_U64(r.turn, 2);
        CHECK_INT(r.outcome, o);
        CHECK_INT(r.errcode, -1);
        CHECK_INT(r.msgid, INT64_MIN);
        CHECK_U64(r.http_status, 503);
        CHECK_U64(r.calls, 2);
        CHECK_SPAN(r.message, "why");
        CHECK_INT(outcome_find(span_of(outcome_name((enum outcome)o))), o);
        CHECK_INT(outcome_is_final((enum outcome)o), o <= OUTCOME_DEAD);
        buf_free(&packed);
    }
    CHECK_INT(outcome_find(span_of("none")), OUTCOME_NONE);
    CHECK_INT(outcome_find(span_of("")), OUTCOME_NONE);
    CHECK_INT(outcome_is_final(OUTCOME_NONE), 0);
}

static void test_no_report(void)
{
    static const char *const texts[] = {"[5 2 sent 0 0 200 1]",
                                        "[5 2 sent 0 0 200 1 '' 1]",
                                        "[5 2 none 0 0 200 1 '']",
                                        "[5 2 burnt 0 0 200 1 '']",
                                        "[5 2 1 0 0 200 1 '']",
                                        "[5 2 sent 0 0 200 1 5]",
                                        "[5 2 sent 0 0 -1 1 '']",
                                        "[5 2 sent 0.5 0 200 1 '']",
                                        "{}",
                                        "sent"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf packed = pack(texts[i]);
        struct mp_cursor c;
        struct outcome_report r;
        mp_open(&c, buf_span(&packed));
        CHECK_INT(outcome_read(&c, &r), -1);
        buf_free(&packed);
    }
}

/* XXH3-128 of account, NUL, id, NUL, call number (4 bytes, big end first); the expected digits come from
 * libxxhash's own program. WeChat remembers these across our restarts and upgrades: another value for the
 * same call would send a message twice. */
static void test_client_msg_id(void)
{
    static char account[ACCOUNT_BYTES_MAX], id[ID_BYTES_MAX];
    memset(account, 'a', sizeof account);
    memset(id, 'i', sizeof id);
    const struct {
        struct span app, id;
        uint32_t call;
        const char *digits;
    } cases[] = {
        {span_of("shop"), span_of("order-7-paid"), 0, "0e8e31225dcecd910191223fe3aef451"},
        {span_of("shop"), span_of("order-7-paid"), 1, "17e043f66a4dfdeb87d458e5ad785eb3"},
        {span_of("default"), span_of("a"), 0, "b00b242f6fb4df77c426ba86485516ab"},
        {span_of(""), span_of(""), UINT32_MAX, "eec1588e575dfbe867af49c678e9ce0d"},
        {{account, sizeof account}, {id, sizeof id}, 0x01020304, "bef90ed6bd2f153a69a288d8cbe2f9f6"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char digits[33] = "";
        job_client_msg_id(cases[i].app, cases[i].id, cases[i].call, digits);
        CHECK_STR(digits, cases[i].digits);
    }
}

/* Account and id do not run into each other. */
static void test_client_msg_id_parts(void)
{
    char one[32], other[32];
    job_client_msg_id(span_of("a"), span_of("bc"), 0, one);
    job_client_msg_id(span_of("ab"), span_of("c"), 0, other);
    CHECK(memcmp(one, other, 32) != 0);
}

/* --- tokens
 * ------------------------------------------------------------------------------------------------------- */

static void test_tokens(void)
{
    struct buf packed = pack("{more [1] t token app shop token T ttl 5 colour red}");
    struct token_message m;
    CHECK_INT(token_unpack(buf_span(&packed), &m), 0);
    CHECK_INT(m.type, TOKEN_TOKEN);
    CHECK_SPAN(m.app, "shop");
    CHECK_SPAN(m.token, "T");
    CHECK_INT(m.ttl_ms, 5);
    buf_free(&packed);
}

static void test_no_token(void)
{
    static const char *const texts[] = {"{}",
                                        "{app shop}",
                                        "{t ''}",
                                        "{t gets app shop}",
                                        "{t 5}",
                                        "{t get app 5}",
                                        "{t token app shop token 5}",
                                        "{t token ttl x}",
                                        "[]",
                                        "nil"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf packed = pack(texts[i]);
        struct token_message m;
        CHECK_INT(token_unpack(buf_span(&packed), &m), -1);
        buf_free(&packed);
    }
}

static void test_token_length(void)
{
    char text[TOKEN_BYTES_MAX + 1];
    memset(text, 'x', sizeof text);
    for (size_t bytes = TOKEN_BYTES_MAX; bytes <= TOKEN_BYTES_MAX + 1; bytes++) {
        struct token_message m = {.type = TOKEN_TOKEN, .app = span_of("a"), .token = {text, bytes}}, got;
        struct buf packed = {0};
        token_pack(&m, &packed);
        CHECK_INT(token_unpack(buf_span(&packed), &got), bytes > TOKEN_BYTES_MAX ? -1 : 0);
        buf_free(&packed);
    }
}

/* A time that would overflow a clock is none. */
static void test_token_ttl(void)
{
    static const struct {
        int64_t ttl_ms;
        int result;
    } rows[] = {{0, 0}, {TOKEN_TTL_MS_MAX, 0}, {TOKEN_TTL_MS_MAX + 1, -1}, {INT64_MAX, -1}, {INT64_MIN, -1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct token_message m = {.type = TOKEN_TOKEN, .app = span_of("a"), .ttl_ms = rows[i].ttl_ms}, got;
        struct buf packed = {0};
        token_pack(&m, &packed);
        CHECK_INT(token_unpack(buf_span(&packed), &got), rows[i].result);
        buf_free(&packed);
    }
}

/* --- damage
 * ------------------------------------------------------------------------------------------------------- */

static int read_control(struct span packed)
{
    struct control m;
    return control_unpack(packed, &m);
}

static int read_job(struct span packed)
{
    struct job j;
    return job_unpack(packed, &j);
}

static int read_rendered(struct span packed)
{
    struct rendered r;
    return rendered_unpack(packed, &r);
}

static int read_report(struct span packed)
{
    struct outcome_report r;
    struct mp_cursor c;
    mp_open(&c, packed);
    return outcome_read(&c, &r);
}

static int read_token(struct span packed)
{
    struct token_message m;
    return token_unpack(packed, &m);
}

static const struct damaged {
    int (*read)(struct span packed);
    const char *text;
} damaged[] = {
    {read_control,
     "{t hello epoch 5 kind sender name s version v slots 64 endpoint e clock 5 generation 41}"},
    {read_control, "{t welcome epoch 5 clock 5 generation 42 broker 7 lease 3000 versions {a 1 b 2}}"},
    {read_control, "{t begin epoch 5 holdings [[1001 1] [1002 3]]}"},
    {read_control,
     "{t tset epoch 5 keys [[paid 8 0 -1 [name]]] ref 9 key paid key_version 8 code 200 message x}"},
    {read_job, "[1001 1 42 0 ipc:///a i shop o1 paid 7 <c403810101>]"},
    {read_rendered, "[1001 1 42 i shop o1 template <c4027b7d>]"},
    {read_report, "[1001 1 sent 0 31415926535 200 1 why]"},
    {read_token, "{t token app shop token EXAMPLE ttl 7140000}"},
};

/* Cut off anywhere it is refused; with random bytes changed it is refused or read, and nothing beyond its end
 * is looked at. */
static void check_damaged(const struct damaged *d, uint64_t *random)
{
    struct buf packed = pack(d->text);
    CHECK_INT(d->read(buf_span(&packed)), 0);
    for (size_t bytes = 0; bytes < packed.bytes; bytes++) {
        struct span cut = hex_exact_copy((struct span){packed.data, bytes});
        CHECK_INT(d->read(cut), -1);
        free((char *)cut.data);
    }
    for (int i = 0; i < SEEDS_MAX; i++) {
        struct span copy = hex_exact_copy(buf_span(&packed));
        for (uint64_t changes = 1 + hex_random(random) % 4; changes > 0; changes--)
            ((char *)copy.data)[hex_random(random) % copy.bytes] = (char)hex_random(random);
        int answer = d->read(copy);
        CHECK(answer == 0 || answer == -1);
        free((char *)copy.data);
    }
    buf_free(&packed);
}

static void test_damaged(void)
{
    uint64_t random = 1;
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++)
        check_damaged(&damaged[i], &random);
}

int main(void)
{
    test_every_type();
    test_unknown_members();
    test_no_control();
    test_unknown_kind();
    test_holdings();
    test_keys();
    test_damaged_arrays();
    test_job_round_trip();
    test_no_job();
    test_outcomes();
    test_no_report();
    test_client_msg_id();
    test_client_msg_id_parts();
    test_tokens();
    test_no_token();
    test_token_length();
    test_token_ttl();
    test_damaged();
    return 0;
}
