/* libcurl's multi interface over an epoll set of our own.
 *
 * curl_multi_socket_action tells which sockets it wants to be polled (watch_socket) and when it wants to be
 * called (keep_time); epoll_wait over a million idle connections would cost nothing, where curl_multi_poll
 * looks at each.
 *
 * Calls are shared out among several multi handles (struct shard): libcurl looks through all connections of one for each call, and
 * through all of its handles when one ends.
 *
 * libcurl asks before_request when the connection is ready and nothing of the request is written yet. From then on the request counts
 * as one that may have left; libcurl comes to ask a second time when it wants to repeat it on a fresh connection, and is told no.
 *
 * A handle (struct transfer) is reused with its buffers; one whose call failed is made anew, so that nothing of the failure can meet
 * the next call.
 */
#include "sender/http.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/program.h"
#include "base/url.h"
#include "sender/tls.h"

#define FILES_SPARE     64    /* of ZeroMQ, the log, names being resolved */
#define SHARD_CALLS     128   /* of one multi handle; with HTTP/2 they share a connection */
#define EVENTS_A_TURN   256
#define IDLE_S_MAX      15L
#define DNS_CACHE_S     60L
#define URLS_MAX        32    /* accounts × kinds × addresses in use; those beyond are read for each call */
#define ANSWER_KEPT_BYTES 65536 /* a larger answer's buffer is given back */

/* A URL that libcurl has read already: that takes it a fifth of a call's instructions when there is a token in it, and all calls of
 * an account and a kind have the same. */
struct known_url {
    char *text;       /* owned; holds a token. NULL = the place is free */
    CURLU *parsed;
    uint64_t hash;    /* of text */
    uint64_t used;    /* number of the call that had it last */
    uint32_t calls;   /* in flight that have it: it stays as long as there are any */
};

/* A multi handle for some of the calls, with connections of its own. */
struct shard {
    struct http *http;
    CURLM *multi;
    int64_t due_ms; /* when libcurl wants to be called, by clock_mono_ms; -1 = never */
};

struct transfer {
    struct http *http;
    struct shard *shard;
    struct known_url *url; /* NULL: there was no place, libcurl reads it itself */
    CURL *easy;
    struct transfer *next_free;
    struct http_request request;
    uint32_t settings; /* http->settings with which its handle was made */
    int64_t timeout_ms; /* of its calls */
    int is_begun;     /* the request may have been written */
    int is_held;      /* may_write said no */
    int is_too_long;  /* the answer was over HTTP_ANSWER_BYTES_MAX */
    struct buf answer;
    struct buf error_text;
    char error[CURL_ERROR_SIZE];
};

struct http {
    struct shard *shards;
    uint32_t shard_count;
    struct http_options options;
    struct curl_slist *headers;
    int epoll_fd;
    uint32_t in_flight;
    uint64_t calls;     /* begun so far */
    uint32_t settings;  /* goes up with http_configure */
    struct known_url urls[URLS_MAX];
    struct transfer *transfers; /* calls_max of them */
    struct transfer *free_transfers;
};

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *known);
static int keep_time(CURLM *multi, long wait_ms, void *self);
static int before_request(void *self, char *ip, char *own_ip, int port, int own_port);
static size_t take_answer(char *data, size_t size, size_t count, void *self);
static void forget_url(struct known_url *url);
static void end_transfer(struct http *http, struct transfer *transfer, CURLcode code);

/* Only our own mistakes and lack of memory make these calls fail. */
static void must(int is_good, const char *what)
{
    if (is_good)
        return;
    log_fatal("libcurl cannot be used", log_str("call", what));
    exit(1);
}

#define SET(easy, option, value) must(curl_easy_setopt((easy), (option), (value)) == CURLE_OK, #option)

