/* What libcurl alone does: makes message calls, a fixed number in flight, and prints what came of it as one line of JSON:
 *
 *   {"calls":N,"failed":N,"seconds":S,"per_s":N,"p50_us":N,"p99_us":N,"cpu_s":S}
 *
 * The yardstick of the senders: one process, one thread, one multi handle over epoll, connections that are kept, no fence, no
 * results. Each call has the body that the set makes of bench-load's messages, with a recipient and a client_msg_id of its own.
 * Times are from the start of a call to its end, of all calls that ended within the measured seconds. A call fails when there is
 * no HTTP answer or its errcode is not 0. Exit status 1 when there is no token or libcurl cannot be used.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/program.h"
#include "tests/bench/times.h"

#define EVENTS_MAX   256
#define CALLS_MAX    10000 /* what wechat-sim takes */
#define BODY_BYTES   512
#define ANSWER_BYTES 128 /* kept of an answer: the errcode stands first */

/* tests/bench/post.lua has the same one. */
#define BODY \
    "{\"touser\":\"oBench%022llu\",\"template_id\":\"T1\",\"data\":{" \
    "\"first\":{\"value\":\"your order has been taken and is on its way to you\"}," \
    "\"keyword1\":{\"value\":\"20261128-0001-7741\"}," \
    "\"keyword2\":{\"value\":\"2026-11-28 12:00:00\"},\"keyword3\":{\"value\":\"39.80\"}," \
    "\"keyword4\":{\"value\":\"green tea, 250 g, two tins\"}," \
    "\"remark\":{\"value\":\"thank you for shopping with us, come again soon\"}},\"client_msg_id\":\"%032llu\"}"

struct options {
    const char *base;  /* such as http://127.0.0.1:8080 */
    const char *app, *secret;
    unsigned calls; /* in flight */
    double seconds; /* that are measured */
    double warm_seconds;
};

struct call {
    CURL *easy;
    int64_t began_us;
    size_t answer_bytes;
    char answer[ANSWER_BYTES];
    char body[BODY_BYTES];
};

struct bench {
    struct options options;
    CURLM *multi;
    struct curl_slist *headers;
    struct buf url; /* with the token */
    int epoll_fd;
    int64_t due_us; /* when libcurl wants to be called; -1 = never */
    uint64_t numbers; /* of the next call */
    uint64_t ended, failed;
    int64_t from_us, until_us; /* what is measured */
    struct times times;
    struct call *calls;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench-calls: %s: %s\n", what, why);
    exit(1);
}

static void usage(void)
{
    fprintf(stderr, "usage: bench-calls --base URL --app APPID --secret SECRET [--calls N] [--seconds S] [--warm S]\n");
    exit(2);
}

#define MUST(call) do { if ((call) != 0) die(#call, "failed"); } while (0)

