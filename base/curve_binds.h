/* Which sockets a program binds, so that a configuration that would open one to everybody is refused before anything is started, and
 * by --check-config. */
#ifndef BASE_CURVE_BINDS_H
#define BASE_CURVE_BINDS_H

#include "base/conf.h"

/* `program` as it is called: "mega-broker". One that binds no ZeroMQ socket has nothing to check. Returns 0, or -1 with a line for each
 * socket that is wrong. */
int curve_check_binds(const struct conf *conf, const char *program, struct buf *errors);

#endif
