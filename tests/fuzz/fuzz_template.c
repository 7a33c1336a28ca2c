/* Templates: any text that compiles, rendered with any variables, is a JSON object, or it is an error with a
 * text.
 *
 * Input: a byte of options, the template up to the first NUL byte, and the packed variables behind it. The
 * upper half of the options chooses what is put around the template, so that the check of bodies is soon
 * reached.
 */
#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "proto/mp.h"
#include "templater/render.h"
#include "templater/template.h"

#define OPTION_REJECT 1
#define OPTION_STRING                                                                                        \
    2 /* the bytes behind the NUL are one string, the value of every variable, instead of the packed map */
#define OPTION_NUMBER 4 /* the same as a number of any length */

#define TO_AND_ID  "{\"touser\":\"${OPENID}\",\"template_id\":\"T\","
#define KIND(kind) "\"$mega\":{\"kind\":\"" kind "\"},"

/* Index 0 is the text as it comes, and so are those that are not there. */
static const struct {
    const char *before, *behind;
} frames[] = {
    {"", ""},
    {TO_AND_ID "\"data\":{", "}}"},
    {TO_AND_ID "\"data\":{\"thing1\":{\"value\":\"", "\"}}}"},
    {TO_AND_ID "\"$mega\":{", "}}"},
    {TO_AND_ID KIND("subscribe"), "}"},
    {TO_AND_ID KIND("bizsubscribe") "\"data\":{\"name1\":{\"value\":", "}}}"},
    {TO_AND_ID KIND("onetime") "\"data\":{\"content\":{\"value\":\"x\"}},", "}"},
    {TO_AND_ID KIND("onetime") "\"scene\":1,\"title\":\"", "\"}"},
    {TO_AND_ID KIND("custom"), "}"},
    {TO_AND_ID KIND("custom") "\"msgtype\":\"news\",\"news\":{\"articles\":[", "]}}"},
    {TO_AND_ID KIND("custom") "\"msgtype\":\"msgmenu\",\"msgmenu\":{", "}}"},
    {TO_AND_ID KIND("custom") "\"msgtype\":\"", "\"}"},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_object(struct span body)
{
    struct json_reader r;
    json_open(&r, body);
    struct json_token t = json_next(&r);
    assert(t.type == JSON_OBJECT);
    while (t.type != JSON_END) {
        t = json_next(&r);
        assert(t.type != JSON_ERROR);
    }
}

static void pack_for_all(const struct template *t, struct span value, int is_number, struct buf *vars)
{
    mp_map(vars, t->name_count);
    for (size_t i = 0; i < t->name_count; i++) {
        mp_span(vars, t->names[i].name);
        if (is_number)
            mp_ext(vars, MP_EXT_NUMBER, value);
        else
            mp_span(vars, value);
    }
}

static void check_cut(void *to, const struct render_cut *cut)
{
    assert(to != NULL);
    assert(cut->chars_max == 0 || cut->chars > cut->chars_max);
    assert(cut->member.bytes > 0 && span_is_utf8(cut->member));
}

/* What the check of the body leaves behind is consistent, and fit for a line of a log. */
static void check_findings(const struct template *t)
{
    const struct template_findings *f = &t->findings;
    size_t lines = 0, end = 0;
    for (size_t i = 0; i < f->warnings.bytes; i++) {
        unsigned char c = (unsigned char)f->warnings.data[i];
        lines += c == '\n';
        assert(c == '\n' || (c >= ' ' && c != 0x7f));
    }
    for (size_t i = 0; i < f->fault.bytes; i++)
        assert((unsigned char)f->fault.data[i] >= ' ');
    assert(span_is_utf8(buf_span(&f->warnings)) && span_is_utf8(buf_span(&f->fault)));
    assert(lines == (f->warning_count < TEMPLATE_WARNINGS_MAX ? f->warning_count : TEMPLATE_WARNINGS_MAX));
    for (size_t i = 0; i < f->limit_count; i++) {
        assert(f->limits[i].at >= end && f->limits[i].end > f->limits[i].at &&
               f->limits[i].end <= t->text.bytes);
        end = f->limits[i].end;
    }
    for (size_t i = 0; i < t->part_count; i++)
        assert(t->parts[i].limit <= f->limit_count);
}

/* Loading takes what compiles and has no fault, and nothing else. */
static void check_load(const struct template *t, struct span text)
{
    struct buf error = {0};
    struct template *loaded = template_load(span_of("key"), text, &error);
    int own = t != NULL && span_is(buf_span(&t->mega.fallback), "key");
    assert((loaded != NULL) == (t != NULL && t->findings.fault.bytes == 0 && !own));
    assert((loaded == NULL) == (error.bytes > 0));
    template_destroy(&loaded);
    buf_free(&error);
}

static void check_render(const struct template *t, struct span rest, uint8_t options)
{
    struct buf vars = {0}, out = {0}, error = {0};
    if (options & (OPTION_STRING | OPTION_NUMBER))
        pack_for_all(t, rest, options & OPTION_NUMBER, &vars);
    else
        buf_append(&vars, rest.data, rest.bytes);
    struct span openid = {rest.data, rest.bytes < 128 ? rest.bytes : 128};
    struct render_input in = {.openid = openid,
                              .vars = buf_span(&vars),
                              .client_msg_id = "0123456789abcdef0123456789abcdef",
                              .missing = options & OPTION_REJECT ? MISSING_REJECT : MISSING_KEEP,
                              .on_cut = check_cut,
                              .to = (void *)(uintptr_t)t};
    if (render_body(t, &in, &out, &error) == 0) {
        check_object(buf_span(&out));
        assert(error.bytes == 0);
    } else {
        assert(error.bytes > 0 && span_is_utf8(buf_span(&error)));
    }
    buf_free(&vars);
    buf_free(&out);
    buf_free(&error);
}

static void frame(struct span text, uint8_t options, struct buf *framed)
{
    size_t i = options >> 4;
    if (i >= sizeof frames / sizeof *frames)
        i = 0;
    buf_append_str(framed, frames[i].before);
    buf_append(framed, text.data, text.bytes);
    buf_append_str(framed, frames[i].behind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    const char *text = (const char *)data + 1, *end = (const char *)data + bytes;
    const char *nul = memchr(text, 0, bytes - 1);
    struct span rest = nul == NULL ? (struct span){NULL, 0} : (struct span){nul + 1, (size_t)(end - nul - 1)};
    struct buf error = {0}, needs = {0}, framed = {0};
    frame((struct span){text, (size_t)((nul == NULL ? end : nul) - text)}, data[0], &framed);
    struct template *t = template_compile(buf_span(&framed), &error);
    assert((t == NULL) == (error.bytes > 0));
    check_load(t, buf_span(&framed));
    if (t != NULL) {
        check_findings(t);
        check_render(t, rest, data[0]);
        template_needs(t, MISSING_REJECT, &needs);
    }
    template_destroy(&t);
    buf_free(&error);
    buf_free(&needs);
    buf_free(&framed);
    return 0;
}
