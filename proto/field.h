/* Single members of a message from outside: each is read, checked, and refused with words that name it, its limit and what to
 * give. Used where whoever wrote the message is to be told what is wrong with it.
 *
 * Every function returns 0, or -1 with the reason appended to `error`. nil counts as not given: 0, and `out` is left alone.
 */
#ifndef PROTO_FIELD_H
#define PROTO_FIELD_H

#include "proto/mp.h"

/* A str of 1 to bytes_max bytes of UTF-8. */
int field_text(struct mp_cursor *c, const char *field, size_t bytes_max, struct span *out, struct buf *error);

/* The same without spaces and control characters: ids, accounts, tasks. */
int field_name(struct mp_cursor *c, const char *field, size_t bytes_max, struct span *out, struct buf *error);

/* A name that can stand in a path, a label and a command: 1 to bytes_max letters, digits, '.', '_' and '-', a letter or digit first. */
int field_plain(struct mp_cursor *c, const char *field, size_t bytes_max, struct span *out, struct buf *error);
int field_is_plain(struct span text, size_t bytes_max);

/* A bin (or str) of at most bytes_max bytes. */
int field_bin(struct mp_cursor *c, const char *field, size_t bytes_max, struct span *out, struct buf *error);

/* An integer of `min` to `max`; `unit` stands behind it in the error: "ms", or "". */
int field_int(struct mp_cursor *c, const char *field, int64_t min, int64_t max, const char *unit,
              int64_t *out, struct buf *error);

/* true or false: 1 or 0. */
int field_bool(struct mp_cursor *c, const char *field, int *out, struct buf *error);

/* The type of an ask: "ask". */
int field_ask_type(struct mp_cursor *c, struct buf *error);

/* The op of an ask: the number of one of names[first] to names[last], first being above 0, or -1; `told` says which there are. */
int field_op(struct mp_cursor *c, const char *const names[], int first, int last, const char *told, struct buf *error);

/* A count of 0 to max. */
int field_count(struct mp_cursor *c, const char *field, int64_t max, uint64_t *out, struct buf *error);

/* Reads an ask: one map with str names, and nothing behind it. `read` takes each member's value from the cursor, as the functions here do. */
int field_ask(struct span packed, int (*read)(struct mp_cursor *c, struct span name, void *ask, struct buf *error), void *ask,
              struct buf *error);

/* Appends that a member is unknown, with its name as far as that is short. `where` stands in front of it: "filter.", or "". Returns -1. */
int field_unknown(const char *where, struct span name, struct buf *error);

/* "a str", "an integer", ... for error texts. */
const char *field_type_name(enum mp_type type);

#endif
