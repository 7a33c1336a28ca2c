/* One frame (the protocol's package) of a TCP client: bytes in, a request or a refusal out. Pure: no input,
 * no output.
 *
 *   packLength  headerLength  header            opaque  bodyLength  body
 *   4           4             headerLength      4       4           bodyLength
 *
 * Source: the Mega-Wechat TCP protocol, with exchanges recorded from the original service
 * (tests/data/vectors.json).
 */
#ifndef GATEWAY_FRAME_H
#define GATEWAY_FRAME_H

#include <stdint.h>

#include "base/buf.h"
#include "gateway/params.h"
#include "proto/frontend.h"

/* Room for a refusal's message that is put together here; an unknown word is cut to fit. */
#define FRAME_TEXT_BYTES_MAX 192

enum frame_status {
    FRAME_PARTIAL, /* more bytes are needed */
    FRAME_REQUEST, /* a Send, Push or TSet */
    FRAME_IGNORED, /* a Result: nothing to do, nothing to answer */
    FRAME_REFUSED  /* answer with code, opaque and message */
};

/* Which members mean something depends on the status; the others are undefined. Spans point into the bytes
 * read. */
struct frame {
    size_t bytes;           /* REQUEST, IGNORED, REFUSED: the frame as a whole */
    size_t wanted_bytes;    /* PARTIAL: the frame as a whole, 0 as long as that is not known */
    uint32_t opaque;        /* REQUEST, REFUSED: the caller's number, 0 where the protocol says so */
    enum op op;             /* REQUEST: OP_SEND, OP_PUSH or OP_TSET */
    struct span openid;     /* Send, Push */
    struct span key;
    struct span body;       /* Send, Push: JSON, not looked at */
    struct params params;   /* Send, Push */
    enum code code;         /* REFUSED */
    int closes;             /* REFUSED: the connection ends behind this answer */
    struct span message;    /* REFUSED: a constant, or in `text` */
    char text[FRAME_TEXT_BYTES_MAX];
};

/* Reads the frame at the beginning of `bytes`. package_bytes_max bounds a whole frame with its length; a
 * longer one is refused as soon as its length is there. */
enum frame_status frame_read(struct span bytes, size_t package_bytes_max, struct frame *f);

#endif
