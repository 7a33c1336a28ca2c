/* From JSON and queries to packed asks: what is right becomes what the party reads, what is wrong is refused by name. */
#include "console/api_ask.h"

#include "console/api_answer.h"
#include "console/api_rows.h"
#include "console/bearer.h"
#include "proto/json_mp.h"
#include "proto/series.h"
#include "proto/task.h"
#include "tests/unit/pack.h"

static int make(enum api_of of, const char *name, const char *json, struct buf *packed, struct buf *error)
{
    struct api_op op;
    uint64_t ref = 77;
    buf_clear(packed);
    buf_clear(error);
    CHECK_INT(api_op_find(of, name, &op), 0);
    return api_ask_pack(&op, span_of(json), &ref, span_of("console:ann"), packed, error);
}

static void test_queue(void)
{
    struct buf packed = {0}, error = {0};
    struct ask a;
    CHECK_INT(make(API_QUEUE, "list", "{\"filter\":{\"state\":\"dead\",\"openid\":\"\\u5f20\"},\"limit\":5,\"from\":\"_-8\",\"ttl\":null}", &packed, &error), 0);
    CHECK_INT(ask_unpack(buf_span(&packed), &a, &error), 0);
    CHECK_INT(a.op, ASK_LIST);
    CHECK_U64(a.ref, 77);
    CHECK_INT(a.filter.states, ENTRY_DEAD);
    CHECK(span_is(a.filter.openid, "\xe5\xbc\xa0"));
    CHECK(span_is(a.from, "\xff\xef"));
    CHECK(span_is(a.by, "console:ann"));
    CHECK_INT(a.limit, 5);
    CHECK_INT(make(API_QUEUE, "purge", "{\"ref\":12,\"filter\":{\"all\":true}}", &packed, &error), 0);
    CHECK_INT(ask_unpack(buf_span(&packed), &a, &error), 0);
    CHECK_INT(a.op, ASK_DISCARD);
    CHECK_U64(a.ref, 12);
    CHECK_INT(make(API_QUEUE, "status", " \r\n", &packed, &error), 0);
    buf_free(&packed);
    buf_free(&error);
}

static void test_tasks(void)
{
    struct buf packed = {0}, error = {0};
    struct task_ask a;
    struct task_row row;
    CHECK_INT(make(API_TASKS, "rows", "{\"name\":\"t\",\"upload\":\"0123456789abcdef\",\"row\":3,\"data\":[[1,\"o1\",{\"n\":-0}],[2,\"o2\",null]]}", &packed,
                   &error), 0);
    CHECK_INT(task_ask_unpack(buf_span(&packed), &a, &error), 0);
    CHECK_U64(a.row, 3);
    CHECK_INT(task_row_next(&a.data, &row), 1);
    CHECK(span_is(row.openid, "o1"));
    CHECK_INT(task_row_next(&a.data, &row), 1);
    CHECK_INT(task_row_next(&a.data, &row), 0);
    CHECK_INT(make(API_TASKS, "failed", "{\"name\":\"t\",\"from\":\"AAAAAAABAAA\"}", &packed, &error), 0);
    CHECK_INT(task_ask_unpack(buf_span(&packed), &a, &error), 0);
    CHECK_U64(a.from, 65536);
    buf_free(&packed);
    buf_free(&error);
}

static void test_series(void)
{
    struct buf packed = {0}, error = {0};
    struct series_ask a;
    struct api_op op;
    CHECK_INT(make(API_SERIES, "who", "{\"name\":\"welcome\",\"from\":\"_-8\",\"limit\":5}", &packed, &error), 0);
    CHECK_INT(series_ask_unpack(buf_span(&packed), &a, &error), 0);
    CHECK_INT(a.op, SERIES_WHO);
    CHECK(span_is(a.from, "\xff\xef") && span_is(a.by, "console:ann") && span_is(a.name, "welcome"));
    CHECK_INT(make(API_SERIES, "stop", "{\"name\":\"welcome\",\"all\":true,\"ref\":9}", &packed, &error), 0);
    CHECK_INT(series_ask_unpack(buf_span(&packed), &a, &error), 0);
    CHECK(a.all && a.ref == 9);
    CHECK_INT(api_op_find(API_SERIES, "plan", &op), 0);
    CHECK(op.reads_only);
    CHECK_INT(api_op_find(API_SERIES, "start", &op), 0);
    CHECK(!op.reads_only);
    CHECK_INT(api_op_find(API_SERIES, "export", &op), -1);
    buf_free(&packed);
    buf_free(&error);
}