/* --- what libcurl asks for ---------------------------------------------------------------------------------------- */

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *known)
{
    struct bench *b = self;
    struct epoll_event event = {.data.fd = fd};
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(b->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* fails when it is closed already */
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if (epoll_ctl(b->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll_ctl", strerror(errno));
    curl_multi_assign(b->multi, fd, b);
    return 0;
}

static int keep_time(CURLM *multi, long wait_ms, void *self)
{
    struct bench *b = self;
    (void)multi;
    b->due_us = wait_ms < 0 ? -1 : clock_mono_us() + wait_ms * 1000;
    return 0;
}

static size_t take_answer(char *data, size_t size, size_t count, void *self)
{
    struct call *call = self;
    size_t room = sizeof call->answer - 1 - call->answer_bytes, bytes = size * count;
    size_t kept = bytes < room ? bytes : room;
    memcpy(call->answer + call->answer_bytes, data, kept);
    call->answer_bytes += kept;
    return bytes;
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

static void begin(struct bench *b, struct call *call)
{
    unsigned long long number = b->numbers++;
    int bytes = snprintf(call->body, sizeof call->body, BODY, number, number);
    call->answer_bytes = 0;
    call->began_us = clock_mono_us();
    MUST(curl_easy_setopt(call->easy, CURLOPT_POSTFIELDSIZE, (long)bytes));
    MUST(curl_multi_add_handle(b->multi, call->easy));
}

static void open_call(struct bench *b, struct call *call)
{
    call->easy = curl_easy_init();
    if (call->easy == NULL)
        die("curl_easy_init", "failed");
    MUST(curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call));
    MUST(curl_easy_setopt(call->easy, CURLOPT_NOSIGNAL, 1L));
    MUST(curl_easy_setopt(call->easy, CURLOPT_URL, buf_str(&b->url)));
    MUST(curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, b->headers));
    MUST(curl_easy_setopt(call->easy, CURLOPT_POSTFIELDS, call->body));
    MUST(curl_easy_setopt(call->easy, CURLOPT_WRITEFUNCTION, take_answer));
    MUST(curl_easy_setopt(call->easy, CURLOPT_WRITEDATA, call));
}

static void end(struct bench *b, struct call *call, CURLcode code)
{
    static const char ok[] = "{\"errcode\":0,";
    int64_t now_us = clock_mono_us();
    MUST(curl_multi_remove_handle(b->multi, call->easy));
    if (now_us >= b->from_us && now_us < b->until_us) {
        b->ended++;
        b->failed += code != CURLE_OK || call->answer_bytes < sizeof ok - 1 || memcmp(call->answer, ok, sizeof ok - 1) != 0;
        times_add(&b->times, now_us - call->began_us);
    }
    if (now_us < b->until_us)
        begin(b, call);
}

static void end_calls(struct bench *b)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(b->multi, &left)) != NULL) {
        CURLcode code = message->data.result;
        char *private = NULL;
        MUST(curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private));
        end(b, (struct call *)(void *)private, code);
    }
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

/* Puts the address of the calls, token included, into b->url. */
static void fetch_token(struct bench *b)
{
    static const char name[] = "\"access_token\":\"";
    struct call answer = {.easy = curl_easy_init()};
    struct buf url = {0};
    buf_printf(&url, "%s/cgi-bin/token?grant_type=client_credential&appid=%s&secret=%s", b->options.base, b->options.app,
               b->options.secret);
    char room[4096];
    FILE *into = fmemopen(room, sizeof room, "w");
    if (answer.easy == NULL || into == NULL)
        die("token", "no memory");
    MUST(curl_easy_setopt(answer.easy, CURLOPT_URL, buf_str(&url)));
    MUST(curl_easy_setopt(answer.easy, CURLOPT_WRITEDATA, into));
    CURLcode code = curl_easy_perform(answer.easy);
    fclose(into);
    if (code != CURLE_OK)
        die("token", curl_easy_strerror(code));
    char *token = strstr(room, name);
    if (token == NULL)
        die("token", room);
    token += sizeof name - 1;
    buf_printf(&b->url, "%s/cgi-bin/message/template/send?access_token=%.*s", b->options.base, (int)strcspn(token, "\""), token);
    curl_easy_cleanup(answer.easy);
    buf_free(&url);
}

static void open_multi(struct bench *b)
{
    long connections = (long)b->options.calls;
    b->multi = curl_multi_init();
    b->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (b->multi == NULL || b->epoll_fd < 0)
        die("epoll_create1", strerror(errno));
    MUST(curl_multi_setopt(b->multi, CURLMOPT_SOCKETFUNCTION, watch_socket));
    MUST(curl_multi_setopt(b->multi, CURLMOPT_SOCKETDATA, b));
    MUST(curl_multi_setopt(b->multi, CURLMOPT_TIMERFUNCTION, keep_time));
    MUST(curl_multi_setopt(b->multi, CURLMOPT_TIMERDATA, b));
    MUST(curl_multi_setopt(b->multi, CURLMOPT_MAXCONNECTS, connections));
    b->headers = curl_slist_append(NULL, "Content-Type: application/json; charset=utf-8");
}

