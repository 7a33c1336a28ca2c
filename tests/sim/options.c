/*
 * options.c - reads the command line; see options.h.
 */
#include "tests/sim/options.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "tests/sim/address.h"
#include "tests/sim/number.h"
#include "tests/sim/options_callback.h"

#define SECONDS_MAX     86400 /* a day */
#define OVERLAP_MAX_S   300   /* the default: WeChat's five minutes */
#define DEFAULT_ACCOUNT "wx1234567890abcdef:0123456789abcdef0123456789abcdef"

enum option_code {
    OPTION_HTTP = 1,
    OPTION_HTTPS,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_READY_FILE,
    OPTION_JOURNAL,
    OPTION_LATENCY,
    OPTION_FAULT,
    OPTION_FAULTS_AS_RECORDED,
    OPTION_ACCOUNT,
    OPTION_SEED,
    OPTION_TOKEN_LIFETIME,
    OPTION_TOKEN_OVERLAP,
    OPTION_OPENID_POLICY,
    OPTION_DEDUPE_WINDOW,
    OPTION_CONFLICT,
    OPTION_RID,
    OPTION_QUOTA,
    OPTION_MINUTE_QUOTA,
    OPTION_MINUTE,
    OPTION_FOLLOWERS,
    OPTION_WHITELIST,
    OPTION_WINDOWS,
    OPTION_HELP,
    OPTION_VERSION,
};

static const struct option LONG_OPTIONS[] = {
    {"http", required_argument, NULL, OPTION_HTTP},
    {"https", required_argument, NULL, OPTION_HTTPS},
    {"cert", required_argument, NULL, OPTION_CERT},
    {"key", required_argument, NULL, OPTION_KEY},
    {"ready-file", required_argument, NULL, OPTION_READY_FILE},
    {"journal", required_argument, NULL, OPTION_JOURNAL},
    {"latency", required_argument, NULL, OPTION_LATENCY},
    {"fault", required_argument, NULL, OPTION_FAULT},
    {"faults-as-recorded", no_argument, NULL, OPTION_FAULTS_AS_RECORDED},
    {"account", required_argument, NULL, OPTION_ACCOUNT},
    {"seed", required_argument, NULL, OPTION_SEED},
    {"token-lifetime", required_argument, NULL, OPTION_TOKEN_LIFETIME},
    {"token-overlap", required_argument, NULL, OPTION_TOKEN_OVERLAP},
    {"openid-policy", required_argument, NULL, OPTION_OPENID_POLICY},
    {"dedupe-window", required_argument, NULL, OPTION_DEDUPE_WINDOW},
    {"conflict", required_argument, NULL, OPTION_CONFLICT},
    {"rid", required_argument, NULL, OPTION_RID},
    {"quota", required_argument, NULL, OPTION_QUOTA},
    {"minute-quota", required_argument, NULL, OPTION_MINUTE_QUOTA},
    {"minute", required_argument, NULL, OPTION_MINUTE},
    {"followers", required_argument, NULL, OPTION_FOLLOWERS},
    {"whitelist", required_argument, NULL, OPTION_WHITELIST},
    {"windows", required_argument, NULL, OPTION_WINDOWS},
    {"callback", required_argument, NULL, OPTION_CALLBACK},
    {"callback-token", required_argument, NULL, OPTION_CALLBACK_TOKEN},
    {"callback-aes-key", required_argument, NULL, OPTION_CALLBACK_AES_KEY},
    {"callback-mode", required_argument, NULL, OPTION_CALLBACK_MODE},
    {"callback-format", required_argument, NULL, OPTION_CALLBACK_FORMAT},
    {"callback-timeout", required_argument, NULL, OPTION_CALLBACK_TIMEOUT},
    {"callback-retries", required_argument, NULL, OPTION_CALLBACK_RETRIES},
    {"callback-connections", required_argument, NULL, OPTION_CALLBACK_CONNECTIONS},
    {"callback-mood", required_argument, NULL, OPTION_CALLBACK_MOOD},
    {"receipt", required_argument, NULL, OPTION_RECEIPT},
    {"receipt-latency", required_argument, NULL, OPTION_RECEIPT_LATENCY},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {NULL, 0, NULL, 0},
};

