/* mega-wechat: an operator's questions to WeChat, a process for each. Typed as `mega wechat …`.
 *
 *   main_wechat.c     main
 *   wechat_options.c  the command line
 *   wechat_call.c     one call to WeChat, waited for
 *   wechat_text.c     what is read out of answers and shown of them: pure
 *   wechat_used.c     how many of a month's clear_quota calls were made
 *   follower_page.c   a page of followers, read: pure
 *   wechat_quota.c, wechat_clear.c, wechat_followers.c, wechat_rid.c, wechat_ping.c, wechat_errors.c   the commands
 *
 * It fetches no access token: that is the token keeper's, which it asks. No token and no secret is printed or logged.
 */
#ifndef SENDER_WECHAT_H
#define SENDER_WECHAT_H

#include <stddef.h>
#include <stdint.h>

/* Exit statuses; scripts rely on them. */
enum wechat_status {
    WECHAT_GOOD = 0,
    WECHAT_NO = 1,   /* WeChat, the keeper or the network says no; or the question was not answered with yes */
    WECHAT_USAGE = 2, /* wrong command line or configuration */
    WECHAT_UNWRITTEN = 4 /* standard output cannot be written; as of mega token. What was asked for is done, or told how to go on with */
};

enum wechat_command { WECHAT_QUOTA, WECHAT_CLEAR_QUOTA, WECHAT_FOLLOWERS, WECHAT_RID, WECHAT_PING, WECHAT_ERRORS };

struct wechat_options {
    enum wechat_command command;
    const char *config;
    const char *app; /* NULL = the default account; ping: all */
    int json;
    int yes;         /* clear-quota: do not ask */
    int with_secret; /* clear-quota: by the AppSecret, without a token */
    const char *from;   /* followers: those behind this openid; NULL = all */
    int64_t timeout_ms; /* followers: no further try of a page is begun after that */
    int markdown;    /* errors: the whole table as docs/wechat-errors.md */
    int minus_one;   /* errors: the code -1 is asked for too; it looks like an option */
    char **arguments;
    size_t argument_count;
};

/* Returns WECHAT_GOOD to go on, -1 when help was printed, or WECHAT_USAGE with the reason printed. */
int wechat_options_read(struct wechat_options *o, int argc, char **argv);

/* Prints "mega wechat: " and the message on standard error. */
void wechat_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Each does what it says and returns the exit status, with everything printed. */
enum wechat_status wechat_quota(const struct wechat_options *o);
enum wechat_status wechat_clear_quota(const struct wechat_options *o);
enum wechat_status wechat_followers(const struct wechat_options *o);
enum wechat_status wechat_rid(const struct wechat_options *o);
enum wechat_status wechat_ping(const struct wechat_options *o);
enum wechat_status wechat_errors(const struct wechat_options *o);

#endif
