/* The audit: who changed what. A file that is only appended to, one line an action, in the format of the log; mega audit shows it.
 *
 * Several processes append to the one file. It is opened for each line, so a file that was moved away by a log rotation stays as it
 * is, and a new one is made (0640). A line is with the kernel when audit_write returns, before the action is answered: the end of this
 * process loses none. It is on disk within about a second, for which audit_tick is to be called: a power cut may take that.
 *
 * An audit that cannot be written (full disk, wrong rights) does not stop the action: an error is logged, with what was done and by
 * whom. Never write a secret or a message's content into it.
 */
#ifndef BASE_AUDIT_H
#define BASE_AUDIT_H

#include "base/log.h"
#include "base/peer.h"

#define AUDIT_BY_BYTES_MAX   64 /* of the name that an asker gives itself */
#define AUDIT_USER_BYTES_MAX 32

struct audit;

/* Who asked: what he says, and what is known of his connection. Kept by value where an action takes its time. */
struct audit_who {
    char by[AUDIT_BY_BYTES_MAX + 1];     /* as claimed; may be empty */
    struct peer peer;                    /* proven */
    char user[AUDIT_USER_BYTES_MAX + 1]; /* of PEER_USER: name of the uid in /etc/passwd; "" when it has none there */
};

/* `program` is kept, the path copied. Makes the file's folder (0770) when it is missing. A file that cannot be opened is logged. */
struct audit *audit_new(const char *program, const char *path, int json);
void audit_destroy(struct audit **self);

/* `message`: a zmq_msg_t of what was received, any frame of it; `is_curve`: its socket is under CURVE (peer.h). */
void audit_find_who(const void *message, int is_curve, struct span by, struct audit_who *out);

/* Appends a line: the time, the program, op, who, then the fields; those whose key is NULL are left out. */
void audit_write(struct audit *a, const char *op, const struct audit_who *who, const struct log_field *fields, size_t count);

/* Call it about once a second or more often; now_ms is monotonic. */
void audit_tick(struct audit *a, int64_t now_ms);

#endif
