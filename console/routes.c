#include "console/routes.h"

#include <string.h>

#include "base/clock.h"
#include "console/api.h"
#include "console/bearer.h"
#include "console/console.h"
#include "console/ready.h"

#define TEXT "text/plain; charset=utf-8"

static const struct {
    const char *name, *path;
} table[ROUTES] = {[ROUTE_METRICS] = {"metrics", "/metrics"},
                   [ROUTE_HEALTHZ] = {"healthz", "/healthz"},
                   [ROUTE_READYZ] = {"readyz", "/readyz"},
                   [ROUTE_API] = {"api", "/api"},
                   [ROUTE_OTHER] = {"other", ""}};

const char *route_name(enum route route)
{
    return table[route].name;
}

enum route route_find(const char *path)
{
    for (int route = 0; route < ROUTE_OTHER; route++) {
        size_t bytes = strlen(table[route].path);
        if (strncmp(path, table[route].path, bytes) == 0 && (path[bytes] == '\0' || (route == ROUTE_API && path[bytes] == '/')))
            return (enum route)route;
    }
    return ROUTE_OTHER;
}

static void answer_text(struct exchange *x, unsigned status, const char *text)
{
    struct buf body = {0};
    buf_append_str(&body, text);
    web_answer(x, status, TEXT, &body);
}

static void refuse_method(struct exchange *x, const char *allow)
{
    struct buf body = {0};
    buf_printf(&body, "this method cannot be used here; use %s\n", allow);
    web_answer_with(x, 405, TEXT, &body, "Allow", allow);
}

/* Figures are for whoever reaches the address, unless a token is set or the address is for other hosts too. */
static int may_read_metrics(const struct console *c, const struct exchange *x)
{
    const char *header = web_header(x, "Authorization");
    if (c->conf->console.metrics_token[0] == '\0' && web_is_loopback(c->web))
        return 1;
    return bearer_is(header, c->conf->console.metrics_token) || bearer_is(header, c->conf->console.token);
}

size_t routes_on_header(void *self, struct exchange *x)
{
    struct console *c = self;
    enum route route = route_find(x->path);
    if (route == ROUTE_API)
        return api_on_header(c, x);
    if (x->method != WEB_GET) {
        refuse_method(x, "GET");
    } else if (route == ROUTE_METRICS && !may_read_metrics(c, x)) {
        struct buf body = {0};
        buf_append_str(&body, "give the token of [console] metrics_token: Authorization: Bearer TOKEN\n");
        web_answer_with(x, 401, TEXT, &body, "WWW-Authenticate", "Bearer");
    }
    return 0;
}

void routes_on_request(void *self, struct exchange *x)
{
    struct console *c = self;
    struct buf body = {0};
    switch (route_find(x->path)) {
    case ROUTE_METRICS:
        metrics_write(c->conf, c->heard, &c->own, c->program->name, &body);
        web_answer(x, 200, EXPOSITION_TYPE, &body);
        return;
    case ROUTE_HEALTHZ:
        answer_text(x, 200, "ok\n");
        return;
    case ROUTE_READYZ: {
        int is_ready = ready_write(c->heard, clock_mono_ms(), &body);
        web_answer(x, is_ready ? 200 : 503, API_TYPE, &body);
        return;
    }
    case ROUTE_API:
        api_on_request(c, x);
        return;
    default:
        answer_text(x, 404, "no such address; there are /metrics, /healthz, /readyz and /api/\n");
    }
}

void routes_on_answered(void *self, const struct exchange *x, unsigned status)
{
    struct console *c = self;
    if (status >= 100 && status < 600)
        c->own.requests[route_find(x->path)][status / 100]++;
}
