/* Templates being read again: a tset goes to every living templater and is answered when all of them have spoken. */
#ifndef BROKER_TSET_H
#define BROKER_TSET_H

#include "broker/outbox.h"

struct broker;
struct stage;
struct tset;

struct tset_list {
    struct tset *first;
    uint64_t next_ref; /* from 1; 0 means "you are behind" */
    size_t count;
};

/* A caller's request. Answers at once when no templater is there. */
void tset_begin(struct broker *b, const struct caller *caller, struct span key);

/* A templater's answer. */
void tset_on_answer(struct broker *b, const struct stage *from, const struct control *m);

/* A templater is gone: nothing more is expected of it. */
void tset_on_leave(struct broker *b, uint64_t epoch);

/* Answers those that have waited too long. */
void tset_tick(struct broker *b);

void tset_free(struct tset_list *list);

#endif
