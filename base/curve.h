/* CURVE (rfc.zeromq.org/spec/26) on ZeroMQ's tcp sockets: encryption, and both ends know each other by their keys.
 *
 * A process has one pair of keys, [curve] key, and one other public key that counts for it: that of the installation it belongs to,
 * [curve] server_key. With them every tcp socket is under CURVE, whether it binds or connects; ipc sockets have their file modes, and
 * inproc stays in the process. Nothing here asks who comes in: that is base/curve_guard.h, for those who bind.
 *
 * An endpoint may carry the key of who is there: tcp://HOST:PORT?key=KEY. So a sender with a pair of its own tells how it is reached.
 *
 * Sockets are those of libzmq itself (zsock_resolve), so that libmega can use this, too.
 */
#ifndef BASE_CURVE_H
#define BASE_CURVE_H

#include "base/curve_file.h"

#define CURVE_ENDPOINT_KEY "?key=" /* and CURVE_KEY_CHARS characters, at the end */

/* All empty: there is no CURVE. The secret key is a secret. */
struct curve_keys {
    char name[PEER_NAME_BYTES_MAX + 1];   /* of the own pair */
    char public_key[CURVE_KEY_CHARS + 1];
    char secret_key[CURVE_KEY_CHARS + 1];
    char server_key[CURVE_KEY_CHARS + 1]; /* of the installation; the own public key when none is given */
};

/* Reads the pair of the file `key`; `server_key` as for curve_key_find, or NULL or "" for the pair's own. Returns 0, or -1 with a
 * sentence that begins with the name of the key in the configuration ("key: ...", "server_key: ..."). */
int curve_keys_read(const char *key, const char *server_key, struct curve_keys *out, struct buf *error);

/* 1 when a socket of this endpoint is under CURVE: tcp, and there is a key. */
int curve_covers(const struct curve_keys *keys, const char *endpoint);

/* 1 when nobody on another host can reach what is bound there: 127.0.0.0/8, ::1 or the interface lo, and everything but tcp. What is
 * not certain is not loopback, such as names of hosts. */
int curve_is_local(const char *endpoint);

/* Why an endpoint must not be bound, or NULL when it may: it is neither local nor under CURVE, and `allowed` ([curve] plaintext = allow)
 * is 0. */
const char *curve_bind_error(const struct curve_keys *keys, int allowed, const char *endpoint);

/* Takes the key off the end of an endpoint. Returns the address in front; `key` is empty when there is none. */
struct span curve_endpoint_split(struct span endpoint, struct span *key);

/* Makes ready a socket that is going to connect to `endpoint`, and connects it. Without keys it connects as it is. Returns 0, or -1 with
 * zmq_errno(): EINVAL for what is no endpoint, or when it carries a key and there is none of our own. */
int curve_connect(void *raw, const struct curve_keys *keys, const char *endpoint);

/* Makes ready a socket that is going to be bound: it has our pair, and `domain` is asked about each connection (curve_guard). */
void curve_serve(void *raw, const struct curve_keys *keys, const char *domain);

#endif
