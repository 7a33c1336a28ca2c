/*
 * kind.h - the kinds of message calls, by their path: the one table.
 */
#ifndef SIM_KIND_H
#define SIM_KIND_H

#include <stdbool.h>

#include "tests/sim/body.h"

#define KIND_COUNT 4

struct kind {
    const char *path;
    enum body_kind body; /* what its body must be */
    bool has_msgid;      /* the answer carries one. Documented for template/send; seen for subscribe/send */
};

/* The kinds in order: 0 to KIND_COUNT - 1. */
const struct kind *kind_at(int number);
int kind_number(const struct kind *kind);

/* The kind that is sent by calls of this path, or NULL: it is no message call. */
const struct kind *kind_find(const char *path);

#endif
