/* The making of a task at mega-task: asks that are sent without waiting for the answer of each, some eight at
 * a time.
 *
 * They are kept until they are answered, and are answered in order: when one is lost (a daemon that was
 * restarted), all that are kept are sent again, so that no row comes before those in front of it. Rows are
 * numbered, and `done` of an answer says how many there are; that makes asking again harmless. What fails
 * once fails for good: the failure is printed, and every later call returns its status.
 */
#ifndef CLIENT_TASK_UPLOAD_H
#define CLIENT_TASK_UPLOAD_H

#include <signal.h>

#include "client/options.h"
#include "proto/task.h"

#define TASK_UPLOAD_KEPT_MAX 8

struct task_upload;

/* Connects; never blocks. Without a useful answer for timeout_ms it is given up; as soon as *is_stopped is
 * not 0, too (NULL: never). Returns NULL with the reason printed when the address is no endpoint. */
struct task_upload *task_upload_new(const struct access *access, const char *endpoint, int64_t timeout_ms,
                                    const volatile sig_atomic_t *is_stopped);
void task_upload_destroy(struct task_upload **self);

/* Sends an ask of making: `upload`, `ref` and `by` are filled in; a->data is copied, other spans must be
 * valid until it is answered. `end` is the number of rows that mega-task has when this ask has been done: of
 * rows a->row and those in a->data; of others 0. Waits while TASK_UPLOAD_KEPT_MAX are not answered. */
enum status task_upload_ask(struct task_upload *u, const struct task_ask *a, uint64_t end);

/* Waits until all are answered. */
enum status task_upload_wait(struct task_upload *u);

/* The answer to the last ask that was waited for, valid until the next call; zeroed when there is none. */
const struct answer *task_upload_answer(const struct task_upload *u);

/* Says that the task is not to be, whatever has happened, and waits a moment for the answer. */
void task_upload_abort(struct task_upload *u, const char *name);

#endif
