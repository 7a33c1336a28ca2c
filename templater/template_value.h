/* What WeChat shows of a value: some are cut without a word when they are too long or have several lines.
 *
 * Used by template_check.c for what a template says itself and by render.c for what is filled in. Pure.
 * Nothing here refuses anything: a message that is cut is still sent.
 *
 * The type of a value is its member's name without the digits behind it: thing1, amount2. Sources: the rules
 * for parameters of doc/service/guide/product/template_message and of
 * miniprogram/dev/api-backend/open-api/subscribe-message/subscribeMessage.send;
 * doc/service/api/notify/subscribe/api_templatesubscribe.
 */
#ifndef TEMPLATER_TEMPLATE_VALUE_H
#define TEMPLATER_TEMPLATE_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A value in a template's text, and what WeChat shows of it. */
struct template_limit {
    struct span member; /* name of the member as it is written in the text, without its quotes */
    size_t at, end;     /* where the value stands in the text */
    uint32_t chars_max; /* 0 = no limit is known */
    int han_counts_two; /* 1: chars_max is for letters, and other characters count as two of them */
    int one_line;       /* 1: several lines are cut */
    uint32_t chars;     /* what the text itself brings: everything but the placeholders */
};

/* Fills in the rules for a member of "data" in a message of this kind. Returns 1, or 0 when there are none.
 */
int template_value_rules(const char *kind, struct span member, struct template_limit *limit);

/* How much of the limit a text takes: its characters. */
uint32_t template_value_chars(const struct template_limit *limit, struct span text);

int template_value_has_lines(struct span text);

#endif
