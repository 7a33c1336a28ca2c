/* When the steps of a series are due, and what starts and ends it. Pure. */
#ifndef LISTENER_SERIES_PLAN_H
#define LISTENER_SERIES_PLAN_H

#include "listener/series_def.h"

/* When this step (from 0) of somebody who starts then is due; ms since 1970. */
int64_t series_plan_due_ms(const struct series *s, size_t step, int64_t start_ms);

/* 1 when the series starts (ends) by this event; of a text the `text` as it came. A follow by QR code is two: series_plan_starts of the
 * follow and of the scan. */
int series_plan_starts(const struct series *s, const struct series_trigger *event);
int series_plan_ends(const struct series *s, const struct series_trigger *event);

#endif
