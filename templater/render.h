/* Renders a compiled template: fills in a message's variables. Pure.
 *
 * What comes out is a JSON object for any variables and any recipient; what would not be one is an error.
 * Rules in protocol.md's words: inside a string a value is escaped, outside of one it is put in as JSON; a
 * value is put in once and never searched again.
 */
#ifndef TEMPLATER_RENDER_H
#define TEMPLATER_RENDER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/conf.h"
#include "templater/template.h"

/* Room for one variable of a largest request (REQUEST_BYTES_MAX) whose bytes are all escaped to six. A
 * template that repeats large variables could ask for gigabytes otherwise. */
#define RENDER_BODY_BYTES_MAX (16 * 1024 * 1024)

/* A value that WeChat will cut. */
struct render_cut {
    struct span member; /* of "data", as the template has it */
    uint32_t chars_max; /* what WeChat shows; 0: it is cut for its lines */
    uint32_t chars;     /* what it has */
};

struct render_input {
    struct span openid;
    struct span vars;          /* packed map name -> scalar; empty = none. The last one of a name counts */
    const char *client_msg_id; /* 32 hexadecimal digits; not used for a kind without key */
    enum conf_missing missing; /* what a variable without a value is: itself (keep) or an error (reject) */
    void (*on_cut)(void *to,
                   const struct render_cut *cut); /* called for each such value; NULL = not looked at */
    void *to;
};

/* Appends the body. Returns 0, or -1 with a message in `error` (appended) that names the variable; `out` then
 * holds part of it. */
int render_body(const struct template *t, const struct render_input *in, struct buf *out, struct buf *error);

#endif
