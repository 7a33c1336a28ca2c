/* What is wrong, as the rules of the alarms see it in statuses of broker and token keeper. Tables; one behaviour a line. */
#include "console/alarm_rules.h"

#include "proto/mp.h"
#include "tests/unit/test.h"

#pragma GCC diagnostic ignored "-Woverride-init" /* WITH: what is well, and then what is not */

/* A status in which all is well, but for what is set. */
struct world {
    int64_t mono_ms, oldest_ms, dead, damaged, disk_free, store_used, step_ms, step_ago_ms;
    double sent, failed;
    const char *closed, *unready, *stopped;
    int64_t errcode;
    const char *senders[4], *left[4]; /* "-NAME": said goodbye */
    const char *gateway;
    enum alarm_presence gateway_presence;
    const char *token_message; /* why there is none; NULL: there is one */
    int64_t token_left_ms;
    int is_away; /* the broker */
    int64_t busy, waiting_ms; /* of the listener: calls that it could not write down, age of its outbox */
    enum alarm_presence listener; /* ALARM_THERE: it answers, if it does not hang; ALARM_UNSEEN: there is none, or it is gone */
    int listener_hangs;
};

static const struct world well = {.disk_free = 100LL << 30, .store_used = 1 << 20, .sent = 10, .senders = {"sender-1", "sender-2"},
                                  .gateway = "gateway", .gateway_presence = ALARM_THERE, .token_left_ms = 3600000};

static struct conf_alarm conf = {.hold_ms = 15000, .window_ms = 600000, .stage_gone_ms = 15000, .broker_gone_ms = 16000,
                                 .refusing_ms = 10000, .not_ready_ms = 30000, .account_stopped_ms = 120000,
                                 .token_missing_ms = 60000, .callbacks_refused = 3, .oldest_ms = 300000, .token_left_ms = 60000, .clock_step_ms = 1000,
                                 .dead = 10, .damaged = 1, .disk_spare_bytes = 1 << 30, .store_percent = 80, .failed_percent = 50};

static void put_double(struct buf *out, const char *name, double value)
{
    mp_str(out, name);
    mp_double(out, value);
}

static void put_stage(struct buf *out, const char *name, int has_left)
{
    int bye = *name == '-';
    mp_map(out, 3);
    mp_put_str(out, "name", name + bye);
    mp_put_str(out, "kind", "sender");
    mp_str(out, has_left ? "bye" : "ok");
    mp_bool(out, bye);
}

static void put_stages(struct buf *out, const char *member, const char *const names[4], int has_left)
{
    size_t count = 0;
    while (count < 4 && names[count])
        count++;
    mp_str(out, member);
    mp_array(out, count);
    for (size_t i = 0; i < count; i++)
        put_stage(out, names[i], has_left);
}

static void put_account(const struct world *w, struct buf *out)
{
    mp_str(out, "accounts");
    mp_array(out, 1);
    mp_map(out, 4);
    mp_put_str(out, "name", "shop");
    mp_put_i64(out, "waiting", 7);
    mp_put_str(out, "stopped", w->stopped ? w->stopped : "");
    mp_put_i64(out, "errcode", w->errcode);
}

static void pack_status(const struct world *w, struct buf *out)
{
    mp_map(out, 13);
    mp_str(out, "accepting");
    mp_bool(out, w->closed == NULL);
    mp_str(out, "ready");
    mp_bool(out, w->unready == NULL);
    mp_put_str(out, "closed", w->closed ? w->closed : "");
    mp_put_str(out, "unready", w->unready ? w->unready : "");
    mp_put_i64(out, "oldest_ms", w->oldest_ms);
    mp_str(out, "depth");
    mp_map(out, 2);
    mp_put_i64(out, "ready", 3);
    mp_put_i64(out, "dead", w->dead);
    mp_str(out, "totals");
    mp_map(out, 2);
    mp_put_i64(out, "dead", w->dead);
    mp_put_i64(out, "damaged", w->damaged);
    mp_str(out, "rates");
    mp_map(out, 2);
    put_double(out, "sent", w->sent);
    put_double(out, "failed", w->failed);
    mp_str(out, "store");
    mp_map(out, 4);
    mp_put_i64(out, "bytes", w->store_used);
    mp_put_i64(out, "bytes_max", 1 << 30);
    mp_put_i64(out, "disk_free", w->disk_free);
    mp_put_i64(out, "disk_min", 256 << 20);
    mp_str(out, "clock");
    mp_map(out, 2);
    mp_put_i64(out, "step_ms", w->step_ms);
    mp_put_i64(out, "ago_ms", w->step_ago_ms);
    put_account(w, out);
    put_stages(out, "stages", w->senders, 0);
    put_stages(out, "left", w->left, 1);
}

