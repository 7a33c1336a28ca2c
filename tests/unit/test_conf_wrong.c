/* What a configuration is refused for, and what is said then. */
#include "base/conf.h"
#include "tests/unit/conf_load.h"

/* Each is one error, and the text of it holds `error`. */
static const struct {
    const char *text, *error;
} cases[] = {
    {"[server]\ntable_size = abc", ":2: [server] table_size: \"abc\" is no number; give 1 to 100000\n"},
    {"[server]\ntable_size = 0", ":2: [server] table_size: \"0\" is out of range; give 1 to 100000\n"},
    {"[server]\ntable_size = 100001",
     ":2: [server] table_size: \"100001\" is out of range; give 1 to 100000\n"},
    {"[server]\ntable_size = -1", ":2: [server] table_size: \"-1\" is no number; give 1 to 100000\n"},
    {"[server]\ntable_size = 99999999999999999999999", "is no number"},
    {"[server]\ntable_size = \"100;\"", "\"100;\" is no number"},
    {"[server]\ntable_size =", "\"\" is no number"},
    {"[server]\ntemplate_size = 2M", "\"2M\" is out of range; give 16 to 1M\n"},
    {"[server]\ntemplate_size = 4 K", "\"4 K\" is no size; give 16 to 1M\n"},
    {"[broker]\nstore_size = 1X", "\"1X\" is no size; give 512M to 65536G\n"},
    {"[broker]\nstore_size = 18446744073709551615G", "is no size"},
    {"[broker]\nlease = 3",
     "[broker] lease: \"3\" is no time; give a number with ms, s, m, h or d, from 100ms to 1h\n"},
    {"[broker]\nlease = 99ms", "[broker] lease: \"99ms\" is out of range; give 100ms to 1h\n"},
    {"[broker]\nlease = 2 s", "is no time"},
    {"[broker]\nsend_patience = 0", "\"0\" is out of range; give 1ms to 1d\n"},
    {"[broker]\nbackoff = 5s,,1m", "\"5s,,1m\" is no list of waits"},
    {"[console]\ntoken = fifteen-letters", ": [console] token: is shorter than 16 characters; give a longer one"},
    {"[console]\nmetrics_token = short", ": [console] metrics_token: is shorter than 16 characters; give a longer one"},
    {"[broker]\non_unknown = maybe", "\"maybe\" is unknown; give dead or retry\n"},
    {"[broker]\nfrontend = 127.0.0.1:9502",
     "\"127.0.0.1:9502\" is no endpoint; give tcp://HOST:PORT or ipc://PATH\n"},
    {"[broker]\nfrontend = tcp://127.0.0.1", "gives no port; give tcp://HOST:PORT"},
    {"[broker]\nfrontend =", "[broker] frontend: is empty; give tcp://HOST:PORT or ipc://PATH\n"},
    {"[broker]\ncontrol = ipc://", "gives no path"},
    {"[server]\nlisten[] = 9501", "[server] listen[]: \"9501\" is no address; give HOST:PORT"},
    {"[server]\nlisten[] = a:65536", "is no address"},
    {"[server]\nlisten[] = :9501", "is no address"},
    {"[server]\nlisten = 127.0.0.1:9501",
     "[server] listen: unknown key; remove it or correct its name\n"},
    {"[server]\nqueue_file_path =", "[server] queue_file_path: is empty; give a folder\n"},
    {"[run]\ndir =", "[run] dir: is empty; give a folder\n"},
    {"[alarm]\ncommand = tell.sh", "[alarm] command: does not begin with the path of a program"},
    {"[alarm]\ncommand = /bin/a b c d e f g h i j k l m n o p q", "command: has more than 16 words"},
    {"[alarm]\nwebhook = ftp://h/", "[alarm] webhook: is no address; give https://HOST/PATH\n"},
    {"[alarm]\nwebhook = https:///x", "webhook: is no address"},
    {"[alarm]\nwebhook = https://h/a b", "webhook: holds white space"},
    {"[alarm]\nwebhook = https://u:p@h/", "webhook: holds USER:PASSWORD@"},
    {"[alarm]\nwebhook_type = slack", "\"slack\" is unknown; give json or wecom or dingtalk\n"},
    {"[alarm]\nwebhook = https://h/\nwebhook_secret = x", "webhook_secret: is for webhook_type = dingtalk only"},
    {"[alarm]\nwebhook_type = dingtalk\nwebhook_secret = x", "webhook_secret: is for webhook_type = dingtalk only"},
    {"[alarm]\nmail_to = a@b", "mail_to: needs mail_server"},
    {"[alarm]\nmail_server = mail.example.com", "mail_server: is no address; give smtp://HOST:PORT"},
    {"[alarm]\nmail_server = smtp://u:p@h", "mail_server: is no address"},
    {"[alarm]\nmail_server = smtp://h\nmail_to = a@b", "mail_from: is no address; give NAME@HOST"},
    {"[alarm]\nmail_server = smtp://h\nmail_from = Ann <a@b>\nmail_to = a@b", "mail_from: is no address"},
    {"[alarm]\nmail_server = smtp://h\nmail_from = a@b", "mail_to: is empty; give the addresses"},
    {"[alarm]\nmail_server = smtp://h\nmail_from = a@b\nmail_to = c@d e@f", "mail_to: has something that is no address"},
    {"[alarm]\nmail_server = smtp://h\nmail_from = a@b\nmail_to = a@a,a@b,a@c,a@d,a@e,a@f,a@g,a@h,a@i,a@j,a@k,a@l,a@m,a@n,a@o,a@p,a@q",
     "mail_to: has more than 16 addresses"},
    {"[alarm]\nmail_server = smtp://h\nmail_from = a@b\nmail_to = c@d\nmail_user = u", "mail_user: goes together with mail_password"},
    {"[alarm]\nmail_server = smtp://h\nmail_from = a@b\nmail_to = c@d\nmail_user = u\nmail_password = s3cret\nmail_tls = none",
     "mail_tls: none would show mail_password to the network"},
    {"[alarm]\nexpect = sender*0", "expect: is no list of stages"},
    {"[alarm]\nexpect = broker", "expect: is no list of stages"},
    {"[alarm]\nnotices = 101", "\"101\" is out of range; give 1 to 100\n"},
    {"[alarm]\noldest = 5", "\"5\" is no time"},
    {"[log]\nlog_level = loud", "\"loud\" is unknown; give debug or info or warn or error or fatal"},
    {"[wechat]\ntoken_mode = extern", "\"extern\" is unknown; give stable or classic or external\n"},
    {"[wechat]\ntoken_mode = external", ": [wechat] token_mode: external needs token_url"},
    {"[wechat:shop]\ntoken_mode = external", ": [wechat:shop] token_mode: external needs token_url"},
    {"[wechat]\ntoken_mode = external\ntoken_url = https://h/\ntoken_sql = SELECT 1",
     "[wechat] token_url: is given together with token_sql; remove one of them\n"},
    {"[wechat]\ntoken_url = https://h/", "token_url: is for token_mode = external only"},
    {"[wechat]\ntoken_mode = classic\ntoken_sql = SELECT 1", "token_sql: is for token_mode = external only"},
    {"[wechat]\ntoken_mode = external\ntoken_url = ftp://h/", "token_url: is no address"},
    {"[wechat]\ntoken_mode = external\ntoken_url = https:///x", "token_url: is no address"},
    {"[wechat]\ntoken_mode = external\ntoken_url = https://h/a b", "token_url: holds white space"},
    {"[wechat]\ntoken_mode = external\ntoken_url = https://u:p@h/", "token_url: holds USER:PASSWORD@"},
    {"[wechat]\ntoken_mode = external\ntoken_sql = DELETE FROM t", "token_sql: is no SELECT"},
    {"[wechat]\ntoken_mode = external\ntoken_sql = SELECT 1", "token_sql: needs the database of [pdo] dsn"},
    {"[wechat]\ntoken_fetches = 0", "\"0\" is out of range; give 1 to 10000\n"},
    {"[wechat]\ntoken_fetches = 10001", "give 1 to 10000\n"},
    {"[wechat]\ntoken_forced = 21", "\"21\" is out of range; give 0 to 20\n"},
    {"[wechat]\napi_base = api.weixin.qq.com", "is no address; give https://HOST or http://HOST:PORT\n"},
    {"[wechat]\napi_base = https://", "names no host"},
    {"[wechat]\napi_base = https://a, https://", "names no host"},
    {"[wechat]\napi_base = https://a,,https://b", "is no address"},
    {"[wechat]\napi_base = https://a,", "is no address"},
    {"[wechat]\napi_base = https://a, https://user:pass@b/x", "api_base: holds USER:PASSWORD@"},
    {"[wechat]\napi_base = https://a?b=", "has a character that does not belong there"},
    {"[wechat]\napi_base = https://a#b", "has a character that does not belong there"},
    {"[wechat]\napi_base = https://a b", "has a character that does not belong there"},
    {"[wechat]\napi_base = https://\xe5\xbe\xae", "has a character that does not belong there"},
    {"[wechat]\napi_base = http://a,http://b,http://c,http://d,http://e,http://f,http://g,http://h,http://i",
     "has more than 8 addresses; leave some out"},
    {"[templater]\nsource = dir", "\"dir\" is no source; give mysql or dir:PATH\n"},
    {"[templater]\nsource = dir:", "is no source"},
    {"[broker]\nwworker = 1", ":2: [broker] wworker: unknown key; remove it or correct its name\n"},
    {"[broker]\nworker_num = 1", "unknown key"},
    {"[brokre]\nlease = 1s\nout_max = 2s",
     ":2: [brokre] lease: unknown section; remove it or correct its name\n"},
    {"lease = 1s", ":1: [] lease: stands before the first [section]; move it into one\n"},
    {"[pdo]\nusername_file = x", "unknown key"},
    {"[pdo]\nusername = \"root", ":2: [pdo] username: the value has no closing quote; add it\n"},
    {"[pdo]\nusername = \"ro\"ot\"",
     ":2: [pdo] username: something stands behind the closing quote; remove it"},
    {"[pdo]\nusername = 'root\"", "no closing quote"},
    {"[pdo]\nusername\n", ":2: is neither [section] nor key = value; correct it or begin it with ;\n"},
    {"[pdo\nusername = x\n", ":1: is neither [section] nor key = value"},
    {"[wechat:]\nrate = 1",
     ":2: [wechat:] rate: the name of an account has 1 to 32 letters, digits, - _ or .;"},
    {"[wechat:a b]\nrate = 1\napp_id = x", ":2: [wechat:a b] rate: the name of an account"},
    {"[wechat:0123456789012345678901234567890123]\nrate = 1", "the name of an account has"},
    {"[wechat:default]\nrate = 1", "the account \"default\" is the section [wechat]"},
    {"[wechat:a]\nrate = 1\n[wechat:a]\napp_id = 2",
     ":4: [wechat:a] app_id: this account's section stands here a second"},
    {"[wechat]\nrate = 1\n[log]\n[wechat]\napp_id = 2",
     ":5: [wechat] app_id: this account's section stands here a second"},
};

