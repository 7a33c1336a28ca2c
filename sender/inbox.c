/* Binds the PULL socket, and keeps the run folder clean of the sockets of senders that died. */
#include "sender/inbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <czmq.h>

#include "base/curve_guard.h"
#include "base/hash.h"
#include "base/log.h"
#include "proto/limits.h"

#define SUFFIX       ".ipc"
#define EPOCH_DIGITS 16

struct inbox {
    const struct conf *conf;
    zsock_t *socket;
    struct curve_guard *guard;
    struct buf endpoint; /* as ZeroMQ says it, and our key when there is one */
    char *path;         /* owned: of the ipc socket, NULL for tcp */
    zmq_msg_t message;  /* the last one read */
};

/* 1 when the file is NAME-<16 hexadecimal digits>.ipc. */
static int is_ours(const char *file, const char *name)
{
    size_t name_bytes = strlen(name);
    if (strncmp(file, name, name_bytes) != 0 || file[name_bytes] != '-')
        return 0;
    const char *epoch = file + name_bytes + 1;
    return strspn(epoch, "0123456789abcdef") == EPOCH_DIGITS && strcmp(epoch + EPOCH_DIGITS, SUFFIX) == 0;
}

static void remove_stale(const char *dir, const char *name)
{
    DIR *folder = opendir(dir);
    if (folder == NULL) {
        log_warn("run folder cannot be read", log_str("dir", dir), log_str("error", strerror(errno)));
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL)
        if (is_ours(entry->d_name, name) && unlinkat(dirfd(folder), entry->d_name, 0) != 0)
            log_warn("old socket cannot be removed", log_str("file", entry->d_name),
                     log_str("error", strerror(errno)));
    closedir(folder);
}

/* Makes the address of this start. */
static void choose_address(const struct conf *conf, const char *name, struct buf *address)
{
    if (conf->sender.endpoint[0])
        buf_append_str(address, conf->sender.endpoint);
    else
        buf_printf(address, "ipc://%s/%s-%016llx" SUFFIX, conf->run.dir, name,
                   (unsigned long long)hash_random_u64());
}

static int bind_socket(struct inbox *inbox, const char *address)
{
    int bound = curve_guard_bind(inbox->guard, inbox->socket, CURVE_INBOX, address);
    if (bound < 0) {
        log_error("[sender] endpoint cannot be bound, use tcp://ADDRESS:* or a shorter run folder",
                  log_str("endpoint", address), log_str("error", zmq_strerror(errno)));
        return -1;
    }
    char *last = zsock_last_endpoint(inbox->socket);
    buf_append_str(&inbox->endpoint, last ? last : "");
    zstr_free(&last);
    if (curve_covers(&inbox->conf->curve.keys, address))
        buf_printf(&inbox->endpoint, CURVE_ENDPOINT_KEY "%s", inbox->conf->curve.keys.public_key);
    if (inbox->endpoint.bytes == 0 || inbox->endpoint.bytes > ENDPOINT_BYTES_MAX) {
        log_error("[sender] endpoint is too long", log_u64("bytes_max", ENDPOINT_BYTES_MAX));
        return -1;
    }
    if (strncmp(buf_str(&inbox->endpoint), "ipc://", 6) == 0)
        inbox->path = mem_dup(buf_str(&inbox->endpoint) + 6);
    return 0;
}

struct inbox *inbox_new(const struct conf *conf, const char *name)
{
    struct inbox *inbox = mem_new(sizeof *inbox);
    struct buf address = {0};
    zmq_msg_init(&inbox->message);
    inbox->conf = conf;
    inbox->guard = curve_guard_new(conf);
    inbox->socket = zsock_new(ZMQ_PULL);
    zsock_set_maxmsgsize(inbox->socket, MESSAGE_BYTES_MAX);
    zsock_set_linger(inbox->socket, 0);
    remove_stale(conf->run.dir, name);
    choose_address(conf, name, &address);
    if (bind_socket(inbox, buf_str(&address)) != 0)
        inbox_destroy(&inbox);
    buf_free(&address);
    return inbox;
}

void inbox_destroy(struct inbox **self)
{
    struct inbox *inbox = *self;
    if (inbox == NULL)
        return;
    zmq_msg_close(&inbox->message);
    zsock_destroy(&inbox->socket);
    curve_guard_destroy(&inbox->guard);
    if (inbox->path)
        unlink(inbox->path); /* libzmq does so as well, but in a thread that may not come to it */
    free(inbox->path);
    buf_free(&inbox->endpoint);
    free(inbox);
    *self = NULL;
}

void *inbox_socket(struct inbox *inbox)
{
    return inbox->socket;
}

const char *inbox_endpoint(struct inbox *inbox)
{
    return buf_str(&inbox->endpoint);
}

int inbox_next(struct inbox *inbox, struct span *message)
{
    do {
        if (zmq_msg_recv(&inbox->message, zsock_resolve(inbox->socket), ZMQ_DONTWAIT) < 0)
            return 0;
    } while (!curve_guard_admits(inbox->guard, buf_str(&inbox->endpoint), CURVE_INBOX, &inbox->message));
    *message = (struct span){zmq_msg_data(&inbox->message), zmq_msg_size(&inbox->message)};
    return 1;
}
