#include "proto/mp.h"

#include <assert.h>
#include <string.h>

#include <msgpack/pack.h>

#define DEPTH_MAX 32 /* of what mp_skip steps over */

/* --- writing ------------------------------------------------------------------------------------------------------ */

static int write_bytes(void *data, const char *bytes, size_t count)
{
    buf_append(data, bytes, count);
    return 0;
}

static msgpack_packer packer(struct buf *out)
{
    return (msgpack_packer){.data = out, .callback = write_bytes};
}

void mp_map(struct buf *out, size_t count)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_map(&pk, count);
}

void mp_array(struct buf *out, size_t count)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_array(&pk, count);
}

void mp_span(struct buf *out, struct span text)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_str(&pk, text.bytes);
    buf_append(out, text.data, text.bytes);
}

void mp_str(struct buf *out, const char *text)
{
    mp_span(out, span_of(text));
}

void mp_bin(struct buf *out, struct span data)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_bin(&pk, data.bytes);
    buf_append(out, data.data, data.bytes);
}

void mp_u64(struct buf *out, uint64_t value)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_uint64(&pk, value);
}

void mp_i64(struct buf *out, int64_t value)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_int64(&pk, value);
}

void mp_double(struct buf *out, double value)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_double(&pk, value);
}

void mp_bool(struct buf *out, int value)
{
    msgpack_packer pk = packer(out);
    if (value)
        msgpack_pack_true(&pk);
    else
        msgpack_pack_false(&pk);
}

void mp_nil(struct buf *out)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_nil(&pk);
}

void mp_ext(struct buf *out, int8_t type, struct span data)
{
    msgpack_packer pk = packer(out);
    msgpack_pack_ext(&pk, data.bytes, type);
    buf_append(out, data.data, data.bytes);
}

void mp_raw(struct buf *out, struct span packed)
{
    buf_append(out, packed.data, packed.bytes);
}

void mp_put_str(struct buf *out, const char *name, const char *text)
{
    mp_str(out, name);
    mp_str(out, text);
}

void mp_put_span(struct buf *out, const char *name, struct span text)
{
    mp_str(out, name);
    mp_span(out, text);
}

void mp_put_u64(struct buf *out, const char *name, uint64_t value)
{
    mp_str(out, name);
    mp_u64(out, value);
}

void mp_put_i64(struct buf *out, const char *name, int64_t value)
{
    mp_str(out, name);
    mp_i64(out, value);
}

size_t mp_opt_span(struct buf *out, const char *name, struct span text)
{
    if (text.bytes == 0)
        return 0;
    mp_put_span(out, name, text);
    return 1;
}

size_t mp_opt_bin(struct buf *out, const char *name, struct span data)
{
    if (data.bytes == 0)
        return 0;
    mp_str(out, name);
    mp_bin(out, data);
    return 1;
}

size_t mp_opt_flag(struct buf *out, const char *name, int flag)
{
    if (!flag)
        return 0;
    mp_str(out, name);
    mp_bool(out, 1);
    return 1;
}

size_t mp_opt_raw(struct buf *out, const char *name, struct span packed)
{
    if (packed.bytes == 0)
        return 0;
    mp_str(out, name);
    mp_raw(out, packed);
    return 1;
}

size_t mp_opt_u64(struct buf *out, const char *name, uint64_t value)
{
    if (value == 0)
        return 0;
    mp_put_u64(out, name, value);
    return 1;
}

size_t mp_opt_i64(struct buf *out, const char *name, int64_t value)
{
    if (value == 0)
        return 0;
    mp_put_i64(out, name, value);
    return 1;
}

size_t mp_map_open(struct buf *out)
{
    static const char map16[3] = {(char)0xde, 0, 0};
    size_t place = out->bytes;
    buf_append(out, map16, sizeof map16);
    return place;
}

