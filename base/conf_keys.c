/* The one table of known keys.
 *
 * A key is added here and as a field of conf.h, and nowhere else; etc/mega.conf is checked against this table
 * by a test.
 */
#include "base/conf_keys.h"

#include <string.h>

#include "base/conf_value.h"

#define IN_CONF(member)    offsetof(struct conf, member)
#define IN_ACCOUNT(member) offsetof(struct conf_account, member)

#define SECONDS (1000ULL)
#define HOURS   (3600 * SECONDS)
#define DAYS    (24 * HOURS)
#define MIB     (1ULL << 20)
#define TIB     (1ULL << 40)

static const struct conf_choice token_modes[] = {
    {"stable", TOKEN_STABLE},
    {"classic", TOKEN_CLASSIC},
    {"external", TOKEN_EXTERNAL},
    {NULL, 0},
};

static const struct conf_choice unknown_choices[] = {
    {"dead", ON_UNKNOWN_DEAD}, {"retry", ON_UNKNOWN_RETRY}, {NULL, 0}};

static const struct conf_choice missing_choices[] = {
    {"keep", MISSING_KEEP}, {"reject", MISSING_REJECT}, {NULL, 0}};

static const struct conf_choice log_messages[] = {
    {"none", MESSAGES_NONE}, {"failed", MESSAGES_FAILED}, {"all", MESSAGES_ALL}, {NULL, 0}};
static const struct conf_choice plaintext_choices[] = {
    {"refuse", PLAINTEXT_REFUSE}, {"allow", PLAINTEXT_ALLOW}, {NULL, 0}};

static const struct conf_choice webhook_types[] = {
    {"json", WEBHOOK_JSON}, {"wecom", WEBHOOK_WECOM}, {"dingtalk", WEBHOOK_DINGTALK}, {NULL, 0}};

static const struct conf_choice mail_tls_choices[] = {
    {"starttls", MAIL_STARTTLS}, {"none", MAIL_PLAIN}, {NULL, 0}};

static const struct conf_choice log_formats[] = {{"logfmt", 0}, {"json", 1}, {NULL, 0}};

/* The original's names are those of Monolog; what we have no level for shows more rather than less, but for
 * alert and emergency, which only a process's end is. */
static const struct conf_choice log_levels[] = {
    {"debug", LEVEL_DEBUG},
    {"info", LEVEL_INFO},
    {"warn", LEVEL_WARN},
    {"error", LEVEL_ERROR},
    {"fatal", LEVEL_FATAL},
    {"notice", LEVEL_INFO},
    {"warning", LEVEL_WARN},
    {"critical", LEVEL_ERROR},
    {"alert", LEVEL_FATAL},
    {"emergency", LEVEL_FATAL},
    {NULL, 0},
};

