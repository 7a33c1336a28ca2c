/* The table of what can be changed while a program runs, and what goes by it.
 *
 * `live` is what a program applies from the moment in which the field of its struct conf changes, by itself or by what it does on
 * program_reload. What a thread of it reads (pdo, token_sql) cannot be: nothing guards these fields.
 */
#include "base/conf_reload.h"

#include <string.h>

#include "base/conf_keys.h"

#define WHERE_BYTES_MAX 128

#define BROKER    CONF_BROKER
#define TOKEN     CONF_TOKEN
#define TEMPLATER CONF_TEMPLATER
#define SENDER    CONF_SENDER
#define TASK      CONF_TASK
#define GATEWAY   CONF_GATEWAY
#define CONSOLE   CONF_CONSOLE
#define LISTENER  CONF_LISTENER

/* What of the configuration the accounts' sections concern: who has a list of accounts. */
#define HAS_ACCOUNTS (BROKER | TOKEN | SENDER | TASK | CONSOLE | LISTENER)

struct use {
    const char *section;
    const char *name;
    unsigned users; /* programs that go by it */
    unsigned live;  /* of these, those that apply a change at once */
};

static const struct use uses[] = {
    {"server", "listen[]", GATEWAY, 0},
    {"server", "allow", GATEWAY, GATEWAY},
    {"server", "table_size", TEMPLATER, 0},
    {"server", "template_size", TEMPLATER, 0},
    {"server", "queue_file_path", BROKER | TEMPLATER, 0},
    {"setting", "package_max_length", BROKER | GATEWAY, BROKER | GATEWAY},
    {"setting", "task_worker_num", SENDER, 0},
    {"pdo", "dsn", TEMPLATER | TOKEN, 0},
    {"pdo", "username", TEMPLATER | TOKEN, 0},
    {"pdo", "password", TEMPLATER | TOKEN, 0},
    {"pdo", "table_prefix", TEMPLATER, 0},
    {"pdo", "connect_timeout", TEMPLATER | TOKEN, 0},
    {"pdo", "query_timeout", TEMPLATER | TOKEN, 0},
    {"wechat", "app_id", TOKEN | LISTENER, LISTENER},
    {"wechat", "app_secret", TOKEN, TOKEN},
    {"wechat", "token", LISTENER, LISTENER},
    {"wechat", "encoding_aes_key", LISTENER, LISTENER},
    {"wechat", "forward", LISTENER, LISTENER},
    {"wechat", "api_base", SENDER | TOKEN, SENDER | TOKEN},
    {"wechat", "token_mode", TOKEN, 0},
    {"wechat", "token_url", TOKEN, TOKEN},
    {"wechat", "token_sql", TOKEN, 0},
    {"wechat", "token_fetches", TOKEN, TOKEN},
    {"wechat", "token_forced", TOKEN, TOKEN},
    {"wechat", "rate", BROKER, BROKER},
    {"wechat", "max_attempts", BROKER, BROKER},
    {"wechat", "window_message", BROKER, BROKER},
    {"wechat", "window_menu", BROKER, BROKER},
    {"wechat", "window_follow", BROKER, BROKER},
    {"wechat", "window_scan", BROKER, BROKER},
    {"wechat", "window_pay", BROKER, BROKER},
    {"log", "log_file", CONF_ALL, CONF_ALL},
    {"log", "log_level", CONF_ALL, CONF_ALL},
    {"log", "log_prefix", CONF_ALL, CONF_ALL},
    {"log", "log_format", CONF_ALL, CONF_ALL},
    {"log", "messages", CONF_ALL, CONF_ALL},
    {"log", "audit_file", BROKER | TASK, 0},
    {"broker", "frontend", BROKER | TASK | GATEWAY | LISTENER, 0},
    {"broker", "control", BROKER | TEMPLATER | SENDER | TASK | CONSOLE, 0},
    {"broker", "jobs", BROKER | TEMPLATER, 0},
    {"broker", "min_free_space", BROKER | TASK | LISTENER, BROKER | TASK | LISTENER},
    {"broker", "store_size", BROKER, 0},
    {"broker", "ledger_days", BROKER | TASK, BROKER | TASK},
    {"broker", "backoff", BROKER, BROKER},
    {"broker", "backoff_jitter", BROKER, BROKER},
    {"broker", "max_age", BROKER, BROKER},
    {"broker", "send_patience", BROKER, BROKER},
    {"broker", "lease", BROKER | TEMPLATER | SENDER, 0},
    {"broker", "out_max", BROKER, BROKER},
    {"broker", "on_unknown", BROKER, BROKER},
    {"broker", "probe", BROKER, BROKER},
    {"broker", "probe_max", BROKER, BROKER},
    {"broker", "rate_window", BROKER, BROKER},
    {"broker", "client_rate", BROKER, BROKER},
    {"broker", "client_kept", BROKER, BROKER},
    {"broker", "client_sends", BROKER, BROKER},
    {"gateway", "idle_timeout", GATEWAY, GATEWAY},
    {"gateway", "frame_timeout", GATEWAY, GATEWAY},
    {"gateway", "answer_timeout", GATEWAY, GATEWAY},
    {"gateway", "client_connections", GATEWAY, GATEWAY},
    {"templater", "source", TEMPLATER, 0},
    {"templater", "cache_file", TEMPLATER, 0},
    {"templater", "missing_variable", TEMPLATER, TEMPLATER},
    {"sender", "slots", SENDER, 0},
    {"sender", "endpoint", SENDER, 0},
    {"sender", "timeout", SENDER | TOKEN, SENDER | TOKEN},
    {"sender", "connect_timeout", SENDER | TOKEN, SENDER | TOKEN},
    {"sender", "ca_file", SENDER | TOKEN, 0},
    {"token", "endpoint", TOKEN | SENDER | CONSOLE, 0},
    {"token", "cache_file", TOKEN, 0},
    {"task", "endpoint", TASK | CONSOLE, 0},
    {"task", "dir", TASK, 0},
    {"listener", "listen", LISTENER, 0},
    {"listener", "endpoint", LISTENER, 0},
    {"listener", "dir", LISTENER, 0},
    {"listener", "series", LISTENER, LISTENER},
    {"listener", "forward_timeout", LISTENER, LISTENER},
    {"listener", "forward_retry", LISTENER, LISTENER},
    {"console", "listen", CONSOLE, 0},
    {"console", "token", CONSOLE, CONSOLE},
    {"console", "metrics_token", CONSOLE, CONSOLE},
    {"alarm", "state_file", CONSOLE, 0},
    {"alarm", "name", CONSOLE, CONSOLE},
    {"alarm", "command", CONSOLE, CONSOLE},
    {"alarm", "command_timeout", CONSOLE, CONSOLE},
    {"alarm", "webhook", CONSOLE, CONSOLE},
    {"alarm", "webhook_type", CONSOLE, CONSOLE},
    {"alarm", "webhook_secret", CONSOLE, CONSOLE},
    {"alarm", "mail_server", CONSOLE, CONSOLE},
    {"alarm", "mail_tls", CONSOLE, CONSOLE},
    {"alarm", "mail_user", CONSOLE, CONSOLE},
    {"alarm", "mail_password", CONSOLE, CONSOLE},
    {"alarm", "mail_from", CONSOLE, CONSOLE},
    {"alarm", "mail_to", CONSOLE, CONSOLE},
    {"alarm", "ca_file", CONSOLE, CONSOLE},
    {"alarm", "timeout", CONSOLE, CONSOLE},
    {"alarm", "group", CONSOLE, CONSOLE},
    {"alarm", "notices", CONSOLE, CONSOLE},
    {"alarm", "notices_window", CONSOLE, CONSOLE},
    {"alarm", "tries", CONSOLE, CONSOLE},
    {"alarm", "retry", CONSOLE, CONSOLE},
    {"alarm", "for", CONSOLE, CONSOLE},
    {"alarm", "fine_for", CONSOLE, CONSOLE},
    {"alarm", "repeat", CONSOLE, CONSOLE},
    {"alarm", "window", CONSOLE, CONSOLE},
    {"alarm", "expect", CONSOLE, CONSOLE},
    {"alarm", "stage_gone", CONSOLE, CONSOLE},
    {"alarm", "broker_gone", CONSOLE, CONSOLE},
    {"alarm", "refusing", CONSOLE, CONSOLE},
    {"alarm", "not_ready", CONSOLE, CONSOLE},
    {"alarm", "account_stopped", CONSOLE, CONSOLE},
    {"alarm", "token_missing", CONSOLE, CONSOLE},
    {"alarm", "token_left", CONSOLE, CONSOLE},
    {"alarm", "oldest", CONSOLE, CONSOLE},
    {"alarm", "dead", CONSOLE, CONSOLE},
    {"alarm", "damaged", CONSOLE, CONSOLE},
    {"alarm", "callbacks_refused", CONSOLE, CONSOLE},
    {"alarm", "disk_spare", CONSOLE, CONSOLE},
    {"alarm", "store_used", CONSOLE, CONSOLE},
    {"alarm", "clock_step", CONSOLE, CONSOLE},
    {"alarm", "failed_calls", CONSOLE, CONSOLE},
    {"run", "dir", CONF_ALL, 0},
    {"run", "user", CONF_ALL, 0},
    {"curve", "key", CONF_ALL, 0},
    {"curve", "server_key", CONF_ALL, 0},
    {"curve", "clients", BROKER | TOKEN | SENDER | TASK | LISTENER, 0},
    {"curve", "plaintext", BROKER | TOKEN | SENDER | TASK | TEMPLATER | LISTENER, 0},
};

