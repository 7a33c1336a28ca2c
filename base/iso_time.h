/* Points in time as people write them: ISO 8601. */
#ifndef BASE_ISO_TIME_H
#define BASE_ISO_TIME_H

#include <stdint.h>

#include "base/buf.h"

/* Appends 2024-05-01T12:00:00.123Z: UTC, with milliseconds. A time outside the years 1970 to 9999 is written as its number. */
void iso_time_append(int64_t ms, struct buf *out);

/* Reads 2024-05-01, 2024-05-01T12:00, 2024-05-01T12:00:00, with .1 to .123456789 (cut to ms), then Z, +08:00 or nothing, which is
 * UTC; a space may stand for the T. Returns 0 and milliseconds since 1970, or -1 when it is none of these or before 1970. */
int iso_time_read(const char *text, int64_t *ms);

/* The same, but what has no zone is local time (TZ). */
int iso_time_read_local(const char *text, int64_t *ms);

/* Reads "2h", so long before now_ms, or a point in time as iso_time_read does. Returns 0, or -1 when it is neither. Never 0 ms. */
int iso_time_read_since(const char *text, int64_t now_ms, int64_t *ms);

#endif