const struct conf_key conf_keys[] = {
    {"server", "listen[]", CONF_LISTEN, IN_CONF(server.listen), "127.0.0.1:9501", 0, 0, NULL,
     "HOST:PORT for clients of the TCP protocol; may be given 16 times"},
    {"server", "allow", CONF_NETWORKS, IN_CONF(server.allow), NULL, 0, 0, NULL,
     "networks of which clients of the TCP protocol may come, with commas between; empty is all"},
    {"server", "table_size", CONF_U32, IN_CONF(server.table_size), "100", 1, 100000, NULL,
     "templates at most"},
    {"server", "template_size", CONF_SIZE32, IN_CONF(server.template_bytes_max), "4048", 16, MIB, NULL,
     "bytes of one template at most"},
    {"server", "queue_file_path", CONF_PATH, IN_CONF(server.store_dir), "/var/lib/mega-wechat", 0, 0, NULL,
     "folder of the store: every accepted message and every result"},

    {"setting", "package_max_length", CONF_SIZE32, IN_CONF(setting.package_bytes_max), "2465792", 64,
     64 * MIB, NULL, "bytes of one package of the TCP protocol at most, its first four included"},
    {"setting", "task_worker_num", CONF_WORKERS, IN_CONF(sender.slots), NULL, 1, 65536, NULL,
     "the original's name for [sender] slots, which wins"},

    {"pdo", "dsn", CONF_TEXT, IN_CONF(pdo.dsn), NULL, 0, 0, NULL,
     "mysql:host=HOST;port=PORT;dbname=NAME or mysql:unix_socket=PATH;dbname=NAME, in quotes"},
    {"pdo", "username", CONF_TEXT, IN_CONF(pdo.username), NULL, 0, 0, NULL, "of the database"},
    {"pdo", "password", CONF_SECRET, IN_CONF(pdo.password), NULL, 0, 0, NULL,
     "of the database; or password_file = PATH"},
    {"pdo", "table_prefix", CONF_TEXT, IN_CONF(pdo.table_prefix), NULL, 0, 0, NULL,
     "stands before the name of the table mega_wechat_template"},
    {"pdo", "connect_timeout", CONF_TIME, IN_CONF(pdo.connect_timeout_ms), "3s", 1, HOURS, NULL,
     "until MySQL must have taken the connection"},
    {"pdo", "query_timeout", CONF_TIME, IN_CONF(pdo.query_timeout_ms), "5s", 1, HOURS, NULL,
     "until MySQL must have answered"},

    {"wechat", "app_id", CONF_TEXT, IN_ACCOUNT(app_id), NULL, 0, 0, NULL, "of the official account"},
    {"wechat", "app_secret", CONF_SECRET, IN_ACCOUNT(app_secret), NULL, 0, 0, NULL,
     "of the official account; or app_secret_file = PATH"},
    {"wechat", "token", CONF_SECRET, IN_ACCOUNT(token), NULL, 0, 0, NULL,
     "signs WeChat's callbacks; or token_file = PATH. Not an access token"},
    {"wechat", "encoding_aes_key", CONF_SECRET, IN_ACCOUNT(encoding_aes_key), NULL, 0, 0, NULL,
     "opens WeChat's encrypted callbacks: its 43 characters; or encoding_aes_key_file = PATH"},
    {"wechat", "forward", CONF_SECRET, IN_ACCOUNT(forward), NULL, 0, 0, NULL,
     "http address of a system of yours that gets each callback too; or forward_file = PATH"},
    {"wechat", "api_base", CONF_URLS, IN_ACCOUNT(api_base), "https://api.weixin.qq.com", 0, 0, NULL,
     "where WeChat's interface is; up to 8 addresses with commas between: the first that works is used"},
    {"wechat", "token_mode", CONF_CHOICE, IN_ACCOUNT(token_mode), "stable", 0, 0, token_modes,
     "where access tokens come from: stable (stable_token), classic (token) or external (a service of yours)"},
    {"wechat", "token_url", CONF_SECRET, IN_ACCOUNT(token_url), NULL, 0, 0, NULL,
     "external: the http address that is asked for the access token; or token_url_file = PATH"},
    {"wechat", "token_sql", CONF_SECRET, IN_ACCOUNT(token_sql), NULL, 0, 0, NULL,
     "external: a SELECT on [pdo] of one row: the token and, optionally, the seconds it is still valid; or "
     "token_sql_file = PATH"},
    {"wechat", "token_fetches", CONF_U32, IN_ACCOUNT(token_fetches), NULL, 1, 10000, NULL,
     "fetches of an access token an hour at most; 600 when not given, 60 with classic"},
    {"wechat", "token_forced", CONF_U32, IN_ACCOUNT(token_forced), "20", 0, 20, NULL,
     "stable: forced refreshes a day at most"},
    {"wechat", "rate", CONF_U32, IN_ACCOUNT(rate_per_s), "0", 0, 1000000, NULL,
     "messages a second at most; 0 is no limit"},
    {"wechat", "max_attempts", CONF_U32, IN_ACCOUNT(attempts_max), "10", 1, 1000, NULL,
     "calls that fail before a message is dead"},
    {"wechat", "window_message", CONF_WINDOW, IN_ACCOUNT(windows[WINDOW_MESSAGE]), "20/48h", 0, 0, NULL,
     "customer-service messages after the recipient wrote, and for how long; COUNT 0 is any number, TIME 0: not counted"},
    {"wechat", "window_menu", CONF_WINDOW, IN_ACCOUNT(windows[WINDOW_MENU]), "20/48h", 0, 0, NULL,
     "likewise after he used the menu"},
    {"wechat", "window_follow", CONF_WINDOW, IN_ACCOUNT(windows[WINDOW_FOLLOW]), "20/48h", 0, 0, NULL,
     "likewise after he followed"},
    {"wechat", "window_scan", CONF_WINDOW, IN_ACCOUNT(windows[WINDOW_SCAN]), "20/48h", 0, 0, NULL,
     "likewise after he scanned the QR code"},
    {"wechat", "window_pay", CONF_WINDOW, IN_ACCOUNT(windows[WINDOW_PAY]), "0/48h", 0, 0, NULL,
     "likewise after he paid"},

    {"log", "log_file", CONF_PATH, IN_CONF(log.path), NULL, 0, 0, NULL,
     "file to append to; empty is standard error"},
    {"log", "log_level", CONF_CHOICE, IN_CONF(log.level), "info", 0, 0, log_levels,
     "lines from this level on: debug, info, warn, error, fatal"},
    {"log", "log_prefix", CONF_TEXT, IN_CONF(log.prefix), NULL, 0, 0, NULL,
     "prefix= of each line; empty leaves it out"},
    {"log", "log_format", CONF_CHOICE, IN_CONF(log.json), "logfmt", 0, 0, log_formats, "logfmt or json"},
    {"log", "messages", CONF_CHOICE, IN_CONF(log.messages), "failed", 0, 0, log_messages,
     "which messages leave lines of their own: none, failed or all"},
    {"log", "audit_file", CONF_PATH, IN_CONF(log.audit_path), NULL, 0, 0, NULL,
     "file to which what operators change is appended; default audit.log in queue_file_path"},

    {"broker", "frontend", CONF_ENDPOINT, IN_CONF(broker.frontend), "tcp://127.0.0.1:9502", 0, 0, NULL,
     "for gateways and ZeroMQ clients"},
    {"broker", "control", CONF_ENDPOINT, IN_CONF(broker.control), NULL, 0, 0, NULL,
     "for stages and operators; default ipc in [run] dir"},
    {"broker", "jobs", CONF_ENDPOINT, IN_CONF(broker.jobs), NULL, 0, 0, NULL,
     "from which templaters take jobs; default ipc in [run] dir"},
    {"broker", "min_free_space", CONF_SIZE, IN_CONF(broker.free_bytes_min), "256M", 0, 1024 * TIB, NULL,
     "free disk below which new messages get 503"},
    {"broker", "store_size", CONF_SIZE, IN_CONF(broker.store_bytes_max), "64G", 512 * MIB, 64 * TIB, NULL,
     "beyond which the store never grows"},
    {"broker", "ledger_days", CONF_U32, IN_CONF(broker.ledger_days), "30", 1, 3650, NULL,
     "days for which results are kept"},
    {"broker", "backoff", CONF_BACKOFF, IN_CONF(broker.backoff_ms), "5s, 30s, 2m*3, 10m*6", 0, 0, NULL,
     "waits before the second call, the third and so on; the last one repeats"},
    {"broker", "backoff_jitter", CONF_U32, IN_CONF(broker.jitter_percent), "10", 0, 100, NULL,
     "percent by which each of these waits is made longer at random, so that calls do not come in waves"},
    {"broker", "max_age", CONF_TIME, IN_CONF(broker.age_max_ms), "3d", 1, 400 * DAYS, NULL,
     "so long after its first call a message that fails is not tried again but dead"},
    {"broker", "send_patience", CONF_TIME, IN_CONF(broker.send_patience_ms), "60s", 1, DAYS, NULL,
     "from the first call of a Send until it is answered 500"},
    {"broker", "lease", CONF_TIME, IN_CONF(broker.lease_ms), "3s", 100, HOURS, NULL,
     "silence after which a stage counts as lost"},
    {"broker", "out_max", CONF_TIME, IN_CONF(broker.out_max_ms), "2m", 100, DAYS, NULL,
     "time out in the ring after which a job is asked for"},
    {"broker", "on_unknown", CONF_CHOICE, IN_CONF(broker.on_unknown), "dead", 0, 0, unknown_choices,
     "a call that may have happened, of a kind that WeChat does not de-duplicate: dead or retry"},
    {"broker", "probe", CONF_TIME, IN_CONF(broker.probe_first_ms), "1m", 1, DAYS, NULL,
     "after WeChat has stopped an account (quota, banned ...) until one message is tried; doubled each time"},
    {"broker", "probe_max", CONF_TIME, IN_CONF(broker.probe_max_ms), "30m", 1, DAYS, NULL,
     "the longest time between two such tries"},
    {"broker", "rate_window", CONF_TIME, IN_CONF(broker.rate_window_ms), "1m", 1, HOURS, NULL,
     "WeChat's minute: after \"too fast\" (45011) an account waits until the next one begins"},
    {"broker", "client_rate", CONF_U32, IN_CONF(broker.client_rate), "0", 0, 10000000, NULL,
     "requests a second of one client of the frontend (a connection, with CURVE a name); 0 is no limit"},
    {"broker", "client_kept", CONF_SIZE, IN_CONF(broker.client_kept_bytes), "64M", 32 * MIB, 16384 * MIB, NULL,
     "bytes of one client that wait to be served; more get 503"},
    {"broker", "client_sends", CONF_U32, IN_CONF(broker.client_sends), "262144", 1, 1000000, NULL,
     "callers of one client who wait for an outcome; more get 503"},

    {"gateway", "idle_timeout", CONF_TIME, IN_CONF(gateway.idle_timeout_ms), "1h", 0, 30 * DAYS, NULL,
     "silence after which a TCP client is closed; 0 is never"},
    {"gateway", "frame_timeout", CONF_TIME, IN_CONF(gateway.frame_timeout_ms), "30s", 1, HOURS, NULL,
     "from a package's first byte to its last"},
    {"gateway", "answer_timeout", CONF_TIME, IN_CONF(gateway.answer_timeout_ms), "5s", 1, HOURS, NULL,
     "until an unanswered request is asked again"},
    {"gateway", "client_connections", CONF_U32, IN_CONF(gateway.client_connections), "0", 0, 1000000, NULL,
     "TCP connections of one address at most; 0 is no limit"},

    {"templater", "source", CONF_SOURCE, IN_CONF(templater.source), "mysql", 0, 0, NULL,
     "mysql (the table) or dir:PATH (a folder of KEY.json files)"},
    {"templater", "cache_file", CONF_PATH, IN_CONF(templater.cache_file), NULL, 0, 0, NULL,
     "last good templates; empty is a file of this stage's name in queue_file_path"},
    {"templater", "missing_variable", CONF_CHOICE, IN_CONF(templater.missing), "keep", 0, 0, missing_choices,
     "a variable without a value: keep the ${NAME} as it stands, or reject the message"},

    {"sender", "slots", CONF_U32, IN_CONF(sender.slots), "64", 1, 65536, NULL,
     "HTTP calls in flight of one sender"},
    {"sender", "endpoint", CONF_ENDPOINT, IN_CONF(sender.endpoint), NULL, 0, 0, NULL,
     "where it takes rendered jobs; empty is ipc in [run] dir; tcp://HOST:* for another host"},
    {"sender", "timeout", CONF_TIME, IN_CONF(sender.timeout_ms), "10s", 1, HOURS, NULL, "of a whole call"},
    {"sender", "connect_timeout", CONF_TIME, IN_CONF(sender.connect_timeout_ms), "3s", 1, HOURS, NULL,
     "until WeChat must have taken the connection"},
    {"sender", "ca_file", CONF_PATH, IN_CONF(sender.ca_file), NULL, 0, 0, NULL,
     "certificates to trust; empty is the system's"},

    {"token", "endpoint", CONF_ENDPOINT, IN_CONF(token.endpoint), NULL, 0, 0, NULL,
     "of the token keeper; default ipc in [run] dir"},
    {"token", "cache_file", CONF_PATH, IN_CONF(token.cache_file), NULL, 0, 0, NULL,
     "access tokens, made with mode 0600; default token.cache in queue_file_path"},

    {"task", "endpoint", CONF_ENDPOINT, IN_CONF(task.endpoint), NULL, 0, 0, NULL,
     "of the task runner; default ipc in [run] dir"},
    {"task", "dir", CONF_PATH, IN_CONF(task.dir), NULL, 0, 0, NULL,
     "folder of bulk tasks with their rows; default tasks in queue_file_path"},

    {"listener", "listen", CONF_ADDRESS, IN_CONF(listener.listen), "127.0.0.1:9504", 0, 0, NULL,
     "HOST:PORT of mega-listener, where WeChat's callbacks arrive"},
    {"listener", "endpoint", CONF_ENDPOINT, IN_CONF(listener.endpoint), NULL, 0, 0, NULL,
     "where it is asked about series; default ipc in [run] dir"},
    {"listener", "dir", CONF_PATH, IN_CONF(listener.dir), NULL, 0, 0, NULL,
     "folder of what it keeps; default listener in queue_file_path"},
    {"listener", "series", CONF_PATH, IN_CONF(listener.series), NULL, 0, 0, NULL,
     "folder of the series, a NAME.ini each; empty: there are none"},
    {"listener", "forward_timeout", CONF_TIME, IN_CONF(listener.forward_timeout_ms), "4s", 100, 4500, NULL,
     "until a system named by forward must have answered; WeChat waits for 5s"},
    {"listener", "forward_retry", CONF_TIME, IN_CONF(listener.forward_retry_ms), "5s", 10, 1800000, NULL,
     "until what it did not take is sent to it again; twice as long each time, up to 30m, for a day"},

    {"console", "listen", CONF_ADDRESS, IN_CONF(console.listen), "127.0.0.1:9503", 0, 0, NULL,
     "HOST:PORT of mega-console: metrics, health and the JSON API"},
    {"console", "token", CONF_SECRET, IN_CONF(console.token), NULL, 0, 0, NULL,
     "bearer token of the JSON API; empty: there is no API; or token_file = PATH"},
    {"console", "metrics_token", CONF_SECRET, IN_CONF(console.metrics_token), NULL, 0, 0, NULL,
     "bearer token of /metrics; empty: everybody who reaches it may read; or metrics_token_file = PATH"},

    {"alarm", "name", CONF_TEXT, IN_CONF(alarm.name), NULL, 0, 0, NULL,
     "what notices call this installation; empty is the host's name"},
    {"alarm", "command", CONF_TEXT, IN_CONF(alarm.command), NULL, 0, 0, NULL,
     "program that is run for each notice, with its arguments; no shell"},
    {"alarm", "command_timeout", CONF_TIME, IN_CONF(alarm.command_timeout_ms), "30s", 100, HOURS, NULL,
     "after which it is killed"},
    {"alarm", "webhook", CONF_SECRET, IN_CONF(alarm.webhook), NULL, 0, 0, NULL,
     "address to which each notice is POSTed; or webhook_file = PATH"},
    {"alarm", "webhook_type", CONF_CHOICE, IN_CONF(alarm.webhook_type), "json", 0, 0, webhook_types,
     "what is POSTed: json, or as robots of WeCom or DingTalk take it"},
    {"alarm", "webhook_secret", CONF_SECRET, IN_CONF(alarm.webhook_secret), NULL, 0, 0, NULL,
     "dingtalk: the robot's secret, which signs; or webhook_secret_file = PATH"},
    {"alarm", "mail_server", CONF_TEXT, IN_CONF(alarm.mail_server), NULL, 0, 0, NULL,
     "smtp://HOST:PORT or smtps://HOST:PORT to which each notice is mailed"},
    {"alarm", "mail_tls", CONF_CHOICE, IN_CONF(alarm.mail_tls), "starttls", 0, 0, mail_tls_choices,
     "of smtp://: starttls (the server must offer it) or none"},
    {"alarm", "mail_user", CONF_TEXT, IN_CONF(alarm.mail_user), NULL, 0, 0, NULL, "who logs in there, if anybody"},
    {"alarm", "mail_password", CONF_SECRET, IN_CONF(alarm.mail_password), NULL, 0, 0, NULL,
     "with which; or mail_password_file = PATH"},
    {"alarm", "mail_from", CONF_TEXT, IN_CONF(alarm.mail_from), NULL, 0, 0, NULL, "address of the sender"},
    {"alarm", "mail_to", CONF_TEXT, IN_CONF(alarm.mail_to), NULL, 0, 0, NULL,
     "addresses of the recipients, up to 16 with commas between"},
    {"alarm", "ca_file", CONF_PATH, IN_CONF(alarm.ca_file), NULL, 0, 0, NULL,
     "certificates that webhook and mail trust; empty is the system's"},
    {"alarm", "timeout", CONF_TIME, IN_CONF(alarm.timeout_ms), "15s", 100, HOURS, NULL,
     "of one delivery by webhook or mail"},
    {"alarm", "group", CONF_TIME, IN_CONF(alarm.group_ms), "2s", 0, HOURS, NULL,
     "alarms that come within so long are one notice"},
    {"alarm", "notices", CONF_U32, IN_CONF(alarm.notices), "10", 1, 100, NULL,
     "notices by each way within notices_window at most; what is beyond comes together later"},
    {"alarm", "notices_window", CONF_TIME, IN_CONF(alarm.notices_window_ms), "1m", 1, DAYS, NULL, "of notices"},
    {"alarm", "tries", CONF_U32, IN_CONF(alarm.tries), "6", 1, 20, NULL, "deliveries of a notice by each way at most"},
    {"alarm", "retry", CONF_TIME, IN_CONF(alarm.retry_ms), "5s", 1, HOURS, NULL,
     "before the second of them; doubled each time"},
    {"alarm", "for", CONF_TIME, IN_CONF(alarm.hold_ms), "15s", 0, DAYS, NULL,
     "so long a figure must be over its limit"},
    {"alarm", "fine_for", CONF_TIME, IN_CONF(alarm.fine_ms), "30s", 0, DAYS, NULL,
     "so long all must be fine until the recovery is told"},
    {"alarm", "repeat", CONF_TIME, IN_CONF(alarm.repeat_ms), "4h", 0, 30 * DAYS, NULL,
     "reminders of what still holds; 0 is never"},
    {"alarm", "window", CONF_TIME, IN_CONF(alarm.window_ms), "10m", 100, 7 * DAYS, NULL,
     "for so long dead letters, damaged messages and clock steps count"},
    {"alarm", "expect", CONF_TEXT, IN_CONF(alarm.expect), NULL, 0, 0, NULL,
     "stages there must be, such as sender*2, templater, gateway, token, task, listener; empty is those that were seen"},
    {"alarm", "state_file", CONF_PATH, IN_CONF(alarm.state_file), NULL, 0, 0, NULL,
     "what is raised, made with mode 0600; default alarms.state in queue_file_path"},
    {"alarm", "stage_gone", CONF_TIME, IN_CONF(alarm.stage_gone_ms), "15s", 0, DAYS, NULL,
     "alarm: a stage has been gone for so long; 0 is off, as for all below"},
    {"alarm", "broker_gone", CONF_TIME, IN_CONF(alarm.broker_gone_ms), "15s", 0, DAYS, NULL,
     "alarm: the broker has not answered for so long"},
    {"alarm", "refusing", CONF_TIME, IN_CONF(alarm.refusing_ms), "10s", 0, DAYS, NULL,
     "alarm: new messages have been refused for so long"},
    {"alarm", "not_ready", CONF_TIME, IN_CONF(alarm.not_ready_ms), "30s", 0, DAYS, NULL,
     "alarm: messages could not be sent for so long"},
    {"alarm", "account_stopped", CONF_TIME, IN_CONF(alarm.account_stopped_ms), "2m", 0, DAYS, NULL,
     "alarm: an account has been stopped for so long"},
    {"alarm", "token_missing", CONF_TIME, IN_CONF(alarm.token_missing_ms), "1m", 0, DAYS, NULL,
     "alarm: an account has had no access token for so long"},
    {"alarm", "token_left", CONF_TIME, IN_CONF(alarm.token_left_ms), "1m", 0, HOURS, NULL,
     "alarm: an access token was not replaced and ends within this time"},
    {"alarm", "oldest", CONF_TIME, IN_CONF(alarm.oldest_ms), "5m", 0, 30 * DAYS, NULL,
     "alarm: the oldest ready message, or what mega-listener has for the broker, has waited so long"},
    {"alarm", "dead", CONF_U32, IN_CONF(alarm.dead), "10", 0, 1000000000, NULL,
     "alarm: so many messages died within window"},
    {"alarm", "damaged", CONF_U32, IN_CONF(alarm.damaged), "1", 0, 1000000000, NULL,
     "alarm: so many damaged messages were set aside within window"},
    {"alarm", "callbacks_refused", CONF_U32, IN_CONF(alarm.callbacks_refused), "3", 0, 1000000000, NULL,
     "alarm: so many callbacks were answered 503 within window, since they could not be written down"},
    {"alarm", "disk_spare", CONF_SIZE, IN_CONF(alarm.disk_spare_bytes), "1G", 0, 1024 * TIB, NULL,
     "alarm: less disk than this is free above [broker] min_free_space"},
    {"alarm", "store_used", CONF_U32, IN_CONF(alarm.store_percent), "80", 0, 100, NULL,
     "alarm: so many percent of [broker] store_size are in use"},
    {"alarm", "clock_step", CONF_TIME, IN_CONF(alarm.clock_step_ms), "1s", 0, DAYS, NULL,
     "alarm: the broker's wall clock was set by so much or more"},
    {"alarm", "failed_calls", CONF_U32, IN_CONF(alarm.failed_percent), "50", 0, 100, NULL,
     "alarm: so many percent of the calls to WeChat fail, at one failed call a second or more"},

    {"run", "dir", CONF_PATH, IN_CONF(run.dir), "/run/mega-wechat", 0, 0, NULL,
     "folder for ipc sockets and locks"},
    {"run", "user", CONF_TEXT, IN_CONF(run.user), NULL, 0, 0, NULL,
     "whom a program becomes that is started as root; empty: it stays who it is"},

    {"curve", "key", CONF_PATH, IN_CONF(curve.key), NULL, 0, 0, NULL,
     "file of this process's pair of keys (mega keygen); empty: no CURVE"},
    {"curve", "server_key", CONF_TEXT, IN_CONF(curve.server_key), NULL, 0, 0, NULL,
     "public key of the installation that is connected to: its 40 characters or a file; empty: that of key"},
    {"curve", "clients", CONF_PATH, IN_CONF(curve.clients), "/etc/mega-wechat/clients", 0, 0, NULL,
     "folder of the public keys (NAME.pub) that may come in"},
    {"curve", "plaintext", CONF_CHOICE, IN_CONF(curve.plaintext), "refuse", 0, 0, plaintext_choices,
     "tcp that other hosts can reach, without CURVE: refuse or allow"},
};

