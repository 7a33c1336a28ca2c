/* Gathers what is known of one template, in the way in which the templater would take it and render it. */
#include <stdlib.h>

#include "proto/job.h"
#include "proto/mp.h"
#include "templater/preview.h"
#include "templater/render.h"

/* The id of a message that does not exist. Its client_msg_id looks like any other. */
#define PREVIEW_ID "preview"

void preview_facts_free(struct preview_facts *f)
{
    buf_free(&f->key);
    buf_free(&f->text);
    template_destroy(&f->template);
    buf_free(&f->error);
    buf_free(&f->warnings);
    buf_free(&f->body);
    buf_free(&f->not_given);
    buf_free(&f->not_used);
}

void preview_facts_load(struct preview_facts *f, struct span key, const struct conf *conf,
                        struct source *source)
{
    int found = template_key_fault(key) != NULL
                    ? 0
                    : source->type->load_one(source, key, &f->key, &f->text, &f->error);
    if (found != 1) {
        buf_clear(&f->key);
        buf_append(&f->key, key.data, key.bytes);
    }
    if (found == 0)
        buf_printf(&f->error, "the source (%s) has no template of this key", conf->templater.source);
    else if (found == 1)
        preview_facts_compile(f, conf);
}

void preview_facts_compile(struct preview_facts *f, const struct conf *conf)
{
    const char *key_fault = template_key_fault(buf_span(&f->key));
    if (key_fault != NULL) {
        buf_append_str(&f->error, key_fault);
        return;
    }
    if (f->text.bytes > conf->server.template_bytes_max) {
        buf_printf(&f->error, "over template size: [server] template_size allows %u bytes",
                   conf->server.template_bytes_max);
        return;
    }
    f->template = template_compile(buf_span(&f->text), &f->error);
    if (f->template == NULL)
        return;
    const struct template_findings *found = &f->template->findings;
    template_fault(f->template, buf_span(&f->key), &f->error);
    buf_append(&f->warnings, found->warnings.data, found->warnings.bytes);
    if (found->warning_count > TEMPLATE_WARNINGS_MAX)
        buf_printf(&f->warnings, "and %zu more\n", found->warning_count - TEMPLATE_WARNINGS_MAX);
}

static void warn_cut(void *to, const struct render_cut *cut)
{
    struct preview_facts *f = to;
    buf_append(&f->warnings, cut->member.data, cut->member.bytes);
    if (cut->chars_max > 0)
        buf_printf(&f->warnings, ": as filled in it is longer than WeChat shows, %u of %u characters\n",
                   cut->chars, cut->chars_max);
    else
        buf_append_str(&f->warnings, ": as filled in it has several lines; WeChat cuts it\n");
}

/* Adds a name to a list that is kept in lines. */
static void add_name(struct buf *names, struct span name)
{
    size_t from = names->bytes;
    buf_append(names, name.data, name.bytes);
    for (size_t i = from; i < names->bytes; i++)
        if (names->data[i] == '\n')
            names->data[i] = '?';
    buf_append_str(names, "\n");
}

/* Sorts the variables: those of the template that were not given, and those given that it does not have. */
static void compare_vars(struct preview_facts *f, struct span vars)
{
    const struct template *t = f->template;
    char *given = mem_new(t->name_count + 1);
    struct mp_cursor c;
    mp_open(&c, vars);
    for (uint32_t left = vars.bytes > 0 ? mp_read_map(&c) : 0; left > 0 && !c.failed; left--) {
        struct span name = {0};
        if (mp_read_name(&c, &name) != 0)
            break;
        mp_skip(&c);
        long at = template_name_find(t, name);
        if (at >= 0)
            given[at] = 1;
        else
            add_name(&f->not_used, name);
    }
    for (size_t i = 0; i < t->name_count; i++)
        if (!given[i])
            add_name(&f->not_given, t->names[i].name);
    free(given);
}

void preview_facts_render(struct preview_facts *f, const struct preview_options *o, const struct conf *conf)
{
    char client_msg_id[32];
    struct buf error = {0};
    if (f->template == NULL)
        return;
    compare_vars(f, buf_span(&o->vars));
    job_client_msg_id(span_of(CONF_ACCOUNT_DEFAULT), span_of(PREVIEW_ID), 0, client_msg_id);
    struct render_input in = {.openid = span_of(o->openid),
                              .vars = buf_span(&o->vars),
                              .client_msg_id = client_msg_id,
                              .missing = conf->templater.missing,
                              .on_cut = warn_cut,
                              .to = f};
    if (render_body(f->template, &in, &f->body, &error) != 0) {
        buf_clear(&f->body);
        buf_append_str(&f->error, f->error.bytes > 0 ? "; " : "");
        buf_append(&f->error, error.data, error.bytes);
    }
    buf_free(&error);
}
