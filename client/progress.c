#include "client/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define SHOW_EVERY_MS 200

void progress_begin(struct progress *p, const char *verb, int is_wanted)
{
    *p = (struct progress){
        .verb = verb, .is_on = is_wanted && isatty(STDERR_FILENO), .began_ms = clock_mono_ms()};
    p->next_ms = p->began_ms + SHOW_EVERY_MS; /* what is done at once shows none */
}

void progress_show(struct progress *p, uint64_t done, const struct answer *answer)
{
    int64_t now_ms = clock_mono_ms();
    if (!p->is_on || now_ms < p->next_ms)
        return;
    uint64_t seconds_ms = (uint64_t)(now_ms - p->began_ms);
    fprintf(stderr, "\r\033[K%s %" PRIu64, p->verb, done);
    if (answer->looked)
        fprintf(stderr, ", looked at %" PRIu64, answer->looked);
    if (answer->indexing)
        fprintf(stderr, ", to be indexed first %" PRIu64, answer->indexing);
    else if (done && seconds_ms)
        fprintf(stderr, ", %" PRIu64 "/s", done * 1000 / seconds_ms);
    fflush(stderr);
    p->is_shown = 1;
    p->next_ms = now_ms + SHOW_EVERY_MS;
}

void progress_end(struct progress *p)
{
    if (p->is_shown)
        fputs("\r\033[K", stderr);
    p->is_shown = 0;
}
