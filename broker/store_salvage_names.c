/* The list of databases, when no meta page leads to it: one page, of which older copies lie about. Of those whose trees begin with
 * pages that are some, the one counts whose trees are whole. */
#include "broker/store_salvage_internal.h"

#include <string.h>

#define CANDIDATES_MAX 8 /* whose trees are gone through to the end */

struct candidate {
    uint64_t page;
    unsigned roots;   /* trees that begin with a page that is one */
    uint64_t entries; /* messages and results: the newer copy has more of them, as a rule */
};

static int find_database(struct span name)
{
    for (int db = 0; db < DATABASES; db++)
        if (span_is(name, engine_database_name((enum database)db)))
            return db;
    return -1;
}

/* The trees that a page lists. Returns how many. */
static unsigned read_names(struct salvage *v, const struct page *p, struct page_tree trees[DATABASES], int found[DATABASES])
{
    unsigned count = 0;
    for (int db = 0; db < DATABASES; db++) {
        trees[db] = (struct page_tree){.root = PAGE_NONE};
        found[db] = 0;
    }
    for (size_t i = 0; p->kind == PAGE_LEAF && i < p->count; i++) {
        struct page_node n;
        struct page_tree tree;
        int db = page_node(p, i, &n) == 0 && n.is_tree ? find_database(n.key) : -1;
        if (db < 0 || page_read_tree(n.value, &tree) || tree.flags || (tree.root != PAGE_NONE && tree.root >= store_file_pages(v->from)))
            continue;
        trees[db] = tree;
        found[db] = 1;
        count++;
    }
    return count;
}

static unsigned count_roots(struct salvage *v, const struct page_tree trees[DATABASES], const int found[DATABASES])
{
    unsigned roots = 0;
    for (int db = 0; db < DATABASES; db++) {
        struct page p;
        if (!found[db])
            continue;
        roots += trees[db].root == PAGE_NONE ||
                 (store_file_page(v->from, trees[db].root, &p) == 0 && p.kind == (trees[db].depth == 1 ? PAGE_LEAF : PAGE_BRANCH));
    }
    return roots;
}

/* Keeps the best ones, the best first. */
static void add_candidate(struct candidate list[CANDIDATES_MAX], size_t *count, const struct candidate *c)
{
    size_t at = *count;
    while (at > 0 && (c->roots > list[at - 1].roots || (c->roots == list[at - 1].roots && c->entries > list[at - 1].entries)))
        at--;
    if (at == CANDIDATES_MAX)
        return;
    *count += *count < CANDIDATES_MAX;
    memmove(&list[at + 1], &list[at], (*count - at - 1) * sizeof *list);
    list[at] = *c;
}

/* What cannot be reached or does not fit. */
static uint64_t count_bad(struct salvage *v, const struct page_tree trees[DATABASES])
{
    uint64_t bad = 0;
    for (int db = 0; db < DATABASES; db++) {
        struct tree t;
        struct span key;
        enum tree_step step;
        uint64_t count = 0;
        tree_open(&t, v->from, &trees[db], 0);
        while ((step = tree_next(&t, &key, NULL)) != TREE_END) {
            count += step == TREE_ENTRY;
            bad += step != TREE_ENTRY;
        }
        bad += count != trees[db].entries;
        tree_close(&t);
    }
    return bad;
}

static size_t find_candidates(struct salvage *v, struct candidate list[CANDIDATES_MAX])
{
    size_t count = 0;
    for (uint64_t i = PAGE_META_COUNT; i < store_file_pages(v->from); i++) {
        struct page_tree trees[DATABASES];
        int found[DATABASES];
        struct page p;
        if (store_file_page(v->from, i, &p) || read_names(v, &p, trees, found) == 0)
            continue;
        const struct candidate c = {i, count_roots(v, trees, found), trees[MESSAGES].entries + trees[LEDGER].entries};
        add_candidate(list, &count, &c);
    }
    return count;
}

int salvage_find_names(struct salvage *v)
{
    struct candidate list[CANDIDATES_MAX];
    uint64_t least = UINT64_MAX;
    size_t count = find_candidates(v, list);
    for (size_t i = 0; i < count; i++) {
        struct page_tree trees[DATABASES];
        int found[DATABASES];
        struct page p;
        if (store_file_page(v->from, list[i].page, &p) || read_names(v, &p, trees, found) == 0)
            continue;
        uint64_t bad = count_bad(v, trees) + DATABASES - list[i].roots;
        if (bad >= least)
            continue;
        least = bad;
        memcpy(v->trees, trees, sizeof trees);
        memcpy(v->found, found, sizeof found);
    }
    return least == UINT64_MAX ? -1 : 0;
}
