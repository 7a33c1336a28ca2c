/* Renders jobs. A job ends here in one of four ways: it goes to its sender; it is dropped, because a fence
 * has overtaken it; it is dead, because it does not render; or it is returned, because our template is older
 * than the job asks for or there is no way to its sender. */
#include "templater/jobs.h"

#include <stdlib.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/log.h"
#include "proto/job.h"
#include "proto/limits.h"
#include "templater/render.h"

#define BATCH_JOBS_MAX 256 /* a turn, so that the broker is heard in between */
#define BATCH_MS_MAX   20  /* the same for large messages; far below the shortest lease */
#define PULL_HWM       64  /* what a closing socket can lose is given out again, so little is kept inside */

struct jobs {
    const struct conf *conf;
    struct member *member;
    struct templates *templates;
    struct outlets *outlets;
    struct reports *reports;
    zsock_t *pull;                  /* NULL while closed */
    struct buf body, packed, error; /* reused */
};

static void take_job(struct jobs *j, struct span packed);

struct jobs *jobs_new(const struct jobs_options *options)
{
    struct jobs *j = mem_new(sizeof *j);
    j->conf = options->conf;
    j->member = options->member;
    j->templates = options->templates;
    j->outlets = options->outlets;
    j->reports = options->reports;
    return j;
}

void jobs_destroy(struct jobs **self)
{
    struct jobs *j = *self;
    if (j == NULL)
        return;
    jobs_close(j);
    buf_free(&j->body);
    buf_free(&j->packed);
    buf_free(&j->error);
    free(j);
    *self = NULL;
}

void jobs_open(struct jobs *j)
{
    if (j->pull != NULL)
        return;
    j->pull = zsock_new(ZMQ_PULL);
    if (j->pull == NULL) {
        log_fatal("no more sockets", log_str("error", zmq_strerror(errno)));
        exit(1);
    }
    zsock_set_rcvhwm(j->pull, PULL_HWM);
    zsock_set_linger(j->pull, 0);
    zsock_set_maxmsgsize(j->pull, MESSAGE_BYTES_MAX);
    zsock_set_reconnect_ivl(j->pull, 50);
    zsock_set_reconnect_ivl_max(j->pull, 500);
    if (curve_connect(zsock_resolve(j->pull), &j->conf->curve.keys, j->conf->broker.jobs) != 0) {
        log_fatal("jobs socket cannot be used", log_str("endpoint", j->conf->broker.jobs));
        exit(1);
    }
    log_info("taking jobs");
}

void jobs_close(struct jobs *j)
{
    if (j->pull == NULL)
        return;
    zsock_destroy(&j->pull);
    log_info("taking no jobs");
}

void *jobs_socket(const struct jobs *j)
{
    return j->pull != NULL ? zsock_resolve(j->pull) : NULL;
}

void jobs_receive(struct jobs *j)
{
    void *socket = jobs_socket(j);
    int64_t until_ms = clock_mono_ms() + BATCH_MS_MAX;
    for (int i = 0; i < BATCH_JOBS_MAX && socket != NULL && clock_mono_ms() < until_ms; i++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) >= 0)
            take_job(j, (struct span){zmq_msg_data(&frame), zmq_msg_size(&frame)});
        else
            i = BATCH_JOBS_MAX;
        zmq_msg_close(&frame);
        if (templates_are_behind(j->templates))
            break; /* the socket will be closed; what is inside is given out again */
    }
    reports_send_new(j->reports, j->member);
}

static void report(struct jobs *j, const struct job *job, enum outcome outcome, struct span message)
{
    struct outcome_report r = {.seq = job->seq, .turn = job->turn, .outcome = outcome, .message = message};
    reports_add(j->reports, &r);
    log_trouble(outcome == OUTCOME_DEAD ? LEVEL_WARN : LEVEL_INFO, "message not rendered", log_span("id", job->id),
                log_span("app", job->app), log_span("key", job->key), log_u64("seq", job->seq), log_u64("turn", job->turn),
                log_str("outcome", outcome_name(outcome)), log_span("reason", message),
                log_some("next", span_of(outcome == OUTCOME_DEAD ? "" : "the broker decides")));
}

