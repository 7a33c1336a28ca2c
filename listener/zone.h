/* Local time of a place: what its clocks show at a moment, and when they show a time of day next. Used by the planning of series.
 *
 * The rules of a zone are read once, from the system's tzdata, into a list of changes of its offset from UTC; everything else is
 * computed from that list, without the C library and its process-wide zone. Times are ms since 1970, offsets seconds east of UTC.
 */
#ifndef LISTENER_ZONE_H
#define LISTENER_ZONE_H

#include <stdint.h>

#include "base/buf.h"

#define ZONE_NAME_BYTES_MAX 64
#define ZONE_CHANGES_MAX    256 /* of 2020 to 2069; of most zones at most two a year */
#define ZONE_DAY_MS         (24 * 3600 * 1000)

struct zone_change {
    int64_t at_s;     /* since 1970 */
    int32_t offset_s; /* from then on */
};

struct zone {
    char name[ZONE_NAME_BYTES_MAX];
    int32_t first_offset_s; /* before the first change */
    size_t count;
    struct zone_change *changes; /* owned; in order */
};

/* Reads "Asia/Shanghai", a file of tzdata, or "+08:00". It switches TZ of the process for some milliseconds: only for the start and HUP.
 * Returns 0, or -1 with what is wrong and what to do appended to `error`. */
int zone_open(const char *text, struct zone *out, struct buf *error);
void zone_close(struct zone *z);

/* Seconds east of UTC at that moment. */
int32_t zone_offset_s(const struct zone *z, int64_t at_ms);

/* Milliseconds since midnight that the clocks show. */
int32_t zone_clock_ms(const struct zone *z, int64_t at_ms);

/* The first moment at or after from_ms at which the clocks show so many ms since midnight (0 to below ZONE_DAY_MS). On a day on which
 * they are put forward over it, the moment at which that is done; on one on which they show it twice each of the two counts. */
int64_t zone_next_ms(const struct zone *z, int32_t clock_ms, int64_t from_ms);

/* Appends 2026-11-28 09:00:00 +08:00. */
void zone_append(const struct zone *z, int64_t at_ms, struct buf *out);

#endif
