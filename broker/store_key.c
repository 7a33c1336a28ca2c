#include "broker/store_key.h"

#include <assert.h>
#include <string.h>

void key_u8(struct key *k, unsigned value)
{
    k->bytes[k->used++] = (char)value;
}

void key_u64(struct key *k, uint64_t value)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        k->bytes[k->used++] = (char)(value >> shift & 0xff);
}

void key_text(struct key *k, struct span text)
{
    assert(text.bytes <= 255 && k->used + 1 + text.bytes <= KEY_ROOM);
    key_u8(k, (unsigned)text.bytes);
    if (text.bytes) /* a request may name no account where there is no default one */
        memcpy(k->bytes + k->used, text.data, text.bytes);
    k->used += text.bytes;
}

uint64_t key_read_u64(const void *at)
{
    const unsigned char *bytes = at;
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | bytes[i];
    return value;
}

struct key key_seq(uint64_t seq)
{
    struct key k = {.used = 0};
    key_u64(&k, seq);
    return k;
}

struct key key_queue_prefix(struct span account, int lane, int timed)
{
    struct key k = {.used = 0};
    key_text(&k, account);
    key_u8(&k, (unsigned)lane);
    key_u8(&k, (unsigned)timed);
    return k;
}

struct key key_queue(struct span account, const struct place *p)
{
    struct key k = key_queue_prefix(account, p->lane, p->timed);
    key_u64(&k, (uint64_t)p->due_ms);
    key_u64(&k, p->seq);
    return k;
}

struct key key_parked_prefix(struct span account, struct span openid)
{
    struct key k = {.used = 0};
    key_text(&k, account);
    key_text(&k, openid);
    return k;
}

struct key key_parked(const struct message *m)
{
    struct key k = key_parked_prefix(m->account, m->openid);
    key_u8(&k, (unsigned)m->lane);
    key_u64(&k, (uint64_t)m->due_ms);
    key_u64(&k, m->seq);
    return k;
}

struct key key_id(struct span account, struct span id)
{
    struct key k = {.used = 0};
    key_text(&k, account);
    memcpy(k.bytes + k.used, id.data, id.bytes);
    k.used += id.bytes;
    return k;
}

struct key key_expiry(int64_t expires_ms, uint64_t seq)
{
    struct key k = {.used = 0};
    key_u64(&k, (uint64_t)expires_ms);
    key_u64(&k, seq);
    return k;
}

struct place key_place_of(const struct message *m)
{
    return (struct place){.seq = m->seq, .due_ms = m->due_ms, .lane = m->lane, .timed = m->timed};
}

int key_has_prefix(struct span key, const struct key *prefix)
{
    return key.bytes >= prefix->used && memcmp(key.data, prefix->bytes, prefix->used) == 0;
}
