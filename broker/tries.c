/* Packed: an array of arrays [at, outcome, errcode, HTTP status, key, text]. */
#include "broker/tries.h"

#define MEMBERS   6
#define TRIES_MAX 64 /* each takes 17 bytes at the least, so no more fit */

static void pack_one(const struct try *t, struct buf *out)
{
    struct span text = t->text;
    if (text.bytes > TRY_TEXT_BYTES_MAX) {
        text.bytes = TRY_TEXT_BYTES_MAX;
        while (text.bytes && ((unsigned char)text.data[text.bytes] & 0xc0) == 0x80)
            text.bytes--;
    }
    mp_array(out, MEMBERS);
    mp_i64(out, t->at_ms);
    mp_str(out, outcome_name(t->outcome));
    mp_i64(out, t->errcode);
    mp_u64(out, t->http_status);
    mp_span(out, t->key);
    mp_span(out, text);
}

static int read_one(struct mp_cursor *c, struct try *t)
{
    if (mp_read_array(c) != MEMBERS)
        return -1;
    *t = (struct try){.at_ms = mp_read_i64(c)};
    t->outcome = outcome_find(mp_read_str(c));
    t->errcode = mp_read_i64(c);
    t->http_status = (uint32_t)mp_read_u64(c);
    t->key = mp_read_str(c);
    t->text = mp_read_str(c);
    return c->failed ? -1 : 0;
}

/* Finds the packed elements. Returns how many were read. */
static size_t split(struct span tries, struct span parts[TRIES_MAX])
{
    struct mp_cursor c;
    size_t count = 0;
    if (tries.bytes == 0)
        return 0;
    mp_open(&c, tries);
    uint32_t members = mp_read_array(&c);
    for (; count < members && count < TRIES_MAX; count++) {
        parts[count] = mp_skip(&c);
        if (c.failed)
            break;
    }
    return count;
}

void tries_add(struct span before, const struct try *try, struct buf *out)
{
    struct span parts[TRIES_MAX];
    struct buf latest = {0};
    size_t count = split(before, parts), bytes = 3, from = 1;
    pack_one(try, &latest);
    for (size_t i = 0; i < count; i++)
        bytes += parts[i].bytes;
    /* The first one says how the trouble began; behind it the oldest ones go. */
    while (from < count && (bytes + latest.bytes > TRIES_BYTES_MAX || count - from + 2 >= TRIES_MAX))
        bytes -= parts[from++].bytes;
    buf_clear(out);
    mp_array(out, count ? count - from + 2 : 1);
    if (count)
        mp_raw(out, parts[0]);
    for (size_t i = from; i < count; i++)
        mp_raw(out, parts[i]);
    mp_raw(out, buf_span(&latest));
    buf_free(&latest);
}

void tries_pack_entries(struct span tries, struct buf *out)
{
    struct span parts[TRIES_MAX];
    size_t count = split(tries, parts);
    mp_array(out, count);
    for (size_t i = 0; i < count; i++) {
        struct mp_cursor c;
        struct try t = {0};
        size_t place = mp_map_open(out), members = 2;
        mp_open(&c, parts[i]);
        if (read_one(&c, &t) != 0)
            t = (struct try){.text = span_of("damaged")};
        mp_put_i64(out, "at", t.at_ms);
        mp_put_str(out, "outcome", t.outcome == OUTCOME_NONE ? "lost" : outcome_name(t.outcome));
        members += mp_opt_i64(out, "errcode", t.errcode);
        members += mp_opt_u64(out, "http", t.http_status);
        members += mp_opt_span(out, "key", t.key);
        members += mp_opt_span(out, "message", t.text);
        mp_map_close(out, place, members);
    }
}
