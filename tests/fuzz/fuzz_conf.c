/* The configuration with any bytes: it loads or says why not, and what loads reads back the same from its
 * dump. */
#include <sys/mman.h>

#include "tests/unit/conf_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* Loads from memory, by the name that the kernel gives it. */
static struct loaded load_bytes(const void *data, size_t bytes)
{
    char path[64];
    int fd = memfd_create("conf", MFD_CLOEXEC);
    CHECK(fd >= 0);
    CHECK(write(fd, data, bytes) == (ssize_t)bytes);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct loaded l = load_file(path);
    close(fd);
    return l;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct loaded l = load_bytes(data, bytes);
    if (l.conf != NULL) {
        struct buf text = dump(l.conf);
        struct loaded again = load_bytes(text.data, text.bytes);
        CHECK_STR(again.errors.data, "");
        make_comparable(l.conf);
        make_comparable(again.conf);
        CHECK(memcmp(l.conf, again.conf, sizeof *l.conf) == 0);
        buf_free(&text);
        unload(&again);
    }
    unload(&l);
    return 0;
}
