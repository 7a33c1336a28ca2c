/* Ids for messages whose caller gives none: 32 hexadecimal digits that are random at each start, a "-", and a counter.
 *
 * Of one maker they ascend byte by byte, so that the store's index of ids grows at its end, page by full page. */
#ifndef PROTO_ID_MAKER_H
#define PROTO_ID_MAKER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/hash.h"
#include "proto/limits.h"

struct id_maker {
    char prefix[33]; /* no two makers have the same; ends with the "-" */
    uint64_t count;  /* made so far */
};

/* `random` is different in each process, and each time. */
void id_maker_open(struct id_maker *m, struct hash128 random);

/* Writes the next id into `room`, of which the span is a part. */
struct span id_maker_next(struct id_maker *m, char room[ID_BYTES_MAX]);

#endif
