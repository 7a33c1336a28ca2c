/* The configuration: one ini file for all processes, the original's wechat.ini included.
 *
 * Sections, names and comments are read by libinih. Values are cut out of the raw line here, because libinih leaves the
 * quotes and the ';' of "100;" in, cuts a quoted value at " ;" and splits long lines: a value is either quoted ("..." or
 * '...', without escapes) or ends before the first ';' and loses the white space around it.
 *
 * Unknown keys are errors. Keys of the original that mean nothing here are accepted and named in one warning.
 * A key that is given twice counts as it stands last, with a warning.
 * A secret can be given as NAME_file = PATH: the first line of that file.
 * Relative paths begin in the folder of the configuration; the fields hold absolute ones.
 * Times need a unit (ms, s, m, h, d), but for 0; sizes take K, M, G (of 1024).
 */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/curve.h"
#include "base/log.h"
#include "base/window.h"

#define CONF_TEXT_BYTES_MAX    512 /* of one value, with its NUL */
#define CONF_ACCOUNT_BYTES_MAX 33  /* name of an account, with its NUL */
#define CONF_ACCOUNTS_MAX      256
#define CONF_BEARER_BYTES_MIN  16  /* of a token of [console]: a shorter one could be guessed by asking */
#define CONF_LISTEN_MAX        16
#define CONF_BASES_MAX         8   /* addresses in api_base */
#define CONF_BACKOFF_MAX       64
#define CONF_LINE_BYTES_MAX    4096
#define CONF_MAIL_TO_MAX       16
#define CONF_COMMAND_WORDS_MAX 16
#define CONF_EXPECT_MAX        8   /* kinds of stages */

/* The account of the section [wechat]. [wechat:NAME] makes further ones. */
#define CONF_ACCOUNT_DEFAULT "default"

enum conf_token_mode { TOKEN_STABLE, TOKEN_CLASSIC, TOKEN_EXTERNAL };
enum conf_on_unknown { ON_UNKNOWN_DEAD, ON_UNKNOWN_RETRY };
enum conf_missing { MISSING_KEEP, MISSING_REJECT };
enum conf_plaintext { PLAINTEXT_REFUSE, PLAINTEXT_ALLOW };
enum conf_webhook { WEBHOOK_JSON, WEBHOOK_WECOM, WEBHOOK_DINGTALK };
enum conf_mail_tls { MAIL_STARTTLS, MAIL_PLAIN };

/* How long an action of a recipient opens a customer-service window, and for how many messages. */
struct conf_window {
    int64_t ms;     /* 0 to 30 days; 0: the action is not counted */
    uint32_t count; /* 0 to 1,000,000; 0: any number */
};

struct conf_account {
    char name[CONF_ACCOUNT_BYTES_MAX];
    char app_id[CONF_TEXT_BYTES_MAX];
    char app_secret[CONF_TEXT_BYTES_MAX]; /* secret */
    char token[CONF_TEXT_BYTES_MAX];      /* secret; the callback token of the original, not an access token */
    char encoding_aes_key[CONF_TEXT_BYTES_MAX]; /* secret; of encrypted callbacks: 43 of A-Z a-z 0-9; empty: there are none */
    char forward[CONF_TEXT_BYTES_MAX];    /* secret; http(s)://… of the owner's system that is told of events; empty = none */
    char api_base[CONF_TEXT_BYTES_MAX];   /* addresses, at most CONF_BASES_MAX, with commas between; read with conf_base */
    enum conf_token_mode token_mode;
    char token_url[CONF_TEXT_BYTES_MAX]; /* secret; http(s)://…: of TOKEN_EXTERNAL, which has this or token_sql */
    char token_sql[CONF_TEXT_BYTES_MAX]; /* secret; a SELECT on [pdo] */
    uint32_t token_fetches; /* of an hour, without forced ones; 1 to 10,000, default by mode: 600, classic 60 */
    uint32_t token_forced;  /* forced refreshes of a day; 0 to 20, default 20 */
    uint32_t rate_per_s;   /* messages a second; 0 = no limit */
    uint32_t attempts_max; /* calls with a known failure before a message is dead; 1 to 1000, default 10 */
    struct conf_window windows[WINDOW_ACTIONS]; /* window_message and so on; default 20/48h, window_pay 0/48h */
};

