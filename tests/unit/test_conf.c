/* What a configuration means: defaults, values, accounts, secrets, limits of length. */
#include <limits.h>

#include "base/conf.h"
#include "base/conf_value.h"
#include "tests/unit/conf_load.h"

#define ORIGINAL "tests/data/wechat.ini"

static void test_defaults(void)
{
    struct loaded l = load("");
    CHECK_HAS(l.warnings.data, "no [wechat] section");
    const struct conf *c = l.conf;
    CHECK_U64(c->server.listen_count, 1);
    CHECK_STR(c->server.listen[0], "127.0.0.1:9501");
    CHECK_U64(c->server.table_size, 100);
    CHECK_U64(c->server.template_bytes_max, 4048);
    CHECK_STR(c->server.store_dir, "/var/lib/mega-wechat");
    CHECK_U64(c->setting.package_bytes_max, 2465792);
    CHECK_STR(c->pdo.dsn, "");
    CHECK_INT(c->pdo.connect_timeout_ms, 3000);
    CHECK_INT(c->pdo.query_timeout_ms, 5000);
    CHECK_U64(c->account_count, 0);
    CHECK(c->log.path[0] == '\0' && c->log.prefix[0] == '\0' && c->log.level == LEVEL_INFO && !c->log.json);
    CHECK_STR(c->broker.frontend, "tcp://127.0.0.1:9502");
    CHECK_STR(c->broker.control, "ipc:///run/mega-wechat/control.ipc");
    CHECK_STR(c->broker.jobs, "ipc:///run/mega-wechat/jobs.ipc");
    CHECK_U64(c->broker.free_bytes_min, 256 << 20);
    CHECK_U64(c->broker.store_bytes_max, 64ULL << 30);
    CHECK_U64(c->broker.ledger_days, 30);
    CHECK_U64(c->broker.backoff_count, 11);
    CHECK_INT(c->broker.backoff_ms[0], 5000);
    CHECK_INT(c->broker.backoff_ms[4], 120000);
    CHECK_INT(c->broker.backoff_ms[10], 600000);
    CHECK_U64(c->broker.jitter_percent, 10);
    CHECK_INT(c->broker.age_max_ms, 3 * 86400000LL);
    CHECK_INT(c->broker.send_patience_ms, 60000);
    CHECK_INT(c->broker.lease_ms, 3000);
    CHECK_INT(c->broker.out_max_ms, 120000);
    CHECK(c->broker.on_unknown == ON_UNKNOWN_DEAD);
    CHECK_INT(c->gateway.idle_timeout_ms, 3600000);
    CHECK_INT(c->gateway.frame_timeout_ms, 30000);
    CHECK_INT(c->gateway.answer_timeout_ms, 5000);
    CHECK_STR(c->templater.source, "mysql");
    CHECK_STR(c->templater.cache_file, "");
    CHECK(c->templater.missing == MISSING_KEEP);
    CHECK_U64(c->sender.slots, 64);
    CHECK_STR(c->sender.endpoint, "");
    CHECK_INT(c->sender.timeout_ms, 10000);
    CHECK_INT(c->sender.connect_timeout_ms, 3000);
    CHECK_STR(c->token.endpoint, "ipc:///run/mega-wechat/token.ipc");
    CHECK_STR(c->token.cache_file, "/var/lib/mega-wechat/token.cache");
    CHECK_STR(c->task.endpoint, "ipc:///run/mega-wechat/task.ipc");
    CHECK_STR(c->task.dir, "/var/lib/mega-wechat/tasks");
    CHECK_STR(c->run.dir, "/run/mega-wechat");
    unload(&l);
}

static void test_alarm(void)
{
    struct conf_expect expect[CONF_EXPECT_MAX];
    struct conf *c = load_clean("[wechat]\napp_id = wx\n[alarm]\ncommand = /bin/tell  me \nwebhook = https://oapi.dingtalk.com/robot/send?access_token=T\n"
                                "webhook_type = dingtalk\nwebhook_secret = SEC\nmail_server = smtp://127.0.0.1:25\nmail_tls = none\n"
                                "mail_user = u\nmail_password = p\nmail_from = a@b\nmail_to = c@d , e@f\nexpect = sender*2, token, listener\n");
    CHECK_INT(c->alarm.webhook_type, WEBHOOK_DINGTALK);
    CHECK_STR(c->alarm.state_file, "/var/lib/mega-wechat/alarms.state");
    CHECK_INT(c->alarm.oldest_ms, 300000);
    CHECK_U64(c->alarm.disk_spare_bytes, 1 << 30);
    CHECK_INT(conf_parse_expect(c->alarm.expect, expect), 3);
    CHECK_STR(expect[0].kind, "sender");
    CHECK_U64(expect[0].count, 2);
    CHECK_STR(expect[1].kind, "token");
    CHECK_U64(expect[1].count, 1);
    CHECK_STR(expect[2].kind, "listener");
    CHECK_U64(c->alarm.callbacks_refused, 3);
    CHECK_INT(conf_parse_expect("", expect), 0);
    conf_destroy(&c);
}

