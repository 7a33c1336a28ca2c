/* Who sent a message: for limits and for the audit of who did what.
 *
 * ZeroMQ keeps with each message what was known of its connection when that was made, so this stays true when the connection is gone
 * and its descriptor has become another's. Every frame of a message has it but for the routing id that a ROUTER puts in front, which
 * has it only now and then.
 */
#ifndef BASE_PEER_H
#define BASE_PEER_H

#include <stdint.h>

#include "base/buf.h"

#define PEER_NAME_BYTES_MAX    64 /* of the name of a key, and so of every name here; without its NUL */
#define PEER_ADDRESS_BYTES_MAX 63 /* of an IP address, its scope included */

enum peer_kind {
    PEER_UNKNOWN, /* a message that did not come out of a socket, such as in tests; name "unknown" */
    PEER_KEY,     /* tcp under CURVE: name is that of the key, see base/curve_file.h */
    PEER_USER,    /* ipc: name is "uid:N", of the process that connected (SO_PEERCRED) */
    PEER_ADDRESS  /* tcp without CURVE: name is "ip:ADDRESS", which many can share */
};

struct peer {
    enum peer_kind kind;
    char name[PEER_NAME_BYTES_MAX + 1];       /* without spaces; a key's name has no ':', so no two kinds share a name */
    char address[PEER_ADDRESS_BYTES_MAX + 1]; /* of tcp; else "" */
    int64_t uid, pid;                         /* of PEER_USER, else -1; the pid at the time of the connect */
};

/* Fills in who sent the message; never fails. `message` is a zmq_msg_t that was received, not a routing id. `is_curve`: its socket is
 * under CURVE (curve_covers of base/curve.h). Elsewhere a peer can say in its handshake that its User-Id is whatever it likes. */
void peer_of(const void *message, int is_curve, struct peer *out);

/* The same from what ZeroMQ says: the User-Id of a connection under CURVE (else empty), and its Peer-Address. */
void peer_read(struct span user, struct span address, struct peer *out);

#endif