const size_t conf_key_count = sizeof conf_keys / sizeof *conf_keys;

_Static_assert(sizeof conf_keys / sizeof *conf_keys <= CONF_KEYS_MAX, "raise CONF_KEYS_MAX");
_Static_assert(sizeof(enum log_level) == sizeof(int), "choices are stored as int");

/* Of the original's [server] and [setting]: its own and Swoole's, which the original hands on as they are. */
/* clang-format off */
static const char *const meaningless[] = {
    "class", "protocol", "mode", "sock_type", "backlog", "buffer_output_size", "chroot",
    "cpu_affinity_ignore", "daemonize", "debug_mode", "discard_timeout_request", "dispatch_func",
    "dispatch_mode", "enable_coroutine", "enable_delay_receive", "enable_port_reuse", "enable_reuse_port",
    "enable_unsafe_event", "event_object", "group", "heartbeat_check_interval", "heartbeat_idle_time",
    "input_buffer_size", "log_date_format", "log_date_with_microseconds", "log_file", "log_level",
    "log_rotation", "max_conn", "max_connection", "max_coroutine", "max_queued_bytes", "max_request",
    "max_request_grace", "max_wait_time", "message_queue_key", "open_cpu_affinity", "open_eof_check",
    "open_eof_split", "open_http2_protocol", "open_http_protocol", "open_length_check",
    "open_mqtt_protocol", "open_redis_protocol", "open_tcp_keepalive", "open_tcp_nodelay",
    "open_websocket_protocol", "output_buffer_size", "package_body_offset", "package_eof",
    "package_length_func", "package_length_offset", "package_length_type", "pid_file", "pipe_buffer_size",
    "poll_thread_num", "reactor_num", "reload_async", "request_slowlog_file", "request_slowlog_timeout",
    "send_timeout", "send_yield", "socket_buffer_size", "socket_timeout", "ssl_cert_file", "ssl_ciphers",
    "ssl_key_file", "ssl_method", "stats_file", "task_enable_coroutine", "task_ipc_mode",
    "task_max_request", "task_max_request_grace", "task_tmpdir", "task_use_object", "tcp_defer_accept",
    "tcp_fastopen", "tcp_keepcount", "tcp_keepidle", "tcp_keepinterval", "tcp_user_timeout",
    "trace_event_worker", "upload_tmp_dir", "user", "worker_num", "writer_num",
};
/* clang-format on */

