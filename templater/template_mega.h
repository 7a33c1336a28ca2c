/* The top-level member "$mega" of a template: what it says about the message instead of being part of it. */
#ifndef TEMPLATER_TEMPLATE_MEGA_H
#define TEMPLATER_TEMPLATE_MEGA_H

#include <stdint.h>

#include "base/buf.h"

#define TEMPLATE_MEGA_NAME "$mega"

struct template_mega {
    const char *kind; /* a constant; "template" unless it says "custom", "subscribe" or "bizsubscribe" */
    int has_key;      /* 1: WeChat de-duplicates messages of this kind by client_msg_id */
    int64_t ttl_ms;   /* 1 to AT_AHEAD_MS_MAX; 0 = none */
    int lane;         /* enum lane, -1 = none */
};

/* What a template without "$mega" has. */
struct template_mega template_mega_default(void);

/* Reads the member's value, which is valid JSON. Returns 0, or -1 with a message in `error` (appended) that
 * names the member. */
int template_mega_read(struct span value, struct template_mega *mega, struct buf *error);

/* Appends a text of a template to an error, cut to 64 bytes at a character's end. */
void template_quote(struct span text, struct buf *error);

#endif