static int wait_ms(const struct bench *b)
{
    int64_t left_us = b->due_us < 0 ? 100000 : b->due_us - clock_mono_us();
    return left_us <= 0 ? 0 : left_us > 100000 ? 100 : (int)(left_us / 1000 + 1);
}

static void turn(struct bench *b)
{
    struct epoll_event events[EVENTS_MAX];
    int running, count = epoll_wait(b->epoll_fd, events, EVENTS_MAX, wait_ms(b));
    for (int i = 0; i < count; i++) {
        uint32_t are = events[i].events;
        int what = (are & EPOLLIN ? CURL_CSELECT_IN : 0) | (are & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (are & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        MUST(curl_multi_socket_action(b->multi, events[i].data.fd, what, &running));
    }
    if (b->due_us >= 0 && clock_mono_us() >= b->due_us) {
        b->due_us = -1;
        MUST(curl_multi_socket_action(b->multi, CURL_SOCKET_TIMEOUT, 0, &running));
    }
    end_calls(b);
}

static void run(struct bench *b)
{
    b->from_us = clock_mono_us() + (int64_t)(b->options.warm_seconds * 1e6);
    b->until_us = b->from_us + (int64_t)(b->options.seconds * 1e6);
    b->calls = mem_new(b->options.calls * sizeof *b->calls);
    for (unsigned i = 0; i < b->options.calls; i++) {
        open_call(b, &b->calls[i]);
        begin(b, &b->calls[i]);
    }
    while (clock_mono_us() < b->until_us)
        turn(b);
}

static void print(const struct bench *b)
{
    double seconds = b->options.seconds;
    printf("{\"calls\":%llu,\"failed\":%llu,\"seconds\":%.3f,\"per_s\":%.1f,\"p50_us\":%lld,\"p99_us\":%lld,\"cpu_s\":%.3f}\n",
           (unsigned long long)b->ended, (unsigned long long)b->failed, seconds, (double)b->ended / seconds,
           (long long)times_percentile(&b->times, 50), (long long)times_percentile(&b->times, 99),
           times_cpu_s());
}

static void read_options(struct options *o, int argc, char **argv)
{
    static const struct option names[] = {{"base", 1, NULL, 'b'},    {"app", 1, NULL, 'a'},  {"secret", 1, NULL, 'S'},
                                          {"calls", 1, NULL, 'c'},   {"seconds", 1, NULL, 's'}, {"warm", 1, NULL, 'W'},
                                          {NULL, 0, NULL, 0}};
    *o = (struct options){.calls = 256, .seconds = 5, .warm_seconds = 1};
    int c;
    while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
        switch (c) {
        case 'b': o->base = optarg; break;
        case 'a': o->app = optarg; break;
        case 'S': o->secret = optarg; break;
        case 'c': o->calls = (unsigned)strtoul(optarg, NULL, 10); break;
        case 's': o->seconds = strtod(optarg, NULL); break;
        case 'W': o->warm_seconds = strtod(optarg, NULL); break;
        default: usage();
        }
    }
    if (optind < argc || o->base == NULL || o->app == NULL || o->secret == NULL || o->calls == 0 || o->calls > CALLS_MAX ||
        o->seconds <= 0 || o->warm_seconds < 0)
        usage();
}

int main(int argc, char **argv)
{
    /* By the time, since a simulator remembers what an earlier run sent. */
    struct bench b = {.due_us = -1, .numbers = (uint64_t)clock_wall_ms() * 1000000};
    read_options(&b.options, argc, argv);
    program_raise_files(SIZE_MAX); /* each call in flight has a connection */
    MUST(curl_global_init(CURL_GLOBAL_DEFAULT));
    fetch_token(&b);
    open_multi(&b);
    run(&b);
    print(&b);
    return 0; /* the process ends; its memory and its connections go with it */
}
