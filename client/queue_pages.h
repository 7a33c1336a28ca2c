/* Reads a list of messages page by page: list, dead and export. */
#ifndef CLIENT_QUEUE_PAGES_H
#define CLIENT_QUEUE_PAGES_H

#include "client/queue.h"

struct queue_pages {
    uint64_t limit;  /* entries at most; 0 = all */
    uint64_t count;  /* entries so far */
    int has_more;    /* 1: there are more than `limit` */
    uint64_t looked; /* messages that were looked at in all */
    void *self;
    /* An entry: a packed map, valid during the call. Returns 0, or -1 to end the reading with STATUS_FAILED. */
    int (*entry)(void *self, struct span entry);
    /* After each page, and while the broker brings its index up to date. `so_far` has the sums of all pages. */
    void (*page)(void *self, const struct answer *so_far);
};

/* Asks with a->from and a->limit filled in. Returns STATUS_DONE, or what was wrong, printed but for STATUS_FAILED. */
enum status queue_pages_read(struct queue_link *l, const struct ask *a, struct queue_pages *p);

#endif
