/* How facts are shown: for people, and as JSON for scripts. Whatever comes from a source or the command line
 * is printed without what a terminal obeys; the raw body is only printed so where it does go to a terminal. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/term.h"
#include "proto/frontend.h"
#include "templater/preview.h"

#define INDENT 2

/* Prints a text in one line. */
static void put_clean(struct span text)
{
    struct buf clean = {0};
    term_append(text, &clean);
    fputs(buf_str(&clean), stdout); /* a NUL in it was replaced */
    buf_free(&clean);
}

/* Prints lines with something between them. */
static void put_lines(const struct buf *lines, const char *between)
{
    const char *at = lines->data, *end = at + lines->bytes;
    while (at < end) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (line_end == NULL)
            line_end = end;
        put_clean((struct span){at, (size_t)(line_end - at)});
        at = line_end + 1;
        if (at < end)
            fputs(between, stdout);
    }
}

static void put_name(const char *name)
{
    printf("%-12s", name);
}

static void put_names(const char *name, const struct buf *names)
{
    put_name(name);
    if (names->bytes == 0)
        fputs("none", stdout);
    put_lines(names, ", ");
}

/* --- JSON, laid out ------------------------------------------------------------------------------------ */

static void new_line(unsigned depth)
{
    printf("\n%*s", (int)(depth * INDENT), "");
}

/* Prints valid JSON with a member or element a line. */
static void put_pretty(struct span json)
{
    struct json_reader r;
    int is_first = 1; /* nothing was printed at this depth yet */
    int behind_name = 0;
    json_open(&r, json);
    for (struct json_token t = json_next(&r); t.type != JSON_END && t.type != JSON_ERROR; t = json_next(&r)) {
        int closes = t.type == JSON_OBJECT_END || t.type == JSON_ARRAY_END;
        int opens = t.type == JSON_OBJECT || t.type == JSON_ARRAY;
        unsigned depth = r.depth - (opens ? 1 : 0);
        if (!behind_name && !is_first && !closes)
            putchar(',');
        if (!behind_name && !(closes && is_first) && (depth > 0 || closes))
            new_line(depth);
        put_clean(t.raw);
        if (t.type == JSON_NAME)
            fputs(": ", stdout);
        behind_name = t.type == JSON_NAME;
        is_first = opens;
    }
    putchar('\n');
}

/* --- text ---------------------------------------------------------------------------------------------- */

static void put_mega(const struct template_mega *mega)
{
    put_name("kind");
    printf("%s\n", mega->kind->name);
    put_name("call");
    printf("%s\n", mega->kind->path);
    put_name("lane");
    printf("%s\n", mega->lane == LANE_EXPRESS ? "express" : mega->lane == LANE_BULK ? "bulk" : "not set");
    put_name("ttl");
    if (mega->ttl_ms > 0)
        printf("%lld ms\n", (long long)mega->ttl_ms);
    else
        puts("none");
    put_name("rate");
    if (mega->rate_per_s > 0)
        printf("%u a second of one account\n", mega->rate_per_s);
    else
        puts("no limit");
    put_name("fallback");
    put_clean(mega->fallback.bytes > 0 ? buf_span(&mega->fallback) : span_of("none"));
    for (size_t i = 0; i < mega->fallback_on_count; i++)
        printf("%s%d", i == 0 ? ", on " : ", ", mega->fallback_on[i]);
    putchar('\n');
}

static void put_variables(struct preview_facts *f, const struct conf *conf)
{
    const struct template *t = f->template;
    put_name("variables");
    for (size_t i = 0; i < t->name_count; i++) {
        fputs(i == 0 ? "" : ", ", stdout);
        put_clean(t->names[i].name);
    }
    puts(t->name_count == 0 ? "none" : "");
    put_names("not given", &f->not_given);
    puts(f->not_given.bytes > 0 && f->body.bytes > 0 && conf->templater.missing == MISSING_KEEP
             ? " (kept as ${NAME})"
             : "");
    if (f->not_used.bytes > 0) {
        put_names("not used", &f->not_used);
        putchar('\n');
    }
}

static void put_wrong(struct preview_facts *f)
{
    if (f->warnings.bytes > 0) {
        put_name("warning");
        put_lines(&f->warnings, "\nwarning     ");
        putchar('\n');
    }
    if (f->error.bytes > 0) {
        put_name("error");
        put_clean(buf_span(&f->error));
        putchar('\n');
    }
}

static void put_raw(const struct buf *body)
{
    if (isatty(STDOUT_FILENO))
        put_clean(buf_span(body));
    else
        fwrite(body->data, 1, body->bytes, stdout);
    putchar('\n');
}

