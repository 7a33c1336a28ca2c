/* msgpack: writing with msgpack-c's packer onto a struct buf, reading with a cursor in place.
 *
 * The reader is our own because msgpack-c's unpacker builds a tree and reserves what a peer claims (an array header of five
 * bytes can ask for gigabytes), and because variables are passed on as the bytes they came in. The cursor allocates nothing;
 * every length is checked against the bytes that are there. A cursor that has met an error stays in it.
 */
#ifndef PROTO_MP_H
#define PROTO_MP_H

#include <stdint.h>

#include "base/buf.h"

/* --- writing ------------------------------------------------------------------------------------------------------ */

void mp_map(struct buf *out, size_t count);
void mp_array(struct buf *out, size_t count);
void mp_str(struct buf *out, const char *text);
void mp_span(struct buf *out, struct span text); /* as str */
void mp_bin(struct buf *out, struct span data);
void mp_u64(struct buf *out, uint64_t value); /* shortest form */
void mp_i64(struct buf *out, int64_t value);  /* shortest form */
void mp_double(struct buf *out, double value);
void mp_bool(struct buf *out, int value);
void mp_nil(struct buf *out);
void mp_ext(struct buf *out, int8_t type, struct span data);
void mp_raw(struct buf *out, struct span packed); /* a value that is msgpack already */

/* Members of a map: the name and the value. */
void mp_put_str(struct buf *out, const char *name, const char *text);
void mp_put_span(struct buf *out, const char *name, struct span text);
void mp_put_u64(struct buf *out, const char *name, uint64_t value);
void mp_put_i64(struct buf *out, const char *name, int64_t value);

/* Members that are left out when they are empty or zero. They return the number of members written, 0 or 1. */
size_t mp_opt_span(struct buf *out, const char *name, struct span text);
size_t mp_opt_raw(struct buf *out, const char *name, struct span packed);
size_t mp_opt_u64(struct buf *out, const char *name, uint64_t value);
size_t mp_opt_i64(struct buf *out, const char *name, int64_t value);
size_t mp_opt_bin(struct buf *out, const char *name, struct span data);
size_t mp_opt_flag(struct buf *out, const char *name, int flag); /* true; left out when it is 0 */

/* A map whose number of members is known only at its end: mp_map_open reserves a map16 header and returns its place;
 * mp_map_close writes the count (at most 65,535). */
size_t mp_map_open(struct buf *out);
void mp_map_close(struct buf *out, size_t place, size_t count);

/* --- reading ------------------------------------------------------------------------------------------------------ */

/* A JSON number that fits neither 64-bit integer nor is a fraction (12345678901234567890123, -0) travels as this ext type;
 * its data is the number as it was written. */
#define MP_EXT_NUMBER 1

enum mp_type { MP_ERROR, MP_NIL, MP_BOOL, MP_UINT, MP_INT, MP_FLOAT, MP_STR, MP_BIN, MP_ARRAY, MP_MAP, MP_EXT };

struct mp_value {
    enum mp_type type;
    union {
        int boolean;
        uint64_t u64;    /* MP_UINT: every integer >= 0 */
        int64_t i64;     /* MP_INT: integers below 0 */
        double number;   /* MP_FLOAT */
        uint32_t count;  /* MP_ARRAY: elements, MP_MAP: pairs, which follow in the cursor */
    } as;
    struct span text;    /* MP_STR, MP_BIN, MP_EXT: the bytes in place */
    int8_t ext;          /* MP_EXT: its type */
};

struct mp_cursor {
    const char *at, *end;
    int failed;
};

void mp_open(struct mp_cursor *c, struct span packed);

/* Reads one value; of an array or a map its header only. MP_ERROR at the end or when the bytes are no msgpack. */
struct mp_value mp_read(struct mp_cursor *c);

/* Skips one whole value, nested at most 32 deep. Returns its bytes; data is NULL on an error. */
struct span mp_skip(struct mp_cursor *c);

/* The type of the next value, MP_ERROR at the end. Reads nothing. */
enum mp_type mp_peek(const struct mp_cursor *c);

/* Reads a map member's name. Returns 0 and the name, or -1 when the next value is no str. */
int mp_read_name(struct mp_cursor *c, struct span *name);

/* Opens `c` on the value of a member of a packed map. Returns 1, or 0 when there is no such member, or no map. */
int mp_find(struct span map, const char *wanted, struct mp_cursor *c);

/* Typed reads, for messages between our own processes: the value, or 0/empty with c->failed set when the type is another. */
uint64_t mp_read_u64(struct mp_cursor *c);
int64_t mp_read_i64(struct mp_cursor *c);
struct span mp_read_str(struct mp_cursor *c); /* str or bin */
uint32_t mp_read_array(struct mp_cursor *c);
uint32_t mp_read_map(struct mp_cursor *c);

#endif
