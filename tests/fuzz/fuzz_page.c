/* Feeds bytes to the reader of the store's pages: as a meta page, and as pages of every size whose number is what they say. No span lies
 * outside of them. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "broker/store_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check_inside(struct span part, struct span whole)
{
    if (part.bytes > 0)
        assert(part.data >= whole.data && part.data + part.bytes <= whole.data + whole.bytes);
}

static void read_page(struct span whole)
{
    struct page p;
    uint64_t number;
    memcpy(&number, whole.data, sizeof number);
    if (page_open(&p, whole, number) || p.kind == PAGE_OVERFLOW)
        return;
    for (size_t i = 0; i < p.count; i++) {
        struct page_node n;
        struct page_tree tree;
        if (page_node(&p, i, &n))
            continue;
        check_inside(n.key, whole);
        check_inside(n.value, whole);
        assert(p.kind == PAGE_LEAF || n.child >= PAGE_META_COUNT);
        if (n.is_tree && page_read_tree(n.value, &tree) == 0)
            assert(tree.root == PAGE_NONE || tree.root >= PAGE_META_COUNT);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct page_meta meta;
    char *copy = malloc(bytes > 0 ? bytes : 1);
    memcpy(copy, data, bytes);
    if (page_read_meta((struct span){copy, bytes}, &meta) == 0)
        assert(meta.page_bytes >= PAGE_BYTES_MIN && meta.page_bytes <= PAGE_BYTES_MAX);
    free(copy);
    for (size_t size = PAGE_BYTES_MIN; size <= PAGE_BYTES_MAX && size <= bytes; size *= 2) {
        char *page = malloc(size);
        memcpy(page, data, size);
        read_page((struct span){page, size});
        free(page);
    }
    return 0;
}
