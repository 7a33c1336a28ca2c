/* Which address does what, and who may. */
#include "console/console.h"

#include <string.h>

#define TEXT "text/plain; charset=utf-8"

static void answer_text(struct exchange *x, unsigned status, const char *text)
{
    struct buf body = {0};
    buf_append_str(&body, text);
    web_answer(x, status, TEXT, &body);
}

size_t routes_on_header(void *self, struct exchange *x)
{
    (void)self;
    (void)x;
    return 0;
}

void routes_on_request(void *self, struct exchange *x)
{
    (void)self;
    if (strcmp(x->path, "/healthz") == 0)
        answer_text(x, 200, "ok\n");
    else
        answer_text(x, 404, "no such address\n");
}
