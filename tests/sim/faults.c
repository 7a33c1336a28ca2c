/*
 * faults.c - fault rules: how they are read and which one applies; see faults.h.
 */
#include "tests/sim/faults.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "tests/sim/body.h"
#include "tests/sim/latency.h"
#include "tests/sim/memory.h"
#include "tests/sim/number.h"

#define ERRCODE_MIN -1
#define ERRCODE_MAX 9999999

/* How often a rule has hit an openid. */
struct fault_hits {
    UT_hash_handle hh;
    int64_t hits;
    char openid[];
};

struct fault_rule {
    struct fault fault;
    char *appid;  /* the account whose calls it is for; NULL: every account */
    char *prefix; /* "" is every openid */
    char *action; /* owner of fault.name and fault.text */
    double rate;
    int64_t count; /* hits per openid; -1 without limit */
    struct fault_hits *hits;
};

struct faults {
    size_t used;
    struct fault_rule *rules[FAULTS_RULES_MAX];
};

/* The actions that are a word, with what they mean. */
struct fault_word {
    const char *word;
    struct fault fault;
    int64_t count;
};

static const struct fault_word WORDS[] = {
    {"busy", {.kind = FAULT_ERRCODE, .number = -1, .has_errcode = true}, -1},
    {"garbage", {.kind = FAULT_BODY, .text = "<html><body>busy</body></html>"}, -1},
    {"empty", {.kind = FAULT_BODY, .text = ""}, -1},
    {"cut", {.kind = FAULT_CUT}, -1},
    {"cut-after", {.kind = FAULT_CUT_AFTER}, -1},
    {"hang", {.kind = FAULT_HANG}, -1},
    {"expire", {.kind = FAULT_ERRCODE, .number = 40001, .has_errcode = true}, 1},
};

/* badu before bad: the first rule that applies wins. */
static const char *const RECORDED[] = {
    "badu=body:{\"errcode\":40003,\"errmsg\":\"invalid openid 中文 a/b <x> \\\"q\\\" rid: 1-2\","
    "\"big\":12345678901234567890,\"f\":1.10}",
    "bad=43004",
    "h500=http500",
    "garb=garbage",
    "zero=empty",
    "drop=cut",
    "exp=expire",
};

static void rule_read_whom(struct fault_rule *rule, const char *text, size_t count);
static int rule_read_suffix(struct fault_rule *rule);
static int rule_read_action(struct fault_rule *rule);
static bool rule_hits(struct fault_rule *rule, const char *openid);
static void rule_destroy(struct fault_rule *rule);

struct faults *faults_new(void)
{
    return memory_new(sizeof(struct faults));
}

void faults_destroy(struct faults **self)
{
    if (*self == NULL)
        return;
    for (size_t i = 0; i < (*self)->used; i++)
        rule_destroy((*self)->rules[i]);
    free(*self);
    *self = NULL;
}

int faults_add(struct faults *self, const char *text, char error[FAULTS_ERROR_BYTES_MAX])
{
    const char *equals = strchr(text, '=');
    const char *why = NULL;
    struct fault_rule *rule = memory_new(sizeof *rule);
    rule_read_whom(rule, text, equals != NULL ? (size_t)(equals - text) : 0);
    rule->action = memory_copy(equals != NULL ? equals + 1 : "");
    if (equals == NULL)
        why = "no '=': write [APPID/]PREFIX=ACTION[@RATE][*COUNT]";
    else if (strlen(text) > FAULTS_RULE_BYTES_MAX)
        why = "longer than 65536 bytes";
    else if (self->used >= FAULTS_RULES_MAX)
        why = "more than 256 rules";
    else if (rule_read_suffix(rule) != 0)
        why = "RATE must be 0 to 1, COUNT 1 to 1000000000";
    else if (rule_read_action(rule) != 0)
        why = "ACTION must be an errcode (-1 or 1 to 9999999), http400 to http599, busy, garbage, empty, "
              "cut, cut-after, slow:MS (0 to 600000), hang, expire or body:TEXT";
    if (why != NULL) {
        snprintf(error, FAULTS_ERROR_BYTES_MAX, "'%.60s': %s", text, why);
        rule_destroy(rule);
        return -1;
    }
    self->rules[self->used++] = rule;
    return 0;
}

void faults_add_recorded(struct faults *self)
{
    char error[FAULTS_ERROR_BYTES_MAX];
    for (size_t i = 0; i < sizeof RECORDED / sizeof RECORDED[0]; i++)
        if (faults_add(self, RECORDED[i], error) != 0)
            assert(self->used == FAULTS_RULES_MAX);
}

const char *faults_stranger(const struct faults *self, const struct tokens *tokens)
{
    for (size_t i = 0; i < self->used; i++) {
        const char *appid = self->rules[i]->appid;
        if (appid != NULL && tokens_find_account(tokens, appid) == NULL)
            return appid;
    }
    return NULL;
}

