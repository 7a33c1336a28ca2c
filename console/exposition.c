#include "console/exposition.h"

#include <inttypes.h>
#include <math.h>

#include "base/json.h"
#include "base/utf8.h"
#include "proto/mp_view.h"

void family(struct exposition *e, const char *name, const char *type, const char *help)
{
    e->name = name;
    e->type = type;
    e->help = help;
    e->is_begun = 0;
}

static void begin(struct exposition *e)
{
    if (e->is_begun)
        return;
    e->is_begun = 1;
    buf_printf(e->out, "# HELP %s %s\n# TYPE %s %s\n", e->name, e->help, e->name, e->type);
}

static void put_value(struct span value, struct buf *out)
{
    struct buf text = {0};
    utf8_append(value, &text);
    for (size_t i = 0; i < text.bytes; i++) {
        char c = text.data[i];
        if (c == '\n')
            buf_append_str(out, "\\n");
        else if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else
            buf_append(out, &c, 1);
    }
    buf_free(&text);
}

static void put_name(struct exposition *e, const char *suffix, const struct label *labels, size_t count, const char *le)
{
    begin(e);
    buf_printf(e->out, "%s%s", e->name, suffix);
    if (count == 0 && le == NULL) {
        buf_append_str(e->out, " ");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        buf_printf(e->out, "%c%s=\"", i ? ',' : '{', labels[i].name);
        put_value(labels[i].value, e->out);
        buf_append_str(e->out, "\"");
    }
    if (le)
        buf_printf(e->out, "%cle=\"%s\"", count ? ',' : '{', le);
    buf_append_str(e->out, "} ");
}

static void put_number(double value, struct buf *out)
{
    char text[JSON_DOUBLE_BYTES_MAX];
    if (isfinite(value))
        buf_append(out, text, json_format_double(value, text));
    else
        buf_append_str(out, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
}

void sample(struct exposition *e, const struct label *labels, size_t count, double value)
{
    put_name(e, "", labels, count, NULL);
    put_number(value, e->out);
    buf_append_str(e->out, "\n");
}

void sample_u64(struct exposition *e, const struct label *labels, size_t count, uint64_t value)
{
    put_name(e, "", labels, count, NULL);
    buf_printf(e->out, "%" PRIu64 "\n", value);
}

static void put_bucket(struct exposition *e, const struct label *labels, size_t count, const char *le, uint64_t sum)
{
    put_name(e, "_bucket", labels, count, le);
    buf_printf(e->out, "%" PRIu64 "\n", sum);
}

void sample_histogram(struct exposition *e, const struct label *labels, size_t count, struct span le, struct span n, double sum_us)
{
    struct mp_list bounds, counts;
    struct span bound, one;
    uint64_t sum = 0;
    if (mp_list_open(&bounds, le) || mp_list_open(&counts, n))
        return;
    while (mp_list_next(&bounds, &bound) && mp_list_next(&counts, &one)) {
        struct buf text = {0};
        put_number((double)mp_value_i64(bound) / 1e6, &text);
        sum += (uint64_t)mp_value_i64(one);
        put_bucket(e, labels, count, buf_str(&text), sum);
        buf_free(&text);
    }
    while (mp_list_next(&counts, &one))
        sum += (uint64_t)mp_value_i64(one);
    put_bucket(e, labels, count, "+Inf", sum);
    put_name(e, "_sum", labels, count, NULL);
    put_number(sum_us / 1e6, e->out);
    buf_append_str(e->out, "\n");
    put_name(e, "_count", labels, count, NULL);
    buf_printf(e->out, "%" PRIu64 "\n", sum);
}