static void pack_tokens(const struct world *w, struct buf *out)
{
    mp_map(out, 1);
    mp_str(out, "accounts");
    mp_array(out, 1);
    mp_map(out, 4);
    mp_put_str(out, "app", "shop");
    mp_put_i64(out, "usable", w->token_message == NULL);
    mp_put_i64(out, "ttl", w->token_left_ms);
    mp_put_str(out, "message", w->token_message ? w->token_message : "");
}

static void pack_listener(const struct world *w, struct buf *out)
{
    mp_map(out, 2);
    mp_str(out, "refused");
    mp_map(out, 2);
    mp_put_i64(out, "busy", w->busy);
    mp_put_i64(out, "stopping", 1000);
    mp_str(out, "outbox");
    mp_map(out, 2);
    mp_put_i64(out, "rows", 12);
    mp_put_i64(out, "oldest_ms", w->waiting_ms);
}

/* What is found, one behind the other: "KIND:SUBJECT (for MS): TEXT\n". */
static unsigned unknown; /* of the last look */

static const char *look(struct alarm_rules *rules, const struct world *w)
{
    static struct alarm_findings found;
    static struct buf text;
    struct buf status = {0}, tokens = {0}, listener = {0};
    struct alarm_process processes[] = {{span_of("gateway"), span_of(w->gateway), w->gateway_presence},
                                        {span_of("listener"), span_of("listener"), w->listener}};
    pack_status(w, &status);
    pack_tokens(w, &tokens);
    if (w->listener == ALARM_THERE && !w->listener_hangs)
        pack_listener(w, &listener);
    struct alarm_view view = {.mono_ms = w->mono_ms, .status = buf_span(&status), .tokens = buf_span(&tokens),
                              .listener = buf_span(&listener), .processes = processes, .process_count = 1 + (w->listener != ALARM_UNSEEN)};
    if (w->is_away)
        view.status.bytes = view.tokens.bytes = 0;
    alarm_rules_look(rules, &view, &found);
    buf_clear(&text);
    for (size_t i = 0; i < found.count; i++) {
        char id[ALARM_ID_BYTES_MAX];
        alarm_id(found.list[i].kind, found.list[i].subject, id);
        buf_printf(&text, "%s (for %lld): %s\n", id, (long long)found.list[i].for_ms, found.list[i].text);
    }
    CHECK(!w->is_away || (found.unknown & 1u << ALARM_OLDEST && !(found.unknown & 1u << ALARM_BROKER_GONE)));
    unknown = found.unknown;
    buf_free(&status);
    buf_free(&tokens);
    buf_free(&listener);
    return buf_str(&text);
}

/* What one look finds, by rules that know nothing of before. */
static const char *look_once(const struct world *w)
{
    struct alarm_rules *rules = mem_new(sizeof *rules);
    rules->conf = &conf;
    const char *text = look(rules, w);
    free(rules);
    return text;
}

#define WITH(...) ((struct world){.disk_free = 100LL << 30, .sent = 10, .senders = {"sender-1", "sender-2"}, .gateway = "gateway", \
                                  .gateway_presence = ALARM_THERE, .token_left_ms = 3600000, __VA_ARGS__})