const struct fault *faults_find(struct faults *self, const char *appid, const char *openid, struct dice *dice)
{
    for (size_t i = 0; i < self->used; i++) {
        struct fault_rule *rule = self->rules[i];
        if (rule->appid != NULL && strcmp(rule->appid, appid) != 0)
            continue;
        if (strncmp(openid, rule->prefix, strlen(rule->prefix)) != 0)
            continue;
        if (rule->rate < 1 && dice_share(dice) >= rule->rate)
            continue;
        if (rule_hits(rule, openid))
            return &rule->fault;
    }
    return NULL;
}

/* Reads what stands before the "=": PREFIX or APPID/PREFIX. No openid of WeChat's has a slash. */
static void rule_read_whom(struct fault_rule *rule, const char *text, size_t count)
{
    const char *slash = memchr(text, '/', count);
    const char *prefix = slash != NULL ? slash + 1 : text;
    if (slash != NULL)
        rule->appid = memory_copy_bytes(text, (size_t)(slash - text));
    rule->prefix = memory_copy_bytes(prefix, (size_t)(text + count - prefix));
    if (strcmp(rule->prefix, "*") == 0)
        rule->prefix[0] = '\0';
    if (rule->appid != NULL && strcmp(rule->appid, "*") == 0) {
        free(rule->appid);
        rule->appid = NULL;
    }
}

/* Takes "*COUNT" and then "@RATE" off the end of the action, where they are. */
static int rule_read_suffix(struct fault_rule *rule)
{
    rule->count = -1;
    rule->rate = 1;
    char *star = strrchr(rule->action, '*');
    if (star != NULL && star[1] != '\0' && star[1 + strspn(star + 1, "0123456789")] == '\0') {
        if (number_read(star + 1, 1, 1000000000, &rule->count) != 0)
            return -1;
        *star = '\0';
    }
    char *at = strrchr(rule->action, '@');
    if (at != NULL && at[1] != '\0' && at[1 + strspn(at + 1, "0123456789.")] == '\0') {
        if (number_read_share(at + 1, &rule->rate) != 0)
            return -1;
        *at = '\0';
    }
    return 0;
}

static int rule_read_word(struct fault_rule *rule)
{
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (strcmp(rule->action, WORDS[i].word) != 0)
            continue;
        rule->fault = WORDS[i].fault;
        rule->fault.name = rule->action;
        if (rule->count < 0)
            rule->count = WORDS[i].count;
        return 0;
    }
    return -1;
}

/* Whether the action is `word` followed by a number; puts that into fault.number. */
static bool rule_read_number(struct fault_rule *rule, const char *word, int64_t min, int64_t max)
{
    int64_t number;
    size_t skip = strlen(word);
    if (strncmp(rule->action, word, skip) != 0 || number_read(rule->action + skip, min, max, &number) != 0)
        return false;
    rule->fault.number = (int)number;
    return true;
}

static int rule_read_action(struct fault_rule *rule)
{
    struct fault *fault = &rule->fault;
    if (rule_read_word(rule) == 0)
        return 0;
    fault->name = rule->action;
    if (rule_read_number(rule, "http", 400, 599)) {
        fault->kind = FAULT_STATUS;
    } else if (rule_read_number(rule, "slow:", 0, LATENCY_MAX_MS)) {
        fault->kind = FAULT_SLOW;
        rule->action[4] = '\0';
    } else if (strncmp(rule->action, "body:", 5) == 0) {
        fault->kind = FAULT_BODY;
        fault->text = rule->action + 5;
        fault->has_errcode = body_read_errcode(fault->text, strlen(fault->text), &fault->number) == 0;
        rule->action[4] = '\0';
    } else if (rule_read_number(rule, "", ERRCODE_MIN, ERRCODE_MAX) && fault->number != 0) {
        fault->kind = FAULT_ERRCODE;
        fault->has_errcode = true;
    } else {
        return -1;
    }
    return 0;
}

/* Whether the rule's COUNT has room for this openid; takes one if so. */
static bool rule_hits(struct fault_rule *rule, const char *openid)
{
    struct fault_hits *hits = NULL;
    if (rule->count < 0)
        return true;
    HASH_FIND_STR(rule->hits, openid, hits);
    if (hits == NULL) {
        if (HASH_COUNT(rule->hits) >= FAULTS_OPENIDS_MAX)
            return false;
        hits = memory_new(sizeof *hits + strlen(openid) + 1);
        memcpy(hits->openid, openid, strlen(openid) + 1);
        HASH_ADD_STR(rule->hits, openid, hits);
    }
    if (hits->hits >= rule->count)
        return false;
    hits->hits++;
    return true;
}

static void rule_destroy(struct fault_rule *rule)
{
    while (rule->hits != NULL) {
        struct fault_hits *hits = rule->hits;
        HASH_DEL(rule->hits, hits);
        free(hits);
    }
    free(rule->appid);
    free(rule->prefix);
    free(rule->action);
    free(rule);
}
