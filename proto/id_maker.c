#include "proto/id_maker.h"

#include <string.h>

#define DIGITS_MIN 10 /* a trillion messages in order; ids that are longer are in order among themselves */

void id_maker_open(struct id_maker *m, struct hash128 random)
{
    hash_hex(random, m->prefix);
    m->prefix[sizeof m->prefix - 1] = '-';
    m->count = 0;
}

struct span id_maker_next(struct id_maker *m, char room[ID_BYTES_MAX])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t number = ++m->count;
    size_t count = DIGITS_MIN;
    while (count < 16 && number >> (4 * count) != 0)
        count++;
    memcpy(room, m->prefix, sizeof m->prefix);
    for (size_t i = 0; i < count; i++)
        room[sizeof m->prefix + i] = digits[number >> (4 * (count - 1 - i)) & 15];
    return (struct span){room, sizeof m->prefix + count};
}