void preview_print_brief(struct preview_facts *f)
{
    put_wrong(f);
    if (f->body.bytes > 0)
        put_raw(&f->body);
}

void preview_print_text(struct preview_facts *f, const struct conf *conf, int as_fallback)
{
    if (as_fallback)
        puts("\n--- the fallback, with the same variables ---\n");
    put_name("key");
    put_clean(buf_span(&f->key));
    putchar('\n');
    if (f->template != NULL) {
        put_mega(&f->template->mega);
        put_variables(f, conf);
    }
    put_wrong(f);
    if (f->body.bytes == 0)
        return;
    puts("\nbody");
    put_pretty(buf_span(&f->body));
    puts("\nraw");
    put_raw(&f->body);
}

/* --- JSON for scripts ---------------------------------------------------------------------------------- */

static void add_string(struct buf *out, const char *name, struct span text)
{
    if (name[0] != '\0')
        buf_printf(out, "\"%s\":", name);
    buf_append_str(out, "\"");
    if (span_is_utf8(text))
        json_escape(text, out);
    buf_append_str(out, "\"");
}

static void add_lines(struct buf *out, const char *name, const struct buf *lines)
{
    size_t from = 0;
    buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < lines->bytes; i++) {
        if (lines->data[i] != '\n')
            continue;
        if (from > 0)
            buf_append_str(out, ",");
        add_string(out, "", (struct span){lines->data + from, i - from});
        from = i + 1;
    }
    buf_append_str(out, "]");
}

static void add_mega(struct buf *out, const struct template_mega *mega)
{
    buf_printf(out, ",\"kind\":\"%s\",\"call\":\"%s\",\"lane\":%s", mega->kind->name, mega->kind->path,
               mega->lane == LANE_EXPRESS ? "\"express\""
               : mega->lane == LANE_BULK  ? "\"bulk\""
                                          : "null");
    buf_printf(out, ",\"ttl_ms\":%lld,\"rate\":%u,", (long long)mega->ttl_ms, mega->rate_per_s);
    add_string(out, "fallback", buf_span(&mega->fallback));
    buf_append_str(out, ",\"fallback_on\":[");
    for (size_t i = 0; i < mega->fallback_on_count; i++)
        buf_printf(out, "%s%d", i == 0 ? "" : ",", mega->fallback_on[i]);
    buf_append_str(out, "]");
}

/* Appends the members that every object has. */
static void add_facts(struct buf *out, struct preview_facts *f)
{
    buf_append_str(out, "{");
    add_string(out, "key", buf_span(&f->key));
    buf_printf(out, ",\"good\":%s,", f->error.bytes == 0 ? "true" : "false");
    add_string(out, "error", buf_span(&f->error));
    add_lines(out, "warnings", &f->warnings);
    if (f->template != NULL)
        add_mega(out, &f->template->mega);
}

static void add_preview(struct buf *out, struct preview_facts *f)
{
    add_facts(out, f);
    if (f->template != NULL) {
        buf_append_str(out, ",\"variables\":[");
        for (size_t i = 0; i < f->template->name_count; i++) {
            buf_append_str(out, i == 0 ? "" : ",");
            add_string(out, "", f->template->names[i].name);
        }
        buf_append_str(out, "]");
        add_lines(out, "not_given", &f->not_given);
        add_lines(out, "not_used", &f->not_used);
    }
    if (f->body.bytes > 0) {
        buf_append_str(out, ",");
        add_string(out, "body", buf_span(&f->body));
    }
}

void preview_print_json(struct preview_facts *f, struct preview_facts *fallback)
{
    struct buf out = {0};
    add_preview(&out, f);
    if (fallback != NULL) {
        buf_append_str(&out, ",\"fallback_preview\":");
        add_preview(&out, fallback);
        buf_append_str(&out, "}");
    }
    buf_append_str(&out, "}\n");
    fwrite(out.data, 1, out.bytes, stdout);
    buf_free(&out);
}

void preview_print_line(struct preview_facts *f, int json)
{
    struct buf out = {0};
    if (json) {
        add_facts(&out, f);
        buf_append_str(&out, "}\n");
        fwrite(out.data, 1, out.bytes, stdout);
        buf_free(&out);
        return;
    }
    put_clean(buf_span(&f->key));
    printf("  %s  ", f->template != NULL ? f->template->mega.kind->name : "-");
    if (f->error.bytes > 0) {
        fputs("error: ", stdout);
        put_clean(buf_span(&f->error));
    } else if (f->warnings.bytes > 0) {
        fputs("warning: ", stdout);
        put_lines(&f->warnings, "; ");
    } else {
        fputs("ok", stdout);
    }
    putchar('\n');
}
