/* One line of a log, as text: logfmt (key=value) or a JSON object. Used by the log and the audit. Pure.
 *
 * Whatever bytes a value has, the line is one line, a JSON one is valid JSON, and no control character is in it raw.
 * client/log_parse.h reads such lines.
 */
#ifndef BASE_LOG_LINE_H
#define BASE_LOG_LINE_H

#include "base/log.h"

#define LOG_VALUE_BYTES_MAX 1024 /* of a value in a line; the rest is left out */

/* Begins a line with its time, milliseconds since 1970: t=2026-01-02T03:04:05.678Z */
void log_line_open(struct buf *line, int json, int64_t wall_ms);

void log_line_text(struct buf *line, int json, const char *key, struct span value);
void log_line_field(struct buf *line, int json, const struct log_field *field);

/* Ends it, with its newline. */
void log_line_close(struct buf *line, int json);

/* Appends a value as it stands between quotes, the same in both formats. What stands without quotes has nothing to escape, so this is
 * what to look for in a file. Values over LOG_VALUE_BYTES_MAX are not for it. */
void log_line_escape(struct span value, struct buf *out);

#endif
