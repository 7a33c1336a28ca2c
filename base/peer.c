/* User-Id and Peer-Address are properties of zmq_msg_gets(3). The latter is the numeric address of a tcp peer, without its port. Of an ipc peer it is "localhost:UID:GID:PID"
 * (stream_engine_base.cpp, get_peer_address; "localhost" is what getnameinfo(3) calls every AF_UNIX address with NI_NUMERICHOST). An
 * IPv6 address can end in three numbers as well, so it is the word in front that tells.
 */
#include "base/peer.h"

#include <stdio.h>
#include <stdlib.h>

#include <zmq.h>

static const char local[] = "localhost:";

static struct span property(const void *message, const char *name)
{
    const char *value = zmq_msg_gets(message, name);
    return value ? span_of(value) : (struct span){NULL, 0};
}

void peer_of(const void *message, int is_curve, struct peer *out)
{
    struct span none = {NULL, 0};
    peer_read(is_curve ? property(message, "User-Id") : none, property(message, "Peer-Address"), out);
}

/* Reads the number up to the next ':' or the end, and goes behind it. Returns -1 when there is none. */
static int64_t read_number(struct span *rest)
{
    int64_t value = 0;
    size_t i = 0;
    for (; i < rest->bytes && i < 11 && rest->data[i] >= '0' && rest->data[i] <= '9'; i++)
        value = value * 10 + (rest->data[i] - '0');
    if (i == 0 || (i < rest->bytes && rest->data[i] != ':'))
        return -1;
    size_t used = i < rest->bytes ? i + 1 : i;
    *rest = (struct span){rest->data + used, rest->bytes - used};
    return value;
}

static int read_local(struct span address, struct peer *out)
{
    size_t bytes = sizeof local - 1;
    if (address.bytes <= bytes || memcmp(address.data, local, bytes) != 0)
        return 0;
    struct span rest = {address.data + bytes, address.bytes - bytes};
    int64_t uid = read_number(&rest), gid = read_number(&rest), pid = read_number(&rest);
    if (uid < 0 || gid < 0 || pid < 0)
        return 0;
    out->kind = PEER_USER;
    out->uid = uid;
    out->pid = pid;
    snprintf(out->name, sizeof out->name, "uid:%lld", (long long)uid);
    return 1;
}

void peer_read(struct span user, struct span address, struct peer *out)
{
    *out = (struct peer){.kind = PEER_UNKNOWN, .name = "unknown", .uid = -1, .pid = -1};
    if (user.bytes == 0 && read_local(address, out))
        return;
    if (address.bytes > 0 && address.bytes <= PEER_ADDRESS_BYTES_MAX)
        span_to_text(out->address, sizeof out->address, address);
    if (user.bytes > 0) {
        out->kind = PEER_KEY;
        span_to_text(out->name, sizeof out->name, user);
    } else if (out->address[0]) {
        out->kind = PEER_ADDRESS;
        snprintf(out->name, sizeof out->name, "ip:%.*s", PEER_NAME_BYTES_MAX - 3, out->address);
    }
}