static void test_wrong(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct loaded l = load(cases[i].text);
        if (l.conf != NULL)
            fprintf(stderr, "loaded: %s\n", cases[i].text);
        CHECK(l.conf == NULL);
        CHECK_HAS(l.errors.data, cases[i].error);
        CHECK_STR(strchr(l.errors.data, '\n') + 1, ""); /* one line */
        unload(&l);
    }
}

static void test_all_errors_at_once(void)
{
    struct loaded l = load("[server]\ntable_size = x\nnonsense\n[broker]\nlease = y\n;\nmore nonsense\n");
    CHECK_HAS(l.errors.data, ":2: ");
    CHECK_HAS(l.errors.data, ":3: ");
    CHECK_HAS(l.errors.data, ":5: ");
    CHECK_HAS(l.errors.data, ":7: ");
    unload(&l);

    struct buf text = {0};
    for (int i = 0; i < 1000; i++)
        buf_append_str(&text, "nonsense\n");
    l = load_span(buf_span(&text));
    CHECK_HAS(l.errors.data, ":50: ");
    CHECK_HAS(l.errors.data, "further errors are not shown\n");
    CHECK(strstr(l.errors.data, ":51: ") == NULL);
    buf_free(&text);
    unload(&l);
}

static void test_no_file(void)
{
    struct loaded l = load_file("/nowhere/at/all.conf");
    CHECK_STR(l.errors.data, "/nowhere/at/all.conf: cannot open it: No such file or directory\n");
    unload(&l);
    l = load_file(test_folder());
    CHECK_HAS(l.errors.data, "cannot read it: Is a directory");
    unload(&l);
}

