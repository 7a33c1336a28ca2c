#include "client/task_report.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/term.h"
#include "proto/mp_json.h"
#include "proto/mp_view.h"

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

static void append_repeats(const struct task_intake *in, struct buf *out)
{
    uint64_t count = duplicates_count(in->repeats);
    if (count == 0)
        return;
    buf_printf(out, "; %" PRIu64 " row%s repeat%s a recipient ", count, plural(count), count == 1 ? "s" : "");
    buf_append_str(out, in->o->unique ? "(left out)" : "(kept; --unique leaves them out)");
}

static uint64_t count_rows(const struct task_intake *in)
{
    return in->rows - (in->o->unique ? duplicates_count(in->repeats) : 0);
}

static void append_summary(const struct task_intake *in, struct buf *out)
{
    uint64_t rows = count_rows(in);
    buf_printf(out, "%" PRIu64 " row%s from %s", rows, plural(rows), in->source);
    if (in->bad.count)
        buf_printf(out, "; %" PRIu64 " bad line%s left out", in->bad.count, plural(in->bad.count));
    append_repeats(in, out);
}

static void json_text(const char *name, struct span text, struct buf *out)
{
    buf_printf(out, ",\"%s\":\"", name);
    json_escape(text, out);
    buf_append_str(out, "\"");
}

/* Everything but the closing brace. */
static void append_json(const struct task_intake *in, struct buf *out)
{
    static const char *const verdicts[] = {[VERDICT_NONE] = "none",
                                           [VERDICT_GOOD] = "good",
                                           [VERDICT_REFUSED] = "refused",
                                           [VERDICT_UNKNOWN] = "unknown"};
    buf_append_str(out, "{\"name\":\"");
    json_escape(span_of(in->o->name), out);
    buf_append_str(out, "\"");
    json_text("key", in->o->key, out);
    json_text("source", span_of(in->source), out);
    buf_printf(out, ",\"rows\":%" PRIu64 ",\"bad\":%" PRIu64 ",\"repeats\":%" PRIu64 ",\"dropped\":%" PRIu64,
               count_rows(in), in->bad.count, duplicates_count(in->repeats), in->rows - count_rows(in));
    json_text("first", span_of(verdicts[in->checked.verdict]), out);
}

static void print(struct buf *out)
{
    fwrite(out->data, 1, out->bytes, stdout);
    buf_free(out);
}

void task_report_made(const struct task_intake *in, struct span data)
{
    struct buf out = {0};
    const struct task_options *o = in->o;
    if (o->json) {
        struct span state = mp_view_str(data, "state");
        append_json(in, &out);
        if (state.bytes)
            json_text("state", state, &out);
        buf_append_str(&out, "}\n");
        print(&out);
        return;
    }
    buf_printf(&out, "%s: ", o->name);
    append_summary(in, &out);
    buf_append_str(&out, "\n");
    if (o->at_ms)
        buf_printf(&out, "it starts by itself; at once with: mega task start %s\n", o->name);
    else if (o->start)
        buf_printf(&out, "it runs; watch it with: mega task watch %s\n", o->name);
    else
        buf_printf(&out, "start it with: mega task start %s\n", o->name);
    print(&out);
}

void task_report_spoilt(const struct task_intake *in)
{
    if (in->bad.count)
        fprintf(stderr,
                "mega: %s: %" PRIu64 " bad line%s, %" PRIu64
                " good row%s; %s. --skip-bad makes the task without them%s%s\n",
                in->source, in->bad.count, plural(in->bad.count), in->rows, plural(in->rows),
                "nothing was made", in->o->bad ? "; they are in " : "", in->o->bad ? in->o->bad : "");
    else
        fprintf(stderr, "mega: %s: no recipients in it; nothing was made\n", in->source);
}

/* --- dry run -------------------------------------------------------------------------------------------- */

static void append_columns(const struct task_intake *in, struct buf *out)
{
    struct mp_list names;
    struct span one;
    buf_append_str(out, "columns: ");
    term_append(buf_span(&in->openid_column), out);
    buf_append_str(out, " (the recipient)");
    mp_list_open(&names, buf_span(&in->names));
    while (mp_list_next(&names, &one)) {
        buf_append_str(out, ", ");
        term_append(mp_value_str(one), out);
    }
    buf_append_str(out, "\n");
}

static void append_pairs(const struct task_intake *in, struct buf *out)
{
    size_t count;
    const struct duplicates_example *pairs = duplicates_first(in->repeats, &count);
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "  line %" PRIu64 " repeats line %" PRIu64 "\n", pairs[i].line, pairs[i].first_line);
}

static void append_checked(const struct task_intake *in, struct buf *out)
{
    const struct task_checked *checked = &in->checked;
    if (checked->verdict == VERDICT_NONE)
        return;
    buf_append_str(out, checked->verdict == VERDICT_GOOD      ? "the broker would take the first row"
                        : checked->verdict == VERDICT_REFUSED ? "the broker would refuse the first row: "
                                                              : "the broker did not check the first row");
    if (checked->verdict == VERDICT_UNKNOWN && checked->code)
        buf_append_str(out, ": ");
    if (checked->code && checked->verdict != VERDICT_GOOD)
        term_append(buf_span(&checked->message), out);
    buf_append_str(out, "\n");
}

static int print_json(const struct task_intake *in)
{
    struct buf out = {0};
    size_t count;
    const struct duplicates_example *pairs = duplicates_first(in->repeats, &count);
    append_json(in, &out);
    json_text("openid_column", buf_span(&in->openid_column), &out);
    if (in->read_as.bytes)
        json_text("read_as", buf_span(&in->read_as), &out);
    buf_append_str(&out, ",\"columns\":");
    mp_json(buf_span(&in->names), &out);
    if (in->checked.code)
        json_text("answer", buf_span(&in->checked.message), &out);
    buf_append_str(&out, ",\"pairs\":[");
    for (size_t i = 0; i < count; i++)
        buf_printf(&out, "%s[%" PRIu64 ",%" PRIu64 "]", i ? "," : "", pairs[i].first_line, pairs[i].line);
    buf_append_str(&out, "],\"messages\":[");
    int wrong = task_check_preview_json(in->o, &in->samples, &out);
    buf_append_str(&out, "]}\n");
    print(&out);
    return wrong;
}

static int print_text(const struct task_intake *in)
{
    struct buf out = {0};
    append_summary(in, &out);
    buf_append_str(&out, "; nothing was made\n");
    append_pairs(in, &out);
    if (in->read_as.bytes)
        buf_printf(&out, "read as: %.*s\n", (int)in->read_as.bytes, in->read_as.data);
    append_columns(in, &out);
    append_checked(in, &out);
    print(&out);
    return task_check_preview(in->o, &in->samples);
}

enum status task_report_dry_run(const struct task_intake *in)
{
    int wrong = in->o->json ? print_json(in) : print_text(in);
    int is_refused =
        wrong || in->checked.verdict == VERDICT_REFUSED || task_intake_is_spoilt(in) || in->rows == 0;
    return is_refused ? STATUS_REFUSED : STATUS_DONE;
}
