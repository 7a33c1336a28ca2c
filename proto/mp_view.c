#include "proto/mp_view.h"

/* Opens an array (each element one value) or a map (two). */
static int open_list(struct mp_list *l, struct span packed, enum mp_type type, uint32_t values)
{
    *l = (struct mp_list){.left = 0};
    mp_open(&l->c, packed);
    struct mp_value v = mp_read(&l->c);
    if (v.type != type)
        return -1;
    l->left = v.as.count * values;
    return 0;
}

int mp_list_open(struct mp_list *l, struct span array)
{
    return open_list(l, array, MP_ARRAY, 1);
}

int mp_list_open_map(struct mp_list *l, struct span map)
{
    return open_list(l, map, MP_MAP, 2);
}

int mp_list_next(struct mp_list *l, struct span *element)
{
    if (l->left == 0)
        return 0;
    l->left--;
    *element = mp_skip(&l->c);
    return element->data != NULL;
}

struct span mp_view(struct span map, const char *name)
{
    struct mp_list members;
    struct span key, value;
    mp_list_open_map(&members, map);
    while (mp_list_next(&members, &key) && mp_list_next(&members, &value)) {
        if (span_is(mp_value_str(key), name))
            return value;
    }
    return (struct span){NULL, 0};
}

static struct mp_value read_value(struct span packed)
{
    struct mp_cursor c;
    mp_open(&c, packed);
    return mp_read(&c);
}

struct span mp_value_str(struct span packed)
{
    struct mp_value v = read_value(packed);
    return v.type == MP_STR || v.type == MP_BIN ? v.text : (struct span){NULL, 0};
}

double mp_value_number(struct span packed)
{
    struct mp_value v = read_value(packed);
    switch (v.type) {
    case MP_FLOAT:
        return v.as.number;
    case MP_UINT:
        return (double)v.as.u64;
    case MP_INT:
        return (double)v.as.i64;
    case MP_BOOL:
        return v.as.boolean;
    default:
        return 0;
    }
}

int64_t mp_value_i64(struct span packed)
{
    struct mp_value v = read_value(packed);
    if (v.type == MP_UINT)
        return v.as.u64 <= INT64_MAX ? (int64_t)v.as.u64 : INT64_MAX;
    if (v.type == MP_INT)
        return v.as.i64;
    if (v.type == MP_BOOL)
        return v.as.boolean;
    if (v.type == MP_FLOAT && v.as.number > -9e18 && v.as.number < 9e18)
        return (int64_t)v.as.number;
    return 0;
}

struct span mp_view_str(struct span map, const char *name)
{
    return mp_value_str(mp_view(map, name));
}

int64_t mp_view_i64(struct span map, const char *name)
{
    return mp_value_i64(mp_view(map, name));
}

double mp_view_number(struct span map, const char *name)
{
    return mp_value_number(mp_view(map, name));
}