static const char USAGE[] =
    "usage: wechat-sim --http HOST:PORT [OPTION...]\n"
    "A stand-in for the message, token and quota calls of api.weixin.qq.com, to test against.\n"
    "\n"
    "  --http HOST:PORT         serve HTTP there; port 0: any free one\n"
    "  --https HOST:PORT        serve HTTPS there, with --cert FILE and --key FILE (PEM)\n"
    "  --ready-file FILE        written once all is listening: lines http=PORT, https=PORT\n"
    "  --journal FILE           append a JSON line for every WeChat call\n"
    "  --latency SPEC           of message calls: MS, MIN-MAX or lognormal:MEDIAN:P99 (0)\n"
    "  --fault RULE             [APPID/]PREFIX=ACTION[@RATE][*COUNT], may be repeated; ACTION is an "
    "errcode,\n"
    "                           http400 to http599, busy, garbage, empty, cut, cut-after, slow:MS, hang, "
    "expire or "
    "body:TEXT\n"
    "  --faults-as-recorded     the rules of the recorded exchanges (bad, badu, h500, garb, zero, drop,\n"
    "                           exp); switches --rid off\n"
    "  --account APPID:SECRET   may be repeated (" DEFAULT_ACCOUNT ")\n"
    "  --seed N                 repeat the random choices of an earlier run (random)\n"
    "  --token-lifetime SECONDS 1 to 86400 (7200)\n"
    "  --token-overlap SECONDS  two tokens are valid that long; below the lifetime\n"
    "                           (300, or half the lifetime if that is less)\n"
    "  --openid-policy any|real any: 1 to 128 bytes; real: 28 characters beginning with 'o' (any)\n"
    "  --dedupe-window SECONDS  one message per client_msg_id within it, 0 to 86400 (600)\n"
    "  --conflict on|off        errcode 43108 while a call to the same openid is in flight (on)\n"
    "  --rid on|off             end each errmsg with \" rid: ...\", as WeChat does (on)\n"
    "  --quota N                calls a day on each message path, then errcode 45009; 0: no limit (0)\n"
    "  --minute-quota N         calls a minute on each message path, then errcode 45011; 0: no limit (0)\n"
    "  --minute SECONDS         how long a minute is, 1 to 3600 (60)\n"
    "  --followers N            made-up followers of each account, 0 to 10000000 (0)\n"
    "  --whitelist IP[,IP...]   token calls from elsewhere get errcode 40164 (everybody may)\n"
    "  --windows on|off         recipients must follow, have written lately, have consented (off)\n"
    "  --callback URL           tell this address what happens: follows, messages, receipts (nobody); for one\n"
    "                           account write APPID= before this value and the next four\n"
    "  --callback-token TOKEN   callbacks are signed with it; needed\n"
    "  --callback-aes-key KEY   the EncodingAESKey, 43 characters (none)\n"
    "  --callback-mode MODE     plain, compatible or encrypted (encrypted with a key, plain without)\n"
    "  --callback-format FORMAT xml or json (xml)\n"
    "  --callback-timeout MS    an answer must come within it, 1 to 60000 (5000)\n"
    "  --callback-retries N     how often a callback is repeated that is not answered, 0 to 10 (3)\n"
    "  --callback-connections N at the same time, 1 to 1000 (100)\n"
    "  --callback-mood SPEC     repeat@RATE, late@RATE:MS, reorder@RATE, with commas between them (none)\n"
    "  --receipt RULE           [APPID/]PREFIX=OUTCOME[,msgid0][@RATE], may be repeated; OUTCOME is success,\n"
    "                           user block, system failed, another reason, msgid0 or none (success)\n"
    "  --receipt-latency SPEC   from an answer to its receipt, as --latency (200)\n"
    "  --help, --version\n";

static int options_take(struct options *options, int option, char *value);
static int options_take_number(struct options *options, int option, const char *value);
static int options_take_address(const char *name, const char *value, const char **address);
static int options_check(struct options *options);
static int options_add_account(struct options *options, const char *value);
static int options_add_fault(struct options *options, const char *value);
static int options_choose(const char *name, const char *value, const char *yes, const char *no, bool *choice);