static void open_shard(struct http *http, struct shard *shard)
{
    uint32_t calls = http->options.calls_max < SHARD_CALLS ? http->options.calls_max : SHARD_CALLS;
    *shard = (struct shard){.http = http, .multi = curl_multi_init(), .due_ms = -1};
    must(shard->multi != NULL, "curl_multi_init");
    must(curl_multi_setopt(shard->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) == CURLM_OK
             && curl_multi_setopt(shard->multi, CURLMOPT_SOCKETDATA, shard) == CURLM_OK
             && curl_multi_setopt(shard->multi, CURLMOPT_TIMERFUNCTION, keep_time) == CURLM_OK
             && curl_multi_setopt(shard->multi, CURLMOPT_TIMERDATA, shard) == CURLM_OK
             && curl_multi_setopt(shard->multi, CURLMOPT_MAXCONNECTS, (long)calls) == CURLM_OK
             && curl_multi_setopt(shard->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)calls) == CURLM_OK,
         "curl_multi_setopt");
}

static void open_shards(struct http *http)
{
    http->shard_count = (http->options.calls_max + SHARD_CALLS - 1) / SHARD_CALLS;
    http->shards = mem_new(http->shard_count * sizeof *http->shards);
    for (uint32_t i = 0; i < http->shard_count; i++)
        open_shard(http, &http->shards[i]);
}

uint32_t http_calls_max(uint32_t wanted)
{
    size_t files = program_raise_files(SIZE_MAX), fit = files > FILES_SPARE ? files - FILES_SPARE : 1;
    if (fit >= wanted)
        return wanted;
    log_warn("[sender] slots: more than there may be open files; raise their limit (LimitNOFILE, minfds, ulimit -n)",
             log_u64("slots", wanted), log_u64("files", files), log_u64("used", fit));
    return (uint32_t)fit;
}

struct http *http_new(const struct http_options *options)
{
    struct http *http = mem_new(sizeof *http);
    assert(options->calls_max > 0);
    http->options = *options;
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK, "curl_global_init");
    http->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    must(http->epoll_fd >= 0, "epoll_create1");
    open_shards(http);
    http->headers = curl_slist_append(NULL, "Content-Type: application/json; charset=utf-8");
    /* Without this, bodies over 1 MiB would wait a second for "100 Continue". */
    http->headers = curl_slist_append(http->headers, "Expect:");
    must(http->headers != NULL, "curl_slist_append");
    http->transfers = mem_new(options->calls_max * sizeof *http->transfers);
    for (uint32_t i = options->calls_max; i-- > 0;) {
        http->transfers[i].http = http;
        http->transfers[i].shard = &http->shards[i / SHARD_CALLS];
        http->transfers[i].next_free = http->free_transfers;
        http->free_transfers = &http->transfers[i];
    }
    return http;
}

void http_destroy(struct http **self)
{
    struct http *http = *self;
    if (http == NULL)
        return;
    for (uint32_t i = 0; i < http->options.calls_max; i++) {
        struct transfer *transfer = &http->transfers[i];
        if (transfer->easy) {
            curl_multi_remove_handle(transfer->shard->multi, transfer->easy);
            curl_easy_cleanup(transfer->easy);
        }
        buf_free(&transfer->answer);
        buf_free(&transfer->error_text);
    }
    for (size_t i = 0; i < URLS_MAX; i++)
        forget_url(&http->urls[i]);
    for (uint32_t i = 0; i < http->shard_count; i++)
        curl_multi_cleanup(http->shards[i].multi);
    free(http->shards);
    curl_slist_free_all(http->headers);
    close(http->epoll_fd);
    curl_global_cleanup();
    free(http->transfers);
    free(http);
    *self = NULL;
}

