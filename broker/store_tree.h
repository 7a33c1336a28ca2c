/* Goes through the entries of one database of a store's data file (store_file.h), in the order of their keys, and looks keys up.
 *
 * A page or an entry that cannot be is told and passed over; the walk goes on behind it. What a walk relies on it checks: that a
 * page is what its number and its level say, that keys ascend within the bounds that the pages above give, and, if asked to, that
 * no page is reached twice. So a walk ends whatever the bytes are. Used by store_check*.c and store_salvage.c.
 */
#ifndef BROKER_STORE_TREE_H
#define BROKER_STORE_TREE_H

#include "broker/store_engine.h"
#include "broker/store_file.h"
#include "broker/store_key.h"

enum tree_step {
    TREE_ENTRY,
    TREE_BAD_ENTRY, /* it lies outside of its page, is out of order, or its value cannot be read */
    TREE_BAD_PAGE,  /* everything under it is passed over */
    TREE_END
};

/* Keys from `low` on, and before `high`. */
struct tree_bounds {
    struct key low, high;
    int has_high;
};

struct tree_level {
    uint64_t page;
    size_t next; /* the child that is entered next */
    size_t count;
    struct tree_bounds bounds;
};

struct tree {
    struct store_file *file;
    struct page_tree top;
    int notes;           /* 1: the pages reached are noted in the file, and one that has a use already is bad */
    int has_begun;
    size_t depth;        /* levels of branches on the way to the leaf */
    struct tree_level levels[PAGE_DEPTH_MAX];
    char *leaf_bytes;    /* a copy: other reads go on meanwhile */
    struct page leaf;    /* kind PAGE_BRANCH: there is none now */
    size_t next;         /* the node of the leaf that comes next */
    struct tree_bounds leaf_bounds;
    struct key last;     /* the last good key of this leaf */
    int has_last;
    int is_tree;         /* 1: the value of the last entry describes a tree */
    struct buf value;
    uint64_t bad_page;   /* TREE_BAD_*: the page */
    struct tree_bounds bad_bounds; /* TREE_BAD_PAGE: where its keys belong */
};

/* Ready to walk from the first entry. `notes` as in the struct. The file must live longer. */
void tree_open(struct tree *t, struct store_file *file, const struct page_tree *top, int notes);
void tree_close(struct tree *t);

/* The next entry. Spans are valid until the next call with this tree. `value` may be NULL: then values that lie in pages of their
 * own are not read. */
enum tree_step tree_next(struct tree *t, struct span *key, struct span *value);

/* Looks a key up and leaves the walk where it is. The value, which may be NULL, is valid until the next use of the tree.
 * STORE_DAMAGED: the way there is damaged. */
enum store_answer tree_get(struct tree *t, const struct key *key, struct span *value);

/* The trees of the databases, by their names in the main one. found[i] says whether there is that name; else trees[i] is empty.
 * Returns 0, or -1 when something of the names cannot be read. */
int tree_find_all(struct store_file *file, int notes, struct page_tree trees[DATABASES], int found[DATABASES]);

/* The commit that left a state, as its list of free pages tells: each commit but the first one frees pages and writes them under its
 * number. Meta pages have no checksum, so this tells one whose number was changed. 0 = it cannot be told. */
uint64_t tree_commit_of(struct store_file *file, const struct page_meta *state);

#endif
