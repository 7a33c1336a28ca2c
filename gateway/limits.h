/* Every limit of the gateway, with its unit and reason. README.md says what happens on reaching each. */
#ifndef GATEWAY_LIMITS_H
#define GATEWAY_LIMITS_H

/* --- what is unanswered --------------------------------------------------------------------------------- */

/* Pushes and TSets of one connection. The broker commits some thousand messages a turn; more from one
 * client would only wait here instead of in its own memory. */
#define GATEWAY_CONN_PUSHES_MAX 1024

/* Pushes and TSets in all: a second's work of the broker, so that a pause of it is bridged without holding
 * callers. */
#define GATEWAY_PUSHES_MAX 65536

/* Sends wait for WeChat, 50 to 350 ms each and longer in a queue, so they have bounds of their own. */
#define GATEWAY_CONN_SENDS_MAX 4096
#define GATEWAY_SENDS_MAX      262144

/* Packed requests in all. Looked at before a frame is taken, so it is passed by one request at most. */
#define GATEWAY_PENDING_BYTES_MAX ((size_t)256 * 1024 * 1024)

/* --- buffers -------------------------------------------------------------------------------------------- */

/* Taken from one connection at a time: some 500 small frames, so that no client holds up the others. */
#define GATEWAY_READ_BYTES ((size_t)32 * 1024)

/* A frame longer than this needs a share of GATEWAY_GATHER_BYTES_MAX while it arrives, or many clients
 * that begin long frames at once could fill the memory. */
#define GATEWAY_GATHER_FREE_BYTES ((size_t)16 * 1024)
#define GATEWAY_GATHER_BYTES_MAX  ((size_t)256 * 1024 * 1024)

/* Answers that a client has not read. The kernel holds some MiB more for it. */
#define GATEWAY_OUT_BYTES_MAX ((size_t)256 * 1024)

/* --- one turn of the loop ------------------------------------------------------------------------------- */

#define GATEWAY_EVENTS_MAX   64    /* file descriptors looked at */
#define GATEWAY_ACCEPTS_MAX  64    /* new connections of one listener */
#define GATEWAY_RESULTS_MAX  16384 /* results taken from the broker before callers are served again */

/* Requests that travel in one frame. The first bound that is reached ends it. */
#define GATEWAY_SEND_REQUESTS_MAX 256
#define GATEWAY_SEND_BYTES_MAX  ((size_t)256 * 1024)

/* Messages that libzmq holds for the broker. Requests are kept until they are answered anyway, and nothing
 * is asked again before the broker has read what went before it, so this only has to be larger than what
 * is ever unanswered. */
#define GATEWAY_SNDHWM 16384
#define GATEWAY_RCVHWM 65536

/* --- times ---------------------------------------------------------------------------------------------- */

#define GATEWAY_PING_BUSY_MS 1000 /* while anything is unanswered: how soon a restarted broker is noticed */
#define GATEWAY_PING_IDLE_MS 5000
#define GATEWAY_PING_DOWN_MS 200  /* after a lost connection, until the broker has answered once */

/* A Send waits as long as it must; it is asked about again this rarely only because the broker may have
 * had to drop an answer. As long as the broker's default send_patience. */
#define GATEWAY_SEND_AGAIN_MS 60000

/* A Push or TSet that is unanswered for so long is answered 500. Longer than any restart of the broker
 * takes. */
#define GATEWAY_GIVE_UP_MS 60000

/* After TERM, for unanswered requests, Sends in a call too; well below supervisord's stopwaitsecs of 10 s. */
#define GATEWAY_STOP_MS 2000

/* After TERM a connection that has all its answers is shut down, then read and forgotten for so long: a client that knows that end
 * closes it at once. */
#define GATEWAY_STOP_LINGER_MS 500

/* A connection that ends is read and forgotten for so long, or a reset would take the last answer with it. */
#define GATEWAY_LINGER_MS 2000

/* At the limit of connections the one that was silent longest makes room: in the middle of a frame (with nothing unanswered) or
 * before its first one for longer than GATEWAY_ROOM_HALF_MS, else between two for longer than GATEWAY_ROOM_IDLE_MS. */
#define GATEWAY_ROOM_HALF_MS 1000
#define GATEWAY_ROOM_IDLE_MS 10000
#define GATEWAY_ROOM_LOOKS   64 /* at connections that stay in the middle of a frame; those with something unanswered are passed over */

/* No accept for so long after the system had no descriptor left. */
#define GATEWAY_ACCEPT_PAUSE_MS 500

/* ZMTP heartbeats: a broker's host that vanished counts as a lost connection. */
#define GATEWAY_HEARTBEAT_MS         10000
#define GATEWAY_HEARTBEAT_TIMEOUT_MS 30000
#define GATEWAY_RECONNECT_MS         100

/* What the broker has not read yet: two turns of it, so that it always has something to do; more would only wait there instead of
 * here, and make a greedy client of the gateway (broker/clients.h). */
#define GATEWAY_AHEAD_REQUESTS 8192
#define GATEWAY_AHEAD_BYTES    ((size_t)4 * 1024 * 1024)

/* --- the system ----------------------------------------------------------------------------------------- */

#define GATEWAY_BACKLOG 4096 /* connections that the kernel holds before accept */

/* Descriptors kept from clients for ZeroMQ, the log and listeners: libzmq must always be able to
 * reconnect. */
#define GATEWAY_FDS_SPARE 64

#endif