/* What is the same for every call of a handle. */
static void open_handle(struct transfer *transfer)
{
    const struct http_options *options = &transfer->http->options;
    CURL *easy = curl_easy_init();
    must(easy != NULL, "curl_easy_init");
    transfer->easy = easy;
    transfer->settings = transfer->http->settings;
    transfer->timeout_ms = options->timeout_ms;
    SET(easy, CURLOPT_PRIVATE, transfer);
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (options->ca_file && *options->ca_file)
        SET(easy, CURLOPT_CAINFO, options->ca_file);
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    SET(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate"); /* not all that libcurl knows: it is written into each request */
    SET(easy, CURLOPT_BUFFERSIZE, 4096L); /* allocated for each call; answers have some 50 bytes */
    SET(easy, CURLOPT_MAXAGE_CONN, IDLE_S_MAX);
    SET(easy, CURLOPT_DNS_CACHE_TIMEOUT, DNS_CACHE_S);
    SET(easy, CURLOPT_TIMEOUT_MS, (long)options->timeout_ms);
    SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms);
    SET(easy, CURLOPT_USERAGENT, "mega-wechat/" MEGA_VERSION);
    SET(easy, CURLOPT_ERRORBUFFER, transfer->error);
    SET(easy, CURLOPT_WRITEFUNCTION, take_answer);
    SET(easy, CURLOPT_WRITEDATA, transfer);
    SET(easy, CURLOPT_PREREQFUNCTION, before_request);
    SET(easy, CURLOPT_PREREQDATA, transfer);
}

static void forget_url(struct known_url *url)
{
    curl_url_cleanup(url->parsed);
    free(url->text);
    *url = (struct known_url){0};
}

/* Reads the URL into the place that was unused for the longest time. NULL when all have calls in flight, or it is no URL. */
static struct known_url *read_url(struct http *http, const char *text, uint64_t hash)
{
    struct known_url *place = NULL;
    for (size_t i = 0; i < URLS_MAX; i++) {
        struct known_url *url = &http->urls[i];
        if (url->calls == 0 && (place == NULL || url->used < place->used))
            place = url;
    }
    if (place == NULL)
        return NULL;
    forget_url(place);
    CURLU *parsed = curl_url();
    must(parsed != NULL, "curl_url");
    if (curl_url_set(parsed, CURLUPART_URL, text, 0) != CURLUE_OK) {
        curl_url_cleanup(parsed);
        return NULL;
    }
    *place = (struct known_url){.text = mem_dup(text), .parsed = parsed, .hash = hash};
    return place;
}

static struct known_url *find_url(struct http *http, const char *text)
{
    uint64_t hash = hash_64(text, strlen(text));
    for (size_t i = 0; i < URLS_MAX; i++) {
        struct known_url *url = &http->urls[i];
        if (url->text && url->hash == hash && strcmp(url->text, text) == 0)
            return url;
    }
    return read_url(http, text, hash);
}

static void set_url(struct transfer *transfer, const char *text)
{
    struct http *http = transfer->http;
    struct known_url *url = find_url(http, text);
    transfer->url = url;
    SET(transfer->easy, CURLOPT_CURLU, url ? url->parsed : NULL);
    if (url == NULL) {
        SET(transfer->easy, CURLOPT_URL, text);
        return;
    }
    url->used = ++http->calls;
    url->calls++;
}

/* Handles are made anew when they are used next: some are in a call now. libcurl takes no connection for a call that would trust other
 * certificates. */
void http_configure(struct http *http, int64_t timeout_ms, int64_t connect_timeout_ms)
{
    http->options.timeout_ms = timeout_ms;
    http->options.connect_timeout_ms = connect_timeout_ms;
    http->settings++;
}

