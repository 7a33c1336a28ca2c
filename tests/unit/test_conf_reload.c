/* What of a configuration that is read again counts at once, and for which program. */
#include "base/conf_keys.h"
#include "base/conf_reload.h"
#include "tests/unit/test.h"

static struct conf *load(const char *text)
{
    struct buf errors = {0}, warnings = {0};
    char *path = test_file("reload.conf", span_of(text));
    struct conf *conf = conf_load(path, &errors, &warnings);
    CHECK_STR(buf_str(&errors), "");
    CHECK(conf != NULL);
    buf_free(&errors);
    buf_free(&warnings);
    free(path);
    return conf;
}

static void note(void *self, const struct conf_change *change)
{
    buf_printf(self, "%s %s: %s -> %s\n", change->is_live ? "now" : "restart", change->where, change->from, change->to);
}

/* What a change from one text to the other is to a program. `conf` is what it has afterwards, for the caller to look at and free. */
static struct conf *check(const char *program, const char *before, const char *after, const char *expected)
{
    struct conf *conf = load(before), *next = load(after);
    struct buf told = {0};
    struct conf_changes changes = conf_take_over(conf, next, conf_program_of(program), note, &told);
    CHECK_STR(buf_str(&told), expected);
    size_t lines = 0;
    for (const char *p = buf_str(&told); *p; p++)
        lines += *p == '\n';
    CHECK_U64(changes.live + changes.waiting, lines);
    buf_free(&told);
    conf_destroy(&next);
    return conf;
}

static void check_told(const char *program, const char *before, const char *after, const char *expected)
{
    struct conf *conf = check(program, before, after, expected);
    conf_destroy(&conf);
}

/* A key that is forgotten would ask for restarts that nobody needs. */
static void test_every_key_is_known(void)
{
    for (size_t i = 0; i < conf_key_count; i++) {
        if (!conf_reload_knows(conf_keys[i].section, conf_keys[i].name))
            fprintf(stderr, "[%s] %s is not in the table of base/conf_reload.c\n", conf_keys[i].section, conf_keys[i].name);
        CHECK(conf_reload_knows(conf_keys[i].section, conf_keys[i].name));
    }
    CHECK(!conf_reload_knows("broker", "no_such_key"));
    CHECK_INT(conf_program_of("mega-wechat"), 0);
    CHECK_INT(conf_program_of("mega-console"), CONF_CONSOLE);
}

struct row {
    const char *program;
    const char *before, *after;
    const char *told;
};

static const struct row rows[] = {
    {"mega-broker", "[broker]\nledger_days = 30\n", "[broker]\nledger_days = 31\n", "now [broker] ledger_days: 30 -> 31\n"},
    {"mega-gateway", "[broker]\nledger_days = 30\n", "[broker]\nledger_days = 31\n", ""},
    {"mega-broker", "[broker]\nstore_size = 1G\n", "[broker]\nstore_size = 2G\n", "restart [broker] store_size: 1G -> 2G\n"},
    {"mega-broker", "[broker]\nlease = 1s\n", "[broker]\nlease = 2s\n", "restart [broker] lease: 1s -> 2s\n"},
    {"mega-sender", "[broker]\nlease = 1s\n", "[broker]\nlease = 2s\n", "restart [broker] lease: 1s -> 2s\n"},
    {"mega-token", "[broker]\nlease = 1s\n", "[broker]\nlease = 2s\n", ""},
    {"mega-broker", "[broker]\nbackoff = 5s\n", "[broker]\nbackoff = 1s, 2s*3\n", "now [broker] backoff: 5s -> 1s,2s*3\n"},
    {"mega-gateway", "[server]\nlisten[] = 127.0.0.1:1\n", "[server]\nlisten[] = 127.0.0.1:1\nlisten[] = 127.0.0.1:2\n",
     "restart [server] listen[]: 127.0.0.1:1 -> 127.0.0.1:1, 127.0.0.1:2\n"},
    {"mega-broker", "[server]\nlisten[] = 127.0.0.1:1\n", "[server]\nlisten[] = 127.0.0.1:2\n", ""},
    {"mega-gateway", "[gateway]\nidle_timeout = 1h\n", "[gateway]\nidle_timeout = 0\n", "now [gateway] idle_timeout: 1h -> 0\n"},
    {"mega-templater", "[templater]\nsource = mysql\n", "[templater]\nsource = mysql\nmissing_variable = reject\n",
     "now [templater] missing_variable: keep -> reject\n"},
    {"mega-templater", "[pdo]\npassword = a\n", "[pdo]\npassword = b\n", "restart [pdo] password: **** -> ****\n"},
    {"mega-sender", "[setting]\ntask_worker_num = 3\n", "[setting]\ntask_worker_num = 4\n", "restart [sender] slots: 3 -> 4\n"},
    {"mega-sender", "[sender]\ntimeout = 3s\n", "[sender]\ntimeout = 4s\n", "now [sender] timeout: 3s -> 4s\n"},
    {"mega-broker", "[run]\ndir = /run/a\n[broker]\ncontrol = ipc:///c\njobs = ipc:///j\n",
     "[run]\ndir = /run/b\n[broker]\ncontrol = ipc:///c\njobs = ipc:///j\n", "restart [run] dir: /run/a -> /run/b\n"},
    {"mega-console", "[log]\nlog_level = info\n", "[log]\nlog_level = debug\nlog_format = json\n",
     "now [log] log_level: info -> debug\nnow [log] log_format: logfmt -> json\n"},
    {"mega-broker", "[wechat]\nrate = 1\n", "[wechat]\nrate = 2\nmax_attempts = 3\n",
     "now [wechat] rate: 1 -> 2\nnow [wechat] max_attempts: 10 -> 3\n"},
    {"mega-broker", "[wechat]\nrate = 1\n", "[wechat]\nrate = 1\nwindow_message = 5/48h\nwindow_pay = 0/48h\n",
     "now [wechat] window_message: 20/2d -> 5/2d\n"},
    {"mega-sender", "[wechat:b]\napi_base = http://a\n", "[wechat:b]\napi_base = http://a, http://b\nrate = 7\n",
     "now [wechat:b] api_base: http://a -> http://a,http://b\n"},
    {"mega-broker", "[wechat]\nrate = 1\n", "[wechat]\nrate = 1\n[wechat:new]\nrate = 3\n", "restart [wechat:new]:  -> added\n"},
    {"mega-gateway", "[wechat]\nrate = 1\n", "[wechat]\nrate = 1\n[wechat:new]\nrate = 3\n", ""},
    {"mega-broker", "[wechat:b]\nrate = 1\n[wechat]\nrate = 2\n", "[wechat:c]\nrate = 1\n[wechat]\nrate = 3\n",
     "now [wechat] rate: 2 -> 3\nrestart [wechat:c]:  -> added\nrestart [wechat:b]:  -> removed\n"},
    {"mega-token", "[wechat]\napp_secret = a\n", "[wechat]\napp_secret = b\n", "now [wechat] app_secret: **** -> ****\n"},
    {"mega-sender", "[wechat]\napp_secret = a\n", "[wechat]\napp_secret = b\n", ""},
    {"mega-broker", "[wechat]\nrate = 1\n", "[wechat]\nrate = 1\n", ""},
};

