/* JSON as msgpack: the other way round of mp_json.h. Pure.
 *
 * Numbers keep what their text says: integers of 64 bits as such, longer ones and -0 as their digits (MP_EXT_NUMBER), all others as
 * doubles.
 */
#ifndef PROTO_JSON_MP_H
#define PROTO_JSON_MP_H

#include "base/json.h"
#include "proto/mp.h"

#define JSON_MP_DEPTH_MAX   30  /* containers in each other: what reads msgpack stops at 32 */
#define JSON_MP_NUMBER_MAX  256 /* bytes of a number that is no 64-bit integer: what the frontend takes */

/* Appends the number of a JSON_NUMBER token. Returns NULL, or what is wrong with it (a constant text). */
const char *json_mp_number(struct span raw, struct buf *out);

/* Appends the value whose first token was just read. Returns 0; -1 with what is wrong appended to `error`, and part of the value in
 * `out`. */
int json_mp_value(struct json_reader *r, struct json_token first, struct buf *out, struct buf *error);

#endif
