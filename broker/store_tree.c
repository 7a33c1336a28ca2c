#include "broker/store_tree.h"

#include <stdlib.h>
#include <string.h>

/* Numbers as the machine writes them, little end first. */
static int compare_numbers(struct span a, struct span b)
{
    for (size_t i = a.bytes; i-- > 0;)
        if (a.data[i] != b.data[i])
            return (unsigned char)a.data[i] < (unsigned char)b.data[i] ? -1 : 1;
    return 0;
}

static int compare(const struct tree *t, struct span a, struct span b)
{
    if ((t->top.flags & PAGE_TREE_INTEGER) && a.bytes == b.bytes)
        return compare_numbers(a, b);
    size_t bytes = a.bytes < b.bytes ? a.bytes : b.bytes;
    int order = bytes ? memcmp(a.data, b.data, bytes) : 0;
    return order ? order : a.bytes < b.bytes ? -1 : a.bytes > b.bytes;
}

static struct span span_of_key(const struct key *key)
{
    return (struct span){key->bytes, key->used};
}

static int is_within(const struct tree *t, struct span key, const struct tree_bounds *bounds)
{
    return compare(t, key, span_of_key(&bounds->low)) >= 0 &&
           (!bounds->has_high || compare(t, key, span_of_key(&bounds->high)) < 0);
}

void tree_open(struct tree *t, struct store_file *file, const struct page_tree *top, int notes)
{
    memset(t, 0, sizeof *t);
    t->file = file;
    t->top = *top;
    t->notes = notes;
    t->leaf_bytes = mem_new(PAGE_BYTES_MAX);
}

void tree_close(struct tree *t)
{
    free(t->leaf_bytes);
    buf_free(&t->value);
    t->leaf_bytes = NULL;
}

/* --- walking ------------------------------------------------------------------------------------------------------ */

/* 1 when the nodes of a branch are whole and their keys ascend within its bounds. The first one has no key: it stands for
 * everything before the second. */
static int is_branch_sound(const struct tree *t, const struct page *p, const struct tree_bounds *bounds)
{
    struct page_node before, n;
    if (p->count == 0 || page_node(p, 0, &before))
        return 0;
    for (size_t i = 1; i < p->count; i++, before = n) {
        if (page_node(p, i, &n) || n.key.bytes > KEY_ROOM || !is_within(t, n.key, bounds))
            return 0;
        if (i > 1 && compare(t, before.key, n.key) >= 0)
            return 0;
    }
    return 1;
}

/* Goes down to a page. Returns 0, or -1 when it is not what has to be there. */
static int enter(struct tree *t, uint64_t number, const struct tree_bounds *bounds)
{
    struct page p;
    int is_leaf = t->depth + 1 == t->top.depth;
    if (store_file_page(t->file, number, &p) || p.kind != (is_leaf ? PAGE_LEAF : PAGE_BRANCH))
        return -1;
    if (!is_leaf && (t->depth + 1 >= PAGE_DEPTH_MAX || !is_branch_sound(t, &p, bounds)))
        return -1;
    if (t->notes && store_file_note(t->file, number, 1, USE_REACHED))
        return -1;
    if (!is_leaf) {
        t->levels[t->depth++] = (struct tree_level){.page = number, .count = p.count, .bounds = *bounds};
        return 0;
    }
    memcpy(t->leaf_bytes, p.bytes.data, p.bytes.bytes);
    t->leaf = p;
    t->leaf.bytes.data = t->leaf_bytes;
    t->leaf_bounds = *bounds;
    t->bad_page = number; /* if one of its entries is */
    t->next = 0;
    t->has_last = 0;
    return 0;
}

static enum tree_step bad_page(struct tree *t, uint64_t number, const struct tree_bounds *bounds)
{
    t->bad_page = number;
    t->bad_bounds = *bounds;
    return TREE_BAD_PAGE;
}

/* Enters the next child of the lowest branch. TREE_ENTRY: it was entered. */
static enum tree_step enter_next(struct tree *t)
{
    struct tree_level *level = &t->levels[t->depth - 1];
    struct tree_bounds bounds = level->bounds;
    struct page p;
    struct page_node n, after;
    size_t i = level->next++;
    if (store_file_page(t->file, level->page, &p) || i >= p.count || page_node(&p, i, &n))
        return bad_page(t, level->page, &bounds); /* it was sound a moment ago: the file changes under us */
    if (i > 0)
        bounds.low = key_copy(n.key);
    if (i + 1 < p.count && page_node(&p, i + 1, &after) == 0) {
        bounds.high = key_copy(after.key);
        bounds.has_high = 1;
    }
    uint64_t child = n.child;
    return enter(t, child, &bounds) ? bad_page(t, child, &bounds) : TREE_ENTRY;
}

/* The pages of a value that lies in its own: they may be more than it needs now. Returns 0 or -1. */
static int note_value(struct tree *t, const struct page_node *n)
{
    struct page first;
    if (store_file_page(t->file, n->overflow, &first) || first.kind != PAGE_OVERFLOW ||
        first.run < page_overflow_run(n->value_bytes, first.bytes.bytes))
        return -1;
    return t->notes ? store_file_note(t->file, n->overflow, first.run, USE_VALUE) : 0;
}

