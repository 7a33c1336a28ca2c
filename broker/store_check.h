/* Checks a store against everything that store_internal.h says of it, in one state of its data file.
 *
 * Goes through every database once, and from each entry to what it belongs to: messages, marks and results side by side in the
 * order of seq, the others by looking up. Memory does not grow with the number of messages, but for two bits a page.
 *
 *   store_check.c          the order of things, walks, pages
 *   store_check_message.c  messages, marks, results: what must be there of each
 *   store_check_entry.c    the other databases: what each entry must lead to
 *
 * Used by tool_verify.c. Never fails: what is wrong is reported.
 */
#ifndef BROKER_STORE_CHECK_H
#define BROKER_STORE_CHECK_H

#include "broker/store_engine.h"
#include "broker/store_file.h"

enum problem {
    /* Damage of LMDB's pages: the broker ends when it meets them. */
    PROBLEM_PAGE,    /* a page cannot be read or is not what it has to be */
    PROBLEM_ENTRY,   /* an entry of a page lies outside of it or is out of order */
    PROBLEM_COUNT,   /* a database has not as many entries as it should have */
    PROBLEM_USE,     /* a page is used and free, or neither */
    PROBLEM_STATE,   /* no state to begin with, no database of that name, or of another version of mega-broker */
    /* Damage of what is in them. */
    PROBLEM_VALUE,   /* wrong checksum */
    PROBLEM_KEY,     /* a key that is none of ours */
    PROBLEM_NOWHERE, /* a message that stands in no place */
    PROBLEM_TWICE,   /* a message that stands in more than one */
    PROBLEM_PLACE,   /* an entry of a place that leads to no message that belongs there */
    PROBLEM_MARK,    /* a mark of a message that is not there or is settled */
    PROBLEM_SETTLED, /* a message that is settled, not dead, and still there */
    PROBLEM_NO_ID,   /* a message or result that its id does not lead to */
    PROBLEM_ID,      /* an id that leads to nothing of that id */
    PROBLEM_NO_END,  /* a result that is not listed as dead or ended */
    PROBLEM_END,     /* one that is listed as dead or ended and is not */
    PROBLEM_NO_OVER, /* a message with a time to be over that nothing will find */
    PROBLEM_OVER,    /* a time at which no message is over */
    PROBLEM_NO_INDEX, /* a message that is not found by its recipient or task */
    PROBLEM_INDEX,   /* an entry of recipients or tasks that leads to nothing of theirs */
    PROBLEMS
};

/* What is told while the check goes on. */
struct check_report {
    void *self;
    /* `seq` is 0 where none is known. `text` is plain ASCII, valid during the call. */
    void (*problem)(void *self, enum problem what, const char *database, uint64_t seq, const char *text);
    /* Something that was set aside as damaged before: no problem any more. `seq` as above. */
    void (*set_aside)(void *self, uint64_t seq, size_t bytes);
    /* Asked every few thousand steps. Returns 0 to go on, -1 to end the check. */
    int (*step)(void *self, uint64_t done, uint64_t total);
};

struct check_result {
    uint64_t problems[PROBLEMS];
    uint64_t waiting, out, settled, dead, set_aside; /* messages */
    uint64_t entries;                                /* of all databases */
    int is_stopped;                                  /* 1: `step` ended it */
};

/* Checks the state that `f` has begun with. */
void store_check(struct store_file *f, const struct check_report *report, struct check_result *result);

/* "damaged page", for people and programs. */
const char *store_problem_name(enum problem what);

/* 1 when LMDB's pages themselves are damaged. */
int store_problem_is_of_pages(enum problem what);

#endif
