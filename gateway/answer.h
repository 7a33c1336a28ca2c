/* Answers to TCP clients: what a result of the broker becomes in the protocol, and its bytes. Pure. */
#ifndef GATEWAY_ANSWER_H
#define GATEWAY_ANSWER_H

#include <stdint.h>

#include "base/buf.h"
#include "proto/frontend.h"

struct answer {
    enum code code;      /* OK, REFUSED or FAILED: the clients of the original know no others */
    struct span message; /* a constant, or in the result */
    int closes;          /* the connection ends behind this answer */
};

/* The answer to a request of this kind. The result must be final (any code but CODE_QUEUED). */
struct answer answer_of(enum op op, const struct result *r);

/* Appends the frame: result CODE, opaque, message. */
void answer_write(enum code code, uint32_t opaque, struct span message, struct buf *out);

#endif