void mp_map_close(struct buf *out, size_t place, size_t count)
{
    assert(count <= 0xffff && place + 3 <= out->bytes);
    out->data[place + 1] = (char)(count >> 8);
    out->data[place + 2] = (char)(count & 0xff);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

void mp_open(struct mp_cursor *c, struct span packed)
{
    c->at = packed.data;
    c->end = packed.data ? packed.data + packed.bytes : NULL;
    c->failed = 0;
}

static struct mp_value fail(struct mp_cursor *c)
{
    c->failed = 1;
    c->at = c->end;
    return (struct mp_value){.type = MP_ERROR};
}

static size_t left(const struct mp_cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* Reads a big-endian number of 1, 2, 4 or 8 bytes. The caller has checked that they are there. */
static uint64_t take_be(struct mp_cursor *c, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | (unsigned char)c->at[i];
    c->at += bytes;
    return value;
}

static struct mp_value bytes_value(struct mp_cursor *c, enum mp_type type, uint64_t bytes)
{
    if (bytes > left(c))
        return fail(c);
    struct mp_value v = {.type = type, .text = {c->at, (size_t)bytes}};
    c->at += bytes;
    return v;
}

/* A container's header. Every element takes a byte at least, so a larger count than the bytes left is a lie. */
static struct mp_value container(struct mp_cursor *c, enum mp_type type, uint64_t count)
{
    uint64_t needed = type == MP_MAP ? count * 2 : count;
    if (needed > left(c))
        return fail(c);
    return (struct mp_value){.type = type, .as.count = (uint32_t)count};
}

static struct mp_value unsigned_value(uint64_t value)
{
    return (struct mp_value){.type = MP_UINT, .as.u64 = value};
}

static struct mp_value signed_value(int64_t value)
{
    if (value >= 0)
        return unsigned_value((uint64_t)value);
    return (struct mp_value){.type = MP_INT, .as.i64 = value};
}

static struct mp_value float_value(struct mp_cursor *c, unsigned bytes)
{
    uint64_t raw = take_be(c, bytes);
    struct mp_value v = {.type = MP_FLOAT};
    if (bytes == 8) {
        memcpy(&v.as.number, &raw, sizeof raw);
        return v;
    }
    uint32_t raw32 = (uint32_t)raw;
    float single;
    memcpy(&single, &raw32, sizeof raw32);
    v.as.number = (double)single;
    return v;
}

static struct mp_value ext_value(struct mp_cursor *c, uint64_t bytes)
{
    if (left(c) < 1)
        return fail(c);
    int8_t type = (int8_t)take_be(c, 1);
    struct mp_value v = bytes_value(c, MP_EXT, bytes);
    v.ext = type;
    return v;
}

static int64_t sign_extend(uint64_t value, unsigned bytes)
{
    switch (bytes) {
    case 1:
        return (int8_t)value;
    case 2:
        return (int16_t)value;
    case 4:
        return (int32_t)value;
    default:
        return (int64_t)value;
    }
}

/* Types whose first byte is followed by a number of 1, 2, 4 or 8 bytes; the encoding counts those in powers of two. */
static struct mp_value sized_value(struct mp_cursor *c, unsigned char first)
{
    static const unsigned char number_bytes[32] = {
        [0x04] = 1, [0x05] = 2, [0x06] = 4, /* bin */
        [0x07] = 1, [0x08] = 2, [0x09] = 4, /* ext */
        [0x0a] = 4, [0x0b] = 8,             /* float */
        [0x0c] = 1, [0x0d] = 2, [0x0e] = 4, [0x0f] = 8, /* uint */
        [0x10] = 1, [0x11] = 2, [0x12] = 4, [0x13] = 8, /* int */
        [0x19] = 1, [0x1a] = 2, [0x1b] = 4, /* str */
        [0x1c] = 2, [0x1d] = 4,             /* array */
        [0x1e] = 2, [0x1f] = 4,             /* map */
    };
    unsigned bytes = number_bytes[first - 0xc0];
    if (bytes == 0 || left(c) < bytes)
        return fail(c);
    if (first == 0xca || first == 0xcb)
        return float_value(c, bytes);
    uint64_t number = take_be(c, bytes);
    if (first <= 0xc6)
        return bytes_value(c, MP_BIN, number);
    if (first <= 0xc9)
        return ext_value(c, number);
    if (first <= 0xcf)
        return unsigned_value(number);
    if (first <= 0xd3)
        return signed_value(sign_extend(number, bytes));
    if (first <= 0xdb)
        return bytes_value(c, MP_STR, number);
    return container(c, first <= 0xdd ? MP_ARRAY : MP_MAP, number);
}

struct mp_value mp_read(struct mp_cursor *c)
{
    if (c->failed || left(c) == 0)
        return fail(c);
    unsigned char first = (unsigned char)*c->at++;
    if (first <= 0x7f)
        return unsigned_value(first);
    if (first <= 0x8f)
        return container(c, MP_MAP, first & 0x0f);
    if (first <= 0x9f)
        return container(c, MP_ARRAY, first & 0x0f);
    if (first <= 0xbf)
        return bytes_value(c, MP_STR, first & 0x1f);
    if (first >= 0xe0)
        return signed_value((int8_t)first);
    if (first == 0xc0)
        return (struct mp_value){.type = MP_NIL};
    if (first == 0xc2 || first == 0xc3)
        return (struct mp_value){.type = MP_BOOL, .as.boolean = first == 0xc3};
    if (first >= 0xd4 && first <= 0xd8)
        return ext_value(c, 1u << (first - 0xd4));
    return sized_value(c, first);
}

struct span mp_skip(struct mp_cursor *c)
{
    const char *from = c->at;
    uint64_t todo[DEPTH_MAX + 1]; /* values still to step over, by depth */
    unsigned depth = 0;
    todo[0] = 1;
    for (;;) {
        while (todo[depth] == 0) {
            if (depth == 0)
                return (struct span){from, (size_t)(c->at - from)};
            depth--;
        }
        todo[depth]--;
        struct mp_value v = mp_read(c);
        if (v.type == MP_ERROR)
            return (struct span){NULL, 0};
        if (v.type != MP_ARRAY && v.type != MP_MAP)
            continue;
        if (depth == DEPTH_MAX) {
            fail(c);
            return (struct span){NULL, 0};
        }
        todo[++depth] = v.type == MP_MAP ? (uint64_t)v.as.count * 2 : v.as.count;
    }
}

enum mp_type mp_peek(const struct mp_cursor *c)
{
    struct mp_cursor copy = *c;
    return mp_read(&copy).type;
}

int mp_read_name(struct mp_cursor *c, struct span *name)
{
    struct mp_value v = mp_read(c);
    if (v.type != MP_STR) {
        fail(c);
        return -1;
    }
    *name = v.text;
    return 0;
}

uint64_t mp_read_u64(struct mp_cursor *c)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_UINT)
        return v.as.u64;
    fail(c);
    return 0;
}

int64_t mp_read_i64(struct mp_cursor *c)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_INT)
        return v.as.i64;
    if (v.type == MP_UINT && v.as.u64 <= INT64_MAX)
        return (int64_t)v.as.u64;
    fail(c);
    return 0;
}

struct span mp_read_str(struct mp_cursor *c)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_STR || v.type == MP_BIN)
        return v.text;
    fail(c);
    return (struct span){NULL, 0};
}

uint32_t mp_read_array(struct mp_cursor *c)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_ARRAY)
        return v.as.count;
    fail(c);
    return 0;
}

uint32_t mp_read_map(struct mp_cursor *c)
{
    struct mp_value v = mp_read(c);
    if (v.type == MP_MAP)
        return v.as.count;
    fail(c);
    return 0;
}

int mp_find(struct span map, const char *wanted, struct mp_cursor *c)
{
    mp_open(c, map);
    uint32_t count = mp_read_map(c);
    for (uint32_t i = 0; i < count && !c->failed; i++) {
        struct span name;
        if (mp_read_name(c, &name))
            return 0;
        if (span_is(name, wanted))
            return 1;
        mp_skip(c);
    }
    return 0;
}
