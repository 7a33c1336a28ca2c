#include "broker/store_page.h"

#include <string.h>

#define MAGIC        0xBEEFC0DEu
#define DATA_VERSION 1

/* Flags of pages and of nodes. */
#define FLAG_BRANCH   0x01
#define FLAG_LEAF     0x02
#define FLAG_OVERFLOW 0x04
#define FLAG_META     0x08
#define FLAG_DIRTY    0x10 /* means nothing on disk */
#define NODE_BIG      0x01 /* the value is the number of an overflow page */
#define NODE_TREE     0x02

#define NODE_HEADER_BYTES 8
#define TREE_BYTES        48
#define META_BYTES        (24 + 2 * TREE_BYTES + 16)

static uint64_t number_at(const char *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;)
        value = value << 8 | (unsigned char)at[i];
    return value;
}

static unsigned u16_at(const char *at)
{
    return (unsigned)number_at(at, 2);
}

static int is_page_size(uint64_t bytes)
{
    return bytes >= PAGE_BYTES_MIN && bytes <= PAGE_BYTES_MAX && (bytes & (bytes - 1)) == 0;
}

int page_read_tree(struct span value, struct page_tree *tree)
{
    if (value.bytes != TREE_BYTES)
        return -1;
    tree->flags = u16_at(value.data + 4);
    tree->depth = u16_at(value.data + 6);
    tree->entries = number_at(value.data + 32, 8);
    tree->root = number_at(value.data + 40, 8);
    if (tree->root == PAGE_NONE)
        return tree->depth == 0 && tree->entries == 0 ? 0 : -1;
    return tree->depth >= 1 && tree->depth <= PAGE_DEPTH_MAX && tree->root >= PAGE_META_COUNT ? 0 : -1;
}

int page_read_meta(struct span bytes, struct page_meta *meta)
{
    if (bytes.bytes < PAGE_HEADER_BYTES + META_BYTES || (u16_at(bytes.data + 10) & FLAG_META) == 0)
        return -1;
    const char *at = bytes.data + PAGE_HEADER_BYTES;
    const char *behind = at + 24 + 2 * TREE_BYTES;
    if (number_at(at, 4) != MAGIC || number_at(at + 4, 4) != DATA_VERSION)
        return -1;
    uint64_t page_bytes = number_at(at + 24, 4); /* stands where other trees have something else */
    if (!is_page_size(page_bytes))
        return -1;
    meta->page_bytes = (size_t)page_bytes;
    meta->map_bytes = number_at(at + 16, 8);
    meta->last_page = number_at(behind, 8);
    meta->txn = number_at(behind + 8, 8);
    if (meta->last_page >= UINT64_MAX / PAGE_BYTES_MAX)
        return -1;
    return page_read_tree((struct span){at + 24, TREE_BYTES}, &meta->free) ||
                   page_read_tree((struct span){at + 24 + TREE_BYTES, TREE_BYTES}, &meta->main)
               ? -1
               : 0;
}

int page_open(struct page *p, struct span bytes, uint64_t number)
{
    if (!is_page_size(bytes.bytes) || number_at(bytes.data, 8) != number)
        return -1;
    unsigned flags = u16_at(bytes.data + 10) & ~(unsigned)FLAG_DIRTY;
    size_t lower = u16_at(bytes.data + 12), upper = u16_at(bytes.data + 14);
    *p = (struct page){.bytes = bytes};
    if (flags == FLAG_OVERFLOW) {
        p->kind = PAGE_OVERFLOW;
        p->run = number_at(bytes.data + 12, 4);
        return p->run > 0 ? 0 : -1;
    }
    if (flags != FLAG_BRANCH && flags != FLAG_LEAF)
        return -1;
    p->kind = flags == FLAG_LEAF ? PAGE_LEAF : PAGE_BRANCH;
    if (lower < PAGE_HEADER_BYTES || lower % 2 || upper < lower || upper > bytes.bytes)
        return -1;
    p->count = (lower - PAGE_HEADER_BYTES) / 2;
    return 0;
}

/* The value of a leaf's node, `room` bytes from `at` on at most. */
static int read_value(struct page_node *n, const char *at, size_t room, unsigned flags)
{
    n->is_tree = (flags & NODE_TREE) != 0;
    if (flags & NODE_BIG) {
        if (room < 8)
            return -1;
        n->overflow = number_at(at, 8);
        return n->overflow >= PAGE_META_COUNT ? 0 : -1;
    }
    n->value = (struct span){at, n->value_bytes};
    return n->value_bytes <= room ? 0 : -1;
}

int page_node(const struct page *p, size_t i, struct page_node *n)
{
    size_t pointers = PAGE_HEADER_BYTES + 2 * p->count, at = u16_at(p->bytes.data + PAGE_HEADER_BYTES + 2 * i);
    if (at < pointers || at % 2 || at + NODE_HEADER_BYTES > p->bytes.bytes)
        return -1;
    const char *node = p->bytes.data + at;
    size_t low = u16_at(node), high = u16_at(node + 2), key_bytes = u16_at(node + 6);
    unsigned flags = u16_at(node + 4);
    size_t behind = p->bytes.bytes - at - NODE_HEADER_BYTES;
    if (key_bytes > behind)
        return -1;
    *n = (struct page_node){.key = {node + NODE_HEADER_BYTES, key_bytes}};
    if (p->kind == PAGE_BRANCH) {
        n->child = (uint64_t)low | (uint64_t)high << 16 | (uint64_t)flags << 32;
        return n->child >= PAGE_META_COUNT ? 0 : -1;
    }
    n->value_bytes = low | high << 16;
    return read_value(n, n->key.data + key_bytes, behind - key_bytes, flags);
}

uint64_t page_overflow_run(size_t value_bytes, size_t page_bytes)
{
    return (PAGE_HEADER_BYTES - 1 + value_bytes) / page_bytes + 1;
}