const struct conf_key *conf_key_find(const char *section, const char *name)
{
    for (size_t i = 0; i < conf_key_count; i++)
        if (strcmp(conf_keys[i].section, section) == 0 && strcmp(conf_keys[i].name, name) == 0)
            return &conf_keys[i];
    return NULL;
}

const struct conf_key *conf_key_find_secret_file(const char *section, const char *name)
{
    static const char end[] = "_file";
    size_t bytes = strlen(name), end_bytes = sizeof end - 1;
    if (bytes <= end_bytes || strcmp(name + bytes - end_bytes, end) != 0)
        return NULL;
    struct span secret = {name, bytes - end_bytes};
    for (size_t i = 0; i < conf_key_count; i++) {
        const struct conf_key *key = &conf_keys[i];
        if (key->type == CONF_SECRET && strcmp(key->section, section) == 0 && span_is(secret, key->name))
            return key;
    }
    return NULL;
}

int conf_key_section_known(const char *section)
{
    for (size_t i = 0; i < conf_key_count; i++)
        if (strcmp(conf_keys[i].section, section) == 0)
            return 1;
    return 0;
}

int conf_key_means_nothing(const char *section, const char *name)
{
    if (strcmp(section, "server") != 0 && strcmp(section, "setting") != 0)
        return 0;
    for (size_t i = 0; i < sizeof meaningless / sizeof *meaningless; i++)
        if (strcmp(meaningless[i], name) == 0)
            return 1;
    return 0;
}
