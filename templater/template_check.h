/* Checks the body of a template against what WeChat's call wants: members it cannot do without, and types.
 *
 * Pure. Used by template.c on a text that is a JSON object already. What WeChat certainly refuses is a fault:
 * such a template is not taken (template_load). What it may take, and what it takes and cuts, is a warning.
 * Members that are not in the rules are left alone: WeChat adds some.
 *
 * A placeholder outside of strings counts as any type; one inside a string makes its content unknown, and one
 * inside a name makes all names of that object unknown.
 */
#ifndef TEMPLATER_TEMPLATE_CHECK_H
#define TEMPLATER_TEMPLATE_CHECK_H

#include <stddef.h>

#include "base/buf.h"
#include "templater/template_value.h"

#define TEMPLATE_WARNINGS_MAX 16 /* written out; more of one template are only counted */

struct template_findings {
    struct buf fault; /* the first one, naming its member; empty = none. UTF-8 without control characters */
    struct buf warnings;           /* a line each, with \n behind it; the same */
    size_t warning_count;          /* all of them, also those over TEMPLATE_WARNINGS_MAX */
    struct template_limit *limits; /* values with placeholders, in the order of the text; owned */
    size_t limit_count, limit_room;
};

/* `masked` is `text` with null and spaces in place of the placeholders outside of strings: as long as it, and
 * a valid JSON object. Fills the findings, which must be zeroed; their spans point into `text`. */
void template_check(struct span text, struct span masked, const char *kind,
                    struct template_findings *findings);

void template_findings_free(struct template_findings *findings);

#endif
