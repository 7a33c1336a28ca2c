#include "client/alarm.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/iso_time.h"
#include "base/table.h"
#include "base/term.h"
#include "client/alarm_options.h"
#include "client/console_http.h"
#include "client/json_view.h"
#include "client/options.h"

#define LOOK_AGAIN_MS 200 /* while a test is under way */
#define CALL_MS       10000 /* of one request: the console answers at once */

/* What the console has answered last. */
struct asking {
    const struct alarm_options *o;
    struct buf answer;
    int64_t end_ms; /* monotonic */
};

static struct span data_of(const struct asking *a)
{
    return json_view(buf_span(&a->answer), "data");
}

/* Returns STATUS_DONE with the answer in a->answer, or another status with the reason printed. */
static int ask(struct asking *a, const char *method, const char *path, const char *body)
{
    struct buf text = {0}, shown = {0};
    int64_t left_ms = a->end_ms - clock_mono_ms();
    struct console_request request = {.address = a->o->address, .token = a->o->token, .method = method, .path = path, .body = body,
                                      .timeout_ms = left_ms < CALL_MS ? left_ms : CALL_MS};
    int http = console_http(&request, &a->answer, &text);
    if (http >= 200 && http < 300)
        return STATUS_DONE;
    if (http > 0)
        json_view_str(buf_span(&a->answer), "message", &text);
    if (http > 0 && text.bytes == 0)
        buf_printf(&text, "HTTP status %d", http);
    term_append(buf_span(&text), &shown);
    fprintf(stderr, "mega: alarm: %s\n", buf_str(&shown));
    buf_free(&text);
    buf_free(&shown);
    return http < 0 || http == 503 ? STATUS_AWAY : STATUS_REFUSED;
}

/* --- showing ------------------------------------------------------------------------------------------------------ */

static void text_cell(struct table *t, struct span object, const char *name, struct buf *text)
{
    json_view_str(object, name, text);
    table_cell(t, buf_span(text));
}

static void time_cell(struct table *t, int64_t ms)
{
    struct buf text = {0};
    if (ms > 0)
        iso_time_append(ms, &text);
    table_cell(t, buf_span(&text));
    buf_free(&text);
}

static void append_alarms(struct span data, size_t columns, struct buf *out)
{
    static const struct column titles[] = {{"ALARM", 0, 0}, {"SEVERITY", 0, 0}, {"SINCE", 0, 0}, {"FOR", 0, 1},
                                           {"SILENCED UNTIL", 0, 0}, {"WHAT", 0, 0}};
    struct span list = json_view(data, "alarms"), one;
    struct buf text = {0};
    if (json_view_element(list, 0).bytes == 0) {
        buf_append_str(out, "nothing is raised\n");
        return;
    }
    struct table *t = table_new(titles, sizeof titles / sizeof *titles);
    for (size_t i = 0; (one = json_view_element(list, i)).bytes > 0; i++) {
        text_cell(t, one, "name", &text);
        text_cell(t, one, "severity", &text);
        time_cell(t, json_view_i64(one, "since"));
        buf_clear(&text);
        term_duration(json_view_i64(data, "now") - json_view_i64(one, "since"), &text);
        table_cell(t, buf_span(&text));
        time_cell(t, json_view_i64(one, "silenced_until"));
        text_cell(t, one, "text", &text);
    }
    table_write(t, columns, out);
    table_destroy(&t);
    buf_free(&text);
}

static void append_silences(struct span data, struct buf *out)
{
    struct span list = json_view(data, "silences"), one;
    struct buf name = {0};
    for (size_t i = 0; (one = json_view_element(list, i)).bytes > 0; i++) {
        buf_append_str(out, i == 0 ? "\n" : "");
        json_view_str(one, "name", &name);
        term_append(buf_span(&name), out);
        buf_append_str(out, " is silenced until ");
        iso_time_append(json_view_i64(one, "until"), out);
        buf_append_str(out, "\n");
    }
    buf_free(&name);
}

static void append_ways(struct span data, size_t columns, struct buf *out)
{
    static const struct column titles[] = {{"BY", 0, 0},      {"TO", 48, 0},      {"TAKEN", 0, 1},
                                           {"LOST", 0, 1}, {"WAITING", 0, 1}, {"LAST ERROR", 0, 0}};
    static const char *const counts[] = {"taken", "lost", "waiting"};
    struct span list = json_view(data, "ways"), one;
    struct buf text = {0};
    if (json_view_element(list, 0).bytes == 0) {
        buf_append_str(out, "\nnobody is told: [alarm] command, webhook and mail_server are empty\n");
        return;
    }
    struct table *t = table_new(titles, sizeof titles / sizeof *titles);
    for (size_t i = 0; (one = json_view_element(list, i)).bytes > 0; i++) {
        text_cell(t, one, "way", &text);
        text_cell(t, one, "to", &text);
        for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
            table_printf(t, "%" PRId64, json_view_i64(one, counts[k]));
        text_cell(t, one, "error", &text);
    }
    buf_append_str(out, "\n");
    table_write(t, columns, out);
    table_destroy(&t);
    buf_free(&text);
}

