#include "client/queue_pages.h"

#include "proto/mp_view.h"

/* How many entries the next page may have: one more than wanted in all, to know whether there are more. */
static uint32_t page_limit(const struct queue_pages *p)
{
    uint64_t wanted = p->limit - p->count + 1;
    return p->limit == 0 || wanted > LIST_ENTRIES_MAX ? LIST_ENTRIES_MAX : (uint32_t)wanted;
}

static int is_map(struct span packed)
{
    struct mp_cursor c;
    mp_open(&c, packed);
    return mp_peek(&c) == MP_MAP;
}

static enum status take_entries(struct queue_pages *p, struct span data)
{
    struct mp_list entries;
    struct span entry;
    if (data.bytes && mp_list_open(&entries, data))
        return queue_not_understood();
    while (data.bytes && mp_list_next(&entries, &entry)) {
        if (!is_map(entry))
            return queue_not_understood();
        if (p->limit && p->count == p->limit) {
            p->has_more = 1;
            return STATUS_DONE;
        }
        if (p->entry(p->self, entry))
            return STATUS_FAILED;
        p->count++;
    }
    return STATUS_DONE;
}

/* Where the list goes on. Returns 0, or -1 when the answer would lead back to where it began, for ever. While the broker brings
 * its index up to date the search has not begun, and the same is asked again. */
static int go_on(const struct answer *answer, struct buf *from)
{
    int is_same = answer->next.bytes == 0 || span_equal(answer->next, buf_span(from));
    if (is_same)
        return answer->indexing ? 0 : -1;
    buf_clear(from);
    buf_append(from, answer->next.data, answer->next.bytes);
    return 0;
}

/* One page. *is_last says whether it was the last one. */
static enum status read_page(struct queue_link *l, struct ask *ask, struct queue_pages *p, struct buf *from,
                             int *is_last)
{
    struct answer answer;
    ask->from = buf_span(from);
    ask->limit = page_limit(p);
    queue_link_ask(l, ask);
    enum status status = queue_link_wait(l, &answer);
    if (status != STATUS_DONE)
        return status;
    if (answer.code != CODE_OK && answer.code != CODE_QUEUED)
        return queue_refused(&answer);
    status = take_entries(p, answer.data);
    if (status != STATUS_DONE)
        return status;
    *is_last = answer.code == CODE_OK || p->has_more;
    if (!*is_last && go_on(&answer, from))
        return queue_not_understood();
    p->looked += answer.looked;
    if (p->page)
        p->page(p->self, &(struct answer){.looked = p->looked, .indexing = answer.indexing});
    return STATUS_DONE;
}

enum status queue_pages_read(struct queue_link *l, const struct ask *a, struct queue_pages *p)
{
    struct ask ask = *a;
    struct buf from = {0};
    int is_last = 0;
    enum status status = STATUS_DONE;
    while (status == STATUS_DONE && !is_last)
        status = read_page(l, &ask, p, &from, &is_last);
    buf_free(&from);
    return status;
}
