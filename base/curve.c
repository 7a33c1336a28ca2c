#include "base/curve.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include <zmq.h>

#define HANDSHAKE_MS       3000 /* a stranger's connection ends after so long; and somebody whose key is not known yet tries again */
#define ENDPOINT_BYTES     512
#define NOT_LOCAL                                                                                                      \
    "is reachable from other hosts and not under CURVE: make a key with mega keygen and set [curve] key, bind "        \
    "127.0.0.1 or ipc, or set [curve] plaintext = allow where the network itself is trusted"

static const char tcp[] = "tcp://";

static int is_tcp(const char *endpoint)
{
    return strncmp(endpoint, tcp, sizeof tcp - 1) == 0;
}

/* Begins what is wrong with a key of the configuration. */
static int fail(struct buf *error, const char *name, struct buf *what)
{
    buf_printf(error, "%s: %s", name, buf_str(what));
    buf_free(what);
    return -1;
}

int curve_keys_read(const char *key, const char *server_key, struct curve_keys *out, struct buf *error)
{
    struct curve_file file;
    struct buf what = {0};
    *out = (struct curve_keys){0};
    if (curve_file_read(key, &file, &what) != 0)
        return fail(error, "key", &what);
    if (file.secret_key[0] == '\0') {
        buf_printf(&what, "\"%s\" holds no secret key; give the file that mega keygen has made with mode 0600", key);
        return fail(error, "key", &what);
    }
    memcpy(out->name, file.name, sizeof out->name);
    memcpy(out->public_key, file.public_key, sizeof out->public_key);
    memcpy(out->secret_key, file.secret_key, sizeof out->secret_key);
    explicit_bzero(&file, sizeof file);
    memcpy(out->server_key, out->public_key, sizeof out->server_key);
    if (server_key && *server_key && curve_key_find(server_key, out->server_key, &what) != 0) {
        explicit_bzero(out, sizeof *out);
        return fail(error, "server_key", &what);
    }
    return 0;
}

int curve_covers(const struct curve_keys *keys, const char *endpoint)
{
    return keys->secret_key[0] != '\0' && is_tcp(endpoint);
}

int curve_is_local(const char *endpoint)
{
    char host[INET6_ADDRSTRLEN + 1] = "";
    struct in_addr four;
    struct in6_addr six;
    if (!is_tcp(endpoint))
        return 1;
    const char *at = endpoint + sizeof tcp - 1, *colon = strrchr(at, ':');
    if (colon == NULL || (size_t)(colon - at) >= sizeof host)
        return 0;
    struct span name = {at, (size_t)(colon - at)};
    if (name.bytes > 2 && name.data[0] == '[' && name.data[name.bytes - 1] == ']')
        name = (struct span){name.data + 1, name.bytes - 2};
    span_to_text(host, sizeof host, name);
    if (strcmp(host, "lo") == 0)
        return 1;
    if (inet_pton(AF_INET, host, &four) == 1)
        return ntohl(four.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

const char *curve_bind_error(const struct curve_keys *keys, int allowed, const char *endpoint)
{
    return allowed || curve_covers(keys, endpoint) || curve_is_local(endpoint) ? NULL : NOT_LOCAL;
}

struct span curve_endpoint_split(struct span endpoint, struct span *key)
{
    size_t mark_bytes = sizeof CURVE_ENDPOINT_KEY - 1, end_bytes = mark_bytes + CURVE_KEY_CHARS;
    *key = (struct span){NULL, 0};
    if (endpoint.bytes <= end_bytes)
        return endpoint;
    size_t at = endpoint.bytes - end_bytes;
    if (memcmp(endpoint.data + at, CURVE_ENDPOINT_KEY, mark_bytes) != 0)
        return endpoint;
    *key = (struct span){endpoint.data + at + mark_bytes, CURVE_KEY_CHARS};
    return (struct span){endpoint.data, at};
}

static int set(void *raw, int option, const char *text)
{
    return zmq_setsockopt(raw, option, text, strlen(text) + (option == ZMQ_ZAP_DOMAIN ? 0 : 1));
}

static int set_pair(void *raw, const struct curve_keys *keys)
{
    int handshake_ms = HANDSHAKE_MS;
    return zmq_setsockopt(raw, ZMQ_HANDSHAKE_IVL, &handshake_ms, sizeof handshake_ms) ||
                   set(raw, ZMQ_CURVE_PUBLICKEY, keys->public_key) || set(raw, ZMQ_CURVE_SECRETKEY, keys->secret_key)
               ? -1
               : 0;
}

int curve_connect(void *raw, const struct curve_keys *keys, const char *endpoint)
{
    char address[ENDPOINT_BYTES], server[CURVE_KEY_CHARS + 1];
    struct span key, at = curve_endpoint_split(span_of(endpoint), &key);
    int has_key = key.bytes > 0;
    if (at.bytes >= sizeof address || (has_key && (!curve_covers(keys, endpoint) || !curve_key_is_valid(key)))) {
        errno = EINVAL;
        return -1;
    }
    span_to_text(address, sizeof address, at);
    span_to_text(server, sizeof server, has_key ? key : span_of(keys->server_key));
    if (curve_covers(keys, address) && (set_pair(raw, keys) || set(raw, ZMQ_CURVE_SERVERKEY, server)))
        return -1;
    return zmq_connect(raw, address);
}

void curve_serve(void *raw, const struct curve_keys *keys, const char *domain)
{
    int is_server = 1;
    int failed = zmq_setsockopt(raw, ZMQ_CURVE_SERVER, &is_server, sizeof is_server) || set_pair(raw, keys) ||
                 set(raw, ZMQ_ZAP_DOMAIN, domain);
    assert(!failed); /* the keys are sound; a libzmq without CURVE could not have read them */
}
