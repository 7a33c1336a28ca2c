/* Lists as a stream: page after page is asked for as the client reads, so that nothing piles up here, however long the list and however slow
 * the client. The first page decides the status; whatever goes wrong after it cuts the connection, so that the client sees that the
 * list is not whole. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "console/api_answer.h"
#include "console/console.h"
#include "proto/entry_csv.h"
#include "proto/mp_json.h"
#include "proto/mp_view.h"

#define PAGE_ENTRIES 200   /* some kilobytes each at most */
#define PATIENCE_MS  60000 /* for a broker that is away for a moment, or an index that is being built */

struct export {
    struct console *console;
    struct exchange *x;
    struct api_op op;
    int is_csv;
    int has_begun;     /* 1: the status is sent */
    int is_asking;
    struct buf json;   /* the object of the query, without its closing brace */
    struct buf next;   /* of the page before, as text */
    struct buf lines;  /* reused */
};

static void release(struct exchange *x)
{
    struct export *e = x->owner;
    dealer_forget(api_dealer(e->console, e->op.of), e);
    e->console->api.held--;
    e->console->api.exports--;
    x->gone = NULL;
    buf_free(&e->json);
    buf_free(&e->next);
    buf_free(&e->lines);
    free(e);
}

static void fail(struct export *e, unsigned status, const char *message)
{
    struct exchange *x = e->x;
    if (e->has_begun) {
        web_end_pieces(x, 0);
        return;
    }
    release(x);
    api_refuse(x, status, message);
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

static const char *const row_columns[] = {"row", "line", "openid", "state", "round", "id", "code", "errcode", "message", "settled", "vars"};
#define ROW_COLUMNS (sizeof row_columns / sizeof *row_columns)

static void append_names(struct export *e)
{
    if (e->op.of == API_QUEUE)
        entry_csv_names(&e->lines);
    for (size_t i = 0; e->op.of == API_TASKS && i < ROW_COLUMNS; i++)
        buf_printf(&e->lines, "%s%s", row_columns[i], i + 1 < ROW_COLUMNS ? "," : "\r\n");
}

/* Numbers and objects as JSON has them. */
static void append_row(struct span entry, struct buf *out)
{
    struct buf text = {0};
    for (size_t i = 0; i < ROW_COLUMNS; i++) {
        struct span value = mp_view(entry, row_columns[i]), str = mp_value_str(value);
        buf_clear(&text);
        if (str.data == NULL && value.bytes)
            mp_json(value, &text);
        entry_csv_field(str.data ? str : buf_span(&text), out);
        buf_append_str(out, i + 1 < ROW_COLUMNS ? "," : "\r\n");
    }
    buf_free(&text);
}

static void append_lines(struct export *e, struct span data)
{
    struct mp_list list;
    struct span entry;
    mp_list_open(&list, data);
    while (mp_list_next(&list, &entry)) {
        if (!e->is_csv && mp_json(entry, &e->lines) == 0)
            buf_append_str(&e->lines, "\n");
        else if (e->is_csv && e->op.of == API_QUEUE)
            entry_csv_row(entry, &e->lines);
        else if (e->is_csv)
            append_row(entry, &e->lines);
    }
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

static void ask_page(struct export *e);

static void more(struct exchange *x)
{
    ask_page(x->owner);
}

static void begin(struct export *e)
{
    if (e->has_begun)
        return;
    e->has_begun = 1;
    web_begin_pieces(e->x, 200, e->is_csv ? "text/csv; charset=utf-8" : "application/x-ndjson", more, release);
    if (e->is_csv)
        append_names(e);
}

static int on_page(void *self, const struct answer *answer)
{
    struct export *e = self;
    e->is_asking = 0;
    if (answer == NULL) {
        fail(e, 503, api_away(e->op.of));
        return 0;
    }
    if (answer->code != CODE_OK && answer->code != CODE_QUEUED) {
        struct buf message = {0};
        buf_append(&message, answer->message.data, answer->message.bytes);
        fail(e, api_answer_status(&e->op, answer), buf_str(&message));
        buf_free(&message);
        return 0;
    }
    buf_clear(&e->lines);
    begin(e);
    append_lines(e, answer->data);
    buf_clear(&e->next);
    api_token_append(answer->next, &e->next);
    int is_last = answer->code == CODE_OK;
    web_add_piece(e->x, buf_span(&e->lines));
    if (is_last)
        web_end_pieces(e->x, 1);
    else if (e->lines.bytes == 0)
        ask_page(e); /* nothing for the client to read, so nobody would ask for more */
    return 0;
}

static void ask_page(struct export *e)
{
    struct dealer *dealer = api_dealer(e->console, e->op.of);
    struct buf json = {0}, packed = {0}, error = {0};
    uint64_t ref = dealer_ref(dealer);
    if (e->is_asking)
        return;
    buf_append(&json, e->json.data, e->json.bytes);
    buf_printf(&json, "%s\"limit\":%d", e->json.bytes > 1 ? "," : "", PAGE_ENTRIES);
    if (e->next.bytes)
        buf_printf(&json, ",\"from\":\"%s\"", buf_str(&e->next));
    buf_append_str(&json, "}");
    int wrong = api_ask_pack(&e->op, buf_span(&json), &ref, (struct span){NULL, 0}, &packed, &error);
    e->is_asking = !wrong;
    if (wrong)
        fail(e, 400, buf_str(&error));
    else if (dealer_ask(dealer, ref, buf_span(&packed), PATIENCE_MS, (struct ear){on_page, e}) != 0)
        fail(e, 503, "too many requests at once; try again");
    buf_free(&json);
    buf_free(&packed);
    buf_free(&error);
}

void api_export(struct console *c, struct exchange *x, enum api_of of)
{
    static const char *const ours[] = {"format", "limit", "from", NULL};
    const char *format = web_query(x, "format");
    int is_csv = format && strcmp(format, "csv") == 0;
    if (x->method != WEB_GET) {
        api_refuse(x, 405, "use GET");
        return;
    }
    if (format && !is_csv && strcmp(format, "jsonl") != 0) {
        api_refuse(x, 400, "format: unknown; give jsonl or csv");
        return;
    }
    if (c->api.exports >= API_EXPORTS_MAX) {
        api_refuse(x, 503, "too many exports at once; try again");
        return;
    }
    if (api_is_full(c, x, of))
        return;
    struct export *e = mem_new(sizeof *e);
    e->console = c;
    e->x = x;
    e->is_csv = is_csv;
    api_op_find(of, of == API_QUEUE ? "list" : "failed", &e->op);
    api_query_json(x, of, ours, &e->json);
    e->json.bytes--; /* the closing brace */
    c->api.held++;
    c->api.exports++;
    x->owner = e;
    x->gone = release;
    ask_page(e);
}