struct conf {
    struct {
        char listen[CONF_LISTEN_MAX][CONF_TEXT_BYTES_MAX]; /* HOST:PORT; port 0 = any */
        size_t listen_count;
        char allow[CONF_TEXT_BYTES_MAX]; /* networks of which TCP clients may come; default empty: all */
        uint32_t table_size;          /* templates at most; 1 to 100,000 */
        uint32_t template_bytes_max;  /* template_size; 16 to 1 MiB */
        char store_dir[CONF_TEXT_BYTES_MAX]; /* queue_file_path; default /var/lib/mega-wechat */
    } server;
    struct {
        uint32_t package_bytes_max; /* package_max_length; 64 to 64 MiB */
    } setting;
    struct {
        char dsn[CONF_TEXT_BYTES_MAX]; /* mysql:host=..;port=..;dbname=..;unix_socket=.. */
        char username[CONF_TEXT_BYTES_MAX];
        char password[CONF_TEXT_BYTES_MAX]; /* secret */
        char table_prefix[CONF_TEXT_BYTES_MAX];
        int64_t connect_timeout_ms; /* connect_timeout, default 3 s */
        int64_t query_timeout_ms;   /* query_timeout, default 5 s */
    } pdo;
    struct conf_account accounts[CONF_ACCOUNTS_MAX]; /* [0] is the default one when [wechat] is there */
    size_t account_count;
    struct {
        char path[CONF_TEXT_BYTES_MAX]; /* log_file; empty = standard error */
        char prefix[CONF_TEXT_BYTES_MAX];
        enum log_level level;
        int json; /* log_format */
        enum log_messages messages; /* default failed */
        char audit_path[CONF_TEXT_BYTES_MAX]; /* audit_file; default STORE/audit.log */
    } log;
    struct {
        char frontend[CONF_TEXT_BYTES_MAX]; /* ZeroMQ endpoints */
        char control[CONF_TEXT_BYTES_MAX];  /* default ipc://RUN/control.ipc */
        char jobs[CONF_TEXT_BYTES_MAX];     /* default ipc://RUN/jobs.ipc */
        uint64_t free_bytes_min;            /* min_free_space, default 256M: below it new messages get 503 */
        uint64_t store_bytes_max;           /* store_size, default 64G: the store never grows beyond it */
        uint32_t ledger_days;               /* default 30 */
        int64_t backoff_ms[CONF_BACKOFF_MAX]; /* backoff = 5s, 30s, 2m*3, 10m*6; the last one repeats */
        size_t backoff_count;
        uint32_t jitter_percent;  /* backoff_jitter, default 10: each wait is made longer by up to so much of it */
        int64_t age_max_ms;       /* max_age, default 3 d: so long after its first call a message is not tried again */
        int64_t send_patience_ms; /* default 60 s */
        int64_t lease_ms;         /* default 3 s, at least 100 ms */
        int64_t out_max_ms;       /* default 2 m */
        enum conf_on_unknown on_unknown;
        int64_t probe_first_ms;   /* probe, default 1 m: from a stop of an account by WeChat to the first probe */
        int64_t probe_max_ms;     /* probe_max, default 30 m: between two probes at most */
        int64_t rate_window_ms;   /* rate_window, default 1 m: the window in which WeChat counts calls (45011) */
        uint32_t client_rate;     /* requests a second of one client of the frontend; default 0 = no limit */
        uint64_t client_kept_bytes; /* client_kept, default 64M: of one client that wait to be served */
        uint32_t client_sends;    /* default 262144: callers of one client who wait for an outcome */
    } broker;
    struct {
        int64_t idle_timeout_ms;  /* a TCP client without a word for so long is closed; default 1 h; 0 = never */
        int64_t frame_timeout_ms; /* a frame must be whole so long after its first byte; default 30 s */
        int64_t answer_timeout_ms; /* an unanswered request is asked again after so long; default 5 s */
        uint32_t client_connections; /* of one address; default 0 = no limit */
    } gateway;
    struct {
        char source[CONF_TEXT_BYTES_MAX]; /* "mysql" or "dir:PATH" */
        char cache_file[CONF_TEXT_BYTES_MAX]; /* last good templates; default STORE/templates-NAME.cache is made by the program when empty */
        enum conf_missing missing;
    } templater;
    struct {
        uint32_t slots; /* calls in flight; 1 to 65,536 */
        char endpoint[CONF_TEXT_BYTES_MAX]; /* where it takes rendered jobs; empty = ipc in RUN; tcp://HOST:* for another host */
        int64_t timeout_ms;         /* of a whole call; default 10 s */
        int64_t connect_timeout_ms; /* default 3 s */
        char ca_file[CONF_TEXT_BYTES_MAX]; /* empty = the system's */
    } sender;
    struct {
        char endpoint[CONF_TEXT_BYTES_MAX]; /* default ipc://RUN/token.ipc */
        char cache_file[CONF_TEXT_BYTES_MAX]; /* default STORE/token.cache; made 0600 */
    } token;
    struct {
        char endpoint[CONF_TEXT_BYTES_MAX]; /* of mega-task; default ipc://RUN/task.ipc */
        char dir[CONF_TEXT_BYTES_MAX];      /* bulk tasks with their rows; default STORE/tasks */
    } task;
    struct {
        char listen[CONF_TEXT_BYTES_MAX];   /* HOST:PORT of mega-listener; port 0 = any; default 127.0.0.1:9504 */
        char endpoint[CONF_TEXT_BYTES_MAX]; /* where it is asked; default ipc://RUN/listener.ipc */
        char dir[CONF_TEXT_BYTES_MAX];      /* what it keeps; default STORE/listener */
        char series[CONF_TEXT_BYTES_MAX];   /* folder of the NAME.ini of series; empty = there are none */
        int64_t forward_timeout_ms;         /* until the owner's system must have answered; default 4 s */
        int64_t forward_retry_ms;           /* forward_retry, default 5 s: until what it did not take is sent again; doubled each time */
    } listener;
    struct conf_alarm {
        char name[CONF_TEXT_BYTES_MAX];    /* what notices call this installation; empty = the host's name */
        char command[CONF_TEXT_BYTES_MAX]; /* words with spaces between, the first one a path; empty = none */
        int64_t command_timeout_ms;        /* it is killed after that; default 30 s */
        char webhook[CONF_TEXT_BYTES_MAX]; /* secret; http(s)://…; empty = none */
        enum conf_webhook webhook_type;
        char webhook_secret[CONF_TEXT_BYTES_MAX]; /* secret; of WEBHOOK_DINGTALK: signs */
        char mail_server[CONF_TEXT_BYTES_MAX];    /* smtp://HOST[:PORT] or smtps://…; empty = no mail */
        enum conf_mail_tls mail_tls;              /* of smtp:// */
        char mail_user[CONF_TEXT_BYTES_MAX];
        char mail_password[CONF_TEXT_BYTES_MAX]; /* secret */
        char mail_from[CONF_TEXT_BYTES_MAX];
        char mail_to[CONF_TEXT_BYTES_MAX]; /* at most CONF_MAIL_TO_MAX addresses with commas between */
        char ca_file[CONF_TEXT_BYTES_MAX]; /* of webhook and mail; empty = the system's */
        int64_t timeout_ms;                /* of one delivery by webhook or mail; default 15 s */
        int64_t group_ms;                  /* what comes within it is one notice; default 2 s */
        uint32_t notices;                  /* by one way within notices_window; 1 to 100, default 10 */
        int64_t notices_window_ms;         /* default 1 m */
        uint32_t tries;                    /* of one notice by one way; 1 to 20, default 6 */
        int64_t retry_ms;                  /* wait before the second try, doubled each time; default 5 s */
        int64_t hold_ms;                   /* for, default 15 s: so long a figure must be over its limit */
        int64_t fine_ms;                   /* fine_for, default 30 s: so long all must be fine before that is said */
        int64_t repeat_ms;                 /* default 4 h; 0 = no reminders */
        int64_t window_ms;                 /* default 10 m: dead letters, damage and clock steps count so long */
        char expect[CONF_TEXT_BYTES_MAX];  /* stages there must be: read with conf_parse_expect */
        char state_file[CONF_TEXT_BYTES_MAX]; /* default STORE/alarms.state; made 0600 */
        /* Limits. 0: this alarm is off. */
        int64_t stage_gone_ms, broker_gone_ms, refusing_ms, not_ready_ms, account_stopped_ms, token_missing_ms;
        int64_t oldest_ms;        /* age of the oldest ready message, and of what mega-listener has for the broker */
        int64_t token_left_ms;    /* of a token that was not replaced */
        int64_t clock_step_ms;
        uint32_t dead, damaged;   /* within window */
        uint32_t callbacks_refused; /* 503 of mega-listener, likewise */
        uint64_t disk_spare_bytes; /* free space above [broker] min_free_space */
        uint32_t store_percent;   /* of store_size in use */
        uint32_t failed_percent;  /* of calls that fail */
    } alarm;
    struct {
        char listen[CONF_TEXT_BYTES_MAX];        /* HOST:PORT of mega-console; port 0 = any; default 127.0.0.1:9503 */
        char token[CONF_TEXT_BYTES_MAX];         /* secret; of its /api/; empty: there is none */
        char metrics_token[CONF_TEXT_BYTES_MAX]; /* secret; of its /metrics; empty: none is asked for */
    } console;
    struct {
        char dir[CONF_TEXT_BYTES_MAX];  /* ipc sockets and locks; default /run/mega-wechat */
        char user[CONF_TEXT_BYTES_MAX]; /* whom a program becomes that is started as root; empty = it stays who it is */
    } run;
    struct {
        char key[CONF_TEXT_BYTES_MAX];        /* file of the own pair; empty: no CURVE */
        char server_key[CONF_TEXT_BYTES_MAX]; /* 40 characters or a file; empty: the public key of `key` */
        char clients[CONF_TEXT_BYTES_MAX];    /* folder of the keys that may come in; default /etc/mega-wechat/clients */
        enum conf_plaintext plaintext;        /* PLAINTEXT_ALLOW: tcp that is not local may be bound without CURVE */
        struct curve_keys keys;               /* what these files held; secret */
    } curve;
    char path[CONF_TEXT_BYTES_MAX];  /* of the file it was read from */
};

