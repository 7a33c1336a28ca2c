/* Which address does what, and who may. */
#ifndef CONSOLE_ROUTES_H
#define CONSOLE_ROUTES_H

#include "http/web.h"

enum route { ROUTE_METRICS, ROUTE_HEALTHZ, ROUTE_READYZ, ROUTE_API, ROUTE_OTHER, ROUTES };

enum route route_find(const char *path);
const char *route_name(enum route route);

/* For web.h; `self` is the struct console. */
size_t routes_on_header(void *self, struct exchange *x);
void routes_on_request(void *self, struct exchange *x);
void routes_on_answered(void *self, const struct exchange *x, unsigned status);

#endif
