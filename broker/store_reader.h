/* LMDB for another process than the broker: a reader that keeps the broker from overwriting one commit, and a copy of that.
 *
 * With store_engine.h the only files that know lmdb.h. LMDB runs in a child process: it maps the file and follows the pointers of
 * damaged pages, so the child may die, and then that is what there is to report. A reader keeps space from being reused as long
 * as it lives; whoever has one looks at store_watch.h meanwhile.
 */
#ifndef BROKER_STORE_READER_H
#define BROKER_STORE_READER_H

#include "broker/store_page.h"

enum reader_answer {
    READER_OK,
    READER_FAILED, /* it cannot be opened */
    READER_DAMAGED /* LMDB found it damaged, or came to grief on it */
};

struct reader {
    int child;   /* pid; 0 = none */
    int answers; /* what the child says; -1 = none */
    int data;    /* where a copy is read from; -1 = none */
    int held;    /* closed, the child ends; -1 = none */
};

/* Holds the newest commit of the store in `dir` until reader_end. `state` is that commit. On failure a message is in `error`, and
 * there is nothing to end. */
enum reader_answer reader_hold(struct reader *r, const char *dir, struct page_meta *state, struct buf *error);

/* Begins a compacted copy: the bytes of a data.mdb that come from r->data, up to their end. To be ended with reader_end_copy. */
enum reader_answer reader_copy(struct reader *r, const char *dir, struct buf *error);

/* After the end of the data: how the copy went. */
enum reader_answer reader_end_copy(struct reader *r, struct buf *error);

/* Ends the child, whatever it does. */
void reader_end(struct reader *r);

#endif