static void test_wrong(void)
{
    static const struct {
        enum api_of of;
        const char *op, *json, *word;
    } cases[] = {{API_QUEUE, "list", "[]", "JSON object"},
                 {API_QUEUE, "list", "{\"limit\":5", "not JSON"},
                 {API_QUEUE, "list", "{\"limit\":5}5", "not JSON"},
                 {API_QUEUE, "list", "{\"t\":\"x\"}", "t, op, by"},
                 {API_QUEUE, "list", "{\"from\":5}", "from"},
                 {API_QUEUE, "list", "{\"from\":\"AAAAA\"}", "from"},
                 {API_QUEUE, "list", "{\"from\":\"A=\"}", "from"},
                 {API_QUEUE, "list", "{\"limit\":1001}", "limit"},
                 {API_QUEUE, "list", "{\"filter\":{\"nix\":1}}", "filter.nix"},
                 {API_QUEUE, "cancel", "{}", "filter: empty"},
                 {API_QUEUE, "cancel", "{\"ref\":0,\"filter\":{\"all\":true}}", "ref"},
                 {API_QUEUE, "cancel", "{\"ref\":-5,\"filter\":{\"all\":true}}", "ref"},
                 {API_QUEUE, "cancel", "{\"ref\":99999999999999999999999,\"filter\":{\"all\":true}}", "ref"},
                 {API_QUEUE, "rate", "{\"rate\":1e400}", "too large"},
                 {API_TASKS, "show", "{}", "name"},
                 {API_SERIES, "show", "{}", "name"},
                 {API_SERIES, "stop", "{\"name\":\"welcome\"}", "openid"},
                 {API_SERIES, "plan", "{\"event\":\"nix\"}", "event"},
                 {API_TASKS, "failed", "{\"name\":\"t\",\"from\":\"AAAAAAAAAAAAAAAA\"}", "from"},
                 {API_TASKS, "rows", "{\"data\":5}", "data"},
                 {API_TASKS, "rows", "{\"data\":[[1]", "not JSON"}};
    struct buf packed = {0}, error = {0};
    struct api_op op;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK_INT(make(cases[i].of, cases[i].op, cases[i].json, &packed, &error), -1);
        if (strstr(buf_str(&error), cases[i].word) == NULL)
            fprintf(stderr, "%s: %s\n", cases[i].json, buf_str(&error));
        CHECK(strstr(buf_str(&error), cases[i].word) != NULL);
    }
    CHECK_INT(api_op_find(API_QUEUE, "create", &op), -1);
    CHECK_INT(api_op_find(API_TASKS, "", &op), -1);
    buf_free(&packed);
    buf_free(&error);
}

static void test_arguments(void)
{
    struct buf members = {0}, filter = {0};
    api_ask_add_argument(API_QUEUE, "state", "dead", &members, &filter);
    api_ask_add_argument(API_QUEUE, "errcode", "-1", &members, &filter);
    api_ask_add_argument(API_QUEUE, "all", "1", &members, &filter);
    api_ask_add_argument(API_QUEUE, "limit", "5", &members, &filter);
    api_ask_add_argument(API_QUEUE, "li\"mit", "5\n", &members, &filter);
    api_ask_add_argument(API_QUEUE, "limit", "05", &members, &filter); /* no number of JSON */
    CHECK_STR(buf_str(&filter), "\"state\":\"dead\",\"errcode\":-1,\"all\":true");
    CHECK_STR(buf_str(&members), "\"limit\":5,\"li\\\"mit\":\"5\\n\",\"limit\":\"05\"");
    buf_free(&members);
    buf_free(&filter);
}

static void test_tokens(void)
{
    struct buf text = {0}, bytes = {0};
    char data[64];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (char)(i * 37);
        buf_clear(&text);
        buf_clear(&bytes);
        api_token_append((struct span){data, i}, &text);
        CHECK_INT(api_token_read(buf_span(&text), &bytes), 0);
        CHECK_BYTES(buf_span(&bytes), ((struct span){data, i}));
    }
    buf_free(&text);
    buf_free(&bytes);
}