static const struct {
    const char *name;
    unsigned bit;
} programs[] = {
    {"mega-broker", BROKER}, {"mega-token", TOKEN},     {"mega-templater", TEMPLATER}, {"mega-sender", SENDER},
    {"mega-task", TASK},     {"mega-gateway", GATEWAY}, {"mega-console", CONSOLE},
    {"mega-listener", LISTENER},
};

/* One call of conf_take_over. */
struct taking {
    unsigned program;
    struct conf_changes changes;
    void (*tell)(void *self, const struct conf_change *change);
    void *self;
};

unsigned conf_program_of(const char *program)
{
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++)
        if (strcmp(programs[i].name, program) == 0)
            return programs[i].bit;
    return 0;
}

static const struct use *find_use(const char *section, const char *name)
{
    static const struct use unknown = {"", "", CONF_ALL, 0};
    for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
        if (strcmp(uses[i].section, section) == 0 && strcmp(uses[i].name, name) == 0)
            return &uses[i];
    return &unknown;
}

int conf_reload_knows(const char *section, const char *name)
{
    return *find_use(section, name)->section != '\0';
}

/* --- fields ------------------------------------------------------------------------------------------------------- */

static size_t field_bytes(const struct conf_key *key)
{
    switch (key->type) {
    case CONF_TEXT:
    case CONF_SECRET:
    case CONF_PATH:
    case CONF_URLS:
    case CONF_ENDPOINT:
    case CONF_ADDRESS:
    case CONF_NETWORKS:
    case CONF_SOURCE:
        return CONF_TEXT_BYTES_MAX;
    case CONF_U32:
    case CONF_SIZE32:
        return sizeof(uint32_t);
    case CONF_SIZE:
        return sizeof(uint64_t);
    case CONF_TIME:
        return sizeof(int64_t);
    case CONF_CHOICE:
        return sizeof(int);
    case CONF_WINDOW:
        return sizeof(struct conf_window);
    case CONF_BACKOFF:
        return sizeof ((struct conf *)0)->broker.backoff_ms;
    case CONF_LISTEN:
        return sizeof ((struct conf *)0)->server.listen;
    case CONF_WORKERS: /* is the field of [sender] slots */
        return 0;
    }
    return 0;
}

