/* Looks into JSON by name, for what mega-console answers: members may be missing or of another type than expected; those read as empty
 * or zero. */
#ifndef CLIENT_JSON_VIEW_H
#define CLIENT_JSON_VIEW_H

#include <stdint.h>

#include "base/buf.h"

/* The value of a member as it is written; empty when there is none, or this is no object. */
struct span json_view(struct span object, const char *name);

/* Sets `out` to the content of a string. */
void json_view_str(struct span object, const char *name, struct buf *out);
int64_t json_view_i64(struct span object, const char *name);

/* Element number `i` of an array, from 0, as it is written; empty behind the last one. */
struct span json_view_element(struct span array, size_t i);

#endif