int http_begin(struct http *http, const struct http_request *request)
{
    struct transfer *transfer = http->free_transfers;
    if (transfer == NULL)
        return -1;
    http->free_transfers = transfer->next_free;
    if (transfer->easy && transfer->settings != http->settings) {
        curl_easy_cleanup(transfer->easy);
        transfer->easy = NULL;
    }
    if (transfer->easy == NULL)
        open_handle(transfer);
    transfer->request = *request;
    transfer->is_begun = 0;
    transfer->is_held = 0;
    transfer->is_too_long = 0;
    transfer->error[0] = 0;
    buf_clear(&transfer->answer);
    set_url(transfer, request->url);
    SET(transfer->easy, CURLOPT_CERTINFO, request->measured ? 1L : 0L);
    transfer->request.url = NULL; /* the caller's is not needed any more */
    if (request->body.bytes) {
        /* Not by a callback: then libcurl would write the head by itself, and the body behind it. */
        SET(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.bytes);
        SET(transfer->easy, CURLOPT_POSTFIELDS, request->body.data);
        SET(transfer->easy, CURLOPT_HTTPHEADER, http->headers);
    } else {
        SET(transfer->easy, CURLOPT_HTTPGET, 1L);
        SET(transfer->easy, CURLOPT_HTTPHEADER, NULL);
    }
    must(curl_multi_add_handle(transfer->shard->multi, transfer->easy) == CURLM_OK, "curl_multi_add_handle");
    http->in_flight++;
    return 0;
}

int http_fd(const struct http *http)
{
    return http->epoll_fd;
}

int64_t http_wait_ms(const struct http *http)
{
    int64_t due_ms = -1;
    for (uint32_t i = 0; i < http->shard_count; i++) {
        int64_t one_ms = http->shards[i].due_ms;
        if (one_ms >= 0 && (due_ms < 0 || one_ms < due_ms))
            due_ms = one_ms;
    }
    if (due_ms < 0)
        return -1;
    int64_t wait_ms = due_ms - clock_mono_ms();
    return wait_ms > 0 ? wait_ms : 0;
}

static void act(struct shard *shard, curl_socket_t fd, int what)
{
    int running;
    must(curl_multi_socket_action(shard->multi, fd, what, &running) == CURLM_OK, "curl_multi_socket_action");
}

static void run_sockets(struct http *http)
{
    struct epoll_event events[EVENTS_A_TURN];
    int count = epoll_wait(http->epoll_fd, events, EVENTS_A_TURN, 0);
    for (int i = 0; i < count; i++) {
        int what = 0;
        if (events[i].events & EPOLLIN)
            what |= CURL_CSELECT_IN;
        if (events[i].events & EPOLLOUT)
            what |= CURL_CSELECT_OUT;
        if (events[i].events & (EPOLLERR | EPOLLHUP))
            what |= CURL_CSELECT_ERR;
        act(&http->shards[events[i].data.u64 >> 32], (curl_socket_t)(uint32_t)events[i].data.u64, what);
    }
}

static void run_shard(struct http *http, struct shard *shard, int64_t now_ms)
{
    CURLMsg *message;
    int left;
    if (shard->due_ms >= 0 && now_ms >= shard->due_ms) {
        shard->due_ms = -1;
        act(shard, CURL_SOCKET_TIMEOUT, 0);
    }
    while ((message = curl_multi_info_read(shard->multi, &left)) != NULL) {
        CURLcode code = message->data.result; /* the message is gone once its handle is removed */
        char *private = NULL;
        CURLcode asked = curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        must(asked == CURLE_OK, "CURLINFO_PRIVATE");
        end_transfer(http, (struct transfer *)(void *)private, code);
    }
}

void http_run(struct http *http)
{
    run_sockets(http);
    int64_t now_ms = clock_mono_ms();
    for (uint32_t i = 0; i < http->shard_count; i++)
        run_shard(http, &http->shards[i], now_ms);
}

uint32_t http_in_flight(const struct http *http)
{
    return http->in_flight;
}

