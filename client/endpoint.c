#include "client/endpoint.h"

#include <stdio.h>
#include <unistd.h>

#include "base/conf.h"

static const char *const defaults[] = {
    [ENDPOINT_FRONTEND] = FRONTEND_DEFAULT, [ENDPOINT_CONTROL] = CONTROL_DEFAULT, [ENDPOINT_TASK] = TASK_DEFAULT};

static const char *of_conf(const struct conf *conf, enum endpoint which)
{
    if (which == ENDPOINT_TASK)
        return conf->task.endpoint;
    return which == ENDPOINT_CONTROL ? conf->broker.control : conf->broker.frontend;
}

int endpoint_find(const char *config, enum endpoint which, char **address)
{
    struct buf errors = {0}, warnings = {0};
    const char *path = config ? config : CONFIG_DEFAULT;
    if (config == NULL && access(path, R_OK) != 0) {
        *address = mem_dup(defaults[which]);
        return 0;
    }
    struct conf *conf = conf_load(path, &errors, &warnings);
    int wrong = conf == NULL;
    if (conf)
        *address = mem_dup(of_conf(conf, which));
    else
        fputs(buf_str(&errors), stderr);
    conf_destroy(&conf);
    buf_free(&errors);
    buf_free(&warnings);
    return wrong ? -1 : 0;
}
