/* From what an HTTP request says to the packed ask that its party understands. Pure; whatever bytes come from outside go through here, so it
 * is fuzzed.
 *
 * One translation for all operations: the body is a JSON object with the members of the ask as proto/MESSAGES.md has them, and becomes a
 * packed map with `t`, `op`, `ref` and `by` added, which is then read as the party reads it: what is wrong is refused here with the
 * party's own words. Only what JSON has no word for is different:
 *   from   the token that `next` of an answer is, as text (base64url, RFC 4648 section 5)
 *   data   of the rows of a task: an array of rows
 * A query says the same: members of the filter stand for themselves, numbers and true are read as such where the ask wants them.
 */
#ifndef CONSOLE_API_ASK_H
#define CONSOLE_API_ASK_H

#include "base/buf.h"

enum api_of { API_QUEUE, API_TASKS, API_SERIES };

/* An operation of a party, by the name that the address has. */
struct api_op {
    enum api_of of;
    int op;              /* enum ask_op, enum task_op, enum series_op */
    const char *name;    /* as the party calls it */
    int reads_only;      /* 1: GET may ask it; else POST has to */
    int is_long;         /* 1: concerns many messages: progress comes, and it is asked again under its ref */
};

/* Returns 0; -1 when there is no such operation. "purge" is discard. */
int api_op_find(enum api_of of, const char *name, struct api_op *op);

/* Adds an argument of a query to a JSON object that is being written (without its braces); of the queue the filter is written to `filter`. */
void api_ask_add_argument(enum api_of of, const char *name, const char *value, struct buf *members, struct buf *filter);

/* Appends the packed ask. `json`: an object, or nothing. `ref`: the one to ask under, unless the body gives one, which is returned then.
 * Returns 0; -1 with what is wrong in `error`. */
int api_ask_pack(const struct api_op *op, struct span json, uint64_t *ref, struct span by, struct buf *out, struct buf *error);

/* The bytes of `next` as a token, and back. Reading returns 0, or -1 when it is none. */
void api_token_append(struct span next, struct buf *out);
int api_token_read(struct span text, struct buf *out);

#endif