static void test_original(void)
{
    struct loaded l = load_file(ORIGINAL);
    CHECK_STR(l.errors.data, "");
    CHECK_STR(l.warnings.data,
              ORIGINAL ": these keys mean nothing here and are ignored: [server] class, [server] protocol, "
                       "[setting] dispatch_mode, [setting] worker_num, [setting] open_eof_check, "
                       "[setting] package_length_type, [setting] package_length_offset, "
                       "[setting] package_body_offset, [setting] daemonize\n");
    const struct conf *c = l.conf;
    CHECK_U64(c->server.listen_count, 1);
    CHECK_STR(c->server.listen[0], "127.0.0.1:9501");
    CHECK_U64(c->server.table_size, 100); /* "100;" */
    CHECK_U64(c->server.template_bytes_max, 4048);
    CHECK_STR(c->server.store_dir, "/Mega-Wechat/logs/queue");
    CHECK_U64(c->setting.package_bytes_max, 2465792);
    CHECK_U64(c->sender.slots, 8);
    CHECK_STR(c->pdo.dsn, "mysql:host=127.0.0.1;dbname=mega"); /* the ';' in quotes */
    CHECK_STR(c->pdo.username, "root");
    CHECK_STR(c->pdo.table_prefix, "mega_");
    CHECK_U64(c->account_count, 1);
    CHECK_STR(c->accounts[0].name, "default");
    CHECK_STR(c->accounts[0].app_id, "wx1234567890abcdef");
    CHECK_STR(c->accounts[0].app_secret, "0123456789abcdef0123456789abcdef");
    CHECK(c->log.level == LEVEL_WARN);
    CHECK_STR(c->log.prefix, "mega");
    CHECK(c->templater.missing == MISSING_KEEP);
    unload(&l);
}

