/* A field of the configuration from its text and back, by its type in the table of conf_keys.c.
 *
 * A text that is wrong leaves the field as it was. What is wrong names the value, but for secrets, and what
 * to give.
 */
#include <string.h>
#include <strings.h>

#include "base/conf_keys.h"
#include "base/conf_path.h"
#include "base/conf_value.h"
#include "base/networks.h"

static int set_text(const struct conf_key *key, void *field, const char *text, const char *folder,
                    struct buf *wrong);
static int set_number(const struct conf_key *key, void *field, const char *text, struct buf *wrong);
static int set_time(const struct conf_key *key, void *field, const char *text, struct buf *wrong);
static int set_choice(const struct conf_key *key, void *field, const char *text, struct buf *wrong);
static int add_listen(struct conf *conf, const char *text, struct buf *wrong);
static int set_backoff(struct conf *conf, const char *text, struct buf *wrong);
static int set_window(void *field, const char *text, struct buf *wrong);

int conf_key_set(const struct conf_key *key, void *base, const char *text, const char *folder,
                 struct buf *wrong)
{
    void *field = (char *)base + key->offset;
    switch (key->type) {
    case CONF_TEXT:
    case CONF_SECRET:
    case CONF_PATH:
    case CONF_URLS:
    case CONF_ENDPOINT:
    case CONF_SOURCE:
    case CONF_ADDRESS:
    case CONF_NETWORKS:
        return set_text(key, field, text, folder, wrong);
    case CONF_LISTEN:
        return add_listen(base, text, wrong);
    case CONF_U32:
    case CONF_SIZE32:
    case CONF_SIZE:
    case CONF_WORKERS:
        return set_number(key, field, text, wrong);
    case CONF_TIME:
        return set_time(key, field, text, wrong);
    case CONF_CHOICE:
        return set_choice(key, field, text, wrong);
    case CONF_BACKOFF:
        return set_backoff(base, text, wrong);
    case CONF_WINDOW:
        return set_window(field, text, wrong);
    }
    return -1;
}

/* Begins what is wrong with the value that was given. Always returns -1. */
static int say_wrong(struct buf *wrong, const char *text, const char *what)
{
    buf_printf(wrong, "\"%s\" %s", text, what);
    return -1;
}

/* Fills the rest with zeros, so that nothing of an earlier value stays behind. `text` fits. */
static void put_text(char *field, const char *text)
{
    size_t bytes = strlen(text);
    memcpy(field, text, bytes);
    memset(field + bytes, 0, CONF_TEXT_BYTES_MAX - bytes);
}

static int set_path(char *field, const char *prefix, const char *path, const char *folder, struct buf *wrong)
{
    char whole[CONF_TEXT_BYTES_MAX];
    if (conf_path_resolve(prefix, folder, path, whole) != 0)
        return say_wrong(wrong, path,
                         "is longer than 511 bytes together with the configuration's folder; shorten it");
    put_text(field, whole);
    return 0;
}

static int set_endpoint(char *field, const char *text, const char *folder, struct buf *wrong)
{
    static const char ipc[] = "ipc://";
    char whole[CONF_TEXT_BYTES_MAX] = "";
    const char *path = text + sizeof ipc - 1;
    int is_file = strncmp(text, ipc, sizeof ipc - 1) == 0 && *path != '\0' && *path != '@' && *path != '*';
    if (!is_file)
        put_text(whole, text);
    else if (set_path(whole, ipc, path, folder, wrong) != 0)
        return -1;
    const char *error = *whole == '\0' ? NULL : conf_endpoint_error(whole);
    if (error != NULL)
        return say_wrong(wrong, whole, error);
    put_text(field, whole);
    return 0;
}

/* The path of a call is put behind it, and it is shown: addresses are in logs and in --dump-config. */
static int check_url(struct span url, size_t host_at, const char *text, struct buf *wrong)
{
    for (size_t i = 0; i < url.bytes; i++)
        if ((unsigned char)url.data[i] <= ' ' || (unsigned char)url.data[i] > '~' || strchr("?#\"\\", url.data[i]) != NULL)
            return say_wrong(wrong, text, "has a character that does not belong there; give https://HOST or http://HOST:PORT");
    size_t host_end = host_at;
    while (host_end < url.bytes && url.data[host_end] != '/')
        host_end++;
    if (memchr(url.data + host_at, '@', host_end - host_at) == NULL)
        return 0;
    buf_append_str(wrong, "holds USER:PASSWORD@, which WeChat does not use; leave that out");
    return -1;
}

