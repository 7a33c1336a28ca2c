/* libcurl's multi interface over an epoll set of our own: libcurl tells which sockets it wants to be polled (watch_socket) and when it
 * wants to be called (keep_time). */
#include "console/alarm_curl.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/conf_alarm.h"
#include "base/log.h"

#define EVENTS_A_TURN 16

#if LIBCURL_VERSION_NUM >= 0x080200
#define RCPT_MAY_FAIL CURLOPT_MAIL_RCPT_ALLOWFAILS
#else
#define RCPT_MAY_FAIL CURLOPT_MAIL_RCPT_ALLLOWFAILS
#endif

struct transfer {
    struct alarm_curl *owner;
    CURL *easy; /* NULL: the place is free */
    struct curl_slist *list; /* headers, or the mail's recipients */
    struct alarm_call call;
    struct buf body;
    size_t sent; /* of a mail's body */
    struct buf answer;
    char error[CURL_ERROR_SIZE];
};

struct alarm_curl {
    const struct conf_alarm *conf;
    CURLM *multi;
    int epoll_fd;
    int64_t due_ms; /* monotonic: libcurl wants to be called then; -1 = never */
    struct transfer transfers[ALARM_CALLS_MAX];
};

/* Only our own mistakes and lack of memory make these calls fail. */
static void must(int is_good, const char *what)
{
    if (is_good)
        return;
    log_fatal("libcurl cannot be used", log_str("call", what));
    exit(1);
}

#define SET(easy, option, value) must(curl_easy_setopt((easy), (option), (value)) == CURLE_OK, #option)

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *known)
{
    struct alarm_curl *curl = self;
    struct epoll_event event = {.data.fd = fd};
    (void)easy;
    (void)known;
    if (what == CURL_POLL_REMOVE) {
        /* Fails when libcurl has closed the socket already: then it has left the set by itself. */
        epoll_ctl(curl->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    int failed = epoll_ctl(curl->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    if (failed && errno == EEXIST)
        failed = epoll_ctl(curl->epoll_fd, EPOLL_CTL_MOD, fd, &event);
    must(!failed, "epoll_ctl");
    return 0;
}

static int keep_time(CURLM *multi, long wait_ms, void *self)
{
    struct alarm_curl *curl = self;
    (void)multi;
    curl->due_ms = wait_ms < 0 ? -1 : clock_mono_ms() + wait_ms;
    return 0;
}

struct alarm_curl *alarm_curl_new(const struct conf_alarm *conf)
{
    struct alarm_curl *curl = mem_new(sizeof *curl);
    curl->conf = conf;
    curl->due_ms = -1;
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "curl_global_init");
    curl->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    must(curl->epoll_fd >= 0, "epoll_create1");
    curl->multi = curl_multi_init();
    must(curl->multi != NULL, "curl_multi_init");
    must(curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) == CURLM_OK
             && curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl) == CURLM_OK
             && curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, keep_time) == CURLM_OK
             && curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl) == CURLM_OK,
         "curl_multi_setopt");
    return curl;
}

static void release(struct transfer *t)
{
    curl_multi_remove_handle(t->owner->multi, t->easy);
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->list);
    buf_free(&t->body);
    buf_free(&t->answer);
    *t = (struct transfer){.owner = t->owner};
}

void alarm_curl_destroy(struct alarm_curl **self)
{
    struct alarm_curl *curl = *self;
    if (curl == NULL)
        return;
    for (size_t i = 0; i < ALARM_CALLS_MAX; i++)
        if (curl->transfers[i].easy)
            release(&curl->transfers[i]);
    curl_multi_cleanup(curl->multi);
    curl_global_cleanup();
    close(curl->epoll_fd);
    free(curl);
    *self = NULL;
}

/* --- beginning ---------------------------------------------------------------------------------------------------- */

/* What is beyond the limit is not kept, and no error. */
static size_t take_answer(char *data, size_t size, size_t count, void *self)
{
    struct transfer *t = self;
    size_t bytes = size * count, room = ALARM_ANSWER_BYTES_MAX - t->answer.bytes;
    buf_append(&t->answer, data, bytes < room ? bytes : room);
    return bytes;
}

static size_t give_mail(char *to, size_t size, size_t count, void *self)
{
    struct transfer *t = self;
    size_t room = size * count, left = t->body.bytes - t->sent, bytes = left < room ? left : room;
    memcpy(to, t->body.data + t->sent, bytes);
    t->sent += bytes;
    return bytes;
}