/* Whose value is cut. */
struct cut_log {
    const struct job *job;
};

/* The value itself is a message's content and is not logged. */
static void log_cut(void *to, const struct render_cut *cut)
{
    const struct job *job = ((const struct cut_log *)to)->job;
    if (cut->chars_max == 0)
        log_warn("value has several lines, WeChat cuts it", log_span("id", job->id), log_span("app", job->app),
                 log_span("key", job->key), log_span("member", cut->member));
    else
        log_warn("value is longer than WeChat shows", log_span("id", job->id), log_span("app", job->app), log_span("key", job->key),
                 log_span("member", cut->member), log_u64("limit", cut->chars_max),
                 log_u64("length", cut->chars));
}

/* Puts the body into j->body. Returns -1 with a sentence in j->error. */
static int render(struct jobs *j, const struct job *job, const struct template *t)
{
    char client_msg_id[32];
    if (job->app.bytes > ACCOUNT_BYTES_MAX || job->id.bytes > ID_BYTES_MAX) {
        buf_append_str(&j->error, "app is over 32 bytes or id over 64");
        return -1;
    }
    job_client_msg_id(job->app, job->id, job->call, client_msg_id);
    struct cut_log to = {job};
    struct render_input in = {.openid = job->openid,
                              .vars = job->vars,
                              .client_msg_id = client_msg_id,
                              .missing = j->conf->templater.missing,
                              .on_cut = log_cut,
                              .to = &to};
    return render_body(t, &in, &j->body, &j->error);
}

static void send_rendered(struct jobs *j, const struct job *job, const struct template *t)
{
    const char *why = NULL;
    struct rendered rendered = {.seq = job->seq,
                                .turn = job->turn,
                                .generation = job->generation,
                                .id = job->id,
                                .app = job->app,
                                .openid = job->openid,
                                .kind = span_of(t->mega.kind->name),
                                .body = buf_span(&j->body)};
    rendered_pack(&rendered, &j->packed);
    if (outlets_send(j->outlets, job->sender, job->generation, buf_span(&j->packed), &why) != 0)
        report(j, job, OUTCOME_RETURNED, span_of(why));
    else
        log_step("message rendered", log_span("id", job->id), log_span("app", job->app), log_span("key", job->key),
                 log_u64("seq", job->seq), log_u64("turn", job->turn), log_str("kind", t->mega.kind->name),
                 log_u64("body_bytes", j->body.bytes));
}

static void take_job(struct jobs *j, struct span packed)
{
    struct job job;
    struct cache_entry entry;
    if (job_unpack(packed, &job) != 0) {
        log_error("job not understood, the broker gives it out again", log_u64("bytes", packed.bytes));
        return;
    }
    if (!member_accepts(j->member, job.generation)) { /* a fence has overtaken it */
        log_step("message dropped", log_span("id", job.id), log_span("app", job.app), log_span("key", job.key),
                 log_u64("seq", job.seq), log_u64("turn", job.turn), log_str("next", "the broker gives it out again"));
        return;
    }
    buf_clear(&j->body);
    buf_clear(&j->packed);
    buf_clear(&j->error);
    switch (templates_find(j->templates, job.key, job.version, &entry)) {
    case TEMPLATES_BEHIND:
        report(j, &job, OUTCOME_RETURNED, span_of("the templater's template is older than the job asks for"));
        return;
    case TEMPLATES_ABSENT:
        report(j, &job, OUTCOME_DEAD, span_of("template key not exists"));
        return;
    case TEMPLATES_FOUND:
        break;
    }
    if (render(j, &job, entry.template) != 0)
        report(j, &job, OUTCOME_DEAD, buf_span(&j->error));
    else
        send_rendered(j, &job, entry.template);
}
