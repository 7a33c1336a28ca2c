#include "client/series_plan.h"

#include <stdio.h>

#include "base/term.h"
#include "client/ask.h"
#include "client/queue.h"
#include "proto/mp_json.h"
#include "proto/mp_view.h"

#define SOMEBODY "mega-series-plan" /* the recipient of a check; nothing is kept of it */
#define CHECK_MS 5000               /* how long the broker may take */

/* What the broker says of one step. */
struct verdict {
    enum code code; /* 0: it could not be asked */
    struct buf message;
};

struct planning {
    const struct series_options *o;
    struct span app;
    struct buf out;
    int is_refused; /* 1: some step would be */
    int is_away;    /* 1: the broker does not answer: it is asked no more */
};

static void check(struct planning *p, struct span step, struct span vars, struct verdict *v)
{
    struct options options = {.op = OP_CHECK, .endpoint = p->o->frontend, .access = p->o->access, .timeout_ms = CHECK_MS};
    struct buf bytes = {0};
    struct result result;
    *v = (struct verdict){0};
    if (p->is_away)
        return;
    if (p->o->timeout_ms < CHECK_MS)
        options.timeout_ms = p->o->timeout_ms;
    options.request = (struct request){.op = OP_CHECK,
                                       .app = p->app,
                                       .key = mp_view_str(step, "key"),
                                       .openid = span_of(SOMEBODY),
                                       .vars = vars,
                                       .ttl_ms = mp_view_i64(step, "ttl"),
                                       .lane = -1};
    if (ask_result(&options, &bytes, &result) == STATUS_DONE) {
        v->code = result.code;
        buf_append(&v->message, result.message.data, result.message.bytes);
        p->is_refused |= result.code != CODE_OK && result.code != CODE_BUSY;
    } else {
        p->is_away = 1;
    }
    buf_free(&bytes);
}

/* --- for people ------------------------------------------------------------------------------------------------------------ */

static void print_verdict(const struct verdict *v, struct buf *out)
{
    if (v->code == 0)
        buf_append_str(out, "not checked: the broker does not answer");
    else if (v->code == CODE_OK)
        buf_append_str(out, "ok");
    else
        term_append(buf_span(&v->message), out);
}

static void print_step(struct planning *p, struct span step, struct span vars)
{
    struct verdict v;
    check(p, step, vars, &v);
    buf_printf(&p->out, "  %lld  ", (long long)mp_view_i64(step, "step"));
    term_append(mp_view_str(step, "local"), &p->out);
    buf_append_str(&p->out, "  ");
    term_append(mp_view_str(step, "key"), &p->out);
    buf_append_str(&p->out, "  ");
    print_verdict(&v, &p->out);
    buf_append_str(&p->out, "\n");
    buf_free(&v.message);
}

static void print_series(struct planning *p, struct span series)
{
    struct mp_list steps;
    struct span step;
    buf_append_str(&p->out, "starts ");
    term_append(mp_view_str(series, "name"), &p->out);
    buf_append_str(&p->out, "\n");
    if (mp_list_open(&steps, mp_view(series, "steps")) == 0)
        while (mp_list_next(&steps, &step))
            print_step(p, step, mp_view(series, "vars"));
}

static int print_text(struct planning *p, struct span data)
{
    struct mp_list list;
    struct span one;
    if (mp_list_open(&list, mp_view(data, "series")) != 0)
        return -1;
    if (list.left == 0) {
        buf_append_str(&p->out, "nothing starts\n");
    }
    while (mp_list_next(&list, &one))
        print_series(p, one);
    if (mp_list_open(&list, mp_view(data, "ends")) == 0)
        while (mp_list_next(&list, &one)) {
            buf_append_str(&p->out, "ends ");
            term_append(mp_value_str(one), &p->out);
            buf_append_str(&p->out, ", for whom is in it\n");
        }
    return 0;
}

/* --- JSON: the answer, with `code` and `message` in each step ------------------------------------------------------------------ */

/* A map, with its member `replaced` left out; the caller appends `more` members. Returns 0 or -1. */
static int copy_map(struct span map, const char *replaced, size_t more, struct buf *out)
{
    struct mp_list members;
    struct span name, value;
    if (mp_list_open_map(&members, map) != 0)
        return -1;
    size_t place = mp_map_open(out), count = 0;
    while (mp_list_next(&members, &name) && mp_list_next(&members, &value)) {
        if (replaced && span_is(mp_value_str(name), replaced))
            continue;
        mp_raw(out, name);
        mp_raw(out, value);
        count++;
    }
    mp_map_close(out, place, count + more);
    return 0;
}

static int pack_step(struct planning *p, struct span step, struct span vars, struct buf *out)
{
    struct verdict v;
    check(p, step, vars, &v);
    int rc = copy_map(step, NULL, (size_t)(v.code != 0) + (v.message.bytes > 0 ? 1 : 0), out);
    if (v.code)
        mp_put_i64(out, "code", (int64_t)v.code);
    mp_opt_span(out, "message", buf_span(&v.message));
    buf_free(&v.message);
    return rc;
}

static int pack_series(struct planning *p, struct span series, struct buf *out)
{
    struct mp_list steps;
    struct span step;
    if (mp_list_open(&steps, mp_view(series, "steps")) != 0 || copy_map(series, "steps", 1, out) != 0)
        return -1;
    mp_str(out, "steps");
    mp_array(out, steps.left);
    while (mp_list_next(&steps, &step))
        if (pack_step(p, step, mp_view(series, "vars"), out) != 0)
            return -1;
    return 0;
}

static int print_json(struct planning *p, struct span data)
{
    struct mp_list list;
    struct span one;
    struct buf packed = {0};
    int rc = mp_list_open(&list, mp_view(data, "series"));
    if (rc == 0)
        rc = copy_map(data, "series", 1, &packed);
    if (rc == 0) {
        mp_str(&packed, "series");
        mp_array(&packed, list.left);
    }
    while (rc == 0 && mp_list_next(&list, &one))
        rc = pack_series(p, one, &packed);
    if (rc == 0)
        rc = mp_json(buf_span(&packed), &p->out);
    buf_append_str(&p->out, "\n");
    buf_free(&packed);
    return rc;
}

enum status series_plan_print(const struct series_options *o, struct span data)
{
    struct planning p = {.o = o, .app = o->app};
    int wrong = o->json ? print_json(&p, data) : print_text(&p, data);
    enum status status = wrong ? queue_not_understood() : p.is_refused ? STATUS_REFUSED : STATUS_DONE;
    if (!wrong)
        fwrite(p.out.data, 1, p.out.bytes, stdout);
    buf_free(&p.out);
    return status;
}
