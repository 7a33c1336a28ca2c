#include "client/endpoint.h"

#include <stdio.h>
#include <unistd.h>

#include <czmq.h>

#include "base/conf.h"

static const char *const defaults[] = {
    [ENDPOINT_FRONTEND] = FRONTEND_DEFAULT, [ENDPOINT_CONTROL] = CONTROL_DEFAULT, [ENDPOINT_TASK] = TASK_DEFAULT,
    [ENDPOINT_TOKEN] = TOKEN_DEFAULT,       [ENDPOINT_LISTENER] = LISTENER_DEFAULT};

static const char *of_conf(const struct conf *conf, enum endpoint which)
{
    if (which == ENDPOINT_TASK)
        return conf->task.endpoint;
    if (which == ENDPOINT_LISTENER)
        return conf->listener.endpoint;
    if (which == ENDPOINT_TOKEN)
        return conf->token.endpoint;
    return which == ENDPOINT_CONTROL ? conf->broker.control : conf->broker.frontend;
}

int access_take(struct access *a, int letter, const char *value)
{
    if (letter == ACCESS_CURVE_KEY)
        a->key = value;
    else if (letter == ACCESS_SERVER_KEY)
        a->server_key = value;
    return letter == ACCESS_CURVE_KEY || letter == ACCESS_SERVER_KEY;
}

/* The keys of the options. */
static int read_keys(struct access *a)
{
    struct buf error = {0};
    if (a->key == NULL || a->server_key == NULL)
        buf_append_str(&error, "--curve-key, --server-key: one is given without the other; give both");
    else
        curve_keys_read(a->key, a->server_key, &a->keys, &error); /* failed when there is a reason */
    int failed = error.bytes > 0;
    if (failed)
        fprintf(stderr, "mega: %s\n", buf_str(&error));
    buf_free(&error);
    return failed ? -1 : 0;
}

static int read_conf(struct access *a, const char *path, enum endpoint which, char **address)
{
    struct buf errors = {0}, warnings = {0};
    struct conf *conf = conf_load(path, &errors, &warnings);
    int wrong = conf == NULL;
    if (conf && *address == NULL)
        *address = mem_dup(of_conf(conf, which));
    if (conf && a->key == NULL)
        a->keys = conf->curve.keys;
    if (wrong)
        fputs(buf_str(&errors), stderr);
    conf_destroy(&conf);
    buf_free(&errors);
    buf_free(&warnings);
    return wrong ? -1 : 0;
}

int endpoint_find(struct access *a, enum endpoint which, char **address)
{
    const char *path = a->config ? a->config : CONFIG_DEFAULT;
    if ((a->key || a->server_key) && read_keys(a) != 0)
        return -1;
    if (a->config || (*address == NULL && access(path, R_OK) == 0))
        return read_conf(a, path, which, address);
    if (*address == NULL)
        *address = mem_dup(defaults[which]);
    return 0;
}

int endpoint_connect(void *socket, const struct access *a, const char *address)
{
    if (curve_connect(zsock_resolve(socket), &a->keys, address) == 0)
        return 0;
    fprintf(stderr, "mega: %s: no ZeroMQ endpoint; give tcp://HOST:PORT or ipc://PATH\n", address);
    return -1;
}
