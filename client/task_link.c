#include "client/task_link.h"

#include <czmq.h>

#include "base/clock.h"

void task_link_ask(struct queue_link *l, const struct task_ask *a)
{
    struct task_ask ask = *a;
    struct buf *packed = queue_link_prepare(l, &ask.ref, &ask.by);
    task_ask_pack(&ask, packed);
    queue_link_send(l);
}

enum status task_link_exchange(struct queue_link *l, const struct task_ask *a, int64_t timeout_ms,
                               struct answer *answer)
{
    int64_t until_ms = clock_mono_ms() + timeout_ms;
    for (;;) {
        task_link_ask(l, a);
        enum status status = queue_link_wait(l, answer);
        if (status != STATUS_DONE || answer->code == CODE_OK || answer->code == CODE_QUEUED)
            return status;
        if (answer->code != CODE_BUSY || clock_mono_ms() + TASK_BUSY_AGAIN_MS >= until_ms)
            return queue_refused(answer);
        zclock_sleep(TASK_BUSY_AGAIN_MS);
    }
}