static void test_rows(void)
{
    static const struct {
        const char *lines, *wrong; /* NULL: right */
        uint64_t count;
    } cases[] = {{"\"o1\"\n\n \r\n{\"vars\":{\"a\":[1]}}", "line 4: a: an array", 0},
                 {"\"o1\"\n{\"vars\":{\"a\":1.5},\"openid\":\"o2\"}", NULL, 2},
                 {"{\"openid\":\"\"}", "line 1: no row", 0},
                 {"{\"openid\":\"o\",\"nix\":1}", "neither openid nor vars", 0},
                 {"{\"openid\":\"o\"} x", "line 1: ", 0},
                 {"5", "line 1: give an object", 0},
                 {"\n\n", "no rows", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct api_rows rows = {.count = 0};
        struct buf error = {0};
        CHECK_INT(api_rows_read(&rows, span_of(cases[i].lines), &error), cases[i].wrong ? -1 : 0);
        CHECK(cases[i].wrong == NULL || strstr(buf_str(&error), cases[i].wrong) != NULL);
        if (cases[i].wrong == NULL)
            CHECK_U64(rows.count, cases[i].count);
        buf_free(&error);
        api_rows_free(&rows);
    }
}

/* Pieces hold whole rows, fit into an ask and are all of them together. */
static void test_pieces(void)
{
    struct api_rows rows = {.count = 0};
    struct buf lines = {0}, error = {0};
    for (int i = 0; i < 30000; i++)
        buf_printf(&lines, "{\"openid\":\"o%05d\",\"vars\":{\"name\":\"some text of a variable, %d\"}}\n", i, i);
    CHECK_INT(api_rows_read(&rows, buf_span(&lines), &error), 0);
    uint64_t all = 0, count;
    size_t at = 0, pieces = 0;
    for (; at < rows.packed.bytes; pieces++) {
        size_t bytes = api_rows_piece(&rows, at, &count);
        CHECK(bytes > 0 && bytes <= TASK_DATA_BYTES_MAX && count > 0);
        at += bytes;
        all += count;
    }
    CHECK_U64(all, 30000);
    CHECK_U64(pieces, 2);
    api_rows_free(&rows);
    buf_free(&lines);
    buf_free(&error);
}

static void test_answers(void)
{
    struct buf out = {0};
    struct api_op list, cancel;
    api_op_find(API_QUEUE, "list", &list);
    api_op_find(API_QUEUE, "cancel", &cancel);
    struct answer page = {.code = CODE_QUEUED, .looked = 5, .next = span_of("\xff\xff\xfe"), .data = {"\x91\xc0", 2}};
    api_answer_write(&list, &page, 9, &out);
    CHECK_STR(buf_str(&out), "{\"code\":100,\"looked\":5,\"next\":\"___-\",\"data\":[null]}\n");
    CHECK_INT(api_answer_status(&list, &page), 200);
    CHECK_INT(api_answer_status(&cancel, &page), 202);
    buf_clear(&out);
    struct answer wrong = {.code = CODE_NOT_FOUND, .message = span_of("\"\xff"), .data = {"\x91", 1}};
    api_answer_write(&cancel, &wrong, 9, &out);
    CHECK_STR(buf_str(&out), "{\"code\":404,\"message\":\"\\\"\xef\xbf\xbd\",\"ref\":9}\n");
    CHECK_INT(api_answer_status(&cancel, &wrong), 404);
    buf_free(&out);
}

static void test_bearer(void)
{
    CHECK(bearer_is("Bearer 0123456789abcdef", "0123456789abcdef"));
    CHECK(bearer_is("bearer  0123456789abcdef", "0123456789abcdef"));
    CHECK(!bearer_is("Bearer 0123456789abcdeF", "0123456789abcdef"));
    CHECK(!bearer_is("Bearer 0123456789abcdef0123456789abcdef", "0123456789abcdef"));
    CHECK(!bearer_is("Bearer 0123456789abcde", "0123456789abcdef"));
    CHECK(!bearer_is("Bearer ", "0123456789abcdef"));
    CHECK(!bearer_is("Bearer ", ""));
    CHECK(!bearer_is("0123456789abcdef", "0123456789abcdef"));
    CHECK(!bearer_is(NULL, "0123456789abcdef"));
}

int main(void)
{
    test_queue();
    test_tasks();
    test_series();
    test_wrong();
    test_arguments();
    test_tokens();
    test_rows();
    test_pieces();
    test_answers();
    test_bearer();
    return 0;
}