static void set_common(struct transfer *t, const char *schemes)
{
    const struct conf_alarm *conf = t->owner->conf;
    SET(t->easy, CURLOPT_PRIVATE, t);
    SET(t->easy, CURLOPT_NOSIGNAL, 1L);
    SET(t->easy, CURLOPT_PROTOCOLS_STR, schemes);
    SET(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(t->easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(t->easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (conf->ca_file[0])
        SET(t->easy, CURLOPT_CAINFO, conf->ca_file);
    SET(t->easy, CURLOPT_FORBID_REUSE, 1L);
    SET(t->easy, CURLOPT_TIMEOUT_MS, (long)conf->timeout_ms);
    SET(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)conf->timeout_ms);
    SET(t->easy, CURLOPT_ERRORBUFFER, t->error);
    SET(t->easy, CURLOPT_WRITEFUNCTION, take_answer);
    SET(t->easy, CURLOPT_WRITEDATA, t);
}

static void append_to_list(struct transfer *t, const char *text)
{
    struct curl_slist *list = curl_slist_append(t->list, text);
    must(list != NULL, "curl_slist_append");
    t->list = list;
}

static void set_post(struct transfer *t)
{
    set_common(t, "http,https");
    SET(t->easy, CURLOPT_URL, t->call.url);
    SET(t->easy, CURLOPT_USERAGENT, "mega-wechat/" MEGA_VERSION);
    SET(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.bytes);
    SET(t->easy, CURLOPT_POSTFIELDS, t->body.data);
    append_to_list(t, "Content-Type: application/json; charset=utf-8");
    append_to_list(t, "Expect:"); /* no second is waited for "100 Continue" */
    SET(t->easy, CURLOPT_HTTPHEADER, t->list);
}

static void set_mail(struct transfer *t)
{
    const struct conf_alarm *conf = t->owner->conf;
    struct buf text = {0};
    struct span word;
    set_common(t, "smtp,smtps");
    SET(t->easy, CURLOPT_URL, conf->mail_server);
    SET(t->easy, CURLOPT_USE_SSL, (long)(conf->mail_tls == MAIL_STARTTLS ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (conf->mail_user[0]) {
        SET(t->easy, CURLOPT_USERNAME, conf->mail_user);
        SET(t->easy, CURLOPT_PASSWORD, conf->mail_password);
    }
    buf_printf(&text, "<%s>", conf->mail_from);
    SET(t->easy, CURLOPT_MAIL_FROM, buf_str(&text));
    for (const char *rest = conf->mail_to; conf_next_word(&rest, ",", &word);) {
        buf_clear(&text);
        buf_printf(&text, "<%.*s>", (int)word.bytes, word.data);
        append_to_list(t, buf_str(&text));
    }
    SET(t->easy, CURLOPT_MAIL_RCPT, t->list);
    SET(t->easy, RCPT_MAY_FAIL, 1L); /* one wrong address does not keep it from the others */
    SET(t->easy, CURLOPT_UPLOAD, 1L);
    SET(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->body.bytes);
    SET(t->easy, CURLOPT_READFUNCTION, give_mail);
    SET(t->easy, CURLOPT_READDATA, t);
    buf_free(&text);
}

int alarm_curl_begin(struct alarm_curl *curl, const struct alarm_call *call)
{
    struct transfer *t = NULL;
    for (size_t i = 0; i < ALARM_CALLS_MAX; i++)
        if (curl->transfers[i].easy == NULL)
            t = &curl->transfers[i];
    if (t == NULL)
        return -1;
    *t = (struct transfer){.owner = curl, .easy = curl_easy_init(), .call = *call};
    must(t->easy != NULL, "curl_easy_init");
    buf_append(&t->body, call->body.data, call->body.bytes);
    if (call->url)
        set_post(t);
    else
        set_mail(t);
    t->call.url = NULL; /* libcurl has a copy */
    must(curl_multi_add_handle(curl->multi, t->easy) == CURLM_OK, "curl_multi_add_handle");
    return 0;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static void append_error(const struct transfer *t, CURLcode code, int status, struct buf *out)
{
    if (status > 0)
        buf_printf(out, "the server answered %d: ", status);
    buf_append_str(out, t->error[0] ? t->error : curl_easy_strerror(code));
}

static void end(struct transfer *t, CURLcode code)
{
    long status = 0;
    struct buf error = {0};
    struct alarm_call call = t->call;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        append_error(t, code, (int)status, &error);
    struct buf body = t->answer;
    t->answer = (struct buf){0};
    release(t);
    struct alarm_answer answer = {error.bytes ? buf_str(&error) : NULL, (int)status, buf_span(&body)};
    call.done(call.self, &answer);
    buf_free(&error);
    buf_free(&body);
}

static void end_all(struct alarm_curl *curl)
{
    int left;
    for (CURLMsg *m = curl_multi_info_read(curl->multi, &left); m; m = curl_multi_info_read(curl->multi, &left)) {
        char *transfer = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result; /* m is gone with the handle */
        must(curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &transfer) == CURLE_OK, "CURLINFO_PRIVATE");
        end((struct transfer *)(void *)transfer, code);
    }
}

void alarm_curl_run(struct alarm_curl *curl)
{
    struct epoll_event events[EVENTS_A_TURN];
    int running, count = epoll_wait(curl->epoll_fd, events, EVENTS_A_TURN, 0);
    for (int i = 0; i < count; i++) {
        int is_wrong = events[i].events & (EPOLLERR | EPOLLHUP);
        int what = (events[i].events & EPOLLIN || is_wrong ? CURL_CSELECT_IN : 0) | (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
        curl_multi_socket_action(curl->multi, events[i].data.fd, what, &running);
    }
    if (curl->due_ms >= 0 && clock_mono_ms() >= curl->due_ms) {
        curl->due_ms = -1;
        curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    end_all(curl);
}

int alarm_curl_fd(const struct alarm_curl *curl)
{
    return curl->epoll_fd;
}

int64_t alarm_curl_wait_ms(const struct alarm_curl *curl, int64_t limit_ms)
{
    if (curl->due_ms < 0)
        return limit_ms;
    int64_t left_ms = curl->due_ms - clock_mono_ms();
    left_ms = left_ms > 0 ? left_ms : 0;
    return left_ms < limit_ms ? left_ms : limit_ms;
}
