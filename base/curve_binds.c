#include "base/curve_binds.h"

#include <stddef.h>

#include "base/curve.h"

static const struct {
    const char *program, *key;
    size_t endpoint;
} binds[] = {
    {"mega-broker", "[broker] frontend", offsetof(struct conf, broker.frontend)},
    {"mega-broker", "[broker] control", offsetof(struct conf, broker.control)},
    {"mega-broker", "[broker] jobs", offsetof(struct conf, broker.jobs)},
    {"mega-sender", "[sender] endpoint", offsetof(struct conf, sender.endpoint)},
    {"mega-token", "[token] endpoint", offsetof(struct conf, token.endpoint)},
    {"mega-task", "[task] endpoint", offsetof(struct conf, task.endpoint)},
    {"mega-listener", "[listener] endpoint", offsetof(struct conf, listener.endpoint)},
};

int curve_check_binds(const struct conf *conf, const char *program, struct buf *errors)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof binds / sizeof *binds; i++) {
        const char *endpoint = (const char *)conf + binds[i].endpoint;
        const char *error = strcmp(binds[i].program, program) == 0
                                ? curve_bind_error(&conf->curve.keys, conf->curve.plaintext, endpoint)
                                : NULL;
        if (error == NULL)
            continue;
        buf_printf(errors, "%s: %s: \"%s\" %s\n", conf->path, binds[i].key, endpoint, error);
        failed = -1;
    }
    return failed;
}
