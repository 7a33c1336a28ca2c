/* What was wrong with the calling thread's last call that failed: the text of mega_last_error. */
#ifndef MEGA_LIB_ERROR_H
#define MEGA_LIB_ERROR_H

#include "base/buf.h"

/* Sets the text (cut to fit) and returns `code`, an enum mega_error. */
int error_set(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text as a buffer, for a function that appends its reason. Nothing that proto/ writes about one request is longer than it, so it
 * never grows. error_close ends the text. */
struct buf error_open(void);
void error_close(struct buf *b);

#endif
