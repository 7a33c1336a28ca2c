/* Packing and checking of a request, and reading of its result.
 *
 * Everything is packed into memory that was allocated for it beforehand and is never outgrown, since the buffers of base/ end a process
 * that has no memory left, which is not for a library to do.
 */
#include "client/lib/call.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "client/lib/error.h"
#include "proto/mp.h"

/* Of the request's map, the names of its members and their headers, the numbers, the ref. */
#define FRAME_BYTES 256
/* Of a variable: the headers of its name and value, or a number. */
#define VAR_BYTES 16

static size_t packed_bytes_max(const struct form *f)
{
    const struct request *r = &f->request;
    size_t bytes = FRAME_BYTES + r->id.bytes + r->app.bytes + r->openid.bytes + r->key.bytes + r->task.bytes + r->vars.bytes + r->message.bytes + r->action.bytes;
    for (size_t i = 0; i < f->var_count; i++) {
        bytes += VAR_BYTES + strlen(f->vars[i].name);
        if (f->vars[i].type == MEGA_TEXT)
            bytes += strlen(f->vars[i].as.text);
    }
    return bytes;
}

static void pack_var(const struct mega_var *v, struct buf *out)
{
    mp_str(out, v->name);
    switch (v->type) {
    case MEGA_TEXT: mp_str(out, v->as.text); break;
    case MEGA_INTEGER: mp_i64(out, v->as.integer); break;
    case MEGA_NUMBER: mp_double(out, v->as.number); break;
    case MEGA_BOOL: mp_bool(out, v->as.boolean); break;
    case MEGA_NULL: mp_nil(out); break;
    }
}

/* The variables first, into `scratch`, which has as much room as the call; then the request around them, checked as the broker does. */
static int pack(const struct form *f, struct call *c, char *scratch)
{
    struct request r = f->request;
    struct buf vars = {.data = scratch, .room = c->room}, ref = {0}, out = {.data = c->packed, .room = c->room};
    char ref_room[REF_BYTES_MAX];
    ref = (struct buf){.data = ref_room, .room = sizeof ref_room};
    mp_u64(&ref, c->ref);
    r.ref = buf_span(&ref);
    if (f->var_count) {
        mp_map(&vars, f->var_count);
        for (size_t i = 0; i < f->var_count; i++)
            pack_var(&f->vars[i], &vars);
        r.vars = buf_span(&vars);
    }
    request_pack(&r, &out);
    assert(out.data == c->packed && out.bytes <= c->room && (!f->var_count || vars.data == scratch));
    c->bytes = out.bytes;

    struct request read;
    struct buf reason = error_open();
    int wrong = request_unpack(buf_span(&out), NULL, &read, &reason);
    if (wrong)
        error_close(&reason);
    return wrong ? MEGA_INVALID : 0;
}

static enum patience patience_of(const struct request *r)
{
    if (r->op == OP_SEND || r->op == OP_TSET)
        return PATIENCE_SEND;
    return r->op == OP_STATUS && r->wait ? PATIENCE_WAIT : PATIENCE_QUICK;
}

int call_new(const struct form *f, uint64_t ref, struct call **out)
{
    char small[1024], *scratch = small;
    size_t room = packed_bytes_max(f);
    if (room > REQUEST_BYTES_MAX)
        return error_set(MEGA_INVALID, "vars: with them the request has some %zu bytes; at most %d", room, REQUEST_BYTES_MAX);
    struct call *c = malloc(sizeof *c + room);
    if (f->var_count && room > sizeof small)
        scratch = malloc(room);
    int error = 0;
    if (c == NULL || scratch == NULL) {
        error = error_set(MEGA_MEMORY, "no memory for a request of %zu bytes", room);
    } else {
        *c = (struct call){.ref = ref, .op = f->request.op, .patience = patience_of(&f->request), .room = room};
        span_to_text(c->id, sizeof c->id, f->request.id);
        error = pack(f, c, scratch);
    }
    if (scratch != small)
        free(scratch);
    if (error)
        free(c);
    else
        *out = c;
    return error;
}

void call_free(struct call *c)
{
    if (c && c->answer != c->packed)
        free(c->answer);
    free(c);
}

void call_answer(struct call *c, struct span packed)
{
    c->answer = packed.bytes <= c->room ? c->packed : malloc(packed.bytes);
    if (c->answer == NULL) {
        c->error = MEGA_MEMORY;
        return;
    }
    memcpy(c->answer, packed.data, packed.bytes);
    c->answer_bytes = packed.bytes;
}

static void tell_error(const struct call *c, const char *endpoint, int64_t timeout_ms, struct mega_result *result)
{
    size_t room = sizeof result->message;
    const char *name = op_name(c->op);
    if (c->error != MEGA_TIMEOUT) {
        snprintf(result->message, room, "%s: %s", name, mega_strerror(c->error));
        return;
    }
    const char *more = "";
    if (c->op == OP_PUSH || c->op == OP_SEND)
        more = "; it may have been accepted all the same: ask for its status, or ask again with the same id";
    snprintf(result->message, room, "%s: no answer from %s within %lld ms%s%s", name, endpoint, (long long)timeout_ms,
             c->reached ? "" : ": nothing answers there", more);
}

void call_result(const struct call *c, const char *endpoint, int64_t timeout_ms, struct mega_result *result)
{
    struct result r = {0};
    /* Not the whole struct at once: its message is long and mostly empty. */
    result->code = 0;
    result->error = c->error;
    result->errcode = result->msgid = 0;
    result->count = 0;
    result->state[0] = result->message[0] = 0;
    memcpy(result->id, c->id, sizeof result->id);
    if (c->error) {
        tell_error(c, endpoint, timeout_ms, result);
        return;
    }
    if (result_unpack((struct span){c->answer, c->answer_bytes}, NULL, &r) != 0)
        return; /* the I/O thread has read it before */
    result->code = (int)r.code;
    result->errcode = r.errcode;
    result->msgid = r.msgid;
    result->count = r.count;
    if (r.id.bytes)
        span_to_text(result->id, sizeof result->id, r.id);
    span_to_text(result->state, sizeof result->state, r.state);
    span_to_text(result->message, sizeof result->message, r.message);
}
