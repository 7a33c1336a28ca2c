/* Parsed lines as people and programs read them. Used by mega trace and mega audit. */
#ifndef CLIENT_LOG_SHOW_H
#define CLIENT_LOG_SHOW_H

#include "client/log_parse.h"

/* Appends the line as a JSON object with a newline: every field, in order, once, each a string. */
void log_show_json(const struct log_parsed *p, struct buf *out);

/* Appends "KEY=VALUE KEY=VALUE" of the fields whose names are not in `left_out`, which ends with NULL; harmless for a terminal. */
void log_show_rest(const struct log_parsed *p, const char *const *left_out, struct buf *out);

#endif
