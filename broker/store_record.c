#include "broker/store_record.h"

#include <string.h>

#include "base/hash.h"
#include "proto/mp.h"

#define CHECKSUM_BYTES 8

/* Records of earlier formats lack members at their end; they are read as well. */
#define MESSAGE_FORMAT  3
#define MESSAGE_MEMBERS 24
#define MARK_FORMAT     2
#define MARK_MEMBERS    6
#define FINAL_FORMAT    4
#define FINAL_MEMBERS   18
#define FORMAT_TRIES    3 /* from this one on: fallback and tries */
#define LACKING_TRIES   2
#define LACKING_RECEIPT 1 /* of a result of the format before */
#define WINDOWS_FORMAT  1
#define WINDOWS_MEMBERS (2 + WINDOW_ACTIONS)

static void begin(struct buf *out, size_t members, unsigned format)
{
    static const char place[CHECKSUM_BYTES];
    buf_clear(out);
    buf_append(out, place, sizeof place);
    mp_array(out, members);
    mp_u64(out, format);
}

static void finish(struct buf *out)
{
    uint64_t sum = hash_64(out->data + CHECKSUM_BYTES, out->bytes - CHECKSUM_BYTES);
    for (unsigned i = 0; i < CHECKSUM_BYTES; i++)
        out->data[i] = (char)(sum >> (8 * i) & 0xff);
}

static int checked(struct span value, struct span *content)
{
    if (value.bytes < CHECKSUM_BYTES)
        return -1;
    uint64_t sum = 0;
    for (unsigned i = 0; i < CHECKSUM_BYTES; i++)
        sum |= (uint64_t)(unsigned char)value.data[i] << (8 * i);
    *content = (struct span){value.data + CHECKSUM_BYTES, value.bytes - CHECKSUM_BYTES};
    return hash_64(content->data, content->bytes) == sum ? 0 : -1;
}

/* Opens a checked record of a format. */
static int enter(struct span value, struct mp_cursor *c, size_t members, unsigned format)
{
    struct span content;
    if (checked(value, &content))
        return -1;
    mp_open(c, content);
    return mp_read_array(c) == members && mp_read_u64(c) == format ? 0 : -1;
}

/* The same for a record of a format that lacks none of its members, or `lacking` of them when it is of the one before. Returns the format;
 * 0 when it is none of both. */
static unsigned enter_either(struct span value, struct mp_cursor *c, size_t members, unsigned format, size_t lacking)
{
    if (enter(value, c, members, format) == 0)
        return format;
    return enter(value, c, members - lacking, format - 1) == 0 ? format - 1 : 0;
}

void record_pack_message(const struct message *m, struct buf *out)
{
    begin(out, MESSAGE_MEMBERS, MESSAGE_FORMAT);
    mp_span(out, m->account);
    mp_span(out, m->id);
    mp_span(out, m->openid);
    mp_span(out, m->key);
    mp_span(out, m->task);
    mp_bin(out, m->vars);
    mp_u64(out, m->content);
    mp_i64(out, m->accepted_ms);
    mp_i64(out, m->due_ms);
    mp_i64(out, m->expires_ms);
    mp_i64(out, m->give_up_ms);
    mp_i64(out, m->lane);
    mp_i64(out, m->timed);
    mp_i64(out, m->is_send);
    mp_u64(out, m->turn);
    mp_u64(out, m->call);
    mp_u64(out, m->calls);
    mp_u64(out, m->failures);
    mp_i64(out, m->first_out_ms);
    mp_i64(out, m->unknown_since_ms);
    mp_array(out, 2);
    mp_i64(out, m->errcode);
    mp_span(out, m->note);
    mp_span(out, m->fallback);
    mp_bin(out, m->tries);
    finish(out);
}

int record_unpack_message(struct span value, struct message *m)
{
    struct mp_cursor c;
    unsigned format = enter_either(value, &c, MESSAGE_MEMBERS, MESSAGE_FORMAT, LACKING_TRIES);
    if (format == 0)
        return -1;
    *m = (struct message){.account = mp_read_str(&c)};
    m->id = mp_read_str(&c);
    m->openid = mp_read_str(&c);
    m->key = mp_read_str(&c);
    m->task = mp_read_str(&c);
    m->vars = mp_read_str(&c);
    m->content = mp_read_u64(&c);
    m->accepted_ms = mp_read_i64(&c);
    m->due_ms = mp_read_i64(&c);
    m->expires_ms = mp_read_i64(&c);
    m->give_up_ms = mp_read_i64(&c);
    m->lane = (int)mp_read_i64(&c);
    m->timed = (int)mp_read_i64(&c);
    m->is_send = (int)mp_read_i64(&c);
    m->turn = (uint32_t)mp_read_u64(&c);
    m->call = (uint32_t)mp_read_u64(&c);
    m->calls = (uint32_t)mp_read_u64(&c);
    m->failures = (uint32_t)mp_read_u64(&c);
    m->first_out_ms = mp_read_i64(&c);
    m->unknown_since_ms = mp_read_i64(&c);
    mp_read_array(&c);
    m->errcode = mp_read_i64(&c);
    m->note = mp_read_str(&c);
    if (format >= FORMAT_TRIES) {
        m->fallback = mp_read_str(&c);
        m->tries = mp_read_str(&c);
    }
    int in_range = m->lane >= 0 && m->lane < LANES && m->timed >= 0 && m->timed < TIMEDS;
    return c.failed || !in_range ? -1 : 0;
}

