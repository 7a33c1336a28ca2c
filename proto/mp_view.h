/* Looks into packed maps and arrays by name, for data whose members may be missing or of another type than expected: those
 * read as empty or zero. Used for the data of answers of the broker. */
#ifndef PROTO_MP_VIEW_H
#define PROTO_MP_VIEW_H

#include "proto/mp.h"

/* The packed value of a member; empty when there is none or when it is no map. */
struct span mp_view(struct span map, const char *name);

/* One packed value. Numbers above INT64_MAX are INT64_MAX; fractions are cut. */
struct span mp_value_str(struct span packed);
int64_t mp_value_i64(struct span packed);
double mp_value_number(struct span packed);

/* The same of a member. */
struct span mp_view_str(struct span map, const char *name);
int64_t mp_view_i64(struct span map, const char *name);
double mp_view_number(struct span map, const char *name);

/* The elements of an array, or the names and values of a map. */
struct mp_list {
    struct mp_cursor c;
    uint32_t left;
};

/* Returns 0, or -1 when it is no array (no map), and then there is nothing to go through. */
int mp_list_open(struct mp_list *l, struct span array);
int mp_list_open_map(struct mp_list *l, struct span map);

/* Returns 1 with the next packed element, 0 at the end. */
int mp_list_next(struct mp_list *l, struct span *element);

#endif
