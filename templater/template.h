/* A compiled template: the JSON of a WeChat call, cut into the pieces that go out as they are and those that
 * are filled in.
 *
 * Compiling is pure: text in, template or error out. A template that compiled is a JSON object whatever is
 * filled in (render.h), because every placeholder stands either inside a string, where values are escaped, or
 * where a JSON value may stand.
 *
 * The top-level member "$mega" is ours and is not part of what goes out.
 */
#ifndef TEMPLATER_TEMPLATE_H
#define TEMPLATER_TEMPLATE_H

#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"
#include "templater/template_check.h"
#include "templater/template_mega.h"

/* The placeholder that is always the recipient, whatever the variables say. */
#define TEMPLATE_OPENID "OPENID"

enum template_part_kind {
    PART_TEXT,         /* goes out as it is */
    PART_OPENID,       /* the recipient, inside a string */
    PART_OPENID_VALUE, /* the recipient, outside of strings: with quotes */
    PART_VAR,          /* a variable, inside a string */
    PART_VAR_VALUE,    /* a variable, outside of strings */
    PART_CLIENT_MSG_ID /* "client_msg_id":"...", a comma before it when `name` is 1 */
};

struct template_part {
    enum template_part_kind kind;
    struct span text; /* PART_TEXT: what goes out; PART_VAR: the ${NAME} itself */
    size_t name;      /* PART_VAR, PART_VAR_VALUE: index into names */
    size_t limit;     /* index into findings.limits, of the value that it is a piece of, plus 1; 0 = none */
};

struct template_name {
    struct span name;
    int outside; /* 1: it stands outside of strings somewhere, so that a missing value would leave no JSON */
};

/* To be read by everyone and changed by nobody once it is compiled. Spans point into `text`. */
struct template
{
    struct span text;            /* as it was compiled; owned */
    struct template_part *parts; /* in the order of output; owned */
    size_t part_count;
    struct template_name *names; /* each variable once, in byte order; owned */
    size_t name_count;
    struct template_mega mega;
    struct template_findings findings; /* what WeChat will say to it */
};

/* Returns a template to be freed with template_destroy, or NULL with a message in `error` (appended) that
 * names what is wrong: "not JSON at byte 17: ...", "$mega.kind: ...". Positions count from 0. */
struct template *template_compile(struct span text, struct buf *error);

/* The same for a template that is to be used under this key: what WeChat would certainly refuse
 * (findings.fault) is an error, and so is a fallback to itself. */
struct template *template_load(struct span key, struct span text, struct buf *error);

/* Whether template_load does not take what was compiled: 1 with a message in `error` (appended), or 0. */
int template_fault(const struct template *t, struct span key, struct buf *error);

void template_destroy(struct template **self);

/* The index of a variable in names, or -1 when the template does not have it. */
long template_name_find(const struct template *t, struct span name);

/* Appends the packed array of the variables that a message must bring: with MISSING_REJECT all of them, else
 * those outside of strings. */
void template_needs(const struct template *t, enum conf_missing missing, struct buf *packed);

#endif
