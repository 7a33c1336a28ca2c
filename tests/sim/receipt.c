/*
 * receipt.c - rules of receipts; see receipt.h.
 */
#include "tests/sim/receipt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/errcode.h"
#include "tests/sim/memory.h"
#include "tests/sim/number.h"

#define REASON_BYTES_MAX 40 /* the prefixes of Status fit, too */

struct receipt_rule {
    char *text;         /* owner of what follows; cut by NULs */
    const char *appid;  /* NULL: every account */
    const char *prefix; /* "": every openid */
    double rate;
    struct receipt receipt;
};

struct receipts {
    size_t used;
    struct receipt_rule rules[RECEIPT_RULES_MAX];
};

struct receipts *receipts_new(void)
{
    return memory_new(sizeof(struct receipts));
}

void receipts_destroy(struct receipts **self)
{
    if (*self == NULL)
        return;
    for (size_t i = 0; i < (*self)->used; i++)
        free((*self)->rules[i].text);
    free(*self);
    *self = NULL;
}

/* Reads PREFIX or APPID/PREFIX; "*" stands for all of them. */
static void rule_read_whom(struct receipt_rule *rule, char *whom)
{
    char *slash = strchr(whom, '/');
    rule->prefix = slash != NULL ? slash + 1 : whom;
    rule->appid = slash != NULL && strcmp(whom, "*/") != 0 ? whom : NULL;
    if (slash != NULL)
        *slash = '\0';
    if (rule->appid != NULL && strcmp(rule->appid, "*") == 0)
        rule->appid = NULL;
    if (strcmp(rule->prefix, "*") == 0)
        rule->prefix = "";
}

/* WeChat writes "failed:user block", but "failed: system failed". */
static void receipt_set_reason(struct receipt *receipt, const char *reason)
{
    bool system = strcmp(reason, "system failed") == 0;
    snprintf(receipt->reason, sizeof receipt->reason, "%s", reason);
    snprintf(receipt->status, sizeof receipt->status, "failed:%s%s", system ? " " : "", reason);
}

static void receipt_set_success(struct receipt *receipt)
{
    receipt->success = true;
    snprintf(receipt->status, sizeof receipt->status, "success");
}

/* Reads OUTCOME, msgid0 or both. 0 or -1. */
static int rule_read_outcome(struct receipt_rule *rule, char *outcome)
{
    char *comma = strchr(outcome, ',');
    struct receipt *receipt = &rule->receipt;
    if (comma != NULL) {
        *comma = '\0';
        receipt->no_msgid = strcmp(comma + 1, "msgid0") == 0;
        if (!receipt->no_msgid)
            return -1;
    }
    if (outcome[0] == '\0' || strlen(outcome) > REASON_BYTES_MAX)
        return -1;
    if (strcmp(outcome, "msgid0") == 0)
        receipt->no_msgid = true;
    if (strcmp(outcome, "none") == 0)
        receipt->silent = true;
    else if (strcmp(outcome, "success") == 0 || strcmp(outcome, "msgid0") == 0)
        receipt_set_success(receipt);
    else
        receipt_set_reason(receipt, outcome);
    return 0;
}

static const char *rule_read(struct receipt_rule *rule)
{
    char *equals = strchr(rule->text, '=');
    if (equals == NULL)
        return "no '=': write [APPID/]PREFIX=OUTCOME[,msgid0][@RATE]";
    *equals = '\0';
    rule_read_whom(rule, rule->text);
    char *outcome = equals + 1;
    char *at = strrchr(outcome, '@');
    rule->rate = 1;
    if (at != NULL && number_read_share(at + 1, &rule->rate) != 0)
        return "RATE must be 0 to 1";
    if (at != NULL)
        *at = '\0';
    if (rule_read_outcome(rule, outcome) != 0)
        return "OUTCOME must be success, user block, system failed, another reason of up to 40 bytes, msgid0 or none";
    return NULL;
}

int receipts_add(struct receipts *self, const char *text, char error[RECEIPT_ERROR_BYTES_MAX])
{
    struct receipt_rule rule = {0};
    const char *why = NULL;
    if (self->used >= RECEIPT_RULES_MAX)
        why = "more than 256 rules";
    else if (strlen(text) > RECEIPT_RULE_BYTES_MAX)
        why = "longer than 256 bytes";
    if (why == NULL) {
        rule.text = memory_copy(text);
        why = rule_read(&rule);
    }
    if (why != NULL) {
        snprintf(error, RECEIPT_ERROR_BYTES_MAX, "'%.60s': %s", text, why);
        free(rule.text);
        return -1;
    }
    self->rules[self->used++] = rule;
    return 0;
}

const char *receipts_stranger(const struct receipts *self, const struct tokens *tokens)
{
    for (size_t i = 0; i < self->used; i++) {
        const char *appid = self->rules[i].appid;
        if (appid != NULL && tokens_find_account(tokens, appid) == NULL)
            return appid;
    }
    return NULL;
}

struct receipt receipts_draw(const struct receipts *self, const char *appid, const char *openid, struct dice *dice)
{
    struct receipt success = {0};
    for (size_t i = 0; i < self->used; i++) {
        const struct receipt_rule *rule = &self->rules[i];
        if (rule->appid != NULL && strcmp(rule->appid, appid) != 0)
            continue;
        if (strncmp(openid, rule->prefix, strlen(rule->prefix)) != 0)
            continue;
        if (rule->rate >= 1 || dice_share(dice) < rule->rate)
            return rule->receipt;
    }
    receipt_set_success(&success);
    return success;
}

int receipt_event(const struct receipt *receipt, const struct body_message *message, enum body_kind kind, int64_t msgid,
                  struct event *event)
{
    bool sent = kind == BODY_SUBSCRIBE || kind == BODY_BIZSUBSCRIBE;
    if (receipt->silent || (!sent && kind != BODY_TEMPLATE))
        return -1;
    *event = (struct event){
        .kind = sent ? EVENT_SENT : EVENT_RECEIPT,
        .openid = message->openid,
        .template_id = message->template_id,
        .msgid = receipt->no_msgid ? 0 : msgid,
        .content = receipt->status,
    };
    if (sent) {
        event->content = receipt->success ? "success" : receipt->reason;
        if (!receipt->success)
            event->errcode = strcmp(receipt->reason, "user block") == 0 ? ERRCODE_NO_CONSENT : -1;
    }
    return 0;
}
