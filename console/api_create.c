/* A task of the rows in the body of one request: opened, its rows handed over in pieces, committed; forgotten when something of it is refused.
 * What is larger than a body may be is made by the operations open, rows and commit, of which a client can make as many requests as it
 * likes. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "console/api_answer.h"
#include "console/api_rows.h"
#include "console/console.h"
#include "proto/task.h"

struct create {
    struct console *console;
    struct exchange *x;
    char upload[TASK_UPLOAD_BYTES + 1];
    char name[TASK_NAME_BYTES_MAX + 1];
    char by[API_BY_BYTES];
    struct api_rows rows;
    size_t done_bytes;  /* of the rows, that are handed over */
    uint64_t done_rows;
    uint64_t piece_rows; /* of the piece under way */
    size_t piece_bytes;
    int is_committing;
    int starts;
};

static void release(struct exchange *x)
{
    struct create *m = x->owner;
    dealer_forget(api_dealer(m->console, API_TASKS), m);
    m->console->api.held--;
    x->gone = NULL;
    api_rows_free(&m->rows);
    free(m);
}

static int on_answer(void *self, const struct answer *answer);

static int ask(struct create *m, struct task_ask *a)
{
    struct dealer *dealer = api_dealer(m->console, API_TASKS);
    struct buf packed = {0};
    a->ref = dealer_ref(dealer);
    a->name = span_of(m->name);
    a->upload = span_of(m->upload);
    a->by = span_of(m->by);
    task_ask_pack(a, &packed);
    int failed = dealer_ask(dealer, a->ref, buf_span(&packed), API_TIMEOUT_MS, (struct ear){on_answer, m});
    buf_free(&packed);
    return failed;
}

/* Nobody waits for its answer: a making that is not gone on with is forgotten anyhow. */
static int on_nothing(void *self, const struct answer *answer)
{
    (void)self;
    (void)answer;
    return 0;
}

static void abort_making(struct create *m)
{
    struct dealer *dealer = api_dealer(m->console, API_TASKS);
    struct buf packed = {0};
    struct task_ask a = {.op = TASK_ABORT, .ref = dealer_ref(dealer), .name = span_of(m->name), .upload = span_of(m->upload), .lane = -1};
    task_ask_pack(&a, &packed);
    dealer_ask(dealer, a.ref, buf_span(&packed), API_TIMEOUT_MS, (struct ear){on_nothing, NULL});
    buf_free(&packed);
}

static void finish(struct create *m, const struct answer *answer)
{
    static const struct api_op commit = {.of = API_TASKS, .op = TASK_COMMIT, .name = "commit"};
    struct exchange *x = m->x;
    struct buf body = {0};
    unsigned status = 503;
    if (answer) {
        status = api_answer_status(&commit, answer);
        api_answer_write(&commit, answer, 0, &body);
    } else {
        api_answer_refuse(503, api_away(API_TASKS), &body);
    }
    release(x);
    web_answer(x, status, API_TYPE, &body);
}

/* The next piece, or the commit. */
static int go_on(struct create *m)
{
    struct task_ask a = {.lane = -1};
    if (m->done_bytes < m->rows.packed.bytes) {
        m->piece_bytes = api_rows_piece(&m->rows, m->done_bytes, &m->piece_rows);
        a.op = TASK_ROWS;
        a.row = m->done_rows;
        a.data = (struct span){m->rows.packed.data + m->done_bytes, m->piece_bytes};
    } else {
        m->is_committing = 1;
        a.op = TASK_COMMIT;
        a.rows = m->done_rows;
        a.start = m->starts;
    }
    return ask(m, &a);
}

static int on_answer(void *self, const struct answer *answer)
{
    struct create *m = self;
    int is_good = answer && answer->code == CODE_OK;
    if (is_good && m->is_committing) {
        finish(m, &(struct answer){.code = CODE_OK, .done = m->done_rows});
        return 0;
    }
    m->done_bytes += m->piece_bytes;
    m->done_rows += m->piece_rows;
    m->piece_bytes = m->piece_rows = 0;
    if (is_good && go_on(m) == 0)
        return 0;
    abort_making(m);
    finish(m, is_good ? NULL : answer);
    return 0;
}

/* The ask that opens it says what the task is: the query's arguments, which are checked like those of any ask. */
static int open_making(struct create *m, struct buf *error)
{
    static const char *const ours[] = {"start", "upload", NULL};
    struct dealer *dealer = api_dealer(m->console, API_TASKS);
    struct api_op op;
    struct task_ask opened;
    struct buf json = {0}, packed = {0};
    uint64_t ref = dealer_ref(dealer);
    api_op_find(API_TASKS, "open", &op);
    api_query_json(m->x, API_TASKS, ours, &json);
    json.bytes--;
    buf_printf(&json, "%s\"upload\":\"%s\"}", json.bytes > 1 ? "," : "", m->upload);
    int wrong = api_ask_pack(&op, buf_span(&json), &ref, span_of(m->by), &packed, error);
    if (!wrong && task_ask_unpack(buf_span(&packed), &opened, error) == 0)
        span_to_text(m->name, sizeof m->name, opened.name);
    if (!wrong && dealer_ask(dealer, ref, buf_span(&packed), API_TIMEOUT_MS, (struct ear){on_answer, m}) != 0) {
        buf_append_str(error, "too many requests at once; try again");
        wrong = -1;
    }
    buf_free(&json);
    buf_free(&packed);
    return wrong;
}

void api_create(struct console *c, struct exchange *x)
{
    struct buf error = {0};
    const char *start = web_query(x, "start");
    if (x->method != WEB_POST) {
        api_refuse(x, 405, "use POST");
        return;
    }
    if (api_is_full(c, x, API_TASKS))
        return;
    struct create *m = mem_new(sizeof *m);
    uint64_t random = hash_random_u64();
    m->console = c;
    m->x = x;
    m->starts = start && (strcmp(start, "true") == 0 || strcmp(start, "1") == 0);
    for (size_t i = 0; i < TASK_UPLOAD_BYTES; i++)
        m->upload[i] = "0123456789abcdef"[random >> 4 * i & 15];
    api_by(c, x, m->by);
    c->api.held++;
    x->owner = m;
    x->gone = release;
    if (api_rows_read(&m->rows, buf_span(&x->body), &error) == 0 && open_making(m, &error) == 0) {
        buf_free(&error);
        return;
    }
    release(x);
    api_refuse(x, 400, buf_str(&error));
    buf_free(&error);
}
