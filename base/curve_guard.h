/* Who may come in over tcp: the gatekeeper of every process that binds a socket under CURVE.
 *
 * It is libzmq's authentication handler (ZAP, rfc.zeromq.org/spec/27) in a thread of its own. A key may come in when a file of the
 * folder [curve] clients has it, with a role that opens the socket; and the two keys of the installation itself always may: our own and
 * [curve] server_key. A key that may not is turned away without a word and may try again.
 *
 * The folder is looked at twice a second, and when somebody comes whose key is not known. When a key has lost something, every
 * connection of the process's guarded sockets is cut: those who still may are back within a moment (a ZeroMQ socket reconnects by
 * itself, and whoever uses one here asks again), the others are not. What a key had sent before is still in the socket then, so whoever
 * reads a guarded socket asks curve_guard_admits about each message.
 */
#ifndef BASE_CURVE_GUARD_H
#define BASE_CURVE_GUARD_H

#include "base/conf.h"
#include "base/curve_role.h"

struct curve_guard;

/* `conf` must outlive it. The thread is started with the first socket that needs it. One for each process: libzmq asks one handler. */
struct curve_guard *curve_guard_new(const struct conf *conf);

/* After the sockets: without it libzmq would let everybody in. */
void curve_guard_destroy(struct curve_guard **self);

/* Binds a zsock, under CURVE when the endpoint is tcp and there is a key; an ipc socket gets mode 0660. Returns the port, 0 for ipc, or -1 with errno; EACCES (logged
 * with what to do) when other hosts could reach it without CURVE. */
int curve_guard_bind(struct curve_guard *guard, void *socket, enum curve_domain domain, const char *endpoint);

/* 1 when who sent the message may do this now. `message` is a zmq_msg_t, not a routing id; `endpoint` is what its socket was bound to.
 * Always 1 for a socket that is not under CURVE. Refusals are logged. */
int curve_guard_admits(struct curve_guard *guard, const char *endpoint, enum curve_domain domain, const void *message);

#endif
