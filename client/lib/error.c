#include "client/lib/error.h"

#include <assert.h>
#include <stdio.h>

#include "client/lib/mega.h"

#define TEXT_BYTES 2048 /* the longest text names a variable of 256 bytes */

static _Thread_local char last[TEXT_BYTES] = "no call of this thread has failed";

int error_set(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(last, sizeof last, format, args);
    va_end(args);
    return code;
}

struct buf error_open(void)
{
    return (struct buf){.data = last, .bytes = 0, .room = sizeof last - 1};
}

void error_close(struct buf *b)
{
    assert(b->data == last && b->bytes < sizeof last);
    last[b->bytes] = 0;
}

const char *mega_last_error(void)
{
    return last;
}

const char *mega_strerror(int error)
{
    switch (error) {
    case 0: return "no error";
    case MEGA_INVALID: return "an argument is wrong";
    case MEGA_TIMEOUT: return "no answer in time";
    case MEGA_FULL: return "too many requests wait for their answers";
    case MEGA_CLOSED: return "the handle was closed";
    case MEGA_MEMORY: return "no memory";
    case MEGA_SYSTEM: return "the system refused";
    default: return "unknown error";
    }
}

const char *mega_version(void)
{
    return MEGA_VERSION;
}
