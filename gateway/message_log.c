#include "gateway/message_log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/log.h"
#include "proto/mp.h"

#define FROM_BYTES (INET6_ADDRSTRLEN + 10)

/* ADDRESS:PORT of the client; "gone" when its connection is closed. */
static const char *address_of(const struct conn *c, char out[FROM_BYTES])
{
    struct sockaddr_storage peer;
    socklen_t bytes = sizeof peer;
    char text[INET6_ADDRSTRLEN] = "";
    if (conn_is_gone(c) || getpeername(c->fd, (struct sockaddr *)&peer, &bytes) != 0)
        return "gone";
    if (peer.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&peer;
        inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof text);
        snprintf(out, FROM_BYTES, "[%s]:%u", text, (unsigned)ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&peer;
        inet_ntop(AF_INET, &in->sin_addr, text, sizeof text);
        snprintf(out, FROM_BYTES, "%s:%u", text, (unsigned)ntohs(in->sin_port));
    }
    return out;
}

/* What a request names; empty what it does not. */
struct names {
    struct span id, app, key, openid;
};

/* Out of the request as it was packed here. Unpacking all of it would check its variables again. */
static struct names names_of(const struct pending_entry *e)
{
    struct names names = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
    struct mp_cursor c;
    struct span name;
    mp_open(&c, (struct span){e->packed, e->bytes});
    for (uint32_t left = mp_read_map(&c); left > 0 && mp_read_name(&c, &name) == 0; left--) {
        struct span *wanted = span_is(name, "id")       ? &names.id
                              : span_is(name, "app")    ? &names.app
                              : span_is(name, "key")    ? &names.key
                              : span_is(name, "openid") ? &names.openid
                                                        : NULL;
        if (wanted)
            *wanted = mp_read_str(&c);
        else
            mp_skip(&c);
    }
    return names;
}

void message_log_taken(const struct conn *c, const struct pending_entry *e)
{
    if (log_messages_now() < MESSAGES_ALL || e->op == OP_TSET)
        return;
    char from[FROM_BYTES];
    struct names names = names_of(e);
    log_step("message taken", log_some("id", names.id), log_some("app", names.app), log_span("key", names.key),
             log_span("openid", names.openid), log_str("op", op_name(e->op)), log_str("from", address_of(c, from)),
             log_u64("opaque", e->opaque));
}

void message_log_answered(const struct pending_entry *e, enum code code, const struct result *r)
{
    if (log_messages_now() < (code == CODE_OK ? MESSAGES_ALL : MESSAGES_FAILED) || e->op == OP_TSET)
        return;
    char from[FROM_BYTES];
    struct names names = names_of(e);
    log_trouble(LEVEL_INFO, "message answered", log_some("id", names.id), log_some("app", names.app),
                log_span("key", names.key), log_str("op", op_name(e->op)), log_str("from", address_of(e->owner, from)),
                log_u64("opaque", e->opaque),
                log_i64("code", (int64_t)code), log_some_i64("errcode", r ? r->errcode : 0),
                log_some("state", r ? r->state : span_of("no answer of the broker")));
}

void message_log_refused(const struct conn *c, const struct frame *f, enum code code, struct span reason)
{
    if (log_messages_now() < MESSAGES_FAILED)
        return;
    char from[FROM_BYTES];
    log_trouble(LEVEL_INFO, "message not accepted", log_some("id", f->params.id), log_some("app", f->params.app),
                log_span("key", f->key), log_str("from", address_of(c, from)), log_u64("opaque", f->opaque), log_i64("code", (int64_t)code),
                log_span("reason", reason));
}

void message_log_bad_frame(const struct conn *c, const struct frame *f)
{
    if (log_messages_now() < MESSAGES_FAILED)
        return;
    char from[FROM_BYTES];
    /* What is put together may repeat a word of the client's, which may be anything when it has lost its way between frames. */
    int is_ours = f->message.data < f->text || f->message.data >= f->text + sizeof f->text;
    log_trouble(LEVEL_INFO, "frame refused", log_str("from", address_of(c, from)), log_i64("code", (int64_t)f->code),
                log_span("reason", is_ours ? f->message : span_of("a word or a length that does not belong there")),
                log_u64("closes", f->closes != 0));
}

void message_log_tset(const struct pending_entry *e, enum code code)
{
    char from[FROM_BYTES];
    log_info("tset answered", log_span("key", names_of(e).key), log_str("from", address_of(e->owner, from)),
             log_i64("code", (int64_t)code));
}
