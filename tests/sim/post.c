/*
 * post.c - libcurl's multi interface on our loop; see post.h.
 *
 * The library's sockets are gathered in an epoll descriptor of their own, which the loop watches: a socket that is closed while
 * others of the same turn are looked at leaves nothing behind that points to it.
 */
#include "tests/sim/post.h"

#include <assert.h>
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/sim/memory.h"

#define EVENTS_MAX       256 /* taken from epoll at once */
#define IDLE_S           15  /* a kept connection is not used any more after this */
#define TYPE_BYTES_MAX   60  /* of a Content-Type */

/* One request after the other. */
struct post_slot {
    struct post *post;
    struct post_slot *next; /* of those that are free */
    CURL *easy;
    struct text body;
    size_t sent; /* of the body */
    struct text answer;
    struct curl_slist *headers;
    post_done *done; /* NULL: free */
    void *argument;
};

struct post {
    CURLM *multi;
    struct loop *loop;
    struct loop_watch watch;
    struct timer timer;
    int64_t timeout_ms;
    int connections;
    int busy;
    struct post_slot *free;
    struct post_slot *slots[POST_CONNECTIONS_MAX]; /* made as they are needed */
    int slots_used;
};

static void post_ready(void *argument);
static void post_time(void *argument);
static int post_watch_socket(CURL *easy, curl_socket_t fd, int what, void *argument, void *known);
static int post_set_timer(CURLM *multi, long ms, void *argument);
static void post_finish(struct post_slot *slot, const struct post_answer *answer);

static void post_refuse(const char *what)
{
    fprintf(stderr, "wechat-sim: no HTTP client: %s\n", what);
    exit(1);
}

struct post *post_new(struct loop *loop, int64_t timeout_ms, int connections)
{
    struct post *self = memory_new(sizeof *self);
    self->loop = loop;
    self->timeout_ms = timeout_ms;
    self->watch = (struct loop_watch){.fd = epoll_create1(EPOLL_CLOEXEC), .ready = post_ready, .argument = self};
    if (self->watch.fd < 0 || loop_watch(loop, &self->watch, EPOLLIN) != 0)
        post_refuse(strerror(errno));
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || (self->multi = curl_multi_init()) == NULL)
        post_refuse("libcurl does not start");
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, post_watch_socket);
    curl_multi_setopt(self->multi, CURLMOPT_SOCKETDATA, self);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, post_set_timer);
    curl_multi_setopt(self->multi, CURLMOPT_TIMERDATA, self);
    post_set_connections(self, connections);
    return self;
}

void post_destroy(struct post **self)
{
    const struct post_answer ended = {.end = POST_ENDED, .bytes = "", .why = ""};
    if (*self == NULL)
        return;
    struct post *post = *self;
    for (int i = 0; i < post->slots_used; i++) {
        struct post_slot *slot = post->slots[i];
        if (slot->done != NULL)
            post_finish(slot, &ended);
        curl_easy_cleanup(slot->easy);
        text_clear(&slot->answer);
        free(slot);
    }
    curl_multi_cleanup(post->multi);
    curl_global_cleanup();
    loop_stop_timer(post->loop, &post->timer);
    loop_unwatch(post->loop, &post->watch);
    close(post->watch.fd);
    free(post);
    *self = NULL;
}

void post_set_connections(struct post *self, int connections)
{
    assert(connections >= 1 && connections <= POST_CONNECTIONS_MAX);
    self->connections = connections;
    curl_multi_setopt(self->multi, CURLMOPT_MAXCONNECTS, (long)connections);
}

bool post_has_room(const struct post *self)
{
    return self->busy < self->connections;
}

/* Bytes of the body for the library. There is no way back in it, so that a request that was begun cannot be sent anew. */
static size_t post_read(char *out, size_t size, size_t items, void *argument)
{
    struct post_slot *slot = argument;
    size_t left = slot->body.used - slot->sent;
    size_t count = left < size * items ? left : size * items;
    if (count > 0)
        memcpy(out, slot->body.bytes + slot->sent, count);
    slot->sent += count;
    return count;
}

static size_t post_write(char *bytes, size_t size, size_t items, void *argument)
{
    struct post_slot *slot = argument;
    if (slot->answer.used + size * items > POST_ANSWER_BYTES_MAX)
        return 0;
    text_add(&slot->answer, bytes, size * items);
    return size * items;
}

