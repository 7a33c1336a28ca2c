/* The members `cpu` (microseconds) and `rss` (bytes) of a status: what a process takes. */
#ifndef PROTO_USAGE_H
#define PROTO_USAGE_H

#include "base/buf.h"
#include "base/usage.h"

/* Appends both as members of a map; what is zero is left out. Returns how many were written. */
size_t usage_pack(const struct usage *usage, struct buf *out);

#endif
