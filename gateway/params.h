/* The parameters behind KEY: name=value, each set apart by one space. Pure.
 *
 * Ours beyond the original protocol. What is not of this form, or has a name that is not known, is ignored,
 * as the original ignored everything there. Of a name given twice the last value counts.
 */
#ifndef GATEWAY_PARAMS_H
#define GATEWAY_PARAMS_H

#include <stdint.h>

#include "base/buf.h"

struct params {
    struct span id;   /* empty = none given; spans point into the text */
    struct span task;
    struct span app;
    int64_t at_ms;    /* wall time; 0 = now */
    int64_t in_ms;    /* from now; 0 = now */
    int64_t ttl_ms;   /* 0 = none given */
    int lane;         /* enum lane, or -1 when none was given */
};

/* Reads all parameters. Returns NULL, or a constant text that names the wrong one and says what it may be. */
const char *params_read(struct span text, struct params *p);

#endif
