/* One request to mega-console's API and its answer. HTTP/1.0, so that the answer ends with the connection; plain, since the console
 * speaks no TLS. */
#ifndef CLIENT_CONSOLE_HTTP_H
#define CLIENT_CONSOLE_HTTP_H

#include <stdint.h>

#include "base/buf.h"

#define CONSOLE_ANSWER_BYTES_MAX (4 * 1024 * 1024)

struct console_request {
    const char *address; /* HOST:PORT, [V6]:PORT */
    const char *token;   /* of [console] token; secret */
    const char *method, *path;
    const char *body;    /* JSON, or NULL */
    int64_t timeout_ms;  /* of the whole */
};

/* Returns the HTTP status with the body in `body`, or -1 with the reason appended to `error`. */
int console_http(const struct console_request *request, struct buf *body, struct buf *error);

#endif
