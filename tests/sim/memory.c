/*
 * memory.c - allocation that does not fail; see memory.h.
 */
#include "tests/sim/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *memory_or_exit(void *block, size_t bytes)
{
    if (block != NULL)
        return block;
    fprintf(stderr, "wechat-sim: out of memory (%zu bytes wanted)\n", bytes);
    exit(1);
}

void *memory_new(size_t bytes)
{
    return memory_or_exit(calloc(1, bytes), bytes);
}

void *memory_resize(void *block, size_t bytes)
{
    return memory_or_exit(realloc(block, bytes), bytes);
}

char *memory_copy(const char *text)
{
    return memory_or_exit(strdup(text), strlen(text) + 1);
}

char *memory_copy_bytes(const char *text, size_t count)
{
    char *copy = memory_new(count + 1);
    memcpy(copy, text, count);
    return copy;
}
