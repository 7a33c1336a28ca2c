/* The one table of known keys. Loading, defaults and dumping all go by it. Used by conf.c and conf_dump.c
 * only. */
#ifndef BASE_CONF_KEYS_H
#define BASE_CONF_KEYS_H

#include "base/conf.h"

#define CONF_KEYS_MAX 192 /* rows of the table at most */

/* The section whose keys lie in struct conf_account; all others lie in struct conf. */
#define CONF_SECTION_ACCOUNT "wechat"

enum conf_type {
    CONF_TEXT,     /* char[CONF_TEXT_BYTES_MAX], as all down to CONF_SOURCE, and CONF_ADDRESS */
    CONF_SECRET,   /* never shown; KEY_file may stand in its place */
    CONF_PATH,     /* relative to the configuration's folder; may be empty */
    CONF_URLS,     /* addresses http:// or https:// with commas between; each loses the slashes at its end */
    CONF_ENDPOINT, /* of ZeroMQ; may be empty */
    CONF_SOURCE,   /* mysql or dir:PATH */
    CONF_LISTEN,   /* server.listen; every one given is appended */
    CONF_ADDRESS,  /* HOST:PORT */
    CONF_NETWORKS, /* networks.h; char[CONF_TEXT_BYTES_MAX] */
    CONF_U32,      /* uint32_t */
    CONF_SIZE32,   /* uint32_t bytes */
    CONF_SIZE,     /* uint64_t bytes */
    CONF_TIME,     /* int64_t ms */
    CONF_CHOICE,   /* int or an enum */
    CONF_BACKOFF,  /* broker.backoff_ms */
    CONF_WINDOW,   /* struct conf_window: COUNT/TIME */
    CONF_WORKERS   /* as CONF_U32: another name for [sender] slots, which wins */
};

struct conf_choice {
    const char *name; /* the first one of a value is the one that is dumped; NULL ends the list */
    int value;
};

struct conf_key {
    const char *section;
    const char *name;
    enum conf_type type;
    size_t offset;            /* in struct conf, or struct conf_account for CONF_SECTION_ACCOUNT */
    const char *default_text; /* as it stands in a file; NULL: empty, or made from others by conf.c */
    uint64_t min, max;        /* of CONF_U32, CONF_SIZE32, CONF_SIZE and CONF_TIME, in the field's unit */
    const struct conf_choice *choices;
    const char *help;
};

extern const struct conf_key conf_keys[];
extern const size_t conf_key_count;

/* NULL when there is none. */
const struct conf_key *conf_key_find(const char *section, const char *name);

/* The secret that `name` gives as a file ("password_file" for password); NULL when there is none. */
const struct conf_key *conf_key_find_secret_file(const char *section, const char *name);

int conf_key_section_known(const char *section);

/* 1 for a key of the original service, or of Swoole, that has no meaning here. */
int conf_key_means_nothing(const char *section, const char *name);

/* Reads the text into the field. `base` is the struct conf or conf_account. Returns 0, or -1 with what is
 * wrong and what to do appended to `wrong`; the field then keeps its value. A secret is not shown. */
int conf_key_set(const struct conf_key *key, void *base, const char *text, const char *folder,
                 struct buf *wrong);

/* Appends the field's value as a text that reads back the same; secrets as ****. Not for CONF_LISTEN, whose
 * values are a list. */
void conf_key_format(const struct conf_key *key, const void *base, struct buf *out);

#endif