/* --- what libcurl asks for ------------------------------------------------------------------------------ */

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *self, void *known)
{
    struct shard *shard = self;
    struct http *http = shard->http;
    struct epoll_event event = {.data.u64 = (uint64_t)(shard - http->shards) << 32 | (uint32_t)fd};
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        /* Fails when libcurl has closed the socket already: then it has left the set by itself. */
        epoll_ctl(http->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (what & CURL_POLL_IN)
        event.events |= EPOLLIN;
    if (what & CURL_POLL_OUT)
        event.events |= EPOLLOUT;
    int op = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int failed = epoll_ctl(http->epoll_fd, op, fd, &event);
    if (failed && errno == EEXIST)
        failed = epoll_ctl(http->epoll_fd, EPOLL_CTL_MOD, fd, &event);
    else if (failed && errno == ENOENT)
        failed = epoll_ctl(http->epoll_fd, EPOLL_CTL_ADD, fd, &event);
    must(!failed, "epoll_ctl");
    curl_multi_assign(shard->multi, fd, shard); /* comes back as `known` */
    return 0;
}

static int keep_time(CURLM *multi, long wait_ms, void *self)
{
    struct shard *shard = self;
    (void)multi;
    shard->due_ms = wait_ms < 0 ? -1 : clock_mono_ms() + wait_ms;
    return 0;
}

/* The connection is up, TLS and a proxy's tunnel included. Source: CURLOPT_PREREQFUNCTION(3). */
static int before_request(void *self, char *ip, char *own_ip, int port, int own_port)
{
    struct transfer *transfer = self;
    const struct http_request *request = &transfer->request;
    (void)ip;
    (void)own_ip;
    (void)port;
    (void)own_port;
    if (transfer->is_begun)
        return CURL_PREREQFUNC_ABORT;
    transfer->is_held = request->may_write && !request->may_write(request->self);
    transfer->is_begun = !transfer->is_held;
    return transfer->is_begun ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static size_t take_answer(char *data, size_t size, size_t count, void *self)
{
    struct transfer *transfer = self;
    size_t bytes = size * count;
    if (transfer->answer.bytes + bytes > HTTP_ANSWER_BYTES_MAX) {
        transfer->is_too_long = 1;
        return 0; /* ends the call */
    }
    buf_append(&transfer->answer, data, bytes);
    return bytes;
}

/* --- the end of a call ---------------------------------------------------------------------------------- */

/* WeChat's URLs hold the access token; should libcurl ever write one into a text, it ends before its
 * query. */
static void cut_query(char *text)
{
    char *query = strchr(text, '?');
    if (query)
        *query = 0;
}

/* libcurl's words, or what it says of the code in general. */
static const char *words_of(struct transfer *transfer, CURLcode code)
{
    cut_query(transfer->error);
    return transfer->error[0] ? transfer->error : curl_easy_strerror(code);
}

/* What to do about a failure before anything was sent; NULL where libcurl's words say all. */
static const char *advice_of(CURLcode code, const char *words)
{
    if (code == CURLE_SSL_CACERT_BADFILE)
        return "[sender] ca_file must hold certificates in PEM";
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CONNECT_ERROR ? tls_advice(words) : NULL;
}

static void describe_not_sent(struct transfer *transfer, CURLcode code, struct buf *text)
{
    struct span host = {"", 0};
    char *url = transfer->url ? transfer->url->text : NULL; /* the handle may still tell the one of an earlier call */
    if (url || (curl_easy_getinfo(transfer->easy, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url))
        host = url_host(url);
    const char *words = words_of(transfer, code), *advice = advice_of(code, words);
    buf_printf(text, "WeChat not reached: %.*s: %s", (int)host.bytes, host.data, words);
    if (advice)
        buf_printf(text, "; %s", advice);
}

static void describe_unknown(struct transfer *transfer, CURLcode code, struct buf *text)
{
    int64_t timeout_ms = transfer->timeout_ms;
    if (transfer->is_too_long)
        buf_printf(text, "WeChat's answer is longer than %d bytes", HTTP_ANSWER_BYTES_MAX);
    else if (code == CURLE_OPERATION_TIMEDOUT && timeout_ms % 1000 == 0)
        buf_printf(text, "WeChat did not answer within %lld s", (long long)timeout_ms / 1000);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        buf_printf(text, "WeChat did not answer within %lld ms", (long long)timeout_ms);
    else if (code == CURLE_OK || code == CURLE_GOT_NOTHING || code == CURLE_SEND_ERROR
             || code == CURLE_RECV_ERROR || code == CURLE_ABORTED_BY_CALLBACK)
        buf_append_str(text, "WeChat closed the connection without an answer");
    else
        buf_printf(text, "WeChat's answer was lost: %s", words_of(transfer, code));
}

static struct http_answer make_answer(struct transfer *transfer, CURLcode code)
{
    long status = 0;
    struct http_answer answer = {.end = HTTP_ANSWERED, .is_held = transfer->is_held};
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    /* Some versions report success without a status when a kept connection died (curl issue 2801). */
    if (code == CURLE_OK && status > 0) {
        answer.status = (int)status;
        answer.body = buf_span(&transfer->answer);
        return answer;
    }
    buf_clear(&transfer->error_text);
    answer.end = transfer->is_begun ? HTTP_UNKNOWN : HTTP_NOT_SENT;
    if (answer.end == HTTP_UNKNOWN)
        describe_unknown(transfer, code, &transfer->error_text);
    else
        describe_not_sent(transfer, code, &transfer->error_text);
    answer.error = buf_str(&transfer->error_text);
    return answer;
}

/* The end of the first certificate, which is the server's own. */
static int64_t cert_until_s(CURL *easy)
{
    static const char name[] = "Expire date:";
    struct curl_certinfo *info = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) != CURLE_OK || info == NULL || info->num_of_certs < 1)
        return 0;
    for (const struct curl_slist *line = info->certinfo[0]; line; line = line->next)
        if (strncmp(line->data, name, sizeof name - 1) == 0) {
            time_t until_s = curl_getdate(line->data + sizeof name - 1, NULL);
            return until_s > 0 ? (int64_t)until_s : 0;
        }
    return 0;
}

static int http_version(CURL *easy)
{
    long version = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    return version == CURL_HTTP_VERSION_1_0   ? 10
           : version == CURL_HTTP_VERSION_1_1 ? 11
           : version == CURL_HTTP_VERSION_2_0 ? 20
           : version == CURL_HTTP_VERSION_3   ? 30
                                              : 0;
}

/* libcurl counts each step from the beginning of the call; what did not happen is 0. */
static void measure(CURL *easy, struct http_measured *m)
{
    curl_off_t name_us = 0, tcp_us = 0, tls_us = 0, total_us = 0;
    char *ip = NULL;
    curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &name_us);
    curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &tcp_us);
    curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &tls_us);
    curl_easy_getinfo(easy, CURLINFO_TOTAL_TIME_T, &total_us);
    curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &ip);
    int64_t ready_us = tls_us > tcp_us ? tls_us : tcp_us;
    *m = (struct http_measured){.name_us = name_us,
                                .connect_us = ready_us > name_us ? ready_us - name_us : 0,
                                .total_us = total_us,
                                .version = http_version(easy),
                                .cert_until_s = cert_until_s(easy)};
    span_to_text(m->ip, sizeof m->ip, span_of(ip ? ip : ""));
}

static void end_transfer(struct http *http, struct transfer *transfer, CURLcode code)
{
    struct http_answer answer = make_answer(transfer, code);
    if (transfer->request.measured)
        measure(transfer->easy, transfer->request.measured);
    must(curl_multi_remove_handle(transfer->shard->multi, transfer->easy) == CURLM_OK, "curl_multi_remove_handle");
    if (answer.end != HTTP_ANSWERED) {
        curl_easy_cleanup(transfer->easy);
        transfer->easy = NULL;
    }
    http->in_flight--;
    if (transfer->url)
        transfer->url->calls--;
    transfer->url = NULL;
    /* Free only after the callback, which reads its buffers. */
    transfer->request.done(transfer->request.self, &answer);
    if (transfer->answer.room > ANSWER_KEPT_BYTES)
        buf_free(&transfer->answer);
    transfer->next_free = http->free_transfers;
    http->free_transfers = transfer;
}
