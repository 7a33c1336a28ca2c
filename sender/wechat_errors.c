/* mega wechat errors: the table of errcodes for people. */
#include "sender/wechat.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/table.h"
#include "sender/errcode.h"
#include "sender/errcode_doc.h"
#include "sender/wechat_text.h"

static const char *class_of(int64_t code)
{
    return errcode_rule(errcode_class(code))->name;
}

static const char *happens_to(int64_t code)
{
    return errcode_rule(errcode_class(code))->happens;
}

static const char *meaning_of(int64_t code)
{
    const struct errcode *row = errcode_find(code);
    return row ? row->meaning : "not known here";
}

static const char *advice_of(int64_t code)
{
    const char *advice = errcode_advice(code);
    return advice ? advice : "";
}

static void print_json(int64_t code)
{
    struct buf out = {0};
    buf_printf(&out, "{\"errcode\":%" PRId64, code);
    if (errcode_find(code))
        wechat_text_json("meaning", span_of(meaning_of(code)), &out);
    wechat_text_json("class", span_of(class_of(code)), &out);
    wechat_text_json("happens", span_of(happens_to(code)), &out);
    if (errcode_advice(code))
        wechat_text_json("advice", span_of(advice_of(code)), &out);
    printf("%s}\n", buf_str(&out));
    buf_free(&out);
}

static void print_one(int64_t code)
{
    printf("errcode  %" PRId64 "\nmeaning  %s\nclass    %s\nhappens  %s\n", code, meaning_of(code), class_of(code), happens_to(code));
    if (errcode_advice(code))
        printf("to do    %s\n", advice_of(code));
}

static void print_all(const struct wechat_options *o)
{
    static const struct column columns[] = {{"ERRCODE", 0, 1}, {"CLASS", 0, 0}, {"MEANING", 0, 0}, {"WHAT TO DO", 0, 0}};
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    struct buf out = {0};
    for (const struct errcode *row = errcode_next(NULL); row; row = errcode_next(row)) {
        if (o->json) {
            print_json(row->code);
            continue;
        }
        table_printf(table, "%" PRId64, row->code);
        table_cell(table, span_of(class_of(row->code)));
        table_cell(table, span_of(row->meaning));
        table_cell(table, span_of(row->advice ? row->advice : ""));
    }
    table_write(table, 0, &out);
    if (!o->json)
        fputs(buf_str(&out), stdout);
    table_destroy(&table);
    buf_free(&out);
}

static void print_page(void)
{
    struct buf page = {0};
    errcode_doc_write(&page);
    fwrite(page.data, 1, page.bytes, stdout);
    buf_free(&page);
}

static int read_code(const char *text, int64_t *code)
{
    char *end;
    errno = 0;
    *code = strtoll(text, &end, 10);
    if (errno == 0 && *end == 0 && end != text)
        return 0;
    wechat_error("%s: is no code; give a number, such as 43004", text);
    return -1;
}

/* Returns WECHAT_NO for a code that is not known. */
static enum wechat_status print_code(const struct wechat_options *o, int64_t code, int is_first)
{
    if (o->json) {
        print_json(code);
    } else {
        if (!is_first)
            putchar('\n');
        print_one(code);
    }
    return errcode_find(code) ? WECHAT_GOOD : WECHAT_NO;
}

enum wechat_status wechat_errors(const struct wechat_options *o)
{
    enum wechat_status status = WECHAT_GOOD;
    int64_t code;
    if (o->markdown) {
        print_page();
        return WECHAT_GOOD;
    }
    for (size_t i = 0; i < o->argument_count; i++)
        if (read_code(o->arguments[i], &code))
            return WECHAT_USAGE;
    if (o->argument_count == 0 && !o->minus_one) {
        print_all(o);
        return WECHAT_GOOD;
    }
    if (o->minus_one)
        status = print_code(o, -1, 1);
    for (size_t i = 0; i < o->argument_count; i++)
        if (read_code(o->arguments[i], &code) == 0 && print_code(o, code, i == 0 && !o->minus_one) != WECHAT_GOOD)
            status = WECHAT_NO;
    return status;
}
