#include "broker/store_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_BYTES (4u * 1024 * 1024)
#define USES_A_BYTE 2 /* four bits a page */
#define USE_BITS    4

struct store_file {
    int fd;
    uint64_t bytes, pages;
    size_t page_bytes;
    struct page_meta state;
    int is_newest;
    unsigned char *uses;
    /* A page lies in the place that its number has modulo their count. */
    char *cache;
    uint64_t *cached; /* the number that lies there; PAGE_NONE = none */
    size_t places;
};

/* --- opening ------------------------------------------------------------------------------------------------------ */

struct store_file *store_file_open(const char *dir, struct buf *error)
{
    struct store_file *f = mem_new(sizeof *f);
    struct buf path = {0};
    struct stat info;
    buf_printf(&path, "%s/data.mdb", dir);
    f->fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
    int wrong = f->fd < 0 || fstat(f->fd, &info) != 0 ? errno : S_ISREG(info.st_mode) ? 0 : EINVAL;
    if (wrong) {
        buf_printf(error, "%s: cannot be read: %s%s", buf_str(&path), strerror(wrong),
                   wrong == EACCES ? "; run this as the user of mega-broker" : "");
        store_file_close(&f);
    } else {
        f->bytes = (uint64_t)info.st_size;
    }
    buf_free(&path);
    return f;
}

void store_file_close(struct store_file **self)
{
    struct store_file *f = *self;
    if (f == NULL)
        return;
    if (f->fd >= 0)
        close(f->fd);
    free(f->uses);
    free(f->cache);
    free(f->cached);
    free(f);
    *self = NULL;
}

static void set_page_bytes(struct store_file *f, size_t page_bytes)
{
    f->page_bytes = page_bytes;
    f->pages = f->bytes / page_bytes;
    f->places = CACHE_BYTES / page_bytes;
    free(f->uses);
    free(f->cache);
    free(f->cached);
    f->uses = mem_new((size_t)(f->pages / USES_A_BYTE) + 1);
    f->cache = mem_new(f->places * page_bytes);
    f->cached = mem_new(f->places * sizeof *f->cached);
    memset(f->cached, 0xff, f->places * sizeof *f->cached);
}

/* --- the state ---------------------------------------------------------------------------------------------------- */

