/* What the parts of bench-load share: a protocol to load a server with. See load.c. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct load_options {
    const char *host, *port;
    const struct protocol *protocol;
    unsigned connections; /* 1 to 10000 */
    unsigned window;      /* requests unanswered on each, 1 to 65536 */
    double seconds;       /* that are measured */
    double warm_seconds;  /* before that */
    const char *command;  /* mega: "push" or "send" */
    const char *key;      /* mega: the template */
    const char *extra;    /* mega: further parameters, such as "in=60000"; or empty */
};

/* One way to hand a message over and to be told that it was taken. All messages have variables of the same length, and a
 * recipient of their own. */
struct protocol {
    const char *name;

    /* Appends request number `number` of the whole load, which is in slot `slot` of its connection. */
    void (*request)(const struct load_options *o, struct buf *out, uint64_t number, uint32_t slot);

    /* Reads one answer at the beginning of `in`. Returns its bytes, 0 when it is not whole yet, -1 when it is none. *slot is left
     * alone where answers come in the order of the requests; *is_ok becomes 0 for a refusal. */
    long (*answer)(struct span in, uint32_t *slot, int *is_ok);
};

/* NULL when there is none of that name. */
const struct protocol *protocol_find(const char *name);

#endif
