#include "gateway/message_log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/log.h"

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

/* The request as it was packed; its errors do not matter, it was packed here. */
static struct request request_of(const struct pending_entry *e)
{
    struct request r;
    struct buf error = {0};
    if (request_unpack((struct span){e->packed, e->bytes}, NULL, &r, &error) != 0)
        r = (struct request){.op = e->op};
    buf_free(&error);
    return r;
}

void message_log_taken(const struct conn *c, const struct pending_entry *e)
{
    if (log_messages_now() < MESSAGES_ALL || e->op == OP_TSET)
        return;
    char from[FROM_BYTES];
    struct request r = request_of(e);
    log_step("message taken", log_some("id", r.id), log_some("app", r.app), log_span("key", r.key), log_span("openid", r.openid),
             log_str("op", op_name(e->op)), log_str("from", address_of(c, from)), log_u64("opaque", e->opaque));
}

void message_log_answered(const struct pending_entry *e, enum code code, const struct result *r)
{
    if (log_messages_now() < (code == CODE_OK ? MESSAGES_ALL : MESSAGES_FAILED) || e->op == OP_TSET)
        return;
    char from[FROM_BYTES];
    struct request asked = request_of(e);
    log_trouble(LEVEL_INFO, "message answered", log_some("id", asked.id), log_some("app", asked.app), log_span("key", asked.key),
                log_str("op", op_name(e->op)), log_str("from", address_of(e->owner, from)), log_u64("opaque", e->opaque),
                log_i64("code", (int64_t)code), log_some_i64("errcode", r ? r->errcode : 0),
                log_some("state", r ? r->state : span_of("no answer of the broker")));
}

void message_log_refused(const struct conn *c, const struct frame *f, enum code code, struct span reason)
{
    if (log_messages_now() < MESSAGES_FAILED)
        return;
    char from[FROM_BYTES];
    log_trouble(LEVEL_INFO, "message not accepted", log_some("id", f->params.id), log_some("app", f->params.app), log_span("key", f->key),
                log_str("from", address_of(c, from)), log_u64("opaque", f->opaque), log_i64("code", (int64_t)code),
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
                log_span("reason", is_ours ? f->message : span_of("a word or a length that does not belong there")), log_u64("closes", f->closes != 0));
}

void message_log_tset(const struct pending_entry *e, enum code code)
{
    char from[FROM_BYTES];
    struct request r = request_of(e);
    log_info("tset answered", log_span("key", r.key), log_str("from", address_of(e->owner, from)), log_i64("code", (int64_t)code));
}
