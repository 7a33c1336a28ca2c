/* A walk through the body of a template: where it is, what it has found, and the tokens around it.
 *
 * Used by template_check.c only, which knows the rules. Pure. Positions in the masked copy are positions in
 * the text.
 */
#ifndef TEMPLATER_WALK_H
#define TEMPLATER_WALK_H

#include "base/json.h"
#include "templater/template_check.h"
#include "templater/rules.h"

#define WALK_WHAT_BYTES_MAX 64

struct walk {
    struct template_findings *out;
    struct span text, masked;
    struct json_reader r;
    const char *kind;
    char what[WALK_WHAT_BYTES_MAX]; /* "a text message" */
    struct buf path;                /* of the value that is looked at: data.first.value */
    struct buf scratch;
    struct span member; /* of "data": its name as it is written, without quotes; empty when it is not known */
};

/* 1 after a fault; warnings are no longer taken then. */
int walk_failed(const struct walk *w);

/* Each adds a finding about the value at the path. The first fault stays. */
void walk_fault(struct walk *w, const char *what);
void walk_warn(struct walk *w, const char *what);

/* A fault where the rule needs the member for sure, else a warning. */
void walk_judge(struct walk *w, const struct rule *rule, const char *what);

/* Appends a text of the template, fit for one line of a terminal. */
void walk_append_clean(struct buf *to, struct span text);

/* Goes into a member; returns what walk_leave wants. */
size_t walk_enter(struct walk *w, struct span name);
void walk_leave(struct walk *w, size_t before);

/* Where a token stands in the text. */
size_t walk_at(const struct walk *w, struct json_token t);

/* 1 for a placeholder outside of strings. */
int walk_is_placeholder(const struct walk *w, struct json_token t);

/* 1 when there is a placeholder inside a string or name. */
int walk_has_placeholder(struct json_token t);

/* The content of a string or name, until the next call. */
struct span walk_content(struct walk *w, struct json_token t);

/* Reads a value to its end. Returns 1 when it says nothing: null, "", [] or {}. */
int walk_skip(struct walk *w, struct json_token t);

#endif
