/* Any msgpack value as JSON, for programs that read the output of mega, and for those of the JSON API.
 *
 * Integers and the numbers of ext type 1 are exact, floats the shortest text that reads back the same; text is escaped, and what
 * is not UTF-8 in it becomes U+FFFD. bin is written as text. What JSON has no word for: a float that is not finite is null,
 * other ext types are text. A member's name that is no str is written as its own JSON in quotes.
 */
#ifndef PROTO_MP_JSON_H
#define PROTO_MP_JSON_H

#include "proto/mp.h"

#define MP_JSON_DEPTH_MAX 32 /* as of mp_skip */

/* Appends one value, on one line. Returns 0, or -1 when the bytes are not exactly one value or nest deeper than
 * MP_JSON_DEPTH_MAX; `out` is as it was then. */
int mp_json(struct span packed, struct buf *out);

#endif
