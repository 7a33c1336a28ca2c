/* libcurl's multi interface over an epoll set of our own: libcurl tells which sockets it wants to be polled (watch_socket) and when it
 * wants to be called (keep_time). */
#include "http/fetch.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/log.h"

#define EVENTS_A_TURN 16

#if LIBCURL_VERSION_NUM >= 0x080200
#define RCPT_MAY_FAIL CURLOPT_MAIL_RCPT_ALLOWFAILS
#else
#define RCPT_MAY_FAIL CURLOPT_MAIL_RCPT_ALLLOWFAILS
#endif

struct transfer {
    struct fetch *owner;
    struct transfer *next, **link; /* all that are under way */
    CURL *easy;
    struct curl_slist *list; /* headers, or the mail's recipients */
    struct buf body;
    size_t sent; /* of a mail's body */
    struct buf answer;
    size_t answer_bytes_max;
    int is_cut;
    void *self;
    void (*done)(void *self, const struct fetch_answer *answer);
    char error[CURL_ERROR_SIZE];
};

struct fetch {
    CURLM *multi;
    int epoll_fd;
    int64_t due_ms; /* monotonic: libcurl wants to be called then; -1 = never */
    struct transfer *transfers;
    size_t count, calls_max;
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
    struct fetch *f = self;
    struct epoll_event event = {.data.fd = fd};
    (void)easy;
    (void)known;
    if (what == CURL_POLL_REMOVE) {
        /* Fails when libcurl has closed the socket already: then it has left the set by itself. */
        epoll_ctl(f->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    int failed = epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    if (failed && errno == EEXIST)
        failed = epoll_ctl(f->epoll_fd, EPOLL_CTL_MOD, fd, &event);
    must(!failed, "epoll_ctl");
    return 0;
}

static int keep_time(CURLM *multi, long wait_ms, void *self)
{
    struct fetch *f = self;
    (void)multi;
    f->due_ms = wait_ms < 0 ? -1 : clock_mono_ms() + wait_ms;
    return 0;
}

struct fetch *fetch_new(size_t calls_max)
{
    struct fetch *f = mem_new(sizeof *f);
    f->calls_max = calls_max;
    f->due_ms = -1;
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "curl_global_init");
    f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    must(f->epoll_fd >= 0, "epoll_create1");
    f->multi = curl_multi_init();
    must(f->multi != NULL, "curl_multi_init");
    must(curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) == CURLM_OK
             && curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f) == CURLM_OK
             && curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, keep_time) == CURLM_OK
             && curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f) == CURLM_OK,
         "curl_multi_setopt");
    return f;
}

static void release(struct transfer *t)
{
    struct fetch *f = t->owner;
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    f->count--;
    curl_multi_remove_handle(f->multi, t->easy);
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->list);
    buf_free(&t->body);
    buf_free(&t->answer);
    free(t);
}

void fetch_destroy(struct fetch **self)
{
    struct fetch *f = *self;
    if (f == NULL)
        return;
    while (f->transfers)
        release(f->transfers);
    curl_multi_cleanup(f->multi);
    curl_global_cleanup();
    close(f->epoll_fd);
    free(f);
    *self = NULL;
}

/* --- beginning ---------------------------------------------------------------------------------------------------- */