/* Reads the file. Returns a configuration to be freed with conf_destroy, or NULL with every error in `errors`, a line each:
 * FILE:LINE: [section] key: what is wrong and what to do. Warnings (keys that mean nothing now) go to `warnings`, a line each. */
struct conf *conf_load(const char *path, struct buf *errors, struct buf *warnings);
void conf_destroy(struct conf **self);

/* Writes the whole configuration as an ini file that reads back the same, secrets as "****". */
void conf_dump(const struct conf *conf, FILE *out);

/* NULL when there is none of that name. */
const struct conf_account *conf_account_find(const struct conf *conf, struct span name);

/* The account's address number `i` of WeChat, from 0: http(s)://HOST without a slash at the end. Empty behind the last one. */
struct span conf_base(const struct conf_account *account, size_t i);

/* "200ms", "5s", "2m", "1h", "3d", "0" to milliseconds. Returns -1 when it is none of these or over 400 days. */
int64_t conf_parse_time_ms(const char *text);

/* So many stages of this kind there must be. */
struct conf_expect {
    char kind[16]; /* sender, templater, gateway, token, task, listener */
    uint32_t count; /* 1 to 1,000 */
};

/* "sender*2, templater, token" to a list. Returns their number, 0 for an empty text, -1 when it is wrong. */
int conf_parse_expect(const char *text, struct conf_expect out[CONF_EXPECT_MAX]);

/* "5s, 30s, 2m*3" to waits in milliseconds, at most CONF_BACKOFF_MAX of them. Returns their number, 0 when it is wrong. */
size_t conf_parse_backoff(const char *text, int64_t out_ms[CONF_BACKOFF_MAX]);

#endif
