/* The exchange of mega queue with the broker's control socket, and of mega task with mega-task: asks, and the answers to them.
 *
 * One ask is under way at a time. It is asked again every QUEUE_AGAIN_MS until it is answered, under the same ref: asks that
 * change nothing may be asked as often as one likes, and the others are recognised by the broker as long as they run and
 * change nothing more when they are done. Answers to another ref are of an ask that is over, and ignored; so is what is no answer.
 */
#ifndef CLIENT_QUEUE_H
#define CLIENT_QUEUE_H

#include "client/options.h"
#include "proto/operator.h"

#define QUEUE_AGAIN_MS 3000

struct queue_link;

/* Connects; never blocks. Without any answer for timeout_ms an ask is given up. Returns NULL with the reason printed when the
 * address is no endpoint. */
struct queue_link *queue_link_new(const struct access *access, const char *endpoint, int64_t timeout_ms);
void queue_link_destroy(struct queue_link **self);

/* From now on an ask is given up after so long without any answer. */
void queue_link_limit(struct queue_link *l, int64_t timeout_ms);

/* Asks; `ref` and `by` are filled in, spans are copied. Answers to an earlier ask are ignored from now on. */
void queue_link_ask(struct queue_link *l, const struct ask *a);

/* For asks of another kind (proto/task.h): gives the ref and who asks, and the empty buffer into which the caller packs the ask;
 * then queue_link_send. `by` is valid as long as the link. */
struct buf *queue_link_prepare(struct queue_link *l, uint64_t *ref, struct span *by);
void queue_link_send(struct queue_link *l);

/* Asks the same again when it is time, or at once after `queue_link_ask`. */
void queue_link_again(struct queue_link *l);

/* Takes the next answer if there is one: 1, or 0. Spans are valid until the next call for this link. */
int queue_link_take(struct queue_link *l, struct answer *answer);

/* Waits for the next answer and asks again meanwhile. Returns STATUS_DONE, or STATUS_AWAY with the reason printed. */
enum status queue_link_wait(struct queue_link *l, struct answer *answer);

/* queue_link_ask and queue_link_wait for an ask with one answer. When its code is not 200, its message is printed and the
 * status that belongs to the code returned. */
enum status queue_exchange(struct queue_link *l, const struct ask *a, struct answer *answer);

/* Prints what an answer with a code that is neither 200 nor 100 says, and returns its status. */
enum status queue_refused(const struct answer *answer);

/* Prints that an answer makes no sense. Returns STATUS_AWAY. */
enum status queue_not_understood(void);

/* The socket alone, a zsock_t, for whoever has several asks under way: a DEALER with a name of its own, on which `waiting_max` messages
 * wait for a peer that is away; 0: none, sending fails then. NULL with the reason printed when the address is no endpoint. */
void *queue_socket_new(const struct access *access, const char *endpoint, int waiting_max);

/* "user@host", for the logs of whoever is asked; what is not plain is left out. */
#define QUEUE_BY_BYTES_MAX 64 /* see struct ask */
void queue_name_asker(char by[QUEUE_BY_BYTES_MAX + 1]);

/* The zsock to poll for reading, and how long to wait at most until queue_link_again is due. */
void *queue_link_socket(struct queue_link *l);
int64_t queue_link_wait_ms(const struct queue_link *l);

#endif
