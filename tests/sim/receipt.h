/*
 * receipt.h - what becomes of a message that was taken: "[APPID/]PREFIX=OUTCOME[,msgid0][@RATE]", chosen by the account and the
 * recipient's openid; and the event by which WeChat tells it.
 *
 * The first rule that applies wins: one of account APPID (if it names one), whose PREFIX the openid begins with, and whose dice
 * say so (RATE). Without one the outcome is success.
 */
#ifndef SIM_RECEIPT_H
#define SIM_RECEIPT_H

#include <stdbool.h>

#include "tests/sim/body.h"
#include "tests/sim/dice.h"
#include "tests/sim/event.h"
#include "tests/sim/tokens.h"

#define RECEIPT_RULES_MAX       256
#define RECEIPT_RULE_BYTES_MAX  256
#define RECEIPT_ERROR_BYTES_MAX 256
#define RECEIPT_STATUS_BYTES    64

struct receipts;

struct receipt {
    bool silent;                        /* nothing is told */
    bool no_msgid;                      /* MsgID is 0 */
    bool success;
    char reason[RECEIPT_STATUS_BYTES];  /* "user block", …; "" with success */
    char status[RECEIPT_STATUS_BYTES];  /* as TEMPLATESENDJOBFINISH words it */
};

struct receipts *receipts_new(void);
void receipts_destroy(struct receipts **self);

/* Appends a rule. 0, or -1 and in `error` what is wrong with it and what would be right. */
int receipts_add(struct receipts *self, const char *rule, char error[RECEIPT_ERROR_BYTES_MAX]);

/* The appid of a rule for an account that does not exist, or NULL: there is no such rule. */
const char *receipts_stranger(const struct receipts *self, const struct tokens *tokens);

/* What becomes of a message to this recipient. */
struct receipt receipts_draw(const struct receipts *self, const char *appid, const char *openid, struct dice *dice);

/* Makes the event that tells it, as far as the message's kind is told at all. Its strings are those of the arguments. 0, or
 * -1: nothing is told. */
int receipt_event(const struct receipt *receipt, const struct body_message *message, enum body_kind kind, int64_t msgid,
                  struct event *event);

#endif
