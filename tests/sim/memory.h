/*
 * memory.h - allocation that does not fail: used by every part of the simulator.
 *
 * Running out of memory ends the process with a message and exit code 1; callers never see NULL.
 */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stddef.h>

/* Zeroed memory of `bytes`; the caller frees it with free(). */
void *memory_new(size_t bytes);

/* The block grown or shrunk to `bytes`, as realloc() does; the old pointer is dead. */
void *memory_resize(void *block, size_t bytes);

/* A copy of `text`, or of its first `count` bytes; the caller frees it. */
char *memory_copy(const char *text);
char *memory_copy_bytes(const char *text, size_t count);

#endif
