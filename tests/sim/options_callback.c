/*
 * options_callback.c - reads the options about callbacks; see options_callback.h.
 */
#include "tests/sim/options_callback.h"

#include <string.h>

#include "tests/sim/callback.h"
#include "tests/sim/number.h"
#include "tests/sim/post.h"

#define TIMEOUT_MAX_MS     60000
#define RECEIPT_LATENCY_MS 200

static const struct {
    const char *option;
    const char *member; /* of hook_set() */
} MEMBERS[] = {
    [OPTION_CALLBACK - OPTION_CALLBACK] = {"--callback", "url"},
    [OPTION_CALLBACK_TOKEN - OPTION_CALLBACK] = {"--callback-token", "token"},
    [OPTION_CALLBACK_AES_KEY - OPTION_CALLBACK] = {"--callback-aes-key", "aes_key"},
    [OPTION_CALLBACK_MODE - OPTION_CALLBACK] = {"--callback-mode", "mode"},
    [OPTION_CALLBACK_FORMAT - OPTION_CALLBACK] = {"--callback-format", "format"},
};

static int options_add_hook(struct options *options, int option, const char *value);
static int options_add_receipt(struct options *options, const char *value);

void options_callback_init(struct options *options)
{
    options->callback_timeout_ms = CALLBACK_TIMEOUT_MS;
    options->callback_retries = CALLBACK_RETRIES;
    options->callback_connections = CALLBACK_CONNECTIONS;
    options->receipt_latency =
        (struct latency){.shape = LATENCY_UNIFORM, .min_ms = RECEIPT_LATENCY_MS, .max_ms = RECEIPT_LATENCY_MS};
}

int options_callback_take(struct options *options, int option, const char *value)
{
    switch (option) {
    case OPTION_CALLBACK_TIMEOUT:
        if (number_read(value, 1, TIMEOUT_MAX_MS, &options->callback_timeout_ms) != 0)
            return options_bad("--callback-timeout must be 1 to 60000 milliseconds");
        return -1;
    case OPTION_CALLBACK_RETRIES:
        if (number_read(value, 0, CALLBACK_RETRIES_MAX, &options->callback_retries) != 0)
            return options_bad("--callback-retries must be 0 to 10");
        return -1;
    case OPTION_CALLBACK_CONNECTIONS:
        if (number_read(value, 1, POST_CONNECTIONS_MAX, &options->callback_connections) != 0)
            return options_bad("--callback-connections must be 1 to 1000");
        return -1;
    case OPTION_CALLBACK_MOOD:
        if (mood_read(&options->mood, value) != 0)
            return options_bad("--callback-mood must be " MOOD_SYNTAX);
        return -1;
    case OPTION_RECEIPT:
        return options_add_receipt(options, value);
    case OPTION_RECEIPT_LATENCY:
        if (latency_read(&options->receipt_latency, value) != 0)
            return options_bad("--receipt-latency must be " LATENCY_SYNTAX);
        return -1;
    default:
        return options_add_hook(options, option, value);
    }
}

/* The accounts are known later. */
static int options_add_hook(struct options *options, int option, const char *value)
{
    if (options->hook_settings_used >= OPTIONS_HOOK_SETTINGS_MAX)
        return options_bad("the options of callbacks may be given up to %d times", OPTIONS_HOOK_SETTINGS_MAX);
    options->hook_settings[options->hook_settings_used++] = (struct options_hook){.option = option, .value = value};
    return -1;
}

static int options_add_receipt(struct options *options, const char *value)
{
    char error[RECEIPT_ERROR_BYTES_MAX];
    struct receipts *trial = receipts_new();
    int result = receipts_add(trial, value, error);
    receipts_destroy(&trial);
    if (result != 0)
        return options_bad("--receipt %s", error);
    if (options->receipts_used >= RECEIPT_RULES_MAX)
        return options_bad("--receipt may be given up to %d times", RECEIPT_RULES_MAX);
    options->receipts[options->receipts_used++] = value;
    return -1;
}

/* The value behind "APPID=", and the appid's length; 0: of all accounts. A URL may have a "=" of its own. */
static const char *options_split_hook(const char *value, size_t *appid_bytes)
{
    const char *equals = strchr(value, '=');
    *appid_bytes = 0;
    if (equals == NULL || strncmp(value, "http://", 7) == 0 || strncmp(value, "https://", 8) == 0)
        return value;
    *appid_bytes = (size_t)(equals - value);
    return equals + 1;
}

static int options_apply_hook(struct options *options, const struct options_hook *setting)
{
    char error[HOOK_ERROR_BYTES_MAX];
    size_t appid_bytes = 0;
    bool found = false;
    const char *option = MEMBERS[setting->option - OPTION_CALLBACK].option;
    const char *value = options_split_hook(setting->value, &appid_bytes);
    for (unsigned i = 0; i < options->accounts_used; i++) {
        const char *appid = options->accounts[i].appid;
        if (appid_bytes > 0 && (strlen(appid) != appid_bytes || memcmp(appid, setting->value, appid_bytes) != 0))
            continue;
        found = true;
        if (hook_set(&options->hooks[i], MEMBERS[setting->option - OPTION_CALLBACK].member, value, error) != 0)
            return options_bad("%s %s", option, error);
    }
    return found ? -1 : options_bad("%s '%.60s': no --account has this APPID", option, setting->value);
}

int options_callback_check(struct options *options)
{
    char error[HOOK_ERROR_BYTES_MAX];
    for (unsigned i = 0; i < options->accounts_used; i++)
        hook_init(&options->hooks[i], options->accounts[i].appid);
    for (size_t i = 0; i < options->hook_settings_used; i++) {
        int code = options_apply_hook(options, &options->hook_settings[i]);
        if (code >= 0)
            return code;
    }
    for (unsigned i = 0; i < options->accounts_used; i++)
        if (hook_check(&options->hooks[i], error) != 0)
            return options_bad("--callback of %s: %s", options->accounts[i].appid, error);
    return -1;
}
