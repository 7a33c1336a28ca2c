/* Finds the ${NAME}s of a template text.
 *
 * A NAME is 1 to PLACEHOLDER_NAME_BYTES_MAX bytes of UTF-8 without }, ", \ and control characters. Anything
 * else behind "${" is plain text, and when another "${" stands inside a candidate, the inner one counts.
 */
#ifndef TEMPLATER_PLACEHOLDER_H
#define TEMPLATER_PLACEHOLDER_H

#include "base/buf.h"

#define PLACEHOLDER_NAME_BYTES_MAX                                                                           \
    64 /* longer ones are not names; the original's templates have names of a few bytes */

struct placeholder {
    size_t at;        /* of its $ in the text */
    size_t bytes;     /* from the $ to behind the } */
    struct span name; /* points into the text */
    int in_string;    /* 1: inside a JSON string, 0: outside of them */
};

/* The cursor of a scan; start with zeroes. */
struct placeholder_scan {
    size_t at;
    int in_string;
};

/* Finds the next one. Returns 1, or 0 at the end of the text. What is inside a JSON string is told by its
 * quotes, so the answer means something only for a text that turns out to be JSON. */
int placeholder_next(struct span text, struct placeholder_scan *scan, struct placeholder *found);

#endif
