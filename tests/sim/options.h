/*
 * options.h - the command line of wechat-sim.
 */
#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/sim/body.h"
#include "tests/sim/faults.h"
#include "tests/sim/followers.h"
#include "tests/sim/hook.h"
#include "tests/sim/latency.h"
#include "tests/sim/mood.h"
#include "tests/sim/quota.h"
#include "tests/sim/receipt.h"
#include "tests/sim/tokens.h"
#include "tests/sim/whitelist.h"

#define OPTIONS_APPID_BYTES_MAX  64
#define OPTIONS_SECRET_BYTES_MAX 128
#define OPTIONS_HOOK_SETTINGS_MAX (5 * TOKENS_ACCOUNTS_MAX)

struct options_account {
    char appid[OPTIONS_APPID_BYTES_MAX + 1];
    const char *secret;
};

/* A setting of callbacks, [APPID=]VALUE. */
struct options_hook {
    int option;
    const char *value;
};

/* Strings point into argv. */
struct options {
    const char *http;  /* HOST:PORT, or NULL */
    const char *https; /* HOST:PORT, or NULL */
    const char *certificate_file;
    const char *key_file;
    const char *ready_file; /* or NULL */
    const char *journal;    /* or NULL */
    struct latency latency;
    size_t faults_used;
    const char *faults[FAULTS_RULES_MAX]; /* known to be well-formed */
    bool faults_as_recorded;
    unsigned accounts_used;
    struct options_account accounts[TOKENS_ACCOUNTS_MAX];
    uint64_t seed;
    int64_t token_lifetime_s;
    int64_t token_overlap_s;
    enum body_openid_policy openid_policy;
    int64_t dedupe_window_s;
    bool conflict;        /* 43108 for a second call to an openid that has one in flight */
    int64_t quota;        /* of each message path a day; 0: none */
    int64_t minute_quota; /* the same a minute */
    int64_t minute_s;     /* how long a minute is */
    int64_t followers;    /* made-up ones of each account */
    struct whitelist whitelist;
    bool windows; /* customer-service windows, following and consent are looked at */
    bool rid;     /* errmsg ends in " rid: …" */
    struct hook hooks[TOKENS_ACCOUNTS_MAX]; /* where callbacks go, by account */
    size_t hook_settings_used;
    struct options_hook hook_settings[OPTIONS_HOOK_SETTINGS_MAX]; /* of which the hooks were made */
    int64_t callback_timeout_ms;
    int64_t callback_retries; /* after the first try */
    int64_t callback_connections;
    struct mood mood;
    size_t receipts_used;
    const char *receipts[RECEIPT_RULES_MAX]; /* known to be well-formed */
    struct latency receipt_latency;
};

/* Fills *options. -1: go on. Otherwise the exit code: 0 after --help or --version, 2 after bad usage. */
int options_read(struct options *options, int argc, char **argv);

/* Complains about a wrong option. The exit code, 2. */
int options_bad(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
