/* /readyz: can messages be accepted and sent now, and if not, why. Pure. */
#ifndef CONSOLE_READY_H
#define CONSOLE_READY_H

#include "console/heard.h"

/* Appends {"ready":true|false,"reasons":[{"name":…,"message":…}, …]}. Returns 1 when messages can be accepted and sent: reasons of another kind
 * (the task runner or the listener is away) are named all the same. The names:
 *   broker     it does not answer                accepting  new messages are refused
 *   sending    nothing can be sent now           token      the token keeper does not answer
 *   task       the task runner does not answer: only bulk tasks are concerned
 *   listener   the listener is missed: only callbacks and series are concerned */
int ready_write(const struct heard heard[PARTIES], int64_t mono_ms, struct buf *out);

#endif
