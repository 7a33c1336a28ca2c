/* The DEALER to the broker's frontend: asks what is pending, takes results, and notices when the broker or the connection to it is
 * another one than before.
 *
 *          pong to a ping of this connection
 *   DOWN ────────────────────────────────────▶ UP
 *    ▲                                          │ another epoch: everything is asked again
 *    └──────────────────────────────────────────┘
 *      connection lost: everything is asked again, as soon as it is up
 *
 * While DOWN only pings go out: libzmq tells of a loss just before it lets go of the connection's queue, so that what is sent then may be
 * lost unnoticed; once a ping of the new connection is answered, the old one is gone. The pong also tells whether several requests may
 * stand in one frame. Used by the I/O thread only, but wire_new and wire_destroy.
 */
#ifndef MEGA_LIB_WIRE_H
#define MEGA_LIB_WIRE_H

#include "base/curve.h"
#include "client/lib/pending.h"

struct wire;

/* Called with each answer to a pending call, which is the callee's to remove; `packed` is the whole result. */
typedef void wire_answered(void *self, struct call *c, struct span packed);

struct wire_options {
    const char *endpoint;
    const struct curve_keys *keys; /* only read by wire_new */
    struct pending *pending;       /* must outlive the wire */
    int64_t ask_again_ms;
    wire_answered *answered;
    void *self;
};

/* Connects; never blocks. NULL with errno and the text of mega_last_error; EINVAL: no endpoint. */
struct wire *wire_new(const struct wire_options *options);
void wire_destroy(struct wire **self);

/* Takes notice of lost connections, and takes results, a bounded number. */
void wire_receive(struct wire *w);

/* Pings when it is time, and asks what is unasked as far as the socket takes it. */
void wire_ask(struct wire *w, int64_t now_ms);

int wire_is_up(const struct wire *w);

/* Waits until there is something to do for the functions above, `wake_fd` is readable, or it is `until_ms`. */
void wire_wait(struct wire *w, int wake_fd, int64_t until_ms, int64_t now_ms);

/* Number of the last answered ping, for pending.h. */
uint32_t wire_answered_ping(const struct wire *w);

#endif