static void test_rows(void)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_told(rows[i].program, rows[i].before, rows[i].after, rows[i].told);
}

/* What counts at once is there, what waits is as it was and is told again. */
static void test_values(void)
{
    static const char after[] = "[broker]\nbackoff = 1s, 2s*3\nlease = 9s\n[wechat:b]\nrate = 5\n[wechat]\nrate = 6\n";
    struct conf *conf = check("mega-broker", "[wechat]\nrate = 1\n[wechat:b]\nrate = 2\n[wechat:gone]\nrate = 3\n", after,
                              "now [broker] backoff: 5s,30s,2m*3,10m*6 -> 1s,2s*3\nrestart [broker] lease: 3s -> 9s\n"
                              "now [wechat] rate: 1 -> 6\nnow [wechat:b] rate: 2 -> 5\nrestart [wechat:gone]:  -> removed\n");
    CHECK_U64(conf->broker.backoff_count, 4);
    CHECK_INT(conf->broker.backoff_ms[0], 1000);
    CHECK_INT(conf->broker.backoff_ms[4], 0);
    CHECK_INT(conf->broker.lease_ms, 3000);
    CHECK_U64(conf->account_count, 3);
    CHECK_STR(conf->accounts[1].name, "b");
    CHECK_U64(conf->accounts[0].rate_per_s, 6);
    CHECK_U64(conf->accounts[1].rate_per_s, 5);
    CHECK_U64(conf->accounts[2].rate_per_s, 3);
    struct conf *next = load(after);
    struct conf_changes changes = conf_take_over(conf, next, CONF_BROKER, NULL, NULL);
    CHECK_U64(changes.live, 0);
    CHECK_U64(changes.waiting, 2);
    conf_destroy(&next);
    conf_destroy(&conf);
}

/* A secret without the mode that it is for would be half of one configuration and half of another. */
static void test_accounts_are_taken_as_a_whole(void)
{
    struct conf *conf = check("mega-token", "[wechat]\napp_id = a\napp_secret = s\n",
                              "[wechat]\napp_id = a\ntoken_mode = external\ntoken_url = http://t/\n",
                              "restart [wechat] app_secret: **** -> \nrestart [wechat] token_mode: stable -> external\n"
                              "restart [wechat] token_url:  -> ****\n");
    CHECK_STR(conf->accounts[0].app_secret, "s");
    CHECK_STR(conf->accounts[0].token_url, "");
    conf_destroy(&conf);
}

int main(void)
{
    test_every_key_is_known();
    test_rows();
    test_values();
    test_accounts_are_taken_as_a_whole();
    return 0;
}
