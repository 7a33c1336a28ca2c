/* mega-template preview: one template, and the one that it falls back to, with the same variables. */
#include "templater/preview.h"

enum preview_status preview_show(const struct preview_options *o, const struct conf *conf,
                                 struct source *source)
{
    struct preview_facts facts = {0}, fallback = {0};
    preview_facts_load(&facts, span_of(o->keys[0]), conf, source);
    preview_facts_render(&facts, o, conf);
    int bad = facts.error.bytes > 0;
    /* Once: a fallback's own fallback is never tried. */
    int has_fallback = facts.template != NULL && facts.template->mega.fallback.bytes > 0;
    if (has_fallback) {
        preview_facts_load(&fallback, buf_span(&facts.template->mega.fallback), conf, source);
        preview_facts_render(&fallback, o, conf);
        bad |= fallback.error.bytes > 0;
    }
    if (o->json) {
        preview_print_json(&facts, has_fallback ? &fallback : NULL);
    } else if (o->brief) {
        preview_print_brief(&facts);
        if (has_fallback && fallback.error.bytes > 0)
            preview_print_brief(&fallback);
    } else {
        preview_print_text(&facts, conf, 0);
        if (has_fallback)
            preview_print_text(&fallback, conf, 1);
    }
    preview_facts_free(&facts);
    preview_facts_free(&fallback);
    return bad ? PREVIEW_BAD : PREVIEW_GOOD;
}
