/* Templates: any text that compiles, rendered with any variables, is a JSON object, or it is an error with a
 * text.
 *
 * Input: a byte of options, the template up to the first NUL byte, and the packed variables behind it.
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

static void check_render(const struct template *t, struct span rest, uint8_t options)
{
    struct buf vars = {0}, out = {0}, error = {0};
    if (options & (OPTION_STRING | OPTION_NUMBER))
        pack_for_all(t, rest, options & OPTION_NUMBER, &vars);
    else
        buf_append(&vars, rest.data, rest.bytes);
    struct span openid = {rest.data, rest.bytes < 128 ? rest.bytes : 128};
    struct render_input in = {openid, buf_span(&vars), "0123456789abcdef0123456789abcdef",
                              options & OPTION_REJECT ? MISSING_REJECT : MISSING_KEEP};
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes == 0)
        return 0;
    const char *text = (const char *)data + 1, *end = (const char *)data + bytes;
    const char *nul = memchr(text, 0, bytes - 1);
    struct span template_text = {text, (size_t)((nul == NULL ? end : nul) - text)};
    struct span rest = nul == NULL ? (struct span){NULL, 0} : (struct span){nul + 1, (size_t)(end - nul - 1)};
    struct buf error = {0}, needs = {0};
    struct template *t = template_compile(template_text, &error);
    assert((t == NULL) == (error.bytes > 0));
    if (t != NULL) {
        check_render(t, rest, data[0]);
        template_needs(t, MISSING_REJECT, &needs);
    }
    template_destroy(&t);
    buf_free(&error);
    buf_free(&needs);
    return 0;
}
