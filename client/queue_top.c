#include "client/queue_top.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <czmq.h>

#include "base/clock.h"
#include "base/term.h"
#include "client/queue_status.h"
#include "proto/mp_json.h"

#define AWAY_MS 3000 /* without an answer the screen says so */

/* xterm's control sequences (ctlseqs): the alternate screen and the cursor, the home position, what is behind it. */
#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"
#define HOME         "\033[H"
#define CLEAR_LINE   "\033[K"
#define CLEAR_BELOW  "\033[J"

struct top {
    struct queue_link *link;
    const struct queue_options *o;
    struct termios before; /* of the terminal */
    sigset_t signals_before;
    int signal_fd;
    int64_t next_ms;     /* of the next look */
    int64_t answered_ms; /* when the last answer came */
    int is_asked;        /* 1: an answer is awaited */
    struct buf text;     /* what is shown */
};

/* --- the terminal ------------------------------------------------------------------------------------------------- */

static void write_all(struct span text)
{
    while (text.bytes) {
        ssize_t written = write(STDOUT_FILENO, text.data, text.bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return;
        text = (struct span){text.data + written, text.bytes - (size_t)written};
    }
}

/* Signals are read in the loop, so that nothing ends the program before the terminal is as it was. */
static int enter_screen(struct top *top)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGQUIT);
    sigaddset(&signals, SIGWINCH);
    sigaddset(&signals, SIGTSTP); /* a stopped program would leave the screen as it is: Ctrl-Z does nothing */
    if (tcgetattr(STDIN_FILENO, &top->before))
        return -1;
    sigprocmask(SIG_BLOCK, &signals, &top->signals_before);
    top->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    struct termios raw = top->before;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
    write_all(span_of(SCREEN_ENTER));
    return 0;
}

static void leave_screen(struct top *top)
{
    write_all(span_of(SCREEN_LEAVE));
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &top->before);
    close(top->signal_fd);
    sigprocmask(SIG_SETMASK, &top->signals_before, NULL);
}

/* Each line cut to the width, as many as there is room for. */
static void draw_lines(struct span text, size_t columns, size_t rows, struct buf *screen)
{
    for (size_t row = 0; row < rows && text.bytes; row++) {
        const char *newline = memchr(text.data, '\n', text.bytes);
        size_t bytes = newline ? (size_t)(newline - text.data) : text.bytes;
        term_cut((struct span){text.data, bytes}, columns, screen);
        buf_append_str(screen, row + 1 < rows ? CLEAR_LINE "\n" : CLEAR_LINE);
        bytes += newline ? 1 : 0;
        text = (struct span){text.data + bytes, text.bytes - bytes};
    }
}

static void draw(struct top *top)
{
    struct buf screen = {0};
    size_t columns, rows;
    int64_t away_ms = clock_mono_ms() - top->answered_ms;
    term_size(STDOUT_FILENO, &columns, &rows);
    buf_append_str(&screen, HOME);
    if (away_ms >= AWAY_MS) {
        struct buf line = {0};
        buf_printf(&line, "no answer from %s for ", top->o->endpoint);
        term_duration(away_ms, &line);
        buf_append_str(&line, "\n");
        draw_lines(buf_span(&line), columns, rows, &screen);
        buf_free(&line);
        rows--;
    }
    draw_lines(buf_span(&top->text), columns, rows, &screen);
    buf_append_str(&screen, CLEAR_BELOW);
    write_all(buf_span(&screen));
    buf_free(&screen);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static void look(struct top *top)
{
    struct answer answer;
    size_t columns, rows;
    while (queue_link_take(top->link, &answer)) {
        top->is_asked = 0;
        top->answered_ms = clock_mono_ms();
        term_size(STDOUT_FILENO, &columns, &rows);
        buf_clear(&top->text);
        if (answer.code == CODE_OK)
            queue_status_text(answer.data, columns, &top->text);
        else
            buf_printf(&top->text, "%d %.*s\n", (int)answer.code, (int)answer.message.bytes,
                       answer.message.data ? answer.message.data : "");
    }
}

static void ask_in_time(struct top *top)
{
    int64_t now_ms = clock_mono_ms();
    if (top->is_asked) {
        queue_link_again(top->link);
    } else if (now_ms >= top->next_ms) {
        queue_link_ask(top->link, &(struct ask){.op = ASK_STATUS});
        top->is_asked = 1;
        top->next_ms = now_ms + top->o->every_ms;
    }
}

/* 1 when it was told to end: q, Ctrl-C, the end of the input, a signal. */
static int is_over(struct top *top, const zmq_pollitem_t *keys, const zmq_pollitem_t *signals)
{
    struct signalfd_siginfo info;
    char key;
    if (signals->revents && read(top->signal_fd, &info, sizeof info) == sizeof info &&
        info.ssi_signo != SIGWINCH && info.ssi_signo != SIGTSTP)
        return 1;
    if (!keys->revents)
        return 0;
    return read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q' || key == 3;
}

static long wait_ms(const struct top *top)
{
    int64_t left_ms = top->is_asked ? queue_link_wait_ms(top->link) : top->next_ms - clock_mono_ms();
    if (left_ms > 1000)
        left_ms = 1000; /* how long the broker is away is shown */
    return left_ms < 0 ? 0 : (long)left_ms;
}

static void show_on_screen(struct top *top)
{
    zmq_pollitem_t items[] = {{.socket = zsock_resolve(queue_link_socket(top->link)), .events = ZMQ_POLLIN},
                              {.fd = STDIN_FILENO, .events = ZMQ_POLLIN},
                              {.fd = top->signal_fd, .events = ZMQ_POLLIN}};
    top->answered_ms = clock_mono_ms();
    do {
        ask_in_time(top);
        zmq_poll(items, 3, wait_ms(top));
        look(top);
        draw(top);
    } while (!is_over(top, &items[1], &items[2]));
}

/* Waits until it is time for the next look, and returns when that is; the link has nothing to say meanwhile. */
static int64_t wait_until(int64_t until_ms)
{
    int64_t left_ms = until_ms - clock_mono_ms();
    if (left_ms > 0)
        zclock_sleep((int)left_ms);
    return clock_mono_ms();
}

static enum status show_lines(struct queue_link *l, const struct queue_options *o)
{
    struct buf line = {0};
    enum status status;
    int64_t next_ms = clock_mono_ms();
    for (;;) {
        struct answer answer;
        status = queue_exchange(l, &(struct ask){.op = ASK_STATUS}, &answer);
        if (status != STATUS_DONE)
            break;
        buf_clear(&line);
        if (mp_json(answer.data, &line)) {
            status = queue_not_understood();
            break;
        }
        puts(buf_str(&line));
        if (fflush(stdout)) {
            status = STATUS_FAILED;
            break;
        }
        next_ms = wait_until(next_ms + o->every_ms);
    }
    buf_free(&line);
    return status;
}

enum status queue_top(struct queue_link *l, const struct queue_options *o)
{
    struct top top = {.link = l, .o = o};
    if (o->json || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) || enter_screen(&top))
        return show_lines(l, o);
    show_on_screen(&top);
    leave_screen(&top);
    buf_free(&top.text);
    return STATUS_DONE;
}