/* What is beyond the limit is not kept, and no error. */
static size_t take_answer(char *data, size_t size, size_t count, void *self)
{
    struct transfer *t = self;
    size_t bytes = size * count, room = t->answer_bytes_max - t->answer.bytes;
    if (bytes > room)
        t->is_cut = 1;
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

static void append_to_list(struct transfer *t, const char *text)
{
    struct curl_slist *list = curl_slist_append(t->list, text);
    must(list != NULL, "curl_slist_append");
    t->list = list;
}

static void set_common(struct transfer *t, const struct fetch_call *call)
{
    SET(t->easy, CURLOPT_PRIVATE, t);
    SET(t->easy, CURLOPT_URL, call->url);
    SET(t->easy, CURLOPT_NOSIGNAL, 1L);
    SET(t->easy, CURLOPT_QUICK_EXIT, 1L); /* names are resolved in threads: the end of a call does not wait for one whose server is silent */
    SET(t->easy, CURLOPT_PROTOCOLS_STR, call->mail ? "smtp,smtps" : "http,https");
    SET(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(t->easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(t->easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (call->ca_file && call->ca_file[0])
        SET(t->easy, CURLOPT_CAINFO, call->ca_file);
    if (!call->is_kept)
        SET(t->easy, CURLOPT_FORBID_REUSE, 1L);
    SET(t->easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    SET(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)call->timeout_ms);
    SET(t->easy, CURLOPT_ERRORBUFFER, t->error);
    SET(t->easy, CURLOPT_WRITEFUNCTION, take_answer);
    SET(t->easy, CURLOPT_WRITEDATA, t);
}

static void set_post(struct transfer *t, const struct fetch_call *call)
{
    SET(t->easy, CURLOPT_USERAGENT, "mega-wechat/" MEGA_VERSION);
    SET(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.bytes);
    SET(t->easy, CURLOPT_POSTFIELDS, t->body.data);
    for (const char *const *header = call->headers; header && *header; header++)
        append_to_list(t, *header);
    append_to_list(t, "Expect:"); /* no second is waited for "100 Continue" */
    SET(t->easy, CURLOPT_HTTPHEADER, t->list);
}

/* "a@x, b@y" to the list of recipients. */
static void add_recipients(struct transfer *t, const char *to)
{
    struct buf text = {0};
    while (*(to += strspn(to, ", \t"))) {
        size_t bytes = strcspn(to, ", \t");
        buf_clear(&text);
        buf_printf(&text, "<%.*s>", (int)bytes, to);
        append_to_list(t, buf_str(&text));
        to += bytes;
    }
    buf_free(&text);
}

static void set_mail(struct transfer *t, const struct fetch_mail *mail)
{
    struct buf from = {0};
    SET(t->easy, CURLOPT_USE_SSL, (long)(mail->needs_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    if (mail->user) {
        SET(t->easy, CURLOPT_USERNAME, mail->user);
        SET(t->easy, CURLOPT_PASSWORD, mail->password);
    }
    buf_printf(&from, "<%s>", mail->from);
    SET(t->easy, CURLOPT_MAIL_FROM, buf_str(&from));
    add_recipients(t, mail->to);
    SET(t->easy, CURLOPT_MAIL_RCPT, t->list);
    SET(t->easy, RCPT_MAY_FAIL, 1L); /* one wrong address does not keep it from the others */
    SET(t->easy, CURLOPT_UPLOAD, 1L);
    SET(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->body.bytes);
    SET(t->easy, CURLOPT_READFUNCTION, give_mail);
    SET(t->easy, CURLOPT_READDATA, t);
    buf_free(&from);
}

int fetch_begin(struct fetch *f, const struct fetch_call *call)
{
    if (f->count >= f->calls_max)
        return -1;
    struct transfer *t = mem_new(sizeof *t);
    *t = (struct transfer){.owner = f, .easy = curl_easy_init(), .answer_bytes_max = call->answer_bytes_max, .self = call->self, .done = call->done};
    must(t->easy != NULL, "curl_easy_init");
    t->next = f->transfers;
    t->link = &f->transfers;
    if (t->next)
        t->next->link = &t->next;
    f->transfers = t;
    f->count++;
    buf_append(&t->body, call->body.data, call->body.bytes);
    set_common(t, call);
    if (call->mail)
        set_mail(t, call->mail);
    else
        set_post(t, call);
    must(curl_multi_add_handle(f->multi, t->easy) == CURLM_OK, "curl_multi_add_handle");
    return 0;
}

size_t fetch_under_way(const struct fetch *f)
{
    return f->count;
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static void append_error(const struct transfer *t, CURLcode code, int status, struct buf *out)
{
    if (status > 0)
        buf_printf(out, "the server answered %d: ", status);
    buf_append_str(out, t->error[0] ? t->error : curl_easy_strerror(code));
}

/* The place is free before it is told, so that whoever hears it may begin the next one. */
static void end(struct transfer *t, CURLcode code)
{
    long status = 0;
    char *type = NULL;
    struct buf error = {0}, type_text = {0}, body = t->answer;
    struct fetch_answer answer = {.is_cut = t->is_cut};
    void *self = t->self;
    void (*done)(void *, const struct fetch_answer *) = t->done;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
    if (type)
        buf_append_str(&type_text, type);
    if (code != CURLE_OK)
        append_error(t, code, (int)status, &error);
    t->answer = (struct buf){0};
    answer.type = type ? buf_str(&type_text) : NULL;
    release(t);
    answer.error = error.bytes ? buf_str(&error) : NULL;
    answer.status = (int)status;
    answer.body = buf_span(&body);
    done(self, &answer);
    buf_free(&error);
    buf_free(&type_text);
    buf_free(&body);
}

static void end_all(struct fetch *f)
{
    int left;
    for (CURLMsg *m = curl_multi_info_read(f->multi, &left); m; m = curl_multi_info_read(f->multi, &left)) {
        char *transfer = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result; /* m is gone with the handle */
        must(curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &transfer) == CURLE_OK, "CURLINFO_PRIVATE");
        end((struct transfer *)(void *)transfer, code);
    }
}

void fetch_run(struct fetch *f)
{
    struct epoll_event events[EVENTS_A_TURN];
    int running, count = epoll_wait(f->epoll_fd, events, EVENTS_A_TURN, 0);
    for (int i = 0; i < count; i++) {
        int is_wrong = events[i].events & (EPOLLERR | EPOLLHUP);
        int what = (events[i].events & EPOLLIN || is_wrong ? CURL_CSELECT_IN : 0) | (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
        curl_multi_socket_action(f->multi, events[i].data.fd, what, &running);
    }
    if (f->due_ms >= 0 && clock_mono_ms() >= f->due_ms) {
        f->due_ms = -1;
        curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    end_all(f);
}

int fetch_fd(const struct fetch *f)
{
    return f->epoll_fd;
}

int64_t fetch_wait_ms(const struct fetch *f, int64_t limit_ms)
{
    if (f->due_ms < 0)
        return limit_ms;
    int64_t left_ms = f->due_ms - clock_mono_ms();
    left_ms = left_ms > 0 ? left_ms : 0;
    return left_ms < limit_ms ? left_ms : limit_ms;
}
