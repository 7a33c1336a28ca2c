/* What mega-listener is asked about series on its socket ([listener] endpoint): by mega series, and by whatever else shows and steers them.
 * proto/MESSAGES.md describes it for people.
 *
 * An ask is a map of the type "ask", as on the control socket of the broker; the answer is a struct answer of proto/operator.h.
 * Asking the same again under the same ref is harmless: a start says when it is, so that it is the same start.
 */
#ifndef PROTO_SERIES_H
#define PROTO_SERIES_H

#include "proto/operator.h"

#define SERIES_NAME_BYTES_MAX 32
#define SERIES_TEXT_BYTES_MAX 128  /* of a scene, a menu key, a keyword */
#define SERIES_EVENT_BYTES_MAX (SERIES_TEXT_BYTES_MAX + 8) /* with "keyword:" in front */
#define SERIES_WHO_MAX        1000 /* people of a page */
#define SERIES_STOP_MAX       500  /* people that one ask stops */
#define SERIES_FROM_BYTES_MAX (OPENID_BYTES_MAX + 1 + ACCOUNT_BYTES_MAX)

/* --- events as files and askers write them ------------------------------------------------------------------------- */

enum series_trigger_kind {
    SERIES_FOLLOW,    /* "follow" */
    SERIES_SCAN,      /* "scan:SCENE"; "scan:*": any */
    SERIES_CLICK,     /* "click:KEY" */
    SERIES_KEYWORD,   /* "keyword:TEXT": a text message that is just that, whatever stands around it of white space; ASCII in either case */
    SERIES_BY_SERIES, /* "series:NAME": that this one is started; only ends */
};

struct series_trigger {
    enum series_trigger_kind kind;
    struct span text; /* empty of a follow; of what a user wrote the whole message */
};

/* Reads one. Only what can end a series when is_end, only what can start one when not. Returns 0 with the text in place, or -1 with what is
 * wrong appended. */
int series_trigger_read(struct span text, int is_end, struct series_trigger *out, struct buf *error);

/* 1 when the event is one that this is about. */
int series_trigger_matches(const struct series_trigger *trigger, const struct series_trigger *event);

/* 1 when both are the same; "scan:*" is only the same as itself. */
int series_trigger_equal(const struct series_trigger *a, const struct series_trigger *b);

/* --- asks -------------------------------------------------------------------------------------------------------------- */

enum series_op {
    SERIES_NONE,
    SERIES_LIST,
    SERIES_SHOW,
    SERIES_WHO,   /* one page of those who are in it; or one person, who was */
    SERIES_START, /* one person, by hand */
    SERIES_STOP,  /* one person, or a piece of all */
    SERIES_PLAN,  /* what would happen at an event now; nothing does */
    SERIES_STATUS /* of all series together */
};

struct series_ask {
    enum series_op op;
    uint64_t ref;       /* echoed */
    struct span name;   /* of the series; show, who, start, stop need it; plan: only this one */
    struct span openid; /* start, stop; who: this one, in it or not any more */
    int all;            /* stop: everybody who is in it */
    int64_t at_ms;      /* start: wall time of it; 0 = now */
    struct span app;    /* plan: the account; empty = the default one */
    struct span event;  /* plan: as in a definition, "follow" when empty */
    uint32_t limit;     /* who: at most SERIES_WHO_MAX; 0 = that many */
    struct span from;   /* who: `next` of the page before; empty = from the beginning */
    struct span by;     /* who asks, for the log and the audit; at most 64 bytes */
};

void series_ask_pack(const struct series_ask *a, struct buf *out);

/* Returns 0, or -1 with a message in `error` (cleared first) that names the member and the limit; a->ref is set even then when it
 * could be read. */
int series_ask_unpack(struct span packed, struct series_ask *a, struct buf *error);

const char *series_op_name(enum series_op op); /* NULL for SERIES_NONE */

/* 1 when the text can be the name of a series: 1 to SERIES_NAME_BYTES_MAX bytes of letters, digits, `.`, `_` and `-`, the first one a
 * letter or digit. It is a file's name and a label. */
int series_name_is_good(struct span text);

#endif
