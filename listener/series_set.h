/* All series there are: the definitions of a folder, in memory. */
#ifndef LISTENER_SERIES_SET_H
#define LISTENER_SERIES_SET_H

#include "listener/series_def.h"

#define SERIES_MAX 256

struct series_set {
    struct series *all[SERIES_MAX]; /* owned; by name */
    size_t count;
    int64_t tick_ms; /* series_tick: not before, wall time */
};

struct series_set *series_set_new(void); /* an empty one */
void series_set_destroy(struct series_set **self);

/* Reads every NAME.ini of the folder in place of what there was; an empty `folder`: there are none. A file that is wrong leaves the
 * definition of that name as it was; a folder that cannot be read leaves all. Returns 0, or -1 with every error appended to `errors`, a line
 * each. What may be meant but cannot work, such as the end by a series that there is not, goes to `warnings`. */
int series_set_load(struct series_set *set, const char *folder, const struct conf *conf, struct buf *errors, struct buf *warnings);

/* Reads what [listener] series of this configuration names, and forgets it again; for program_open_checked. */
int series_set_check(const struct conf *conf, struct buf *errors, struct buf *warnings);

/* NULL when there is none. */
const struct series *series_set_find(const struct series_set *set, struct span name);

#endif
