/* Calls that this process makes over HTTP, and mails: on the caller's thread, never blocking, many at once. The only user of libcurl but
 * for sender/http.c, which is made for WeChat and for speed.
 *
 * TLS is verified (certificate and host name, 1.2 or later). Redirects are not followed: an address is a secret of its host. Proxies
 * come from the environment (https_proxy, no_proxy). DNS does not block (libcurl's resolver has threads of its own).
 *
 * Sources: curl.se/libcurl/c/CURLOPT_MAIL_RCPT.html (and _FROM, _USE_SSL), curl.se/libcurl/c/curl_multi_socket_action.html.
 */
#ifndef HTTP_FETCH_H
#define HTTP_FETCH_H

#include <stdint.h>

#include "base/buf.h"

struct fetch;

/* How it ended. Valid during the callback. */
struct fetch_answer {
    const char *error; /* NULL: there is an answer. Holds no secret */
    int status;        /* of HTTP */
    const char *type;  /* Content-Type, NULL when there is none */
    struct span body;  /* at most answer_bytes_max of it */
    int is_cut;        /* 1: there was more */
};

/* The envelope of a mail. */
struct fetch_mail {
    const char *user, *password; /* NULL: without */
    const char *from;
    const char *to;    /* addresses with commas between */
    int needs_tls;     /* 1: STARTTLS or nothing */
};

/* All of it is copied, but for `self`. */
struct fetch_call {
    const char *url;
    struct span body;              /* of a POST, or the mail with its head */
    const char *const *headers;    /* "Name: value", the last one NULL; NULL = none */
    const struct fetch_mail *mail; /* NULL: a POST */
    const char *ca_file;           /* NULL or empty: the system's */
    int64_t timeout_ms;            /* of the whole; 1 or more */
    size_t answer_bytes_max;
    int is_kept;                   /* 1: the connection is kept for the next call to this host */
    void *self;
    void (*done)(void *self, const struct fetch_answer *answer); /* called by fetch_run only */
};

/* At most calls_max at once, 1 or more. Ends the process when libcurl cannot be used at all. */
struct fetch *fetch_new(size_t calls_max);

/* Drops what is under way; `done` is not called. */
void fetch_destroy(struct fetch **self);

/* Begins it. Returns 0, or -1 when calls_max are under way. */
int fetch_begin(struct fetch *f, const struct fetch_call *call);

/* How many are under way. */
size_t fetch_under_way(const struct fetch *f);

/* Readable when fetch_run has something to do; and how long until it has in any case, at most limit_ms. */
int fetch_fd(const struct fetch *f);
int64_t fetch_wait_ms(const struct fetch *f, int64_t limit_ms);

void fetch_run(struct fetch *f);

#endif