/* Reads a node of the present leaf. */
static enum tree_step read_entry(struct tree *t, size_t i, struct span *key, struct span *value)
{
    struct page_node n;
    if (page_node(&t->leaf, i, &n) || n.key.bytes > KEY_ROOM || !is_within(t, n.key, &t->leaf_bounds))
        return TREE_BAD_ENTRY;
    if (t->has_last && compare(t, n.key, span_of_key(&t->last)) <= 0)
        return TREE_BAD_ENTRY;
    t->last = key_copy(n.key);
    t->has_last = 1;
    t->is_tree = n.is_tree;
    *key = n.key;
    if (n.overflow && note_value(t, &n))
        return TREE_BAD_ENTRY;
    if (n.overflow && value && store_file_value(t->file, &n, &t->value, value))
        return TREE_BAD_ENTRY;
    if (n.overflow == 0 && value)
        *value = n.value;
    return TREE_ENTRY;
}

static enum tree_step begin(struct tree *t)
{
    const struct tree_bounds all = {.has_high = 0};
    t->has_begun = 1;
    if (t->top.root == PAGE_NONE)
        return TREE_END;
    return enter(t, t->top.root, &all) ? bad_page(t, t->top.root, &all) : TREE_ENTRY;
}

enum tree_step tree_next(struct tree *t, struct span *key, struct span *value)
{
    enum tree_step step = t->has_begun ? TREE_ENTRY : begin(t);
    while (step == TREE_ENTRY) {
        if (t->leaf.kind == PAGE_LEAF && t->next < t->leaf.count)
            return read_entry(t, t->next++, key, value);
        t->leaf.kind = PAGE_BRANCH;
        while (t->depth && t->levels[t->depth - 1].next >= t->levels[t->depth - 1].count)
            t->depth--;
        step = t->depth ? enter_next(t) : TREE_END;
    }
    return step;
}

/* --- looking up --------------------------------------------------------------------------------------------------- */

/* The first node of a page whose key is at or behind `key`; p->count when there is none. Returns 0 or -1. The first node of a
 * branch counts as before every key. */
static int search(const struct tree *t, const struct page *p, struct span key, size_t *at, int *is_equal)
{
    size_t low = p->kind == PAGE_BRANCH, high = p->count;
    *is_equal = 0;
    while (low < high) {
        struct page_node n;
        size_t middle = low + (high - low) / 2;
        if (page_node(p, middle, &n))
            return -1;
        int order = compare(t, n.key, key);
        if (order == 0)
            *is_equal = 1;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *at = low;
    return 0;
}

static int take_value(struct tree *t, const struct page *leaf, size_t at, struct span *value)
{
    struct page_node n;
    if (page_node(leaf, at, &n))
        return -1;
    if (n.overflow)
        return store_file_value(t->file, &n, &t->value, value);
    buf_clear(&t->value);
    buf_append(&t->value, n.value.data, n.value.bytes);
    *value = buf_span(&t->value);
    return 0;
}

enum store_answer tree_get(struct tree *t, const struct key *key, struct span *value)
{
    uint64_t number = t->top.root;
    if (number == PAGE_NONE)
        return STORE_NONE;
    for (unsigned level = 1;; level++) {
        struct page p;
        struct page_node n;
        size_t at;
        int is_equal, is_leaf = level == t->top.depth;
        if (level > t->top.depth || store_file_page(t->file, number, &p) || p.kind != (is_leaf ? PAGE_LEAF : PAGE_BRANCH) ||
            p.count == 0 || search(t, &p, span_of_key(key), &at, &is_equal))
            return STORE_DAMAGED;
        if (is_leaf && !is_equal)
            return STORE_NONE;
        if (is_leaf)
            return value && take_value(t, &p, at, value) ? STORE_DAMAGED : STORE_OK;
        if (page_node(&p, is_equal ? at : at - 1, &n))
            return STORE_DAMAGED;
        number = n.child;
    }
}

/* --- the databases ------------------------------------------------------------------------------------------------ */

static int find_name(struct span name)
{
    for (int db = 0; db < DATABASES; db++)
        if (span_is(name, engine_database_name((enum database)db)))
            return db;
    return -1;
}

int tree_find_all(struct store_file *file, int notes, struct page_tree trees[DATABASES], int found[DATABASES])
{
    struct tree names;
    struct span name, value;
    enum tree_step step;
    int wrong = 0;
    for (int db = 0; db < DATABASES; db++) {
        trees[db] = (struct page_tree){.root = PAGE_NONE};
        found[db] = 0;
    }
    tree_open(&names, file, &store_file_state(file)->main, notes);
    while ((step = tree_next(&names, &name, &value)) != TREE_END) {
        int db = step == TREE_ENTRY && names.is_tree ? find_name(name) : -1;
        struct page_tree tree;
        if (db < 0 || page_read_tree(value, &tree) || tree.flags) {
            wrong = 1;
            continue;
        }
        trees[db] = tree;
        found[db] = 1;
    }
    tree_close(&names);
    return wrong ? -1 : 0;
}

uint64_t tree_commit_of(struct store_file *file, const struct page_meta *state)
{
    struct tree t;
    struct span key;
    enum tree_step step;
    uint64_t last = 0; /* keys ascend */
    int is_good = 1;
    tree_open(&t, file, &state->free, 0);
    while (is_good && (step = tree_next(&t, &key, NULL)) != TREE_END) {
        is_good = step == TREE_ENTRY && key.bytes == sizeof last;
        if (is_good)
            memcpy(&last, key.data, sizeof last);
    }
    tree_close(&t);
    return is_good ? last : 0;
}
