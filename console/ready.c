#include "console/ready.h"

#include "base/json.h"
#include "base/utf8.h"
#include "proto/mp_view.h"

static void add(struct buf *out, const char *name, struct span message, int *count)
{
    struct buf text = {0};
    utf8_append(message, &text);
    buf_printf(out, "%s{\"name\":\"%s\",\"message\":\"", (*count)++ ? "," : "", name);
    json_escape(buf_span(&text), out);
    buf_append_str(out, "\"}");
    buf_free(&text);
}

/* Returns 1 when the broker says that it can. */
static int look_at_broker(struct span status, struct buf *out, int *count)
{
    int accepts = mp_view_number(status, "accepting") != 0, sends = mp_view_number(status, "ready") != 0;
    if (!accepts)
        add(out, "accepting", mp_view_str(status, "closed"), count);
    else if (!sends)
        add(out, "sending", mp_view_str(status, "unready"), count);
    return accepts && sends;
}

int ready_write(const struct heard heard[PARTIES], int64_t mono_ms, struct buf *out)
{
    struct buf reasons = {0};
    int count = 0, is_ready = 0;
    if (!heard_is_up(&heard[PARTY_BROKER], mono_ms))
        add(&reasons, "broker", span_of("the broker does not answer"), &count);
    else
        is_ready = look_at_broker(buf_span(&heard[PARTY_BROKER].data), &reasons, &count);
    if (!heard_is_up(&heard[PARTY_TOKEN], mono_ms)) {
        add(&reasons, "token", span_of("the token keeper does not answer"), &count);
        is_ready = 0;
    }
    if (!heard_is_up(&heard[PARTY_TASK], mono_ms))
        add(&reasons, "task", span_of("the task runner does not answer; only bulk tasks are concerned"), &count);
    if (heard_is_missed(&heard[PARTY_LISTENER], mono_ms))
        add(&reasons, "listener", span_of("the listener does not answer; only callbacks and series are concerned"), &count);
    buf_printf(out, "{\"ready\":%s,\"reasons\":[", is_ready ? "true" : "false");
    buf_append(out, reasons.data, reasons.bytes);
    buf_append_str(out, "]}\n");
    buf_free(&reasons);
    return is_ready;
}
