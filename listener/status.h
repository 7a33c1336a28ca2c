/* The listener's figures, in the answer to `status` on its socket. proto/MESSAGES.md lists them. */
#ifndef LISTENER_STATUS_H
#define LISTENER_STATUS_H

#include "base/buf.h"

/* `self` is a struct listener. Appends members of a map and returns how many. */
size_t status_pack(void *self, struct buf *out);

#endif