static int print(const struct buf *text)
{
    fwrite(text->data, 1, text->bytes, stdout);
    return term_end("mega: alarm") == 0 ? STATUS_DONE : STATUS_FAILED;
}

/* The `data` of the answer, on one line. */
static int print_json(const struct asking *a)
{
    struct buf out = {0};
    struct span data = data_of(a);
    buf_append(&out, data.data, data.bytes);
    buf_append_str(&out, "\n");
    int status = print(&out);
    buf_free(&out);
    return status;
}

static int list(struct asking *a)
{
    struct buf out = {0};
    size_t columns, rows;
    int status = ask(a, "GET", "/api/alarms", NULL);
    if (status != STATUS_DONE)
        return status;
    if (a->o->json)
        return print_json(a);
    term_size(STDOUT_FILENO, &columns, &rows);
    append_alarms(data_of(a), columns, &out);
    append_silences(data_of(a), &out);
    append_ways(data_of(a), columns, &out);
    status = print(&out);
    buf_free(&out);
    return status;
}

/* --- the test ----------------------------------------------------------------------------------------------------- */

/* How many ways are in that state. */
static size_t count_tests(const struct asking *a, const char *state)
{
    struct span ways = json_view(data_of(a), "ways"), one;
    struct buf text = {0};
    size_t count = 0;
    for (size_t i = 0; (one = json_view_element(ways, i)).bytes > 0; i++) {
        json_view_str(one, "test", &text);
        count += span_is(buf_span(&text), state) != 0;
    }
    buf_free(&text);
    return count;
}

static void append_tests(const struct asking *a, struct buf *out)
{
    struct span ways = json_view(data_of(a), "ways"), one;
    struct buf text = {0};
    for (size_t i = 0; (one = json_view_element(ways, i)).bytes > 0; i++) {
        static const char *const members[] = {"way", "to", "test", "test_error"};
        static const char *const between[] = {"", " to ", ": ", ": "};
        for (size_t k = 0; k < sizeof members / sizeof *members; k++) {
            json_view_str(one, members[k], &text);
            if (text.bytes == 0)
                continue;
            buf_append_str(out, between[k]);
            term_append(buf_span(&text), out);
        }
        buf_append_str(out, "\n");
    }
    buf_free(&text);
}

static int test(struct asking *a)
{
    struct buf out = {0};
    int status = ask(a, "POST", "/api/alarms/test", "{}");
    while (status == STATUS_DONE && count_tests(a, "under way") > 0 && clock_mono_ms() < a->end_ms) {
        poll(NULL, 0, LOOK_AGAIN_MS);
        status = ask(a, "GET", "/api/alarms", NULL);
    }
    if (status != STATUS_DONE)
        return status;
    int verdict = count_tests(a, "under way") ? STATUS_AWAY : count_tests(a, "failed") ? STATUS_REFUSED : STATUS_DONE;
    if (a->o->json) {
        status = print_json(a);
    } else {
        append_tests(a, &out);
        status = print(&out);
    }
    buf_free(&out);
    return status != STATUS_DONE ? status : verdict;
}

/* --- silences ----------------------------------------------------------------------------------------------------- */

static int silence(struct asking *a)
{
    struct buf body = {0}, out = {0};
    buf_append_str(&body, "{\"name\":\"");
    for (const char *at = a->o->name; *at; at++) /* a name has neither; the console says so of one that is none */
        buf_append(&body, *at == '"' || *at == '\\' || (unsigned char)*at < ' ' ? "?" : at, 1);
    buf_printf(&body, "\",\"for\":%" PRId64 "}", a->o->for_ms);
    int status = ask(a, "POST", "/api/alarms/silence", buf_str(&body));
    if (status == STATUS_DONE) {
        term_append(span_of(a->o->name), &out);
        buf_append_str(&out, a->o->for_ms ? " is silenced until " : " is not silenced any more\n");
        if (a->o->for_ms)
            iso_time_append(json_view_i64(data_of(a), "now") + a->o->for_ms, &out);
        buf_append_str(&out, a->o->for_ms ? "\n" : "");
        status = print(&out);
    }
    buf_free(&body);
    buf_free(&out);
    return status;
}

int alarm_main(int argc, char **argv)
{
    struct alarm_options options;
    int status = alarm_options_read(&options, argc, argv);
    if (status == STATUS_DONE) {
        struct asking a = {.o = &options, .end_ms = clock_mono_ms() + options.timeout_ms};
        status = options.command == ALARM_COMMAND_LIST   ? list(&a)
                 : options.command == ALARM_COMMAND_TEST ? test(&a)
                                                         : silence(&a);
        buf_free(&a.answer);
    }
    alarm_options_free(&options);
    return status < 0 ? STATUS_DONE : status;
}