/* Appends one address without the slashes at its end. */
static int add_url(struct span url, const char *text, struct buf *list, struct buf *wrong)
{
    static const char *const schemes[] = {"http://", "https://"};
    size_t scheme_bytes = 0;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (url.bytes >= strlen(schemes[i]) && memcmp(url.data, schemes[i], strlen(schemes[i])) == 0)
            scheme_bytes = strlen(schemes[i]);
    if (scheme_bytes == 0)
        return say_wrong(wrong, text, "is no address; give https://HOST or http://HOST:PORT");
    while (url.bytes > scheme_bytes && url.data[url.bytes - 1] == '/')
        url.bytes--;
    if (url.bytes == scheme_bytes)
        return say_wrong(wrong, text, "names no host; give https://HOST or http://HOST:PORT");
    if (check_url(url, scheme_bytes, text, wrong) != 0)
        return -1;
    buf_append_str(list, list->bytes ? "," : "");
    buf_append(list, url.data, url.bytes);
    return 0;
}

static int set_urls(char *field, const char *text, struct buf *wrong)
{
    struct buf list = {0};
    size_t count = 0;
    int failed = 0;
    for (const char *at = text; at != NULL && !failed; count++) {
        at += strspn(at, " \t");
        size_t bytes = strcspn(at, ",");
        struct span url = {at, bytes};
        while (url.bytes > 0 && strchr(" \t", url.data[url.bytes - 1]) != NULL)
            url.bytes--;
        failed = add_url(url, text, &list, wrong);
        at = at[bytes] == ',' ? at + bytes + 1 : NULL;
    }
    if (!failed && count > CONF_BASES_MAX)
        failed = say_wrong(wrong, text, "has more than 8 addresses; leave some out");
    if (!failed)
        put_text(field, buf_str(&list));
    buf_free(&list);
    return failed;
}

static int set_text(const struct conf_key *key, void *field, const char *text, const char *folder,
                    struct buf *wrong)
{
    if (key->type == CONF_PATH)
        return set_path(field, "", text, folder, wrong);
    if (key->type == CONF_URLS)
        return set_urls(field, text, wrong);
    if (key->type == CONF_ENDPOINT)
        return set_endpoint(field, text, folder, wrong);
    if (key->type == CONF_SOURCE && strncmp(text, "dir:", 4) == 0 && text[4] != '\0')
        return set_path(field, "dir:", text + 4, folder, wrong);
    if (key->type == CONF_SOURCE && strcmp(text, "mysql") != 0)
        return say_wrong(wrong, text, "is no source; give mysql or dir:PATH");
    if (key->type == CONF_ADDRESS && !conf_is_listen(text))
        return say_wrong(wrong, text, "is no address; give HOST:PORT with a port of 0 to 65535");
    struct networks networks;
    const char *no_list = key->type == CONF_NETWORKS ? networks_parse(text, &networks) : NULL;
    if (no_list)
        return say_wrong(wrong, text, no_list);
    put_text(field, text);
    return 0;
}

static int set_number(const struct conf_key *key, void *field, const char *text, struct buf *wrong)
{
    int is_size = key->type == CONF_SIZE || key->type == CONF_SIZE32;
    uint64_t value = 0;
    int rc =
        is_size ? conf_parse_size(text, UINT64_MAX, &value) : conf_parse_number(text, UINT64_MAX, &value);
    if (rc != 0 || value < key->min || value > key->max) {
        say_wrong(wrong, text,
                  rc == 0   ? "is out of range; give "
                  : is_size ? "is no size; give "
                            : "is no number; give ");
        if (is_size) {
            conf_format_size(key->min, wrong);
            buf_append_str(wrong, " to ");
            conf_format_size(key->max, wrong);
        } else {
            buf_printf(wrong, "%llu to %llu", (unsigned long long)key->min, (unsigned long long)key->max);
        }
        return -1;
    }
    uint32_t narrow = (uint32_t)value;
    if (key->type == CONF_SIZE)
        memcpy(field, &value, sizeof value);
    else
        memcpy(field, &narrow, sizeof narrow);
    return 0;
}

