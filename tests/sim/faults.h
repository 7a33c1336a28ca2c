/*
 * faults.h - rules that make calls fail: "[APPID/]PREFIX=ACTION[@RATE][*COUNT]", chosen by the
 * account and the recipient's openid.
 *
 * The first rule that applies wins. A rule applies when the call is one of account APPID (if it names one),
 * the openid begins with its PREFIX, its dice say so (RATE) and it has hit this openid fewer than COUNT
 * times; otherwise the next rule is looked at.
 */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/sim/dice.h"
#include "tests/sim/tokens.h"

#define FAULTS_RULES_MAX       256
#define FAULTS_RULE_BYTES_MAX  65536
#define FAULTS_OPENIDS_MAX     1000000 /* remembered per rule with a COUNT; openids beyond are left alone */
#define FAULTS_ERROR_BYTES_MAX 256

enum fault_kind {
    FAULT_ERRCODE,   /* answers an errcode with its usual errmsg */
    FAULT_STATUS,    /* answers an HTTP status */
    FAULT_BODY,      /* answers HTTP 200 with a given text */
    FAULT_CUT,       /* closes without an answer; nothing is delivered */
    FAULT_CUT_AFTER, /* delivers, then closes without an answer */
    FAULT_SLOW,      /* answers as usual, later */
    FAULT_HANG,      /* never answers */
};

struct fault {
    enum fault_kind kind;
    int number;       /* errcode (ERRCODE, BODY if has_errcode), HTTP status (STATUS) or ms (SLOW) */
    bool has_errcode; /* the answer carries an errcode: number */
    const char *text; /* BODY: what is answered; owned by the rule, like name */
    const char *name; /* the action as written, without its argument: "43004", "http500", "body" */
};

struct faults;

struct faults *faults_new(void);
void faults_destroy(struct faults **self);

/* Appends a rule. 0, or -1 and in `error` what is wrong with it and what would be right. */
int faults_add(struct faults *self, const char *rule, char error[FAULTS_ERROR_BYTES_MAX]);

/* Appends the rules under which the exchanges with the original service were recorded: bad…, badu…, h500…,
 * garb…, zero…, drop…, exp… */
void faults_add_recorded(struct faults *self);

/* The appid of a rule for an account that does not exist, or NULL: there is no such rule. */
const char *faults_stranger(const struct faults *self, const struct tokens *tokens);

/* The fault for a call of this account to this openid, or NULL: none. Counts it. Valid until the rules are
 * destroyed. */
const struct fault *faults_find(struct faults *self, const char *appid, const char *openid,
                                struct dice *dice);

#endif
