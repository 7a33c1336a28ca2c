#include "broker/store_key.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#include "base/hash.h"

void key_u8(struct key *k, unsigned value)
{
    k->bytes[k->used++] = (char)value;
}

void key_u64(struct key *k, uint64_t value)
{
    uint64_t big = htobe64(value);
    memcpy(k->bytes + k->used, &big, sizeof big);
    k->used += sizeof big;
}

void key_text(struct key *k, struct span text)
{
    assert(text.bytes <= 255 && k->used < KEY_ROOM);
    key_u8(k, (unsigned)text.bytes);
    key_raw(k, text);
}

void key_raw(struct key *k, struct span bytes)
{
    assert(bytes.bytes <= KEY_ROOM - k->used);
    if (bytes.bytes) /* a request may name no account where there is no default one */
        memcpy(k->bytes + k->used, bytes.data, bytes.bytes);
    k->used += bytes.bytes;
}

uint64_t key_read_u64(const void *at)
{
    uint64_t big;
    memcpy(&big, at, sizeof big);
    return be64toh(big);
}

/* An empty key whose room is left as it is: keys are made several times for each message, and clearing them would be most of it. */
static struct key begin(void)
{
    struct key k;
    k.used = 0;
    return k;
}

struct key key_seq(uint64_t seq)
{
    struct key k = begin();
    key_u64(&k, seq);
    return k;
}

struct key key_queue_prefix(struct span account, int lane)
{
    struct key k = begin();
    key_text(&k, account);
    key_u8(&k, (unsigned)lane);
    return k;
}

struct key key_queue(struct span account, const struct place *p)
{
    struct key k = key_queue_prefix(account, p->lane);
    key_u64(&k, (uint64_t)p->due_ms);
    key_u64(&k, p->seq);
    return k;
}

struct key key_parked_prefix(struct span account, struct span openid)
{
    struct key k = begin();
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
    struct key k = begin();
    key_text(&k, account);
    key_raw(&k, id);
    return k;
}

struct key key_held(uint64_t hold, int64_t due_ms, uint64_t seq)
{
    struct key k = begin();
    key_u64(&k, hold);
    key_u64(&k, (uint64_t)due_ms);
    key_u64(&k, seq);
    return k;
}

struct key key_time(int64_t ms, uint64_t seq)
{
    struct key k = begin();
    key_u64(&k, (uint64_t)ms);
    key_u64(&k, seq);
    return k;
}

struct key key_person(struct span account, struct span openid, uint64_t seq)
{
    struct key who = begin(), k = begin();
    key_raw(&who, account);
    key_u8(&who, 0);
    key_raw(&who, openid);
    key_u64(&k, hash_64(who.bytes, who.used));
    key_u64(&k, seq);
    return k;
}

/* WeChat's msgids ascend with time, more or less, so these keys are written side by side. */
struct key key_msgid(int64_t msgid, uint64_t seq)
{
    struct key k = begin();
    key_u64(&k, (uint64_t)msgid);
    key_u64(&k, seq);
    return k;
}

struct key key_task(struct span account, struct span task, uint64_t seq)
{
    struct key k = begin();
    key_text(&k, account);
    key_text(&k, task);
    key_u64(&k, seq);
    return k;
}

struct key key_copy(struct span key)
{
    struct key k = begin();
    key_raw(&k, (struct span){key.data, key.bytes < KEY_ROOM ? key.bytes : KEY_ROOM});
    return k;
}

uint64_t key_read_seq(struct span key)
{
    return key_read_u64(key.data + key.bytes - KEY_SEQ_BYTES);
}

int key_is_sound(struct span key, size_t bytes)
{
    if (key.bytes != bytes || bytes < KEY_SEQ_BYTES)
        return 0;
    uint64_t seq = key_read_seq(key);
    return seq > 0 && seq <= INT64_MAX;
}

/* Reads a text with its length in front, behind which `behind` bytes or more must follow. Moves `key` behind it. */
static int read_text(struct span *key, size_t behind, struct span *text)
{
    if (key->bytes == 0)
        return -1;
    size_t bytes = (unsigned char)key->data[0];
    if (key->bytes < 1 + bytes + behind)
        return -1;
    *text = (struct span){key->data + 1, bytes};
    *key = (struct span){key->data + 1 + bytes, key->bytes - 1 - bytes};
    return 0;
}

int key_read_windows(struct span key, struct span *account, struct span *openid)
{
    struct span rest = key;
    int is_whole = read_text(&rest, 0, account) == 0 && read_text(&rest, 0, openid) == 0 && rest.bytes == 0;
    return is_whole && account->bytes <= ACCOUNT_BYTES_MAX && openid->bytes <= OPENID_BYTES_MAX ? 0 : -1;
}

int key_read_queue(struct span key, struct span *account)
{
    struct span rest = key;
    if (read_text(&rest, 1 + KEY_TIME_BYTES, account) || rest.bytes != 1 + KEY_TIME_BYTES)
        return -1;
    return key_is_sound(key, key.bytes) ? 0 : -1;
}

int key_read_parked(struct span key, struct span *account, struct span *openid)
{
    struct span rest = key;
    if (read_text(&rest, 1, account) || read_text(&rest, KEY_PARKED_BYTES, openid) || rest.bytes != KEY_PARKED_BYTES)
        return -1;
    return key_is_sound(key, key.bytes) ? 0 : -1;
}

struct place key_place_of(const struct message *m)
{
    return (struct place){.seq = m->seq, .due_ms = m->due_ms, .lane = m->lane, .timed = m->timed};
}

int key_begins_with(struct span key, const struct key *prefix, size_t bytes)
{
    return key.bytes >= bytes && memcmp(key.data, prefix->bytes, bytes) == 0;
}