static int read_at(const struct store_file *f, uint64_t at, char *to, size_t bytes)
{
    while (bytes > 0) {
        ssize_t got = pread(f->fd, to, bytes, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        to += got;
        at += (uint64_t)got;
        bytes -= (size_t)got;
    }
    return 0;
}

/* The second meta page lies one page behind the first, whose size only a meta page tells: every possible one is tried. */
static int find_meta(const struct store_file *f, unsigned number, struct page_meta *meta)
{
    char bytes[PAGE_BYTES_MIN];
    for (size_t page_bytes = PAGE_BYTES_MIN; page_bytes <= PAGE_BYTES_MAX; page_bytes *= 2)
        if (read_at(f, number * page_bytes, bytes, sizeof bytes) == 0 &&
            page_read_meta((struct span){bytes, sizeof bytes}, meta) == 0 && (number == 0 || meta->page_bytes == page_bytes))
            return 0;
    return -1;
}

int store_file_meta(const struct store_file *f, unsigned number, struct page_meta *meta)
{
    return find_meta(f, number, meta);
}

void store_file_begin_at(struct store_file *f, const struct page_meta *meta)
{
    struct stat info;
    if (fstat(f->fd, &info) == 0)
        f->bytes = (uint64_t)info.st_size; /* it may have grown */
    f->state = *meta;
    set_page_bytes(f, meta->page_bytes);
}

/* 1 when one of the trees of a commit begins with a page that is one. */
static int is_usable(struct store_file *f, const struct page_meta *meta)
{
    struct page root;
    store_file_begin_at(f, meta);
    return meta->main.root == PAGE_NONE || store_file_page(f, meta->main.root, &root) == 0 ||
           store_file_page(f, meta->free.root, &root) == 0;
}

static void begin_without(struct store_file *f)
{
    static const struct page_tree none = {.root = PAGE_NONE};
    long page_bytes = sysconf(_SC_PAGESIZE); /* what LMDB takes for a new store */
    struct page_meta meta = {.page_bytes = PAGE_BYTES_MAX, .free = none, .main = none};
    if (page_bytes >= PAGE_BYTES_MIN && page_bytes < PAGE_BYTES_MAX)
        meta.page_bytes = (size_t)page_bytes;
    store_file_begin_at(f, &meta);
}

/* Commit N writes meta page N % 2; before the first one both are of commit 0. Meta pages have no checksum, so this is what tells one
 * whose number was changed. */
static int follow_each_other(const struct page_meta metas[PAGE_META_COUNT])
{
    uint64_t even = metas[0].txn, odd = metas[1].txn;
    return (even == 0 && odd == 0) || (even % 2 == 0 && (odd == even + 1 || odd + 1 == even));
}

int store_file_begin(struct store_file *f)
{
    struct page_meta metas[PAGE_META_COUNT];
    int found[PAGE_META_COUNT];
    for (unsigned i = 0; i < PAGE_META_COUNT; i++)
        found[i] = find_meta(f, i, &metas[i]) == 0;
    int newest = found[1] && (!found[0] || metas[1].txn > metas[0].txn);
    f->is_newest = found[0] && found[1] && follow_each_other(metas);
    for (int i = 0; i < PAGE_META_COUNT; i++, newest = !newest) {
        if (found[newest] && is_usable(f, &metas[newest]))
            return 0;
        f->is_newest = 0;
    }
    begin_without(f);
    return -1;
}

const struct page_meta *store_file_state(const struct store_file *f)
{
    return &f->state;
}

int store_file_is_newest(const struct store_file *f)
{
    return f->is_newest;
}

uint64_t store_file_pages(const struct store_file *f)
{
    return f->pages;
}

uint64_t store_file_bytes(const struct store_file *f)
{
    return f->bytes;
}

/* --- pages -------------------------------------------------------------------------------------------------------- */

int store_file_page(struct store_file *f, uint64_t number, struct page *p)
{
    if (number < PAGE_META_COUNT || number >= f->pages)
        return -1;
    size_t place = (size_t)(number % f->places);
    char *bytes = f->cache + place * f->page_bytes;
    if (f->cached[place] != number) {
        f->cached[place] = PAGE_NONE;
        if (read_at(f, number * f->page_bytes, bytes, f->page_bytes))
            return -1;
        f->cached[place] = number;
    }
    return page_open(p, (struct span){bytes, f->page_bytes}, number);
}

int store_file_value(struct store_file *f, const struct page_node *n, struct buf *room, struct span *value)
{
    struct page first;
    uint64_t run = page_overflow_run(n->value_bytes, f->page_bytes);
    if (n->value_bytes > FILE_VALUE_BYTES_MAX || n->overflow >= f->pages || run > f->pages - n->overflow)
        return -1;
    if (store_file_page(f, n->overflow, &first) || first.kind != PAGE_OVERFLOW || first.run < run)
        return -1;
    buf_clear(room);
    if (read_at(f, n->overflow * f->page_bytes + PAGE_HEADER_BYTES, buf_reserve(room, n->value_bytes), n->value_bytes))
        return -1;
    room->bytes = n->value_bytes;
    *value = buf_span(room);
    return 0;
}

int store_file_use(const struct store_file *f, uint64_t number)
{
    if (number >= f->pages)
        return 0;
    return f->uses[number / USES_A_BYTE] >> (number % USES_A_BYTE * USE_BITS) & ((1 << USE_BITS) - 1);
}

static void set_use(struct store_file *f, uint64_t number, enum page_use use)
{
    unsigned shift = (unsigned)(number % USES_A_BYTE) * USE_BITS, mask = ((1u << USE_BITS) - 1) << shift;
    unsigned char *at = &f->uses[number / USES_A_BYTE];
    *at = (unsigned char)((*at & ~mask) | (unsigned)use << shift);
}

void store_file_doubt(struct store_file *f, uint64_t number)
{
    if (number < f->pages)
        set_use(f, number, USE_DOUBTFUL);
}

int store_file_note(struct store_file *f, uint64_t number, uint64_t run, enum page_use use)
{
    if (number < PAGE_META_COUNT || number >= f->pages || run > f->pages - number)
        return -1;
    for (uint64_t i = 0; i < run; i++)
        if (store_file_use(f, number + i))
            return -1;
    for (uint64_t i = 0; i < run; i++)
        set_use(f, number + i, use);
    return 0;
}
