#include "base/conf_alarm.h"

#include <ctype.h>

#include "base/conf_value.h"

#define EXPECT_COUNT_MAX 1000

static const char *const expect_kinds[] = {"sender", "templater", "gateway", "token", "task", "listener"};

int conf_next_word(const char **list, const char *separators, struct span *word)
{
    const char *at = *list;
    while (*at != '\0' && (strchr(separators, *at) != NULL || isspace((unsigned char)*at)))
        at++;
    if (*at == '\0')
        return 0;
    size_t bytes = strcspn(at, separators);
    *list = at + bytes;
    while (bytes > 0 && isspace((unsigned char)at[bytes - 1]))
        bytes--;
    *word = (struct span){at, bytes};
    return 1;
}

/* "sender*2" or "token". */
static int read_expect(struct span word, struct conf_expect *out)
{
    char text[32];
    uint64_t count = 1;
    if (word.bytes >= sizeof text)
        return -1;
    span_to_text(text, sizeof text, word);
    char *star = strchr(text, '*');
    if (star != NULL) {
        *star = '\0';
        if (conf_parse_number(star + 1, EXPECT_COUNT_MAX, &count) != 0 || count == 0)
            return -1;
    }
    for (size_t i = 0; i < sizeof expect_kinds / sizeof *expect_kinds; i++)
        if (strcmp(text, expect_kinds[i]) == 0) {
            *out = (struct conf_expect){.count = (uint32_t)count};
            memcpy(out->kind, text, strlen(text) + 1);
            return 0;
        }
    return -1;
}

int conf_parse_expect(const char *text, struct conf_expect out[CONF_EXPECT_MAX])
{
    struct span word;
    int count = 0;
    while (conf_next_word(&text, ",", &word)) {
        if (count == CONF_EXPECT_MAX || read_expect(word, &out[count]) != 0)
            return -1;
        count++;
    }
    return count;
}

/* The host of SCHEME://HOST… behind the scheme, or NULL when it is of none of the two schemes or names no host. */
static const char *host_of(const char *url, const char *scheme, const char *scheme_tls)
{
    const char *host = NULL;
    if (strncmp(url, scheme, strlen(scheme)) == 0)
        host = url + strlen(scheme);
    else if (strncmp(url, scheme_tls, strlen(scheme_tls)) == 0)
        host = url + strlen(scheme_tls);
    return host == NULL || strchr("/?#:", *host) != NULL ? NULL : host;
}

static int is_plain(const char *text)
{
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at > '~')
            return 0;
    return 1;
}

/* NAME@HOST of printing ASCII: what may stand between < and > of a mail's header. */
static int is_address(struct span word)
{
    const char *at = memchr(word.data, '@', word.bytes);
    if (at == NULL || at == word.data || at + 1 == word.data + word.bytes)
        return 0;
    for (size_t i = 0; i < word.bytes; i++)
        if ((unsigned char)word.data[i] <= ' ' || (unsigned char)word.data[i] > '~' || strchr("<>()[],;:\\\"", word.data[i]) != NULL)
            return 0;
    return memchr(at + 1, '@', word.bytes - (size_t)(at + 1 - word.data)) == NULL;
}

static const char *command_error(const char *command)
{
    struct span word;
    size_t words = 0;
    if (*command != '\0' && *command != '/')
        return "command: does not begin with the path of a program; give /PATH/PROGRAM and its arguments";
    while (conf_next_word(&command, " \t", &word))
        words++;
    return words > CONF_COMMAND_WORDS_MAX ? "command: has more than 16 words; put them into a script" : NULL;
}

static const char *webhook_error(const struct conf_alarm *alarm)
{
    int has_webhook = alarm->webhook[0] != '\0';
    if (alarm->webhook_secret[0] != '\0' && (!has_webhook || alarm->webhook_type != WEBHOOK_DINGTALK))
        return "webhook_secret: is for webhook_type = dingtalk only; set that or remove this";
    if (!has_webhook)
        return NULL;
    const char *host = host_of(alarm->webhook, "http://", "https://");
    if (host == NULL)
        return "webhook: is no address; give https://HOST/PATH";
    if (!is_plain(host))
        return "webhook: holds white space or a character beyond ASCII; write it as %XX";
    if (memchr(host, '@', strcspn(host, "/?#")) != NULL) /* the host is named in the log */
        return "webhook: holds USER:PASSWORD@; give the secret in the path or the query";
    return NULL;
}

static int is_loopback(const char *host)
{
    static const char *const names[] = {"127.", "localhost", "[::1]"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(host, names[i], strlen(names[i])) == 0)
            return 1;
    return 0;
}

static const char *recipients_error(const char *list)
{
    struct span word;
    size_t count = 0;
    while (conf_next_word(&list, ",", &word)) {
        if (!is_address(word))
            return "mail_to: has something that is no address; give NAME@HOST, several with commas between";
        count++;
    }
    return count == 0                 ? "mail_to: is empty; give the addresses of the recipients"
           : count > CONF_MAIL_TO_MAX ? "mail_to: has more than 16 addresses; give that of a list"
                                      : NULL;
}

static const char *mail_error(const struct conf_alarm *alarm)
{
    int has_user = alarm->mail_user[0] != '\0', has_password = alarm->mail_password[0] != '\0';
    if (alarm->mail_server[0] == '\0')
        return alarm->mail_to[0] != '\0' ? "mail_to: needs mail_server; give smtp://HOST:PORT or smtps://HOST:PORT" : NULL;
    const char *host = host_of(alarm->mail_server, "smtp://", "smtps://");
    if (host == NULL || !is_plain(host) || strpbrk(host, "@/?#") != NULL)
        return "mail_server: is no address; give smtp://HOST:PORT or smtps://HOST:PORT";
    if (!is_address(span_of(alarm->mail_from)))
        return "mail_from: is no address; give NAME@HOST";
    if (has_user != has_password)
        return "mail_user: goes together with mail_password; give both or none";
    if (has_user && alarm->mail_tls == MAIL_PLAIN && strncmp(alarm->mail_server, "smtps:", 6) != 0 && !is_loopback(host))
        return "mail_tls: none would show mail_password to the network; leave it out or use smtps://";
    return recipients_error(alarm->mail_to);
}

const char *conf_alarm_error(const struct conf_alarm *alarm)
{
    struct conf_expect expect[CONF_EXPECT_MAX];
    const char *error = command_error(alarm->command);
    error = error ? error : webhook_error(alarm);
    error = error ? error : mail_error(alarm);
    if (error == NULL && conf_parse_expect(alarm->expect, expect) < 0)
        error = "expect: is no list of stages; give such as sender*2, templater, gateway, token, task, listener";
    return error;
}
