#include "client/rows/duplicates.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/hash.h"

#define PARTS      512 /* by nine bits of the hash */
#define BLOCK_ROWS 170 /* 4,080 bytes */
#define SLOTS_MIN  1024

struct entry {
    uint64_t hash;
    uint64_t line;
    uint32_t more; /* of the hash */
    uint32_t number;
};

/* Entries come in the order of rows. A full block goes to the file, so that all there have the same size. */
struct part {
    struct entry *block;
    uint32_t rows; /* in the block */
    uint32_t *places; /* of its blocks in the file, counted in blocks */
    uint32_t places_count, places_room;
};

/* The recipients of one part, each with its first row: open addressing. */
struct seen {
    struct entry *entries;
    size_t count, room;
    uint32_t *slots; /* 1 + an index of `entries`, 0: free; twice as many as room */
};

struct duplicates {
    struct duplicates_options o;
    int fd; /* -1: no file yet */
    uint32_t blocks; /* in the file */
    uint32_t rows;
    uint32_t count; /* of repeats */
    int is_finished;
    unsigned char *bits; /* of each row whether it is a repeat */
    struct {
        uint32_t number;
        struct duplicates_example lines;
    } *found; /* the examples, by number */
    size_t found_count;
    struct duplicates_example *examples;
    struct buf error;
    struct part parts[PARTS];
};

struct duplicates *duplicates_new(const struct duplicates_options *o)
{
    struct duplicates *d = mem_new(sizeof *d);
    d->o = *o;
    d->fd = -1;
    if (d->o.rows_max == 0 || d->o.rows_max > DUPLICATES_ROWS_MAX)
        d->o.rows_max = DUPLICATES_ROWS_MAX;
    if (d->o.block_rows == 0 || d->o.block_rows > BLOCK_ROWS)
        d->o.block_rows = BLOCK_ROWS;
    assert(o->examples_max <= 1000);
    d->found = mem_new((o->examples_max + 1) * sizeof *d->found);
    d->examples = mem_new(o->examples_max * sizeof *d->examples);
    return d;
}

static void free_part(struct part *p)
{
    free(p->block);
    free(p->places);
    *p = (struct part){0};
}

void duplicates_destroy(struct duplicates **d)
{
    if (*d == NULL)
        return;
    for (size_t i = 0; i < PARTS; i++)
        free_part(&(*d)->parts[i]);
    if ((*d)->fd >= 0)
        close((*d)->fd);
    free((*d)->bits);
    free((*d)->found);
    free((*d)->examples);
    buf_free(&(*d)->error);
    free(*d);
    *d = NULL;
}

const char *duplicates_error(struct duplicates *d)
{
    return buf_str(&d->error);
}

/* --- the temporary file ------------------------------------------------------------------------------------------- */

static const char *folder_of(const struct duplicates *d)
{
    const char *folder = d->o.folder ? d->o.folder : getenv("TMPDIR");
    return folder && *folder ? folder : "/tmp";
}

static int fail(struct duplicates *d, const char *doing, int number)
{
    buf_clear(&d->error);
    buf_printf(&d->error, "%s a temporary file in %s: %s; it needs 24 bytes for each recipient, set TMPDIR to a folder where it fits", doing,
               folder_of(d), strerror(number));
    return -1;
}

static int open_file(struct duplicates *d)
{
    struct buf path = {0};
    buf_printf(&path, "%s/mega-duplicates-XXXXXX", folder_of(d));
    d->fd = mkostemp((char *)(uintptr_t)buf_str(&path), O_CLOEXEC);
    int number = errno;
    if (d->fd >= 0)
        unlink(path.data);
    buf_free(&path);
    return d->fd < 0 ? fail(d, "making", number) : 0;
}

static size_t block_bytes(const struct duplicates *d)
{
    return d->o.block_rows * sizeof(struct entry);
}