void record_pack_mark(const struct mark *m, struct buf *out)
{
    begin(out, MARK_MEMBERS, MARK_FORMAT);
    mp_u64(out, m->generation);
    mp_u64(out, m->sender);
    mp_i64(out, m->out_ms);
    mp_u64(out, m->turn);
    mp_i64(out, m->begun);
    finish(out);
}

int record_unpack_mark(struct span value, struct mark *m)
{
    struct mp_cursor c;
    if (enter(value, &c, MARK_MEMBERS, MARK_FORMAT))
        return -1;
    m->generation = mp_read_u64(&c);
    m->sender = mp_read_u64(&c);
    m->out_ms = mp_read_i64(&c);
    m->turn = (uint32_t)mp_read_u64(&c);
    m->begun = mp_read_i64(&c) != 0;
    return c.failed ? -1 : 0;
}

void record_pack_final(const struct final *f, struct buf *out)
{
    begin(out, FINAL_MEMBERS, FINAL_FORMAT);
    mp_i64(out, f->state);
    mp_i64(out, f->code);
    mp_i64(out, f->errcode);
    mp_i64(out, f->msgid);
    mp_u64(out, f->calls);
    mp_i64(out, f->accepted_ms);
    mp_i64(out, f->due_ms);
    mp_i64(out, f->settled_ms);
    mp_span(out, f->message);
    mp_span(out, f->account);
    mp_span(out, f->id);
    mp_span(out, f->openid);
    mp_span(out, f->key);
    mp_span(out, f->task);
    mp_span(out, f->fallback);
    mp_bin(out, f->tries);
    mp_i64(out, f->received_ms);
    finish(out);
}

int record_unpack_final(struct span value, struct final *f)
{
    struct mp_cursor c;
    unsigned format = enter_either(value, &c, FINAL_MEMBERS, FINAL_FORMAT, LACKING_RECEIPT);
    if (format == 0 && enter(value, &c, FINAL_MEMBERS - LACKING_RECEIPT - LACKING_TRIES, FORMAT_TRIES - 1))
        return -1;
    *f = (struct final){.state = (enum store_state)mp_read_i64(&c)};
    f->code = (enum code)mp_read_i64(&c);
    f->errcode = mp_read_i64(&c);
    f->msgid = mp_read_i64(&c);
    f->calls = (uint32_t)mp_read_u64(&c);
    f->accepted_ms = mp_read_i64(&c);
    f->due_ms = mp_read_i64(&c);
    f->settled_ms = mp_read_i64(&c);
    f->message = mp_read_str(&c);
    f->account = mp_read_str(&c);
    f->id = mp_read_str(&c);
    f->openid = mp_read_str(&c);
    f->key = mp_read_str(&c);
    f->task = mp_read_str(&c);
    if (format >= FORMAT_TRIES) {
        f->fallback = mp_read_str(&c);
        f->tries = mp_read_str(&c);
    }
    if (format == FINAL_FORMAT)
        f->received_ms = mp_read_i64(&c);
    enum store_state last = format == FINAL_FORMAT ? STATE_FAILED : STATE_DEAD;
    return c.failed || f->state < STATE_SENT || f->state > last ? -1 : 0;
}

void record_pack_id(uint64_t seq, uint64_t content, struct buf *out)
{
    begin(out, 3, 1);
    mp_u64(out, seq);
    mp_u64(out, content);
    finish(out);
}

int record_unpack_id(struct span value, uint64_t *seq, uint64_t *content)
{
    struct mp_cursor c;
    if (enter(value, &c, 3, 1))
        return -1;
    *seq = mp_read_u64(&c);
    *content = mp_read_u64(&c);
    return c.failed ? -1 : 0;
}

void record_pack_windows(const struct windows *w, struct buf *out)
{
    begin(out, WINDOWS_MEMBERS, WINDOWS_FORMAT);
    mp_i64(out, w->unfollowed_ms);
    for (int i = 0; i < WINDOW_ACTIONS; i++) {
        mp_array(out, 3);
        mp_i64(out, w->of[i].at_ms);
        mp_i64(out, w->of[i].until_ms);
        mp_u64(out, w->of[i].left);
    }
    finish(out);
}

int record_unpack_windows(struct span value, struct windows *w)
{
    struct mp_cursor c;
    if (enter(value, &c, WINDOWS_MEMBERS, WINDOWS_FORMAT))
        return -1;
    *w = (struct windows){.unfollowed_ms = mp_read_i64(&c)};
    for (int i = 0; i < WINDOW_ACTIONS; i++) {
        if (mp_read_array(&c) != 3)
            return -1;
        w->of[i].at_ms = mp_read_i64(&c);
        w->of[i].until_ms = mp_read_i64(&c);
        uint64_t left = mp_read_u64(&c);
        if (left > UINT32_MAX)
            return -1;
        w->of[i].left = (uint32_t)left;
    }
    return c.failed ? -1 : 0;
}

void record_pack_blob(struct span value, struct buf *out)
{
    begin(out, 2, 1);
    mp_bin(out, value);
    finish(out);
}

int record_unpack_blob(struct span value, struct span *out)
{
    struct mp_cursor c;
    if (enter(value, &c, 2, 1))
        return -1;
    *out = mp_read_str(&c);
    return c.failed ? -1 : 0;
}