static void test_figures(void)
{
    const struct {
        struct world world;
        const char *found;
    } table[] = {
        {well, ""},
        {WITH(.is_away = 1), "broker-gone (for 16000): the broker does not answer\n"},
        {WITH(.closed = "the store is full"), "refusing (for 10000): new messages are refused: the store is full\n"},
        {WITH(.unready = "no sender is connected"), "not-ready (for 30000): messages cannot be sent: no sender is connected\n"},
        {WITH(.oldest_ms = 299999), ""},
        {WITH(.oldest_ms = 300000), "oldest (for 15000): the oldest ready message has waited for 5m00s (limit 5m00s), 3 are ready\n"},
        {WITH(.disk_free = (1LL << 30) + (256 << 20)), ""},
        {WITH(.disk_free = (1LL << 30) + (256 << 20) - 1),
         "disk (for 15000): the disk of the store has 1.2G left; below 256.0M new messages are refused\n"},
        {WITH(.disk_free = INT64_MAX), ""},
        {WITH(.store_used = 819 << 20), ""},
        {WITH(.store_used = 820 << 20), "store (for 15000): the store uses 820.0M of 1.0G (limit 80%)\n"},
        {WITH(.step_ms = 999), ""},
        {WITH(.step_ms = -3600000), "clock-step (for 0): the wall clock was set back by 1h00m (limit 1000 ms)\n"},
        {WITH(.step_ms = 1000, .step_ago_ms = 599999), "clock-step (for 0): the wall clock was set forward by 1.0s (limit 1000 ms)\n"},
        {WITH(.step_ms = 1000, .step_ago_ms = 600000), ""},
        {WITH(.failed = 9.9), ""},
        {WITH(.failed = 10), "failed-calls (for 15000): 50% of the calls to WeChat fail, 10.0 a second (limit 50%)\n"},
        {WITH(.sent = 0, .failed = 0.9), ""},
        {WITH(.stopped = "WeChat: quota is used up", .errcode = 45009),
         "account-stopped:shop (for 120000): nothing is sent for the account shop: WeChat: quota is used up (errcode 45009); 7 wait\n"},
        {WITH(.stopped = "bad\n\x1b[31m\xff"),
         "account-stopped:shop (for 120000): nothing is sent for the account shop: bad\xef\xbf\xbd\xef\xbf\xbd[31m\xef\xbf\xbd; 7 wait\n"},
        {WITH(.token_message = "WeChat gave 40125 invalid appsecret"),
         "token:shop (for 60000): there is no access token for the account shop: WeChat gave 40125 invalid appsecret\n"},
        {WITH(.token_message = ""), "token:shop (for 60000): there is no access token for the account shop: none was given yet\n"},
        {WITH(.token_left_ms = 60000), ""},
        {WITH(.listener = ALARM_THERE, .waiting_ms = 299999), ""},
        {WITH(.listener = ALARM_THERE, .waiting_ms = 300000),
         "callbacks-waiting (for 15000): what follows from callbacks has waited for the broker for 5m00s (limit 5m00s), 12 requests wait\n"},
        {WITH(.is_away = 1, .listener = ALARM_THERE, .waiting_ms = 300000),
         "broker-gone (for 16000): the broker does not answer\n"
         "callbacks-waiting (for 15000): what follows from callbacks has waited for the broker for 5m00s (limit 5m00s), 12 requests wait\n"},
        {WITH(.token_left_ms = 59999), "token:shop (for 0): the access token of the account shop ends in 59.9s and was not replaced\n"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        CHECK_STR(look_once(&table[i].world), table[i].found);
}

static void test_off(void)
{
    struct conf_alarm all = conf;
    struct world bad = WITH(.closed = "x", .unready = "x", .oldest_ms = 1 << 30, .disk_free = 0, .store_used = 1 << 30,
                            .step_ms = 1 << 20, .failed = 100, .stopped = "x", .token_message = "x", .dead = 0, .listener = ALARM_THERE, .waiting_ms = 1 << 30,
                            .busy = 1000);
    conf = (struct conf_alarm){.window_ms = 600000};
    CHECK_STR(look_once(&bad), "");
    bad.is_away = 1;
    CHECK_STR(look_once(&bad), "");
    conf = all;
}

/* Dead letters count within the window only, and those of before the first look do not. */
static void test_growth(void)
{
    struct alarm_rules *rules = mem_new(sizeof *rules);
    rules->conf = &conf;
    const char *ten = "dead (for 0): 10 messages died within 10m00s (limit 10), 1010 are dead now\n";
    CHECK_STR(look(rules, &WITH(.mono_ms = 0, .dead = 1000)), "");
    CHECK_STR(look(rules, &WITH(.mono_ms = 60000, .dead = 1009)), "");
    CHECK_STR(look(rules, &WITH(.mono_ms = 61000, .dead = 1010)), ten);
    CHECK_STR(look(rules, &WITH(.mono_ms = 599000, .dead = 1010)), ten);
    CHECK_STR(look(rules, &WITH(.mono_ms = 660000, .dead = 1010)), "");
    CHECK_STR(look(rules, &WITH(.mono_ms = 661000, .dead = 1010, .damaged = 1)),
              "damaged (for 0): 1 damaged messages were set aside within 10m00s (limit 1)\n");
    CHECK_STR(look(rules, &WITH(.mono_ms = 662000, .dead = 5)), ""); /* another store */
    CHECK_STR(look(rules, &WITH(.mono_ms = 663000, .dead = 14)), "");
    free(rules);
}

/* A million looks, one a second with one death each: the samples stay few and the growth is that of the window. */
static void test_growth_for_long(void)
{
    struct alarm_growth g = {0};
    for (int64_t s = 0; s < 1000000; s++) {
        int64_t grown = alarm_growth_take(&g, 600000, s * 1000, s);
        CHECK(s < 600 ? grown == s : grown >= 600 && grown <= 619);
    }
}

static const char gone_1[] = "stage-gone:sender-1 (for 15000): the sender sender-1 is gone, and it said no goodbye\n";

static void test_stages(void)
{
    struct alarm_rules *rules = mem_new(sizeof *rules);
    rules->conf = &conf;
    CHECK_STR(look(rules, &well), "");
    CHECK_STR(look(rules, &WITH(.senders = {"sender-2"}, .left = {"sender-1"})), gone_1);
    CHECK_STR(look(rules, &WITH(.senders = {"sender-2"})), gone_1); /* the broker has restarted and knows no more of it */
    CHECK_STR(look(rules, &WITH(.is_away = 1)), "broker-gone (for 16000): the broker does not answer\n");
    CHECK_STR(look(rules, &WITH(.left = {"sender-1"})), ""); /* it is back, whatever it did before */
    CHECK_STR(look(rules, &WITH(.senders = {"sender-2"}, .left = {"-sender-1"})), ""); /* somebody ended it */
    CHECK_STR(look(rules, &WITH(.senders = {"sender-2"})), "");
    CHECK_STR(look(rules, &WITH(.senders = {"sender-2"}, .left = {"sender-7"})), ""); /* never seen */
    CHECK_STR(look(rules, &WITH(.gateway_presence = ALARM_VANISHED)),
              "stage-gone:gateway (for 15000): the gateway gateway is gone, and it said no goodbye\n");
    CHECK_STR(look(rules, &WITH(.is_away = 1, .gateway_presence = ALARM_VANISHED)),
              "broker-gone (for 16000): the broker does not answer\n"
              "stage-gone:gateway (for 15000): the gateway gateway is gone, and it said no goodbye\n");
    CHECK_STR(look(rules, &WITH(.gateway_presence = ALARM_ENDED)), "");
    CHECK_STR(look(rules, &WITH(.gateway_presence = ALARM_VANISHED)), "");
    free(rules);
}

#define CALLBACKS (1u << ALARM_CALLBACKS_REFUSED | 1u << ALARM_CALLBACKS_WAITING)

/* It is missed when it was there and said no goodbye, and what it told stays as it was until it is back. */
static void test_listener(void)
{
    struct alarm_rules *rules = mem_new(sizeof *rules);
    const char *gone = "stage-gone:listener (for 15000): the listener listener is gone, and it said no goodbye\n";
    rules->conf = &conf;
    CHECK_STR(look(rules, &well), ""); /* none was ever there */
    CHECK(!alarm_rules_expect(rules, "listener") && !(unknown & CALLBACKS));
    CHECK_STR(look(rules, &WITH(.listener = ALARM_THERE, .busy = 7)), ""); /* before the first look */
    CHECK(alarm_rules_expect(rules, "listener") && !(unknown & CALLBACKS));
    CHECK_STR(look(rules, &WITH(.listener = ALARM_THERE, .busy = 9)), "");
    CHECK_STR(look(rules, &WITH(.listener = ALARM_THERE, .busy = 10)),
              "callbacks-refused (for 0): 3 callbacks of WeChat could not be written down and were answered 503 within 10m00s (limit 3)\n");
    CHECK_STR(look(rules, &WITH(.is_away = 1, .listener = ALARM_THERE, .busy = 9)), "broker-gone (for 16000): the broker does not answer\n");
    CHECK(!(unknown & CALLBACKS));
    CHECK_STR(look(rules, &WITH(.listener = ALARM_UNSEEN)), gone);
    CHECK_U64(unknown & CALLBACKS, CALLBACKS);
    CHECK_STR(look(rules, &WITH(.listener = ALARM_VANISHED)), gone);
    CHECK_STR(look(rules, &WITH(.listener = ALARM_THERE, .listener_hangs = 1)), "");
    CHECK_U64(unknown & CALLBACKS, CALLBACKS);
    CHECK_STR(look(rules, &WITH(.listener = ALARM_THERE)), ""); /* another one: it counts anew */
    CHECK_STR(look(rules, &WITH(.listener = ALARM_THERE, .busy = 2)), "");
    CHECK_STR(look(rules, &WITH(.listener = ALARM_ENDED)), "");
    CHECK(!alarm_rules_expect(rules, "listener") && !(unknown & CALLBACKS));
    snprintf(conf.expect, sizeof conf.expect, "sender, listener");
    CHECK_STR(look(rules, &WITH(.listener = ALARM_ENDED)), "stages-missing:listener (for 15000): 0 of 1 of the kind listener run\n");
    CHECK(alarm_rules_expect(rules, "listener"));
    CHECK_STR(look(rules, &WITH(.listener = ALARM_THERE)), "");
    conf.expect[0] = '\0';
    free(rules);
}

static void test_expected(void)
{
    snprintf(conf.expect, sizeof conf.expect, "sender*3, gateway");
    CHECK_STR(look_once(&well), "stages-missing:sender (for 15000): 2 of 3 of the kind sender run\n");
    CHECK_STR(look_once(&WITH(.senders = {"a", "b", "c", "d"})), "");
    CHECK_STR(look_once(&WITH(.senders = {"a", "b", "c"}, .gateway_presence = ALARM_ENDED)),
              "stages-missing:gateway (for 15000): 0 of 1 of the kind gateway run\n");
    CHECK_STR(look_once(&WITH(.is_away = 1, .gateway_presence = ALARM_THERE)), "broker-gone (for 16000): the broker does not answer\n");
    conf.expect[0] = '\0';
}

/* Whatever the bytes are, nothing happens but that less is seen. */
static void test_nonsense(void)
{
    struct alarm_rules *rules = mem_new(sizeof *rules);
    struct alarm_findings *found = mem_new(sizeof *found);
    struct buf status = {0};
    rules->conf = &conf;
    pack_status(&well, &status);
    pack_listener(&well, &status); /* behind the other: as bytes they are one */
    for (size_t i = 0; i < status.bytes; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct alarm_view view = {.mono_ms = (int64_t)i, .status = {status.data, i}, .listener = {status.data + i, status.bytes - i}};
            alarm_rules_look(rules, &view, found);
            status.data[i] ^= (char)(1 << bit);
            view.status.bytes = status.bytes;
            alarm_rules_look(rules, &view, found);
            status.data[i] ^= (char)(1 << bit);
        }
    CHECK(rules->stages.count <= ALARM_STAGES_MAX);
    buf_free(&status);
    free(found);
    free(rules);
}

int main(void)
{
    test_figures();
    test_off();
    test_growth();
    test_growth_for_long();
    test_stages();
    test_listener();
    test_expected();
    test_nonsense();
    return 0;
}
