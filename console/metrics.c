#include "console/metrics.h"

#include <stdio.h>

#include "base/clock.h"
#include "console/processes.h"
#include "proto/mp_view.h"

/* What is told of every program: its version, its start, what it takes. */
struct told {
    struct exposition *e;
    enum { TOLD_VERSION, TOLD_START, TOLD_CPU, TOLD_MEMORY } what;
};

static void tell(const struct told *t, const char *program, struct span name, struct span version, int64_t start_ms, double cpu_us,
                 double rss_bytes)
{
    struct label labels[] = {LABEL("program", span_of(program)), LABEL("name", name), LABEL("version", version)};
    if (t->what == TOLD_VERSION && version.bytes)
        sample(t->e, labels, 3, 1);
    else if (t->what == TOLD_START && start_ms)
        sample(t->e, labels, 2, (double)start_ms / 1000);
    else if (t->what == TOLD_CPU && cpu_us > 0)
        sample(t->e, labels, 2, cpu_us / 1e6);
    else if (t->what == TOLD_MEMORY && rss_bytes > 0)
        sample(t->e, labels, 2, rss_bytes);
}

static void tell_party(const struct told *t, enum party party, const struct heard *h)
{
    char program[32];
    struct span status = buf_span(&h->data);
    snprintf(program, sizeof program, "mega-%s", party_name(party));
    tell(t, program, span_of(party_name(party)), mp_view_str(status, "version"), h->start_ms,
         mp_view_number(status, "cpu"), mp_view_number(status, "rss"));
}

static void tell_stages(const struct told *t, struct span status)
{
    struct mp_list list;
    struct span one;
    mp_list_open(&list, mp_view(status, "stages"));
    while (mp_list_next(&list, &one)) {
        const char *program = span_is(mp_view_str(one, "kind"), "sender") ? "mega-sender" : "mega-templater";
        tell(t, program, mp_view_str(one, "name"), mp_view_str(one, "version"), 0, mp_view_number(one, "cpu"),
             mp_view_number(one, "rss"));
    }
}

static void tell_all(const struct told *t, const struct heard heard[PARTIES], const struct metrics_own *own, const char *name,
                     const struct process *gateways, size_t gateway_count)
{
    static const struct span none = {NULL, 0};
    int64_t mono_ms = clock_mono_ms();
    struct usage usage = usage_now();
    for (int party = 0; party < PARTIES; party++)
        if (heard_is_up(&heard[party], mono_ms))
            tell_party(t, (enum party)party, &heard[party]);
    if (heard_is_up(&heard[PARTY_BROKER], mono_ms))
        tell_stages(t, buf_span(&heard[PARTY_BROKER].data));
    for (size_t i = 0; i < gateway_count; i++)
        tell(t, "mega-gateway", span_of(gateways[i].name), none, 0, (double)gateways[i].usage.cpu_us,
             (double)gateways[i].usage.rss_bytes);
    tell(t, "mega-console", span_of(name), span_of(MEGA_VERSION), own->start_ms, (double)usage.cpu_us,
         (double)usage.rss_bytes);
}

static void programs(struct exposition *e, const struct conf *conf, const struct heard heard[PARTIES],
                     const struct metrics_own *own, const char *name)
{
    struct process gateways[PROCESSES_MAX];
    size_t count = processes_find_gateways(conf->run.dir, gateways);
    family(e, "megawechat_build_info", "gauge", "1 for each program that runs, with its version.");
    tell_all(&(struct told){e, TOLD_VERSION}, heard, own, name, gateways, count);
    family(e, "megawechat_process_start_time_seconds", "gauge", "When the program was started, seconds since 1970.");
    tell_all(&(struct told){e, TOLD_START}, heard, own, name, gateways, count);
    family(e, "megawechat_process_cpu_seconds_total", "counter", "Processor time that the program has taken.");
    tell_all(&(struct told){e, TOLD_CPU}, heard, own, name, gateways, count);
    family(e, "megawechat_process_resident_memory_bytes", "gauge", "Resident memory of the program.");
    tell_all(&(struct told){e, TOLD_MEMORY}, heard, own, name, gateways, count);
}

static void parties(struct exposition *e, const struct heard heard[PARTIES])
{
    int64_t mono_ms = clock_mono_ms();
    family(e, "megawechat_up", "gauge", "1 when the program answers the console.");
    for (int party = 0; party < PARTIES; party++)
        if (heard_is_up(&heard[party], mono_ms) || heard_is_missed(&heard[party], mono_ms))
            sample(e, LABELS(LABEL("program", span_of(party_name((enum party)party)))), heard_is_up(&heard[party], mono_ms));
}

static void own_requests(struct exposition *e, const struct metrics_own *own)
{
    static const char *const codes[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    family(e, "megawechat_console_requests_total", "counter", "HTTP requests that the console has answered by route and class of the status.");
    for (size_t route = 0; route < ROUTES; route++)
        for (size_t code = 1; code < 6; code++)
            if (own->requests[route][code])
                sample_u64(e, LABELS(LABEL("route", span_of(route_name((enum route)route))), LABEL("code", span_of(codes[code]))),
                           own->requests[route][code]);
}

void metrics_write(const struct conf *conf, const struct heard heard[PARTIES], const struct metrics_own *own, const char *name,
                   struct buf *out)
{
    struct exposition e = {.out = out};
    int64_t mono_ms = clock_mono_ms();
    parties(&e, heard);
    programs(&e, conf, heard, own, name);
    own_requests(&e, own);
    if (heard_is_up(&heard[PARTY_BROKER], mono_ms)) {
        struct span status = buf_span(&heard[PARTY_BROKER].data);
        metrics_broker(&e, status);
        metrics_accounts(&e, status);
        metrics_stages(&e, status);
    }
    if (heard_is_up(&heard[PARTY_TOKEN], mono_ms))
        metrics_tokens(&e, buf_span(&heard[PARTY_TOKEN].data));
    if (heard_is_up(&heard[PARTY_TASK], mono_ms))
        metrics_tasks(&e, buf_span(&heard[PARTY_TASK].data));
    if (heard_is_up(&heard[PARTY_LISTENER], mono_ms))
        metrics_listener(&e, buf_span(&heard[PARTY_LISTENER].data));
}
