#include "client/task_watch.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/term.h"
#include "client/task_link.h"
#include "client/task_print.h"
#include "proto/mp_json.h"

#define LOOK_MS 500  /* between two looks: a change of state is seen so soon */
#define AWAY_MS 3000 /* without an answer it is said that there is none */
#define CLEAR_LINE                                                                                           \
    "\r\033[K" /* xterm's control sequences (ctlseqs): to the line's beginning, what is behind it */

struct watch {
    const struct task_options *o;
    struct queue_link *link;
    int is_terminal;
    int has_answered;    /* 1: it was there once */
    int is_away;         /* 1: that it does not answer was said */
    int64_t answered_ms; /* mono: of the last answer, in the beginning of the first ask */
    int64_t line_ms;     /* mono: when the next line of JSON is due */
    struct buf state;    /* of the last answer */
    struct buf line;
    enum status status; /* how it ended */
};

/* --- showing -------------------------------------------------------------------------------------------- */

static void draw(struct watch *w, const struct task_view *v)
{
    size_t columns, rows;
    term_size(STDOUT_FILENO, &columns, &rows);
    buf_clear(&w->line);
    task_print_line(v, columns, &w->line);
    printf(CLEAR_LINE "%s", buf_str(&w->line));
    if (task_view_is_over(v))
        putchar('\n');
}

/* A line when it is due, and at each change of state. */
static void write_line(struct watch *w, struct span data, const struct task_view *v)
{
    int64_t now_ms = clock_mono_ms();
    if (now_ms < w->line_ms && span_equal(v->state, buf_span(&w->state)))
        return;
    w->line_ms = now_ms + w->o->every_ms;
    buf_clear(&w->line);
    if (mp_json(data, &w->line) == 0)
        puts(buf_str(&w->line));
}

static void say_away(struct watch *w)
{
    int64_t away_ms = clock_mono_ms() - w->answered_ms;
    struct buf text = {0};
    if (away_ms < AWAY_MS || (w->is_away && !w->is_terminal))
        return;
    w->is_away = 1;
    buf_printf(&text, "mega: no answer from %s", w->o->endpoint);
    if (w->is_terminal) {
        size_t columns, rows;
        struct buf cut = {0};
        buf_append_str(&text, " for ");
        term_duration(away_ms, &text);
        term_size(STDOUT_FILENO, &columns, &rows);
        term_cut(buf_span(&text), columns, &cut);
        printf(CLEAR_LINE "%s", buf_str(&cut));
        fflush(stdout);
        buf_free(&cut);
    } else {
        fprintf(stderr, "%s; the task goes on without it being watched\n", buf_str(&text));
    }
    buf_free(&text);
}

/* --- the loop ------------------------------------------------------------------------------------------- */

/* Ends the program as a signal does, with the cursor on a line of its own. */
static void on_signal(int number)
{
    if (write(STDOUT_FILENO, "\n", 1) == 1)
        raise(number);
    else
        _exit(128 + number);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Returns 1 when the watching is over. */
static int end(struct watch *w, enum status status)
{
    w->status = status;
    return 1;
}

static int take_data(struct watch *w, struct span data)
{
    struct task_view v;
    if (task_view_read(data, &v))
        return end(w, queue_not_understood());
    if (w->is_terminal)
        draw(w, &v);
    else
        write_line(w, data, &v);
    buf_clear(&w->state);
    buf_append(&w->state, v.state.data, v.state.bytes);
    if (fflush(stdout))
        return end(w, STATUS_FAILED);
    return task_view_is_over(&v) ? end(w, task_view_failed(&v) ? STATUS_REFUSED : STATUS_DONE) : 0;
}

static int take_answer(struct watch *w, const struct answer *answer)
{
    if (answer->code == CODE_BUSY)
        return 0;
    if (w->is_away && !w->is_terminal)
        fprintf(stderr, "mega: %s answers again\n", w->o->endpoint);
    w->is_away = 0;
    w->has_answered = 1;
    w->answered_ms = clock_mono_ms();
    if (answer->code == CODE_OK)
        return take_data(w, answer->data);
    if (w->is_terminal)
        putchar('\n');
    return end(w, queue_refused(answer));
}

/* Waits for an answer or until it is time. Returns 1 when the watching is over. */
static int wait_for(struct watch *w, int64_t until_ms, int is_asked)
{
    zmq_pollitem_t item = {.socket = zsock_resolve(queue_link_socket(w->link)), .events = ZMQ_POLLIN};
    for (;;) {
        struct answer answer;
        int64_t now_ms = clock_mono_ms(), wait_ms = until_ms - now_ms;
        if (is_asked && queue_link_take(w->link, &answer))
            return take_answer(w, &answer);
        if (wait_ms <= 0 && !is_asked)
            return 0;
        if (!w->has_answered && now_ms - w->answered_ms >= w->o->timeout_ms) {
            fprintf(stderr, "mega: no answer from %s within %lld ms\n", w->o->endpoint,
                    (long long)w->o->timeout_ms);
            return end(w, STATUS_AWAY);
        }
        if (w->has_answered)
            say_away(w);
        if (is_asked || wait_ms > LOOK_MS)
            wait_ms = LOOK_MS;
        zmq_poll(&item, is_asked ? 1 : 0, (long)wait_ms);
        if (is_asked)
            queue_link_again(w->link);
    }
}

static void look(struct watch *w)
{
    const struct task_ask ask = {.op = TASK_SHOW, .name = span_of(w->o->name), .lane = -1};
    int64_t pause_ms = w->o->every_ms < LOOK_MS ? w->o->every_ms : LOOK_MS;
    int is_over = 0;
    while (!is_over) {
        int64_t next_ms = clock_mono_ms() + pause_ms;
        task_link_ask(w->link, &ask);
        is_over = wait_for(w, next_ms, 1);
        if (!is_over)
            is_over = wait_for(w, next_ms, 0);
    }
}

enum status task_watch(const struct task_options *o)
{
    struct watch w = {
        .o = o, .is_terminal = !o->json && isatty(STDOUT_FILENO), .answered_ms = clock_mono_ms()};
    w.link = queue_link_new(&o->access, o->endpoint, o->timeout_ms);
    if (w.link == NULL)
        return STATUS_USAGE;
    if (w.is_terminal)
        catch_signals();
    look(&w);
    queue_link_destroy(&w.link);
    buf_free(&w.state);
    buf_free(&w.line);
    return w.status;
}