static void test_secrets_stay_secret(void)
{
    static const char *const texts[] = {
        "[pdo]\npassword = \"hush-hush",
        "[pdo]\npassword = \"hush-hush\" x",
        "[wechat]\napp_secret = hush-hush\napp_secret = \"hush-hush\"",
        "[pdo]\npasswort = hush-hush",
        "[pdo]\nhush-hush\n",
        "[nowhere]\ntoken = hush-hush",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct loaded l = load(texts[i]);
        CHECK(l.errors.bytes + l.warnings.bytes > 0);
        CHECK(strstr(l.errors.data, "hush") == NULL);
        CHECK(strstr(l.warnings.data, "hush") == NULL);
        unload(&l);
    }
    struct loaded l =
        load("[wechat]\ntoken = hush-hush\napp_secret = hush-hush\n[pdo]\npassword = hush-hush\n");
    struct buf text = dump(l.conf);
    CHECK(strstr(buf_str(&text), "hush") == NULL);
    CHECK_HAS(buf_str(&text), "password = ****\n");
    CHECK_HAS(buf_str(&text), "app_secret = ****\n");
    CHECK_HAS(buf_str(&text), "\ntoken = ****\n");
    buf_free(&text);
    unload(&l);
}

static void test_long_names(void)
{
    struct buf text = {0};
    buf_append_str(&text, "[log]\nlog_prefix = a\n[");
    for (int i = 0; i < 300; i++)
        buf_append_str(&text, "s");
    buf_append_str(&text, "]\nlog_prefix = b\n");
    struct loaded l = load(buf_str(&text));
    CHECK_HAS(l.errors.data, ":3: is neither [section] nor key = value");
    unload(&l);
    buf_clear(&text);
    buf_append_str(&text, "[log]\n");
    for (int i = 0; i < 300; i++)
        buf_append_str(&text, "k");
    buf_append_str(&text, " = b\n");
    l = load(buf_str(&text));
    CHECK_HAS(l.errors.data, ":2: [log] kkkk");
    CHECK_HAS(l.errors.data, "kkk: unknown key");
    unload(&l);
    buf_free(&text);
}