int options_read(struct options *options, int argc, char **argv)
{
    *options = (struct options){
        .token_lifetime_s = 7200,
        .token_overlap_s = -1,
        .dedupe_window_s = 600,
        .minute_s = 60,
        .conflict = true,
        .rid = true,
    };
    options_callback_init(options);
    if (getrandom(&options->seed, sizeof options->seed, 0) < 0)
        return options_bad("--seed: no random number from the system; give one");
    options->seed >>= 1; /* so that it can be given back as --seed */
    int option;
    while ((option = getopt_long(argc, argv, "", LONG_OPTIONS, NULL)) != -1) {
        int code = options_take(options, option, optarg);
        if (code >= 0)
            return code;
    }
    if (optind < argc)
        return options_bad("'%s' is no option", argv[optind]);
    return options_check(options);
}

/* One option. -1 to go on, or the exit code. */
static int options_take(struct options *options, int option, char *value)
{
    bool real = false;
    if (option >= OPTION_CALLBACK)
        return options_callback_take(options, option, value);
    switch (option) {
    case OPTION_HTTP:
        return options_take_address("--http", value, &options->http);
    case OPTION_HTTPS:
        return options_take_address("--https", value, &options->https);
    case OPTION_CERT:
        options->certificate_file = value;
        return -1;
    case OPTION_KEY:
        options->key_file = value;
        return -1;
    case OPTION_READY_FILE:
        options->ready_file = value;
        return -1;
    case OPTION_JOURNAL:
        options->journal = value;
        return -1;
    case OPTION_LATENCY:
        if (latency_read(&options->latency, value) != 0)
            return options_bad("--latency must be " LATENCY_SYNTAX);
        return -1;
    case OPTION_FAULT:
        return options_add_fault(options, value);
    case OPTION_FAULTS_AS_RECORDED:
        options->faults_as_recorded = true;
        options->rid = false;
        return -1;
    case OPTION_ACCOUNT:
        return options_add_account(options, value);
    case OPTION_OPENID_POLICY:
        if (options_choose("--openid-policy", value, "real", "any", &real) >= 0)
            return 2;
        options->openid_policy = real ? BODY_OPENID_REAL : BODY_OPENID_ANY;
        return -1;
    case OPTION_CONFLICT:
        return options_choose("--conflict", value, "on", "off", &options->conflict);
    case OPTION_RID:
        return options_choose("--rid", value, "on", "off", &options->rid);
    case OPTION_WINDOWS:
        return options_choose("--windows", value, "on", "off", &options->windows);
    case OPTION_WHITELIST:
        if (value[0] == '\0' || whitelist_read(&options->whitelist, value) != 0)
            return options_bad("--whitelist must be " WHITELIST_SYNTAX);
        return -1;
    case OPTION_HELP:
        fputs(USAGE, stdout);
        return 0;
    case OPTION_VERSION:
        puts("wechat-sim " MEGA_VERSION);
        return 0;
    case '?':
        return options_bad("see --help");
    default:
        return options_take_number(options, option, value);
    }
}

static int options_take_number(struct options *options, int option, const char *value)
{
    int64_t seed = 0;
    switch (option) {
    case OPTION_SEED:
        if (number_read(value, 0, INT64_MAX, &seed) != 0)
            return options_bad("--seed must be 0 to 9223372036854775807");
        options->seed = (uint64_t)seed;
        return -1;
    case OPTION_TOKEN_LIFETIME:
        if (number_read(value, 1, SECONDS_MAX, &options->token_lifetime_s) != 0)
            return options_bad("--token-lifetime must be 1 to 86400 seconds");
        return -1;
    case OPTION_TOKEN_OVERLAP:
        if (number_read(value, 0, SECONDS_MAX, &options->token_overlap_s) != 0)
            return options_bad("--token-overlap must be 0 to 86400 seconds, less than --token-lifetime");
        return -1;
    case OPTION_QUOTA:
        if (number_read(value, 0, QUOTA_CALLS_MAX, &options->quota) != 0)
            return options_bad("--quota must be 0 to 1000000000 calls");
        return -1;
    case OPTION_MINUTE_QUOTA:
        if (number_read(value, 0, QUOTA_CALLS_MAX, &options->minute_quota) != 0)
            return options_bad("--minute-quota must be 0 to 1000000000 calls");
        return -1;
    case OPTION_MINUTE:
        if (number_read(value, 1, QUOTA_MINUTE_MAX_S, &options->minute_s) != 0)
            return options_bad("--minute must be 1 to 3600 seconds");
        return -1;
    case OPTION_FOLLOWERS:
        if (number_read(value, 0, FOLLOWERS_MAX, &options->followers) != 0)
            return options_bad("--followers must be 0 to %d", FOLLOWERS_MAX);
        return -1;
    default:
        if (number_read(value, 0, SECONDS_MAX, &options->dedupe_window_s) != 0)
            return options_bad("--dedupe-window must be 0 to 86400 seconds");
        return -1;
    }
}

