/* Asks the person at the terminal before something is done that cannot be undone. */
#ifndef CLIENT_CONFIRM_H
#define CLIENT_CONFIRM_H

#include "client/options.h"

/* Asks the question (without its "?") on standard error. Returns STATUS_DONE for an answer that begins with
 * y, STATUS_REFUSED for others, and STATUS_USAGE without a terminal; the reason is printed. `family` and
 * `command` are what was typed: "queue", "drain". */
enum status confirm(const char *family, const char *command, struct buf *question);

#endif
