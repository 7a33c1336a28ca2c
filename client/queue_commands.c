#include "client/queue_commands.h"

#include "base/clock.h"
#include "client/queue_change.h"
#include "client/queue_delivery.h"
#include "client/queue_export.h"
#include "client/queue_rate.h"
#include "client/queue_show.h"
#include "client/queue_top.h"

static enum status run(struct queue_link *l, const struct queue_options *o)
{
    switch (o->command) {
    case QUEUE_STATUS:
        return queue_show_status(l, o);
    case QUEUE_TOP:
        return queue_top(l, o);
    case QUEUE_LIST:
        return queue_show_list(l, o);
    case QUEUE_SHOW:
        return queue_show_entry(l, o);
    case QUEUE_CANCEL:
    case QUEUE_REQUEUE:
    case QUEUE_PURGE:
        return queue_change(l, o);
    case QUEUE_PAUSE:
        return queue_pause(l, o);
    case QUEUE_RESUME:
        return queue_resume(l, o);
    case QUEUE_PAUSES:
        return queue_show_pauses(l, o);
    case QUEUE_RATE:
        return queue_rate(l, o);
    case QUEUE_DELIVERY:
        return queue_delivery(l, o);
    case QUEUE_WINDOWS:
        return queue_show_windows(l, o);
    case QUEUE_DRAIN:
        return queue_drain(l, o);
    case QUEUE_DEAD:
        return queue_show_dead(l, o);
    case QUEUE_EXPORT:
        return queue_export(l, o);
    }
    return STATUS_USAGE;
}

int queue_main(int argc, char **argv)
{
    struct queue_options options;
    int status = queue_options_read(&options, argc, argv, clock_wall_ms());
    if (status == STATUS_DONE)
        status = (int)queue_confirm(&options);
    if (status == STATUS_DONE) {
        struct queue_link *link = queue_link_new(&options.access, options.endpoint, options.timeout_ms);
        status = link ? (int)run(link, &options) : STATUS_USAGE;
        queue_link_destroy(&link);
    }
    queue_options_free(&options);
    return status < 0 ? STATUS_DONE : status;
}
