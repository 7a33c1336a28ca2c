/* Series as they are shown: maps, what is zero or empty left out. Used by series_asks.c. */
#ifndef LISTENER_SERIES_INFO_H
#define LISTENER_SERIES_INFO_H

#include "listener/series_enrol.h"

/* One series; with what it starts by, its steps and so on, or without, as in a list. */
void series_info_pack(const struct series *s, const struct series_totals *totals, int is_whole, struct buf *out);

/* One person's row; its steps as an array of maps when is_whole. */
void series_info_pack_row(const struct series_row *row, int64_t now_ms, int is_whole, struct buf *out);

/* What would happen in this account at this event now: {app, event, now, series: [{name, timezone, vars, steps: [{step, at, local,
 * key, ttl}]}], ends: [name]}.
 * Only of the series `name`, unless that is empty. */
void series_info_pack_plan(const struct series_set *set, struct span app, struct span event, struct span name, int64_t now_ms, struct buf *out);

#endif
