/* Lines of the log and the audit, read: what base/log_line.h writes, in both formats. Used by mega trace and mega audit. Pure; any
 * bytes are allowed, and reading stays inside the line.
 */
#ifndef CLIENT_LOG_PARSE_H
#define CLIENT_LOG_PARSE_H

#include <stdint.h>

#include "base/buf.h"

#define LOG_PARSE_FIELDS_MAX 48 /* further ones are not read */

struct log_parsed_field {
    struct span key;
    struct span value; /* without quotes and escapes; of JSON that is no string (a number, true, an object) as it is written */
};

struct log_parsed {
    int64_t ms;  /* the time, field t: milliseconds since 1970; -1 when there is none that is understood */
    size_t count;
    struct log_parsed_field fields[LOG_PARSE_FIELDS_MAX]; /* in their order, t among them */
    struct buf texts; /* owned: what was unescaped */
};

/* Reads one line, without its newline; what stands before the first `t=` or `{` (a collector's prefix) is skipped. Spans point into the
 * line and into `texts`. Returns 0, or -1 when it has no field at all; to be freed in any case, and can be used again. */
int log_parse(struct span line, struct log_parsed *out);
void log_parsed_free(struct log_parsed *p);

/* The value of the first field of that name; data is NULL when there is none. */
struct span log_parsed_find(const struct log_parsed *p, const char *key);

#endif
