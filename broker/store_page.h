/* The pages of the store's data file, read without LMDB.
 *
 * LMDB follows the pointers of a damaged page wherever they lead. Whoever has to say what is wrong with a store, or to save what
 * can be saved of it, reads its pages here: every number is checked against the page before anything is read through it.
 * Pure; whatever the bytes are, no span lies outside of them. Used by store_file.c.
 *
 * The format is that of LMDB 0.9 (data version 1) on 64-bit little-endian machines, with a page size of 512 bytes to 32 KiB.
 * Source: struct MDB_page, MDB_node, MDB_db and MDB_meta in mdb.c of LMDB 0.9.24 to 0.9.31.
 */
#ifndef BROKER_STORE_PAGE_H
#define BROKER_STORE_PAGE_H

#include <stdint.h>

#include "base/buf.h"

#define PAGE_BYTES_MIN    512
#define PAGE_BYTES_MAX    32768
#define PAGE_HEADER_BYTES 16
#define PAGE_NONE         UINT64_MAX /* the root of an empty tree */
#define PAGE_META_COUNT   2          /* the first two pages; transaction N writes page N % 2 */
#define PAGE_DEPTH_MAX    16         /* levels of a tree; a billion entries need some six */

#define PAGE_TREE_INTEGER 0x08 /* flag of a tree: its keys are numbers as the machine writes them */

/* A tree of pages, as its owner describes it. */
struct page_tree {
    uint64_t root; /* PAGE_NONE when it is empty */
    uint64_t entries;
    unsigned depth; /* levels */
    unsigned flags;
};

struct page_meta {
    size_t page_bytes;
    uint64_t map_bytes; /* the largest store_size it was ever opened with */
    uint64_t last_page;
    uint64_t txn;
    struct page_tree free, main; /* the free pages; the names of the databases */
};

enum page_kind { PAGE_BRANCH, PAGE_LEAF, PAGE_OVERFLOW };

struct page {
    enum page_kind kind;
    struct span bytes;
    size_t count; /* nodes of a branch or a leaf */
    uint64_t run; /* pages of an overflow, this one included */
};

struct page_node {
    struct span key;
    uint64_t child;      /* of a branch */
    struct span value;   /* of a leaf, when it lies in the page */
    uint64_t overflow;   /* else the page where it begins; 0 = in this page */
    size_t value_bytes;
    int is_tree;         /* 1: the value describes a tree */
};

/* 0, or -1 when the page is no meta page of a format that is known. The page size is in it, so `bytes` may be longer than a page. */
int page_read_meta(struct span bytes, struct page_meta *meta);

/* 0, or -1 when these bytes are no page that was written as number `number`. */
int page_open(struct page *p, struct span bytes, uint64_t number);

/* The node with the index i < p->count. 0, or -1 when it does not lie within the page. */
int page_node(const struct page *p, size_t i, struct page_node *n);

/* The tree that the value of a node describes. 0, or -1. */
int page_read_tree(struct span value, struct page_tree *tree);

/* Pages that a value takes when it does not lie with its key. */
uint64_t page_overflow_run(size_t value_bytes, size_t page_bytes);

#endif