static int write_block(struct duplicates *d, struct part *p)
{
    if (d->fd < 0 && open_file(d))
        return -1;
    size_t done = 0, bytes = block_bytes(d);
    off_t from = (off_t)((uint64_t)d->blocks * bytes);
    while (done < bytes) {
        ssize_t put = pwrite(d->fd, (const char *)p->block + done, bytes - done, from + (off_t)done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return fail(d, "writing", put < 0 ? errno : ENOSPC);
        done += (size_t)put;
    }
    if (p->places_count == p->places_room) {
        p->places_room = p->places_room ? p->places_room * 2 : 16;
        p->places = mem_resize(p->places, p->places_room * sizeof *p->places);
    }
    p->places[p->places_count++] = d->blocks++;
    p->rows = 0;
    return 0;
}

static int read_block(struct duplicates *d, uint32_t place, struct entry *block)
{
    size_t done = 0, bytes = block_bytes(d);
    off_t from = (off_t)((uint64_t)place * bytes);
    while (done < bytes) {
        ssize_t got = pread(d->fd, (char *)block + done, bytes - done, from + (off_t)done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return fail(d, "reading", got < 0 ? errno : EIO);
        done += (size_t)got;
    }
    return 0;
}

int duplicates_add(struct duplicates *d, struct span openid, uint64_t line)
{
    assert(!d->is_finished);
    if (d->rows == d->o.rows_max) {
        buf_clear(&d->error);
        buf_printf(&d->error, "more than %u recipients: split the list", d->o.rows_max);
        return -1;
    }
    struct hash128 h = hash_128(openid.data, openid.bytes);
    struct part *p = &d->parts[h.high % PARTS];
    if (p->block == NULL)
        p->block = mem_new(block_bytes(d));
    if (p->rows == d->o.block_rows && write_block(d, p))
        return -1;
    p->block[p->rows++] =
        (struct entry){.hash = h.low, .line = line, .more = (uint32_t)(h.high >> 32), .number = ++d->rows};
    return 0;
}

/* --- finding ------------------------------------------------------------------------------------------------------ */

static void put_slot(struct seen *s, size_t index)
{
    size_t slots = s->room * 2, at = s->entries[index].hash & (slots - 1);
    while (s->slots[at])
        at = (at + 1) & (slots - 1);
    s->slots[at] = (uint32_t)index + 1;
}

static void grow(struct seen *s)
{
    s->room = s->room ? s->room * 2 : SLOTS_MIN;
    s->entries = mem_resize(s->entries, s->room * sizeof *s->entries);
    free(s->slots);
    s->slots = mem_new(s->room * 2 * sizeof *s->slots);
    for (size_t i = 0; i < s->count; i++)
        put_slot(s, i);
}

/* The first row of the same recipient, or NULL when this is it. */
static const struct entry *see(struct seen *s, const struct entry *e)
{
    if (s->count == s->room)
        grow(s);
    size_t mask = s->room * 2 - 1;
    for (size_t at = e->hash & mask; s->slots[at]; at = (at + 1) & mask) {
        const struct entry *first = &s->entries[s->slots[at] - 1];
        if (first->hash == e->hash && first->more == e->more)
            return first;
    }
    s->entries[s->count] = *e;
    put_slot(s, s->count++);
    return NULL;
}

/* Keeps the first examples_max, by number. */
static void keep_example(struct duplicates *d, const struct entry *first, const struct entry *e)
{
    size_t at = d->found_count;
    if (at == d->o.examples_max && (at == 0 || d->found[at - 1].number < e->number))
        return;
    for (; at > 0 && d->found[at - 1].number > e->number; at--)
        d->found[at] = d->found[at - 1]; /* there is room for one more */
    d->found[at].number = e->number;
    d->found[at].lines = (struct duplicates_example){first->line, e->line};
    if (d->found_count < d->o.examples_max)
        d->found_count++;
}

static void see_block(struct duplicates *d, struct seen *s, const struct entry *block, size_t rows)
{
    for (size_t i = 0; i < rows; i++) {
        const struct entry *e = &block[i], *first = see(s, e);
        if (first == NULL)
            continue;
        d->bits[e->number / 8] |= (unsigned char)(1u << e->number % 8);
        d->count++;
        keep_example(d, first, e);
    }
}

static int see_part(struct duplicates *d, struct seen *s, struct part *p, struct entry *block)
{
    s->count = 0;
    if (s->slots)
        memset(s->slots, 0, s->room * 2 * sizeof *s->slots);
    for (uint32_t i = 0; i < p->places_count; i++) {
        if (read_block(d, p->places[i], block))
            return -1;
        see_block(d, s, block, d->o.block_rows);
    }
    see_block(d, s, p->block, p->rows);
    free_part(p);
    return 0;
}

int duplicates_finish(struct duplicates *d)
{
    struct seen s = {0};
    struct entry *block = mem_new(block_bytes(d));
    int result = 0;
    assert(!d->is_finished);
    d->is_finished = 1;
    d->bits = mem_new((size_t)d->rows / 8 + 1);
    for (size_t i = 0; i < PARTS && result == 0; i++)
        result = see_part(d, &s, &d->parts[i], block);
    for (size_t i = 0; i < d->found_count; i++)
        d->examples[i] = d->found[i].lines;
    free(block);
    free(s.entries);
    free(s.slots);
    return result;
}

uint64_t duplicates_count(const struct duplicates *d)
{
    return d->count;
}

const struct duplicates_example *duplicates_first(const struct duplicates *d, size_t *count)
{
    *count = d->found_count;
    return d->examples;
}

int duplicates_is_repeat(const struct duplicates *d, uint64_t number)
{
    return number <= d->rows && (d->bits[number / 8] >> number % 8 & 1);
}

uint64_t duplicates_next(const struct duplicates *d, uint64_t number)
{
    for (number++; number <= d->rows; number++) {
        if (d->bits[number / 8] == 0)
            number |= 7; /* none in this byte */
        else if (duplicates_is_repeat(d, number))
            return number;
    }
    return 0;
}
