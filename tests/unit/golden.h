/* The golden messages of tests/data/messages.hex, found by name; for the tests that hold our packing to them. */
#ifndef TESTS_UNIT_GOLDEN_H
#define TESTS_UNIT_GOLDEN_H

#include "tests/unit/pack.h"

#define GOLDEN_FILE "tests/data/messages.hex"

/* A span of a constant text, which span_of is not. */
#define S(text)                                                                                              \
    {                                                                                                        \
        text, sizeof(text) - 1                                                                               \
    }

struct golden {
    struct buf text; /* of the file */
    size_t compared; /* messages that some case asked for */
};

/* The bytes of one message; to be freed by the caller with buf_free. */
static inline struct buf golden_find(struct golden *g, const char *name)
{
    struct buf head = {0}, bytes = {0};
    buf_printf(&head, "\n== %s\n", name);
    const char *at = strstr(buf_str(&g->text), buf_str(&head));
    if (at == NULL)
        fprintf(stderr, "no message of this name in " GOLDEN_FILE ": %s\n", name);
    CHECK(at != NULL);
    at += head.bytes;
    while (*at != '\0' && *at != '=')
        at += hex_read_line(at, &bytes);
    g->compared++;
    buf_free(&head);
    return bytes;
}

enum golden_of { GOLDEN_OF_OTHERS, GOLDEN_OF_OPERATORS, GOLDEN_OF_TASKS, GOLDEN_OF_SERIES };

/* How many messages there are whose name begins with one of the operators' words, with that of tasks or series, or with
 * none of them. */
static inline size_t golden_count(struct golden *g, enum golden_of of)
{
    size_t count = 0;
    for (const char *at = buf_str(&g->text); (at = strstr(at, "\n== ")) != NULL; at++) {
        const char *name = at + 4;
        int is_operators = strncmp(name, "ask ", 4) == 0 || strncmp(name, "answer ", 7) == 0;
        int is_tasks = strncmp(name, "task ", 5) == 0;
        int is_series = strncmp(name, "series ", 7) == 0;
        enum golden_of is = is_operators ? GOLDEN_OF_OPERATORS : is_tasks ? GOLDEN_OF_TASKS : is_series ? GOLDEN_OF_SERIES : GOLDEN_OF_OTHERS;
        count += is == of;
    }
    return count;
}

static inline void golden_check_packed(const char *name, const struct buf *packed, const struct buf *expected)
{
    if (!span_equal(buf_span(packed), buf_span(expected)))
        fprintf(stderr, "in message: %s\n", name);
    CHECK_BYTES(buf_span(packed), buf_span(expected));
}

#endif
