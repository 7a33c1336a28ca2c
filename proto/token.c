#include "proto/token.h"

#include "proto/mp.h"

static const char *const type_names[] = {[TOKEN_GET] = "get",
                                         [TOKEN_REJECTED] = "rejected",
                                         [TOKEN_TOKEN] = "token",
                                         [TOKEN_NONE] = "none",
                                         [TOKEN_STATUS] = "status"};

void token_pack(const struct token_message *m, struct buf *out)
{
    size_t place = mp_map_open(out), count = 1;
    mp_put_str(out, "t", type_names[m->type]);
    if (m->type == TOKEN_STATUS)
        count += mp_opt_u64(out, "ref", m->ref);
    if (m->type != TOKEN_STATUS) {
        mp_put_span(out, "app", m->app);
        count++;
    }
    if (m->type == TOKEN_REJECTED || m->type == TOKEN_TOKEN) {
        mp_put_span(out, "token", m->token);
        count++;
    }
    if (m->type == TOKEN_TOKEN) {
        mp_put_i64(out, "ttl", m->ttl_ms);
        count++;
    }
    if (m->type == TOKEN_NONE) {
        mp_put_span(out, "message", m->message);
        mp_put_i64(out, "retry", m->retry_ms);
        count += 2;
    }
    mp_map_close(out, place, count);
}

static enum token_type type_find(struct span name)
{
    for (int i = TOKEN_GET; i <= TOKEN_STATUS; i++)
        if (span_is(name, type_names[i]))
            return (enum token_type)i;
    return TOKEN_NONE_TYPE;
}

int token_unpack(struct span packed, struct token_message *m)
{
    struct mp_cursor c;
    *m = (struct token_message){0};
    mp_open(&c, packed);
    uint32_t count = mp_read_map(&c);
    for (uint32_t i = 0; i < count && !c.failed; i++) {
        struct span name = mp_read_str(&c);
        if (span_is(name, "t"))
            m->type = type_find(mp_read_str(&c));
        else if (span_is(name, "app"))
            m->app = mp_read_str(&c);
        else if (span_is(name, "token"))
            m->token = mp_read_str(&c);
        else if (span_is(name, "ttl"))
            m->ttl_ms = mp_read_i64(&c);
        else if (span_is(name, "retry"))
            m->retry_ms = mp_read_i64(&c);
        else if (span_is(name, "message"))
            m->message = mp_read_str(&c);
        else if (span_is(name, "ref"))
            m->ref = mp_read_u64(&c);
        else
            mp_skip(&c);
    }
    if (m->ttl_ms < -TOKEN_TTL_MS_MAX || m->ttl_ms > TOKEN_TTL_MS_MAX)
        return -1;
    return c.failed || m->type == TOKEN_NONE_TYPE || m->token.bytes > TOKEN_BYTES_MAX ? -1 : 0;
}