/* Texts are filled up with zeroes when they are set, as is the list of waits, so bytes can be compared. */
static int is_same(const struct conf_key *key, const void *a, const void *b)
{
    return memcmp((const char *)a + key->offset, (const char *)b + key->offset, field_bytes(key)) == 0;
}

static void copy_field(const struct conf_key *key, void *to, const void *from)
{
    memcpy((char *)to + key->offset, (const char *)from + key->offset, field_bytes(key));
    if (key->type == CONF_BACKOFF)
        ((struct conf *)to)->broker.backoff_count = ((const struct conf *)from)->broker.backoff_count;
}

static void format_field(const struct conf_key *key, const void *base, struct buf *out)
{
    const struct conf *conf = base;
    if (key->type != CONF_LISTEN) {
        conf_key_format(key, base, out);
        return;
    }
    for (size_t i = 0; i < conf->server.listen_count; i++)
        buf_printf(out, "%s%s", i ? ", " : "", conf->server.listen[i]);
}

/* --- what changed ------------------------------------------------------------------------------------------------- */

static void tell(struct taking *t, const struct conf_change *change)
{
    if (change->is_live)
        t->changes.live++;
    else
        t->changes.waiting++;
    if (t->tell)
        t->tell(t->self, change);
}

static void tell_field(struct taking *t, const char *section, const struct conf_key *key, const void *base, const void *next,
                       int is_live)
{
    struct buf where = {0}, from = {0}, to = {0};
    buf_printf(&where, "[%s] %s", section, key->name);
    format_field(key, base, &from);
    format_field(key, next, &to);
    tell(t, &(struct conf_change){buf_str(&where), buf_str(&from), buf_str(&to), is_live});
    buf_free(&where);
    buf_free(&from);
    buf_free(&to);
}

