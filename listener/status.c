#include "listener/status.h"

#include "listener/listener.h"
#include "proto/mp.h"

static void pack_events(const struct callback_counts *counts, struct buf *out)
{
    mp_str(out, "events");
    mp_map(out, EVENT_KINDS);
    for (int kind = 0; kind < EVENT_KINDS; kind++)
        mp_put_u64(out, event_kind_name((enum event_kind)kind), counts->events[kind]);
}

static void pack_refused(const struct callback_counts *counts, struct buf *out)
{
    mp_str(out, "refused");
    mp_map(out, CALLBACK_REFUSALS);
    for (int refusal = 0; refusal < CALLBACK_REFUSALS; refusal++)
        mp_put_u64(out, callback_refusal_name((enum callback_refusal)refusal), counts->refused[refusal]);
}

static void pack_outbox(struct listener *l, struct buf *out)
{
    struct outbox_counts counts;
    outbox_count(l->outbox, &counts);
    mp_str(out, "outbox");
    mp_map(out, 7);
    mp_put_u64(out, "rows", counts.rows);
    mp_put_i64(out, "oldest_ms", counts.oldest_ms && counts.oldest_ms < l->now_ms ? l->now_ms - counts.oldest_ms : 0);
    mp_put_u64(out, "done", counts.done);
    mp_put_u64(out, "refused", counts.refused);
    mp_put_u64(out, "unmatched", counts.unmatched);
    mp_put_u64(out, "again", counts.again);
    mp_str(out, "away");
    mp_bool(out, counts.is_waiting);
}

static void pack_forwarded(struct listener *l, struct buf *out)
{
    struct forward_counts counts = forward_counts(l->forward);
    mp_str(out, "forward");
    mp_map(out, 4);
    mp_put_u64(out, "rows", counts.waiting);
    mp_put_u64(out, "taken", counts.taken);
    mp_put_u64(out, "failed", counts.failed);
    mp_put_u64(out, "dropped", counts.dropped);
}

size_t status_pack(void *self, struct buf *out)
{
    struct listener *l = self;
    const struct callback_counts *counts = callback_counts(l->callback);
    pack_events(counts, out);
    mp_put_u64(out, "repeats", counts->repeats);
    pack_refused(counts, out);
    mp_put_u64(out, "echoes", counts->echoes);
    mp_put_u64(out, "held", callback_held(l->callback));
    pack_outbox(l, out);
    pack_forwarded(l, out);
    mp_put_u64(out, "commits", l->commits);
    return 8;
}
