/* Texts of single values to numbers, times and lists, and back. Used by conf_keys.c and conf.c; pure.
 *
 * The text that a value is written as reads back as the same value.
 */
#ifndef BASE_CONF_VALUE_H
#define BASE_CONF_VALUE_H

#include "base/conf.h"

#define CONF_TIME_MS_MAX (400LL * 86400 * 1000) /* 400 days: as far as a message may be scheduled ahead */

#define CONF_WINDOW_MS_MAX    (30LL * 86400 * 1000)
#define CONF_WINDOW_COUNT_MAX 1000000

/* Decimal digits and nothing else. Returns 0, or -1 when it is no number or above max. */
int conf_parse_number(const char *text, uint64_t max, uint64_t *out);

/* A number that may end in K, M or G (of 1024). */
int conf_parse_size(const char *text, uint64_t max, uint64_t *out);

/* 1 when it is HOST:PORT with a port of 0 to 65535. */
int conf_is_listen(const char *text);

/* A ZeroMQ endpoint: NULL when it is tcp://HOST:PORT or ipc://PATH, else a constant text that says what is
 * wrong. */
const char *conf_endpoint_error(const char *text);

/* The longest path of a Unix socket: sun_path of unix(7) without its NUL. */
#define CONF_SOCKET_PATH_BYTES_MAX 107

/* "5/48h": COUNT/TIME. Returns 0, or -1 when it is none or out of its range; the unused bytes of `out` are 0. */
int conf_parse_window(const char *text, struct conf_window *out);
void conf_format_window(const struct conf_window *window, struct buf *out);

void conf_format_size(uint64_t value, struct buf *out);
void conf_format_time(int64_t value_ms, struct buf *out);
void conf_format_backoff(const int64_t *values_ms, size_t count, struct buf *out);

/* With quotes where the value needs some. `text` must come from conf_ini_value or be free of '"' and
 * newlines. */
void conf_format_text(const char *text, struct buf *out);

#endif
