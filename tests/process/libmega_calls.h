/* Scenes of tests/process/test_libmega.py, written as a program of somebody else would use libmega. */
#ifndef TESTS_LIBMEGA_CALLS_H
#define TESTS_LIBMEGA_CALLS_H

#include "client/lib/mega.h"

/* Ends the program with the line and what was found when the condition does not hold. */
#define CHECK(condition, ...) \
    do {                      \
        if (!(condition))     \
            scene_failed(__FILE__, __LINE__, #condition, __VA_ARGS__); \
    } while (0)

_Noreturn void scene_failed(const char *file, int line, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* --- libmega_load.c: each ends with one line of JSON on standard output ---------------------------------------------------- */

/* Hands over `count` messages of the ids PREFIX-0, PREFIX-1, ..., `window` of them at a time, asynchronously; a 503 is tried again. Prints
 * 1/4, 2/4 and 3/4 when so many are answered. */
int load_scene(const char *endpoint, const char *prefix, long count, long window);

/* Eight threads hand over `count` messages each, blocking, on one handle. */
int threads_scene(const char *endpoint, const char *prefix, long count);

#endif
