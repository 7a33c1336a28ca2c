/* What the files of the check share. Included by store_check*.c alone. */
#ifndef BROKER_STORE_CHECK_INTERNAL_H
#define BROKER_STORE_CHECK_INTERNAL_H

#include "broker/store_check.h"
#include "broker/store_internal.h"
#include "broker/store_sound.h"
#include "broker/store_tree.h"


struct check {
    struct store_file *file;
    const struct check_report *report;
    struct check_result *result;
    struct page_tree trees[DATABASES];
    int found[DATABASES];
    struct tree look[DATABASES]; /* for looking up only */
    uint64_t indexed;            /* recipients and tasks are found below this seq; 0 = not known */
    uint64_t total;              /* entries that there are to go through */
};

/* A walk through a database that reports and passes over what is bad. */
struct check_walk {
    struct check *c;
    struct tree tree;
    enum database db;
    uint64_t count;
    int had_bad;
};

void check_problem(struct check *c, enum problem what, enum database db, uint64_t seq, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

void check_walk_open(struct check *c, struct check_walk *w, enum database db);

/* Returns 1 with the next entry, 0 at the end. */
int check_walk_next(struct check_walk *w, struct span *key, struct span *value);

/* Compares the number of entries and closes the walk. */
void check_walk_close(struct check_walk *w);

/* Looking up. 1 = there, 0 = not there, -1 = the way there is damaged. */
int check_has(struct check *c, enum database db, const struct key *key);

/* What a seq leads to. STORE_NONE; STORE_DAMAGED: it cannot be read, or the way there. Spans are valid until the next read of the
 * same kind. */
enum store_answer check_read_message(struct check *c, uint64_t seq, struct message *m);
enum store_answer check_read_final(struct check *c, uint64_t seq, struct final *f);

/* 1 when something of that seq was set aside as damaged, or that cannot be told. */
int check_is_set_aside(struct check *c, uint64_t seq);

/* The keys under which a message may be held. Returns how many. */
size_t check_held_keys(const struct message *m, struct key keys[STORE_HOLDS_MAX]);

/* store_check_message.c: messages, marks and results. */
void check_messages(struct check *c);

/* store_check_entry.c: every other database. */
void check_entries(struct check *c);

#endif
