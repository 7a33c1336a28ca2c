/* Notices over the network: a POST to a webhook, a mail to an SMTP server. On the console's thread, never blocking. The only user of
 * libcurl in this folder.
 *
 * TLS is verified (certificate and host name, 1.2 or later). Redirects are not followed: a webhook's address is a secret of its
 * host. Proxies come from the environment (https_proxy, no_proxy). Connections are not kept.
 *
 * Sources: curl.se/libcurl/c/CURLOPT_MAIL_RCPT.html (and _FROM, _USE_SSL), curl.se/libcurl/c/curl_multi_socket_action.html.
 */
#ifndef CONSOLE_ALARM_CURL_H
#define CONSOLE_ALARM_CURL_H

#include "base/conf.h"

#define ALARM_CALLS_MAX        4     /* at once: webhook and mail, a notice and a test of each */
#define ALARM_ANSWER_BYTES_MAX 16384 /* kept of a webhook's answer */

struct alarm_curl;

/* How it ended. Valid during the callback. */
struct alarm_answer {
    const char *error; /* NULL: there is an answer. Holds no secret */
    int status;        /* of HTTP */
    struct span body;
};

struct alarm_call {
    const char *url;  /* of the webhook; NULL: a mail */
    struct span body; /* JSON, or the mail with its head. Copied, as the address is */
    void *self;
    void (*done)(void *self, const struct alarm_answer *answer); /* called by alarm_curl_run only */
};

/* Ends the process when libcurl cannot be used at all. `conf` is kept. */
struct alarm_curl *alarm_curl_new(const struct conf_alarm *conf);

/* Drops what is under way; `done` is not called. */
void alarm_curl_destroy(struct alarm_curl **self);

/* Begins it. Returns 0, or -1 when ALARM_CALLS_MAX are under way. */
int alarm_curl_begin(struct alarm_curl *curl, const struct alarm_call *call);

/* Readable when alarm_curl_run has something to do; and how long until it has in any case, at most limit_ms. */
int alarm_curl_fd(const struct alarm_curl *curl);
int64_t alarm_curl_wait_ms(const struct alarm_curl *curl, int64_t limit_ms);

void alarm_curl_run(struct alarm_curl *curl);

#endif
