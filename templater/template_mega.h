/* The top-level member "$mega" of a template: what it says about the message instead of being part of it. */
#ifndef TEMPLATER_TEMPLATE_MEGA_H
#define TEMPLATER_TEMPLATE_MEGA_H

#include <stdint.h>

#include "base/buf.h"

#define TEMPLATE_MEGA_NAME       "$mega"
#define TEMPLATE_FALLBACK_ON_MAX 16 /* errcodes of one template; WeChat has fewer that another message cures */

/* A kind of message. */
struct template_kind {
    const char *name;
    const char *path; /* of the call, for people; mega-sender has its own table (sender/kind.c) */
    int has_key;      /* 1: WeChat de-duplicates messages of this kind by client_msg_id */
};

struct template_mega {
    const struct template_kind *kind; /* a constant; "template" unless it says another one */
    int64_t ttl_ms;                   /* 1 to AT_AHEAD_MS_MAX; 0 = none */
    int lane;                         /* enum lane, -1 = none */
    uint32_t rate_per_s;              /* messages a second of one account, 1 to KEY_RATE_MAX; 0 = no limit */
    struct buf fallback;              /* key of the template to be tried instead; owned; empty = none */
    int32_t fallback_on[TEMPLATE_FALLBACK_ON_MAX]; /* the errcodes on which it is */
    size_t fallback_on_count;                      /* with a fallback never 0 */
};

/* What a template without "$mega" has. */
struct template_mega template_mega_default(void);
void template_mega_free(struct template_mega *mega);

/* Reads the member's value, which is valid JSON. Returns 0, or -1 with a message in `error` (appended) that
 * names the member. */
int template_mega_read(struct span value, struct template_mega *mega, struct buf *error);

/* NULL when a text can be the key of a template (what tmpl_key char(32) holds), else a constant that says why not. */
const char *template_key_fault(struct span key);

/* Appends a text of a template to an error, cut to 64 bytes at a character's end. */
void template_quote(struct span text, struct buf *error);

#endif