static int is_of_account(const struct conf_key *key)
{
    return strcmp(key->section, CONF_SECTION_ACCOUNT) == 0;
}

/* 1 when the key concerns the program and is not as it was. */
static int is_changed(const struct taking *t, const struct conf_key *key, const void *base, const void *next)
{
    return (find_use(key->section, key->name)->users & t->program) != 0 && !is_same(key, base, next);
}

static int is_live(const struct taking *t, const struct conf_key *key)
{
    return (find_use(key->section, key->name)->live & t->program) != 0;
}

static void take_key(struct taking *t, const char *section, const struct conf_key *key, void *base, const void *next, int may_take)
{
    if (!is_changed(t, key, base, next))
        return;
    int takes = may_take && is_live(t, key);
    tell_field(t, section, key, base, next, takes);
    if (takes)
        copy_field(key, base, next);
}

static void name_section(const struct conf_account *account, char section[WHERE_BYTES_MAX])
{
    int is_default = strcmp(account->name, CONF_ACCOUNT_DEFAULT) == 0;
    snprintf(section, WHERE_BYTES_MAX, CONF_SECTION_ACCOUNT "%s%s", is_default ? "" : ":", is_default ? "" : account->name);
}

static void take_account(struct taking *t, struct conf_account *account, const struct conf_account *next)
{
    char section[WHERE_BYTES_MAX];
    int may_take = 1;
    name_section(account, section);
    for (size_t i = 0; i < conf_key_count; i++)
        if (is_of_account(&conf_keys[i]) && is_changed(t, &conf_keys[i], account, next) && !is_live(t, &conf_keys[i]))
            may_take = 0;
    for (size_t i = 0; i < conf_key_count; i++)
        if (is_of_account(&conf_keys[i]))
            take_key(t, section, &conf_keys[i], account, next, may_take);
}

/* Tells of the accounts of `in` that `other` does not have. */
static void tell_missing(struct taking *t, const struct conf *in, const struct conf *other, const char *from, const char *to)
{
    char section[WHERE_BYTES_MAX], where[WHERE_BYTES_MAX + 2];
    for (size_t i = 0; i < in->account_count; i++) {
        if (conf_account_find(other, span_of(in->accounts[i].name)) != NULL)
            continue;
        name_section(&in->accounts[i], section);
        snprintf(where, sizeof where, "[%s]", section);
        tell(t, &(struct conf_change){where, from, to, 0});
    }
}

struct conf_changes conf_take_over(struct conf *conf, const struct conf *next, unsigned program,
                                   void (*tell_one)(void *self, const struct conf_change *change), void *self)
{
    struct taking t = {.program = program, .tell = tell_one, .self = self};
    for (size_t i = 0; i < conf_key_count; i++)
        if (!is_of_account(&conf_keys[i]))
            take_key(&t, conf_keys[i].section, &conf_keys[i], conf, next, 1);
    for (size_t i = 0; i < conf->account_count; i++) {
        const struct conf_account *found = conf_account_find(next, span_of(conf->accounts[i].name));
        if (found)
            take_account(&t, &conf->accounts[i], found);
    }
    if ((HAS_ACCOUNTS & program) != 0) {
        tell_missing(&t, next, conf, "", "added");
        tell_missing(&t, conf, next, "", "removed");
    }
    return t.changes;
}