static int options_take_address(const char *name, const char *value, const char **address)
{
    char host[ADDRESS_HOST_BYTES_MAX + 1];
    const char *port = NULL;
    *address = value;
    if (address_split(value, host, &port) != 0)
        return options_bad("%s must be HOST:PORT, PORT 0 to 65535", name);
    return -1;
}

/* What only shows when all options are known. */
static int options_check(struct options *options)
{
    int64_t overlap_s = options->token_overlap_s;
    if (options->http == NULL && options->https == NULL)
        return options_bad("give --http HOST:PORT or --https HOST:PORT");
    if (options->https != NULL && (options->certificate_file == NULL || options->key_file == NULL))
        return options_bad("--https needs --cert FILE and --key FILE");
    if (options->https == NULL && (options->certificate_file != NULL || options->key_file != NULL))
        return options_bad("--cert and --key are for --https HOST:PORT, which is missing");
    if (overlap_s >= options->token_lifetime_s)
        return options_bad("--token-overlap must be less than --token-lifetime (%lld)",
                           (long long)options->token_lifetime_s);
    if (overlap_s < 0)
        overlap_s = options->token_lifetime_s / 2;
    if (options->token_overlap_s < 0 && overlap_s > OVERLAP_MAX_S)
        overlap_s = OVERLAP_MAX_S;
    options->token_overlap_s = overlap_s;
    int code = options->accounts_used > 0 ? -1 : options_add_account(options, DEFAULT_ACCOUNT);
    return code >= 0 ? code : options_callback_check(options);
}

static int options_add_account(struct options *options, const char *value)
{
    const char *colon = strchr(value, ':');
    size_t appid_bytes = colon != NULL ? (size_t)(colon - value) : 0;
    size_t secret_bytes = colon != NULL ? strlen(colon + 1) : 0;
    if (appid_bytes < 1 || appid_bytes > OPTIONS_APPID_BYTES_MAX || secret_bytes < 1 ||
        secret_bytes > OPTIONS_SECRET_BYTES_MAX)
        return options_bad("--account must be APPID:SECRET, 1 to %d and 1 to %d bytes",
                           OPTIONS_APPID_BYTES_MAX, OPTIONS_SECRET_BYTES_MAX);
    if (options->accounts_used >= TOKENS_ACCOUNTS_MAX)
        return options_bad("--account may be given up to %d times", TOKENS_ACCOUNTS_MAX);
    struct options_account *account = &options->accounts[options->accounts_used++];
    memcpy(account->appid, value, appid_bytes);
    account->appid[appid_bytes] = '\0';
    account->secret = colon + 1;
    return -1;
}

static int options_add_fault(struct options *options, const char *value)
{
    char error[FAULTS_ERROR_BYTES_MAX];
    struct faults *trial = faults_new();
    int result = faults_add(trial, value, error);
    faults_destroy(&trial);
    if (result != 0)
        return options_bad("--fault %s", error);
    if (options->faults_used >= FAULTS_RULES_MAX)
        return options_bad("--fault may be given up to %d times", FAULTS_RULES_MAX);
    options->faults[options->faults_used++] = value;
    return -1;
}

static int options_choose(const char *name, const char *value, const char *yes, const char *no, bool *choice)
{
    *choice = strcmp(value, yes) == 0;
    if (!*choice && strcmp(value, no) != 0)
        return options_bad("%s must be %s or %s", name, yes, no);
    return -1;
}

int options_bad(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("wechat-sim: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    return 2;
}
