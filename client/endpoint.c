#include "client/endpoint.h"

#include <stdio.h>
#include <unistd.h>

#include "base/conf.h"

int endpoint_find(const char *config, enum endpoint which, char **address)
{
    struct buf errors = {0}, warnings = {0};
    const char *path = config ? config : CONFIG_DEFAULT;
    if (config == NULL && access(path, R_OK) != 0) {
        *address = mem_dup(which == ENDPOINT_CONTROL ? CONTROL_DEFAULT : FRONTEND_DEFAULT);
        return 0;
    }
    struct conf *conf = conf_load(path, &errors, &warnings);
    int wrong = conf == NULL;
    if (conf)
        *address = mem_dup(which == ENDPOINT_CONTROL ? conf->broker.control : conf->broker.frontend);
    else
        fputs(buf_str(&errors), stderr);
    conf_destroy(&conf);
    buf_free(&errors);
    buf_free(&warnings);
    return wrong ? -1 : 0;
}