static void test_values(void)
{
    static const struct {
        const char *line, *username;
    } cases[] = {
        {"username = root", "root"},
        {"username=root", "root"},
        {"username:root", "root"},
        {"username = root;", "root"},
        {"username = root ; the user", "root"},
        {"username = root;the user", "root"},
        {"username = \"root\"", "root"},
        {"username = \"root\" ; comment", "root"},
        {"username = \"root\";comment", "root"},
        {"username = 'ro\"ot'", "ro\"ot"},
        {"username = \" a ; b \"", " a ; b "},
        {"username = a b = c : d", "a b = c : d"},
        {"username = it's", "it's"},
        {"username = #1", "#1"},
        {"username =", ""},
        {"username = ;", ""},
        {"username = \"\"", ""},
        {"  \t username = indented", "indented"},
        {"username = tab\t\r", "tab"},
        {"username = back\\slash", "back\\slash"},
        {"username = \xE4\xBD\xA0", "\xE4\xBD\xA0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {0};
        buf_printf(&text, "[wechat]\nrate = 1\n[pdo]\ntable_prefix = p\n%s\npassword = x\n", cases[i].line);
        struct conf *conf = load_clean(buf_str(&text));
        CHECK_STR(conf->pdo.username, cases[i].username);
        CHECK_STR(conf->pdo.table_prefix, "p");
        CHECK_STR(conf->pdo.password, "x");
        conf_destroy(&conf);
        buf_free(&text);
    }
}

static void check_secret_file(struct span content, const char *password, const char *error)
{
    free(test_file("secret", content));
    struct loaded l = load("[wechat]\nrate = 1\n[pdo]\npassword_file = secret\n");
    if (password != NULL)
        CHECK_STR(l.conf == NULL ? l.errors.data : l.conf->pdo.password, password);
    else
        CHECK_HAS(l.errors.data, error);
    unload(&l);
}

static void test_secret_files(void)
{
    char longest[700];
    memset(longest, 'x', sizeof longest);
    check_secret_file(span_of("s3cr et;\"\n"), "s3cr et;\"", NULL);
    check_secret_file(span_of("s3cret"), "s3cret", NULL);
    check_secret_file(span_of("s3cret\r\nmore"), "s3cret", NULL);
    check_secret_file(span_of(""), NULL, "is empty or holds a NUL byte");
    check_secret_file(span_of("\ns3cret"), NULL, "is empty or holds a NUL byte");
    check_secret_file((struct span){"a\0b", 3}, NULL, "is empty or holds a NUL byte");
    check_secret_file((struct span){longest, 512}, NULL, "is longer than 511 bytes; shorten it");
    check_secret_file((struct span){longest, sizeof longest}, NULL, "is longer than 511 bytes; shorten it");

    struct loaded l = load("[pdo]\npassword_file = missing\n");
    CHECK_HAS(l.errors.data, ":2: [pdo] password_file: cannot open \"");
    CHECK_HAS(l.errors.data, "/missing\": No such file or directory\n");
    unload(&l);
    l = load("[pdo]\npassword_file = .\n");
    CHECK_HAS(l.errors.data, "is no regular file");
    unload(&l);
    l = load("[pdo]\npassword_file =\n");
    CHECK_HAS(l.errors.data, "give the path of a file");
    unload(&l);
    free(test_file("secret", span_of("s3cret")));
    l = load("[pdo]\npassword_file = secret\npassword = x\n");
    CHECK_HAS(l.errors.data, ":3: [pdo] password: a secret and its file are both given; remove one\n");
    unload(&l);
    l = load("[wechat:a]\napp_secret = x\napp_secret_file = secret\n");
    CHECK_HAS(l.errors.data,
              ":3: [wechat:a] app_secret_file: a secret and its file are both given; remove one\n");
    unload(&l);
}

static void test_slots(void)
{
    static const struct {
        const char *text;
        uint32_t slots;
    } cases[] = {
        {"[setting]\ntask_worker_num = 8\n", 8},
        {"[sender]\nslots = 5\n", 5},
        {"[setting]\ntask_worker_num = 8\n[sender]\nslots = 5\n", 5},
        {"[sender]\nslots = 5\n[setting]\ntask_worker_num = 8;\n", 5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loaded l = load(cases[i].text);
        CHECK_STR(l.errors.data, "");
        CHECK_U64(l.conf->sender.slots, cases[i].slots);
        unload(&l);
    }
}

static void test_listen(void)
{
    struct conf *conf =
        load_clean("[wechat]\nrate=1\n[server]\nlisten[] = 0.0.0.0:1\nlisten[] = \"[::1]:0\"\n");
    CHECK_U64(conf->server.listen_count, 2);
    CHECK_STR(conf->server.listen[0], "0.0.0.0:1");
    CHECK_STR(conf->server.listen[1], "[::1]:0");
    conf_destroy(&conf);

    struct buf text = {0};
    buf_append_str(&text, "[server]\n");
    for (int i = 0; i <= CONF_LISTEN_MAX; i++)
        buf_printf(&text, "listen[] = a:%d\n", i);
    struct loaded l = load(buf_str(&text));
    CHECK_HAS(l.errors.data, ":18: [server] listen[]: \"a:16\" is one too many; give at most 16\n");
    buf_free(&text);
    unload(&l);
}

static void test_accounts(void)
{
    struct conf *conf =
        load_clean("[wechat:shop-1_x.y]\nrate = 5\nmax_attempts = 3\n"
                   "[wechat:other]\ntoken_mode = classic\napi_base = http://127.0.0.1:8080//\n"
                   "[wechat]\napp_id = d\n[log]\nlog_level = NOTICE\n");
    CHECK_U64(conf->account_count, 3);
    CHECK_STR(conf->accounts[0].name, "default"); /* the first one wherever it stands */
    CHECK_STR(conf->accounts[0].app_id, "d");
    CHECK_U64(conf->accounts[0].rate_per_s, 0);
    CHECK_STR(conf->accounts[1].name, "shop-1_x.y");
    CHECK_U64(conf->accounts[1].rate_per_s, 5);
    CHECK_U64(conf->accounts[1].attempts_max, 3);
    const struct conf_account *other = conf_account_find(conf, span_of("other"));
    CHECK(other == &conf->accounts[2]);
    CHECK(other->token_mode == TOKEN_CLASSIC);
    CHECK_STR(other->api_base, "http://127.0.0.1:8080");
    CHECK_BYTES(conf_base(other, 0), span_of("http://127.0.0.1:8080"));
    CHECK_U64(conf_base(other, 1).bytes, 0);
    CHECK_U64(other->attempts_max, 10);
    CHECK(conf_account_find(conf, span_of("othe")) == NULL);
    CHECK(conf_account_find(conf, span_of("")) == NULL);
    conf_destroy(&conf);

    conf = load_clean("[wechat]\napi_base = https://api.weixin.qq.com/ ,\thttps://api2.weixin.qq.com,http://h:1\n[log]\nlog_level = NOTICE\n");
    CHECK_STR(conf->accounts[0].api_base, "https://api.weixin.qq.com,https://api2.weixin.qq.com,http://h:1");
    CHECK_BYTES(conf_base(&conf->accounts[0], 1), span_of("https://api2.weixin.qq.com"));
    CHECK_BYTES(conf_base(&conf->accounts[0], 2), span_of("http://h:1"));
    CHECK_U64(conf_base(&conf->accounts[0], 3).bytes, 0);
    CHECK(conf->log.level == LEVEL_INFO);
    conf_destroy(&conf);

    struct buf text = {0};
    for (int i = 0; i <= CONF_ACCOUNTS_MAX; i++)
        buf_printf(&text, "[wechat:a%d]\nrate = 1\n", i);
    struct loaded l = load(buf_str(&text));
    CHECK_HAS(l.errors.data, ":514: [wechat:a256] rate: one account too many; give at most 256\n");
    buf_free(&text);
    unload(&l);
}

static void test_given_twice(void)
{
    struct loaded l =
        load("[wechat]\nrate = 1\n[log]\nlog_prefix = a\n[run]\ndir = /r\n[log]\nlog_prefix = b\n");
    CHECK_STR(l.errors.data, "");
    CHECK_HAS(l.warnings.data, ":8: [log] log_prefix: given again; this one counts and line 4 does not\n");
    CHECK_STR(l.conf->log.prefix, "b");
    unload(&l);
}

static void test_relative_paths(void)
{
    struct conf *conf = load_clean("[wechat]\nrate = 1\n[run]\ndir = run\n[server]\nqueue_file_path = ./q\n"
                                   "[log]\nlog_file = x.log\n[templater]\nsource = dir:t\n"
                                   "[broker]\nfrontend = ipc://f.ipc\n[sender]\nca_file = /ca.pem\n");
    char folder[PATH_MAX];
    CHECK(realpath(test_folder(), folder) != NULL);
    struct buf want = {0};
    struct {
        const char *got, *format;
    } cases[] = {
        {conf->run.dir, "%s/run"},
        {conf->server.store_dir, "%s/./q"},
        {conf->token.cache_file, "%s/./q/token.cache"},
        {conf->log.path, "%s/x.log"},
        {conf->templater.source, "dir:%s/t"},
        {conf->broker.frontend, "ipc://%s/f.ipc"},
        {conf->broker.control, "ipc://%s/run/control.ipc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *percent = strstr(cases[i].format, "%s");
        buf_clear(&want);
        buf_append(&want, cases[i].format, (size_t)(percent - cases[i].format));
        buf_append_str(&want, folder);
        buf_append_str(&want, percent + 2);
        CHECK_STR(cases[i].got, buf_str(&want));
    }
    CHECK_STR(conf->sender.ca_file, "/ca.pem");
    buf_free(&want);
    conf_destroy(&conf);
}

/* One line of `bytes` bytes in all. */
static struct loaded load_line_of(size_t bytes)
{
    struct buf text = {0};
    buf_append_str(&text, "[wechat]\nrate = 1\n[pdo]\n");
    size_t start = text.bytes;
    buf_append_str(&text, "username = root ;");
    while (text.bytes - start < bytes)
        buf_append_str(&text, "x");
    buf_append_str(&text, "\npassword = y\n");
    struct loaded l = load(buf_str(&text));
    buf_free(&text);
    return l;
}

static void test_long_lines(void)
{
    static const size_t good[] = {190, 198, 199, 200, 201, 202, 400, 4095};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct loaded l = load_line_of(good[i]);
        CHECK_STR(l.errors.data, "");
        CHECK_STR(l.conf->pdo.username, "root");
        CHECK_STR(l.conf->pdo.password, "y");
        unload(&l);
    }
    struct loaded l = load_line_of(4096);
    CHECK_HAS(l.errors.data, ":4: the line is longer than 4095 bytes; shorten it\n");
    unload(&l);
}

static void test_long_values(void)
{
    char text[600];
    for (int bytes = 150; bytes < 513; bytes++) {
        snprintf(text, sizeof text, "[wechat]\nrate = 1\n[pdo]\nusername = \"%0*d\"\n", bytes, 7);
        struct loaded l = load(text);
        if (bytes < CONF_TEXT_BYTES_MAX)
            CHECK_INT(strlen(l.conf == NULL ? "" : l.conf->pdo.username), bytes);
        else
            CHECK_HAS(l.errors.data, ":4: [pdo] username: the value is longer than 511 bytes; shorten it\n");
        unload(&l);
    }
}

static void test_odd_bytes(void)
{
    struct loaded l = load_span((struct span){"[log]\nlog_prefix = a\0b\n", 23});
    CHECK_HAS(l.errors.data, ":2: the line holds a NUL byte; remove it\n");
    unload(&l);
    struct conf *conf = load_clean(
        "\xEF\xBB\xBF[wechat]\r\nrate = 3\r\n\r\n# comment\r\n;; comment = 1\r\n[log]\r\nlog_prefix = x");
    CHECK_U64(conf->accounts[0].rate_per_s, 3);
    CHECK_STR(conf->log.prefix, "x");
    conf_destroy(&conf);
}

static void test_times(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"0", 0},
        {"0s", 0},
        {"200ms", 200},
        {"5s", 5000},
        {"2m", 120000},
        {"1h", 3600000},
        {"3d", 259200000},
        {"400d", 34560000000},
        {"401d", -1},
        {"34560000001ms", -1},
        {"99999999999999999999s", -1},
        {"", -1},
        {"s", -1},
        {"5", -1},
        {"5 s", -1},
        {" 5s", -1},
        {"5S", -1},
        {"5ss", -1},
        {"-5s", -1},
        {"+5s", -1},
        {"1.5s", -1},
        {"5sec", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_INT(conf_parse_time_ms(cases[i].text), cases[i].ms);
}

static void test_windows(void)
{
    static const char *const wrong[] = {"", "5", "5/", "/48h", "5/48", "-1/1h", "5/31d", "1000001/1h", "5/48h ", "5 /48h", "x/1h", "5/1h/1h", "5//1h"};
    static const struct {
        const char *text;
        struct conf_window window;
        const char *again;
    } right[] = {{"5/48h", {.count = 5, .ms = 172800000}, "5/2d"},
                 {"0/1m", {.count = 0, .ms = 60000}, "0/1m"},
                 {"0/0", {.count = 0, .ms = 0}, "0/0"},
                 {"1000000/30d", {.count = 1000000, .ms = 2592000000}, "1000000/30d"},
                 {"007/90s", {.count = 7, .ms = 90000}, "7/90s"}};
    struct conf_window w;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_INT(conf_parse_window(wrong[i], &w), -1);
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        struct buf text = {0};
        CHECK_INT(conf_parse_window(right[i].text, &w), 0);
        CHECK_U64(w.count, right[i].window.count);
        CHECK_INT(w.ms, right[i].window.ms);
        conf_format_window(&w, &text);
        CHECK_STR(buf_str(&text), right[i].again);
        buf_free(&text);
    }
}

static void test_backoff(void)
{
    static const char *const wrong[] = {
        "",      ",",     "5s,",    ",5s",        "5",
        "0s",    "5s*0",  "5s*65",  "5s*x",       "5s*",
        "*3",    "5s 6s", "5s*2*2", "1s*60,1s*5", "401d",
        "5s;6s", "5s*-1", "5s,x",   "5s*3ms",     "1000000000000000000000000000000s*2"};
    int64_t waits_ms[CONF_BACKOFF_MAX];
    CHECK_U64(conf_parse_backoff("5s, 30s , 2m*3", waits_ms), 5);
    CHECK(waits_ms[0] == 5000 && waits_ms[1] == 30000 && waits_ms[2] == 120000 && waits_ms[4] == 120000);
    CHECK_U64(conf_parse_backoff("1ms*64", waits_ms), 64);
    CHECK_INT(waits_ms[63], 1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_U64(conf_parse_backoff(wrong[i], waits_ms), 0);
}

int main(void)
{
    test_defaults();
    test_alarm();
    test_original();
    test_values();
    test_secret_files();
    test_slots();
    test_listen();
    test_accounts();
    test_given_twice();
    test_relative_paths();
    test_long_lines();
    test_long_values();
    test_odd_bytes();
    test_times();
    test_windows();
    test_backoff();
    return 0;
}
