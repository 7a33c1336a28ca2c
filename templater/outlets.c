/* The PUSH sockets to the senders: a hash by endpoint. Used by one thread; a broken endpoint costs the jobs
 * that name it a turn. */
#include "templater/outlets.h"

#include <stdlib.h>

#include <czmq.h>
#include <uthash.h>

#include "base/log.h"
#include "base/monitor.h"
#include "proto/limits.h"
#include "proto/mp.h"

#define RECONNECT_MS     50
#define RECONNECT_MS_MAX 500

struct outlet {
    char *endpoint; /* owned */
    size_t endpoint_bytes;
    zsock_t *socket;
    struct monitor *monitor;
    uint64_t generation; /* of the newest job that went in */
    int keep;            /* mark of outlets_keep */
    UT_hash_handle hh;
};

struct outlets {
    const struct conf *conf;
    struct outlet *rows;
};

struct outlets *outlets_new(const struct conf *conf)
{
    struct outlets *o = mem_new(sizeof *o);
    o->conf = conf;
    return o;
}

static void outlet_close(struct outlets *o, struct outlet *outlet)
{
    HASH_DEL(o->rows, outlet);
    monitor_destroy(&outlet->monitor);
    zsock_destroy(&outlet->socket);
    free(outlet->endpoint);
    free(outlet);
}

static void close_all(struct outlets *o)
{
    struct outlet *outlet, *next;
    HASH_ITER(hh, o->rows, outlet, next)
    {
        outlet_close(o, outlet);
    }
}

void outlets_destroy(struct outlets **self)
{
    if (*self == NULL)
        return;
    close_all(*self);
    free(*self);
    *self = NULL;
}

static struct outlet *outlet_find(const struct outlets *o, struct span endpoint)
{
    struct outlet *outlet = NULL;
    if (endpoint.bytes > 0)
        HASH_FIND(hh, o->rows, endpoint.data, endpoint.bytes, outlet);
    return outlet;
}

/* An endpoint without a key is that of a sender without CURVE. Where we have it ourselves messages do not leave the host so. */
static int connect_outlet(const struct outlets *o, struct outlet *outlet)
{
    static const struct curve_keys none;
    struct span key;
    const struct curve_keys *keys = &o->conf->curve.keys;
    curve_endpoint_split((struct span){outlet->endpoint, outlet->endpoint_bytes}, &key);
    if (key.bytes == 0) {
        if (curve_covers(keys, outlet->endpoint) && curve_bind_error(&none, o->conf->curve.plaintext, outlet->endpoint)) {
            errno = EACCES;
            return -1;
        }
        keys = &none;
    }
    return curve_connect(zsock_resolve(outlet->socket), keys, outlet->endpoint);
}

/* Returns NULL with *why set when the endpoint cannot be used. */
static struct outlet *outlet_open(struct outlets *o, struct span endpoint, const char **why)
{
    if (HASH_COUNT(o->rows) >= OUTLETS_MAX) {
        *why = "the templater has over 1024 senders";
        return NULL;
    }
    struct outlet *outlet = mem_new(sizeof *outlet);
    outlet->endpoint = span_dup(endpoint);
    outlet->endpoint_bytes = endpoint.bytes;
    outlet->socket = zsock_new(ZMQ_PUSH);
    if (outlet->socket != NULL) {
        zsock_set_sndhwm(outlet->socket, 0);
        zsock_set_linger(outlet->socket, 0);
        zsock_set_reconnect_ivl(outlet->socket, RECONNECT_MS);
        zsock_set_reconnect_ivl_max(outlet->socket, RECONNECT_MS_MAX);
        outlet->monitor = monitor_new(outlet->socket);
    }
    if (outlet->socket == NULL || connect_outlet(o, outlet) != 0) {
        log_error("way to a sender cannot be opened", log_span("endpoint", endpoint),
                  log_str("error", zmq_strerror(errno)));
        *why = "the sender's endpoint cannot be used";
        monitor_destroy(&outlet->monitor);
        zsock_destroy(&outlet->socket);
        free(outlet->endpoint);
        free(outlet);
        return NULL;
    }
    HASH_ADD_KEYPTR(hh, o->rows, outlet->endpoint, outlet->endpoint_bytes, outlet);
    log_info("way to a sender opened", log_span("endpoint", endpoint));
    return outlet;
}

int outlets_send(struct outlets *o, struct span endpoint, uint64_t generation, struct span message, const char **why)
{
    if (endpoint.bytes == 0 || endpoint.bytes > ENDPOINT_BYTES_MAX) {
        *why = "the sender's endpoint is empty or too long";
        return -1;
    }
    struct outlet *outlet = outlet_find(o, endpoint);
    if (outlet == NULL)
        outlet = outlet_open(o, endpoint, why);
    if (outlet == NULL)
        return -1;
    if (zmq_send(zsock_resolve(outlet->socket), message.data, message.bytes, ZMQ_DONTWAIT) < 0) {
        *why = "the way to the sender takes nothing";
        return -1;
    }
    if (generation > outlet->generation)
        outlet->generation = generation;
    return 0;
}

/* Jobs and lists come by two sockets, so a job for a sender that has just come may overtake a list in which he is not. */
void outlets_keep(struct outlets *o, struct span packed_endpoints, uint64_t generation)
{
    struct outlet *outlet, *next;
    struct mp_cursor c;
    for (outlet = o->rows; outlet != NULL; outlet = outlet->hh.next)
        outlet->keep = outlet->generation >= generation;
    mp_open(&c, packed_endpoints);
    /* Without a single sender the member may be left out. */
    uint32_t count = packed_endpoints.bytes > 0 ? mp_read_array(&c) : 0;
    for (uint32_t i = 0; i < count && !c.failed; i++) {
        outlet = outlet_find(o, mp_read_str(&c));
        if (outlet != NULL)
            outlet->keep = 1;
    }
    if (c.failed) {
        log_warn("list of senders not understood");
        return;
    }
    HASH_ITER(hh, o->rows, outlet, next)
    {
        if (outlet->keep)
            continue;
        log_info("way to a sender closed", log_str("endpoint", outlet->endpoint));
        outlet_close(o, outlet);
    }
}

size_t outlets_poll(const struct outlets *o, zmq_pollitem_t *items)
{
    size_t count = 0;
    for (struct outlet *outlet = o->rows; outlet != NULL; outlet = outlet->hh.next)
        items[count++] = (zmq_pollitem_t){zsock_resolve(monitor_socket(outlet->monitor)), 0, ZMQ_POLLIN, 0};
    return count;
}

void outlets_each_lost(struct outlets *o, void (*lost)(void *to, struct span endpoint, uint64_t generation), void *to)
{
    for (struct outlet *outlet = o->rows; outlet != NULL; outlet = outlet->hh.next)
        if (monitor_lost(outlet->monitor) > 0)
            lost(to, (struct span){outlet->endpoint, outlet->endpoint_bytes}, outlet->generation);
}

void outlets_flush(struct outlets *o)
{
    for (struct outlet *outlet = o->rows; outlet != NULL; outlet = outlet->hh.next)
        zsock_set_linger(outlet->socket, OUTLETS_FLUSH_MS);
    close_all(o);
}