static struct post_slot *post_new_slot(struct post *self)
{
    struct post_slot *slot = memory_new(sizeof *slot);
    slot->post = self;
    slot->easy = curl_easy_init();
    if (slot->easy == NULL)
        post_refuse("libcurl has no memory");
    curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
    curl_easy_setopt(slot->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(slot->easy, CURLOPT_PROXY, ""); /* whatever the environment says */
    curl_easy_setopt(slot->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(slot->easy, CURLOPT_USERAGENT, "Mozilla/4.0");
    curl_easy_setopt(slot->easy, CURLOPT_MAXAGE_CONN, (long)IDLE_S);
    curl_easy_setopt(slot->easy, CURLOPT_READFUNCTION, post_read);
    curl_easy_setopt(slot->easy, CURLOPT_READDATA, slot);
    curl_easy_setopt(slot->easy, CURLOPT_WRITEFUNCTION, post_write);
    curl_easy_setopt(slot->easy, CURLOPT_WRITEDATA, slot);
    assert(self->slots_used < POST_CONNECTIONS_MAX);
    self->slots[self->slots_used++] = slot;
    return slot;
}

static void post_set_headers(struct post_slot *slot, const char *type)
{
    char header[TYPE_BYTES_MAX + 20];
    snprintf(header, sizeof header, "Content-Type: %.*s", TYPE_BYTES_MAX, type);
    slot->headers = curl_slist_append(NULL, header);
    slot->headers = slot->headers != NULL ? curl_slist_append(slot->headers, "Expect:") : NULL;
    if (slot->headers == NULL)
        post_refuse("libcurl has no memory");
}

void post_start(struct post *self, const char *url, const char *type, struct text *body, post_done *done, void *argument)
{
    assert(post_has_room(self));
    struct post_slot *slot = self->free != NULL ? self->free : post_new_slot(self);
    if (slot == self->free)
        self->free = slot->next;
    self->busy++;
    slot->done = done;
    slot->argument = argument;
    slot->sent = 0;
    slot->answer.used = 0;
    curl_easy_setopt(slot->easy, CURLOPT_URL, url); /* copied */
    curl_easy_setopt(slot->easy, CURLOPT_TIMEOUT_MS, (long)self->timeout_ms);
    if (body != NULL) {
        slot->body = *body;
        memset(body, 0, sizeof *body);
        post_set_headers(slot, type);
        curl_easy_setopt(slot->easy, CURLOPT_POST, 1L);
        curl_easy_setopt(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)slot->body.used);
    } else {
        curl_easy_setopt(slot->easy, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(slot->easy, CURLOPT_HTTPHEADER, slot->headers);
    CURLMcode added = curl_multi_add_handle(self->multi, slot->easy);
    assert(added == CURLM_OK);
}

/* The slot is free again before `done` is called, which may start the next request. */
static void post_finish(struct post_slot *slot, const struct post_answer *answer)
{
    struct post *self = slot->post;
    post_done *done = slot->done;
    curl_multi_remove_handle(self->multi, slot->easy);
    curl_slist_free_all(slot->headers);
    slot->headers = NULL;
    text_clear(&slot->body);
    slot->done = NULL;
    self->busy--;
    struct text kept = slot->answer; /* what `answer` points to, while the slot may take the next one */
    memset(&slot->answer, 0, sizeof slot->answer);
    slot->next = self->free;
    self->free = slot;
    done(slot->argument, answer);
    text_clear(&kept);
}

static void post_take_result(const CURLMsg *message)
{
    struct post_slot *slot = NULL;
    long status = 0;
    CURLcode code = message->data.result; /* `message` dies with the handle's removal */
    struct post_answer answer = {.end = POST_ANSWERED, .why = ""};
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&slot);
    if (code == CURLE_OPERATION_TIMEDOUT) {
        answer.end = POST_TIMED_OUT;
    } else if (code != CURLE_OK) {
        answer.end = POST_FAILED;
        answer.why = curl_easy_strerror(code);
    } else {
        curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status);
    }
    answer.status = (int)status;
    answer.count = code == CURLE_OK ? slot->answer.used : 0;
    answer.bytes = answer.count > 0 ? slot->answer.bytes : "";
    post_finish(slot, &answer);
}

static void post_take_results(struct post *self)
{
    const CURLMsg *message;
    int left = 0;
    while ((message = curl_multi_info_read(self->multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            post_take_result(message);
}

static void post_act(struct post *self, curl_socket_t fd, int what)
{
    int running = 0;
    curl_multi_socket_action(self->multi, fd, what, &running);
}

/* Some of the library's sockets have something. */
static void post_ready(void *argument)
{
    struct post *self = argument;
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(self->watch.fd, events, EVENTS_MAX, 0);
    for (int i = 0; i < count; i++) {
        int what = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                   (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
        post_act(self, events[i].data.fd, what);
    }
    post_take_results(self);
}

static void post_time(void *argument)
{
    struct post *self = argument;
    post_act(self, CURL_SOCKET_TIMEOUT, 0);
    post_take_results(self);
}

/* The library's wish to know of a socket. `known` is NULL for one that was not watched yet. */
static int post_watch_socket(CURL *easy, curl_socket_t fd, int what, void *argument, void *known)
{
    struct post *self = argument;
    struct epoll_event event = {.data.fd = fd};
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(self->watch.fd, EPOLL_CTL_DEL, fd, NULL); /* may be closed by now */
        return 0;
    }
    event.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
    if (epoll_ctl(self->watch.fd, known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        epoll_ctl(self->watch.fd, known != NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event);
    curl_multi_assign(self->multi, fd, self);
    return 0;
}

static int post_set_timer(CURLM *multi, long ms, void *argument)
{
    struct post *self = argument;
    (void)multi;
    loop_stop_timer(self->loop, &self->timer);
    if (ms >= 0)
        loop_start_timer(self->loop, &self->timer, ms, post_time, self);
    return 0;
}
