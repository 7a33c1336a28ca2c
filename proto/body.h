/* Variables as JSON, as a TCP frame or a command line brings them: JSON in, a packed map out. Pure: no input, no output.
 *
 * Nothing, white space and null are no variables; an object's members are the variables; of an array the
 * elements are the variables 0, 1, ... Of a name given twice both are passed on, in order: the renderer takes
 * the last.
 */
#ifndef PROTO_BODY_H
#define PROTO_BODY_H

#include "base/buf.h"

/* Reused for every body, so that none costs an allocation. A zeroed one is ready for use. */
struct body {
    struct buf vars;  /* packed map for request_pack; empty = no variables */
    struct buf error; /* what was wrong: names the body or the variable, and says what to do */
    struct buf text;  /* internal: strings without their escapes */
};

void body_free(struct body *b);

/* Returns 0 with b->vars, or -1 with b->error. Both stay until the next call. */
int body_read(struct body *b, struct span json);

#endif
