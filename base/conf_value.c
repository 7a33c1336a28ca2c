/* Texts of single values and back. Nothing here knows a key; whoever calls says what the limits are. */
#include "base/conf_value.h"

#include <ctype.h>
#include <string.h>

static const struct {
    const char *name;
    int64_t ms;
} time_units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

#define TIME_UNITS (sizeof time_units / sizeof *time_units)

/* Reads the digits at the front. Returns what follows them, or NULL when there are none or the number is
 * above max. */
static const char *read_digits(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    const char *p = text;
    for (; *p >= '0' && *p <= '9'; p++) {
        uint64_t digit = (uint64_t)(*p - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return NULL;
        value = value * 10 + digit;
    }
    *out = value;
    return p == text || value > max ? NULL : p;
}

int conf_parse_number(const char *text, uint64_t max, uint64_t *out)
{
    const char *rest = read_digits(text, max, out);
    return rest != NULL && *rest == '\0' ? 0 : -1;
}

int conf_parse_size(const char *text, uint64_t max, uint64_t *out)
{
    static const char units[] = "KMG";
    const char *rest = read_digits(text, max, out);
    if (rest == NULL)
        return -1;
    if (*rest == '\0')
        return 0;
    const char *unit = strchr(units, toupper((unsigned char)*rest));
    if (unit == NULL || rest[1] != '\0')
        return -1;
    uint64_t factor = 1ULL << (10 * (unit - units + 1));
    if (*out > max / factor)
        return -1;
    *out *= factor;
    return 0;
}

struct span conf_base(const struct conf_account *account, size_t i)
{
    const char *at = account->api_base;
    for (; i > 0; i--) {
        at += strcspn(at, ",");
        at += *at == ',';
    }
    return (struct span){at, strcspn(at, ",")};
}

int64_t conf_parse_time_ms(const char *text)
{
    uint64_t value;
    const char *rest = read_digits(text, (uint64_t)CONF_TIME_MS_MAX, &value);
    if (rest == NULL)
        return -1;
    if (value == 0 && *rest == '\0')
        return 0; /* nothing is nothing in every unit */
    for (size_t i = 0; i < TIME_UNITS; i++)
        if (strcmp(rest, time_units[i].name) == 0)
            return value > (uint64_t)(CONF_TIME_MS_MAX / time_units[i].ms)
                       ? -1
                       : (int64_t)value * time_units[i].ms;
    return -1;
}

/* Reads one piece of a back-off list, "2m*3". Returns the number of waits added, 0 when it is wrong. */
static size_t parse_waits(struct span piece, int64_t *out_ms, size_t room)
{
    char text[48];
    while (piece.bytes > 0 && isspace((unsigned char)piece.data[0]))
        piece = (struct span){piece.data + 1, piece.bytes - 1};
    while (piece.bytes > 0 && isspace((unsigned char)piece.data[piece.bytes - 1]))
        piece.bytes--;
    if (piece.bytes >= sizeof text)
        return 0;
    memcpy(text, piece.data, piece.bytes);
    text[piece.bytes] = '\0';

    uint64_t times = 1;
    char *star = strchr(text, '*');
    if (star != NULL) {
        *star = '\0';
        if (conf_parse_number(star + 1, CONF_BACKOFF_MAX, &times) != 0)
            return 0;
    }
    int64_t wait_ms = conf_parse_time_ms(text);
    if (wait_ms <= 0 || times > room)
        return 0;
    for (size_t i = 0; i < times; i++)
        out_ms[i] = wait_ms;
    return times;
}

size_t conf_parse_backoff(const char *text, int64_t out_ms[CONF_BACKOFF_MAX])
{
    size_t count = 0;
    for (const char *p = text;; p++) {
        size_t bytes = strcspn(p, ",");
        size_t added = parse_waits((struct span){p, bytes}, out_ms + count, CONF_BACKOFF_MAX - count);
        if (added == 0)
            return 0;
        count += added;
        p += bytes;
        if (*p == '\0')
            return count;
    }
}

int conf_parse_window(const char *text, struct conf_window *out)
{
    uint64_t count;
    memset(out, 0, sizeof *out); /* its padding, too: fields are compared by their bytes */
    const char *slash = read_digits(text, CONF_WINDOW_COUNT_MAX, &count);
    if (slash == NULL || *slash != '/')
        return -1;
    out->ms = conf_parse_time_ms(slash + 1);
    out->count = (uint32_t)count;
    return out->ms >= 0 && out->ms <= CONF_WINDOW_MS_MAX ? 0 : -1;
}

int conf_is_listen(const char *text)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    return colon != NULL && colon > text && conf_parse_number(colon + 1, 65535, &port) == 0;
}

const char *conf_endpoint_error(const char *text)
{
    const char *colon = strrchr(text, ':');
    if (strncmp(text, "tcp://", 6) == 0)
        return colon > text + 6 && colon[1] != '\0' ? NULL : "gives no port; give tcp://HOST:PORT";
    if (strncmp(text, "ipc://", 6) != 0)
        return "is no endpoint; give tcp://HOST:PORT or ipc://PATH";
    if (text[6] == '\0')
        return "gives no path; give ipc://PATH";
    return strlen(text + 6) > CONF_SOCKET_PATH_BYTES_MAX
               ? "is too long: the path of a socket ends at 107 bytes; give a shorter one"
               : NULL;
}

void conf_format_size(uint64_t value, struct buf *out)
{
    static const char *const units[] = {"", "K", "M", "G"};
    size_t unit = 0;
    while (unit < 3 && value > 0 && value % 1024 == 0) {
        value /= 1024;
        unit++;
    }
    buf_printf(out, "%llu%s", (unsigned long long)value, units[unit]);
}

void conf_format_time(int64_t value_ms, struct buf *out)
{
    size_t unit = 0;
    while (value_ms % time_units[unit].ms != 0)
        unit++;
    if (value_ms == 0)
        buf_append_str(out, "0");
    else
        buf_printf(out, "%lld%s", (long long)(value_ms / time_units[unit].ms), time_units[unit].name);
}

void conf_format_window(const struct conf_window *window, struct buf *out)
{
    buf_printf(out, "%u/", window->count);
    conf_format_time(window->ms, out);
}

void conf_format_backoff(const int64_t *values_ms, size_t count, struct buf *out)
{
    size_t same;
    for (size_t i = 0; i < count; i += same) {
        same = 1;
        while (i + same < count && values_ms[i + same] == values_ms[i])
            same++;
        if (i > 0)
            buf_append_str(out, ","); /* no space, so that it is never longer than what was read */
        conf_format_time(values_ms[i], out);
        if (same > 1)
            buf_printf(out, "*%zu", same);
    }
}

void conf_format_text(const char *text, struct buf *out)
{
    size_t bytes = strlen(text);
    int quotes = strchr(text, ';') != NULL || *text == '"' || *text == '\'' ||
                 (bytes > 0 && (isspace((unsigned char)text[0]) || isspace((unsigned char)text[bytes - 1])));
    const char *quote = !quotes ? "" : strchr(text, '"') == NULL ? "\"" : "'";
    buf_printf(out, "%s%s%s", quote, text, quote);
}