/* sun_path holds 108 bytes with its NUL. */
static void test_socket_paths(void)
{
    char path[200], text[400];
    memset(path, 'p', sizeof path);
    path[107] = '\0';
    path[0] = '/';
    snprintf(text, sizeof text, "[wechat]\nrate = 1\n[broker]\ncontrol = ipc://%s\n", path);
    struct conf *conf = load_clean(text);
    conf_destroy(&conf);
    snprintf(text, sizeof text, "[wechat]\nrate = 1\n[broker]\ncontrol = ipc://%sp\n", path);
    struct loaded l = load(text);
    CHECK_HAS(l.errors.data, ":4: [broker] control: \"ipc:///ppp");
    CHECK_HAS(l.errors.data, "is too long: the path of a socket ends at 107 bytes; give a shorter one\n");
    unload(&l);
    path[107 - strlen("/control.ipc") + 1] = '\0';
    snprintf(text, sizeof text, "[wechat]\nrate = 1\n[run]\ndir = %s\n", path);
    l = load(text);
    CHECK_HAS(l.errors.data, ": [run] dir: \"/ppp");
    CHECK_HAS(l.errors.data,
              "/control.ipc\" is too long: the path of a socket ends at 107 bytes; give a shorter folder\n");
    unload(&l);
}

int main(void)
{
    test_wrong();
    test_all_errors_at_once();
    test_no_file();
    test_secrets_stay_secret();
    test_long_names();
    test_socket_paths();
    return 0;
}
