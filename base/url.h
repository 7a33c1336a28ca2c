/* Text of URLs; used by whatever makes one or tells of one. */
#ifndef BASE_URL_H
#define BASE_URL_H

#include "base/buf.h"

/* Appends text with everything but letters, digits and -._~ as %XX (RFC 3986). */
void url_escape(struct span text, struct buf *out);

/* HOST:PORT or HOST of a URL: a span into it. */
struct span url_host(const char *url);

#endif