static int set_time(const struct conf_key *key, void *field, const char *text, struct buf *wrong)
{
    int64_t value_ms = conf_parse_time_ms(text);
    if (value_ms < (int64_t)key->min || value_ms > (int64_t)key->max) {
        say_wrong(wrong, text,
                  value_ms < 0 ? "is no time; give a number with ms, s, m, h or d, from "
                               : "is out of range; give ");
        conf_format_time((int64_t)key->min, wrong);
        buf_append_str(wrong, " to ");
        conf_format_time((int64_t)key->max, wrong);
        return -1;
    }
    memcpy(field, &value_ms, sizeof value_ms);
    return 0;
}

static int set_choice(const struct conf_key *key, void *field, const char *text, struct buf *wrong)
{
    const struct conf_choice *found = key->choices;
    while (found->name != NULL && strcasecmp(found->name, text) != 0)
        found++;
    if (found->name != NULL) {
        memcpy(field, &found->value, sizeof found->value);
        return 0;
    }
    say_wrong(wrong, text, "is unknown; give");
    const char *between = " ";
    for (const struct conf_choice *c = key->choices; c->name != NULL; c++) {
        buf_printf(wrong, "%s%s", between, c->name);
        between = " or ";
    }
    return -1;
}

static int add_listen(struct conf *conf, const char *text, struct buf *wrong)
{
    if (!conf_is_listen(text))
        return say_wrong(wrong, text, "is no address; give HOST:PORT with a port of 0 to 65535");
    if (conf->server.listen_count == CONF_LISTEN_MAX)
        return say_wrong(wrong, text, "is one too many; give at most 16");
    memcpy(conf->server.listen[conf->server.listen_count++], text, strlen(text) + 1);
    return 0;
}

static int set_backoff(struct conf *conf, const char *text, struct buf *wrong)
{
    int64_t waits_ms[CONF_BACKOFF_MAX];
    size_t count = conf_parse_backoff(text, waits_ms);
    if (count == 0)
        return say_wrong(wrong, text,
                         "is no list of waits; give up to 64 times of 1ms to 400d such as 5s, 30s, 2m*3");
    memset(conf->broker.backoff_ms, 0, sizeof conf->broker.backoff_ms);
    memcpy(conf->broker.backoff_ms, waits_ms, count * sizeof *waits_ms);
    conf->broker.backoff_count = count;
    return 0;
}

static int set_window(void *field, const char *text, struct buf *wrong)
{
    struct conf_window window;
    if (conf_parse_window(text, &window) != 0)
        return say_wrong(wrong, text, "is no window; give COUNT/TIME, a count of 0 (any number) to 1000000 and a time of 0 (not counted) to 30d, such as 5/48h");
    memcpy(field, &window, sizeof window);
    return 0;
}

static void format_choice(const struct conf_key *key, const void *field, struct buf *out)
{
    int value;
    memcpy(&value, field, sizeof value);
    for (const struct conf_choice *c = key->choices; c->name != NULL; c++)
        if (c->value == value) {
            buf_append_str(out, c->name);
            return;
        }
}

void conf_key_format(const struct conf_key *key, const void *base, struct buf *out)
{
    const void *field = (const char *)base + key->offset;
    const struct conf *conf = base;
    uint64_t wide;
    uint32_t narrow;
    int64_t time_ms;
    switch (key->type) {
    case CONF_TEXT:
    case CONF_PATH:
    case CONF_URLS:
    case CONF_ENDPOINT:
    case CONF_SOURCE:
    case CONF_ADDRESS:
    case CONF_NETWORKS:
        conf_format_text(field, out);
        return;
    case CONF_SECRET:
        buf_append_str(out, *(const char *)field == '\0' ? "" : "****");
        return;
    case CONF_U32:
    case CONF_SIZE32:
    case CONF_WORKERS:
        memcpy(&narrow, field, sizeof narrow);
        buf_printf(out, "%u", narrow);
        return;
    case CONF_SIZE:
        memcpy(&wide, field, sizeof wide);
        conf_format_size(wide, out);
        return;
    case CONF_TIME:
        memcpy(&time_ms, field, sizeof time_ms);
        conf_format_time(time_ms, out);
        return;
    case CONF_CHOICE:
        format_choice(key, field, out);
        return;
    case CONF_BACKOFF:
        conf_format_backoff(conf->broker.backoff_ms, conf->broker.backoff_count, out);
        return;
    case CONF_WINDOW:
        conf_format_window(field, out);
        return;
    case CONF_LISTEN:
        return;
    }
}
