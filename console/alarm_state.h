/* What of the alarms outlives a restart, as the bytes of a file: what is raised and when people were told, silences, the stages that
 * there should be. Pure.
 *
 * Bytes that are damaged, cut or of another version are noticed by their hash and read as nothing: then what still holds is told
 * once more, and no harm is done. */
#ifndef CONSOLE_ALARM_STATE_H
#define CONSOLE_ALARM_STATE_H

#include "console/alarm_watch.h"

#define ALARM_STATE_BYTES_MAX (1024 * 1024) /* far more than all the tables full take */

void alarm_state_pack(const struct alarm_watch *w, const struct alarm_stages *stages, int64_t mono_ms, int64_t wall_ms,
                      struct buf *out);

/* Fills both, which are empty. Returns 0, or -1 when the bytes are damaged; both are empty then. */
int alarm_state_unpack(struct span packed, struct alarm_watch *w, struct alarm_stages *stages, int64_t mono_ms, int64_t wall_ms);

#endif
