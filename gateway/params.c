/* Reads name=value parameters. Each value is checked here as far as it can be without knowing clocks and
 * accounts, so that a wrong one costs the broker nothing. */
#include "gateway/params.h"

#include <string.h>

#include "proto/frontend.h"
#include "proto/limits.h"

static const char *read_one(struct span one, struct params *p);
static const char *read_ms(struct span value, int64_t max_ms, int64_t *out, const char *error);
static const char *read_name(struct span value, size_t bytes_max, struct span *out, const char *error);
static const char *read_lane(struct span value, int *lane);

const char *params_read(struct span text, struct params *p)
{
    *p = (struct params){.lane = -1};
    const char *at = text.data, *end = text.data + text.bytes;
    while (at < end) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *stop = space == NULL ? end : space;
        const char *error = read_one((struct span){at, (size_t)(stop - at)}, p);
        if (error != NULL)
            return error;
        at = stop + 1;
    }
    if (p->at_ms != 0 && p->in_ms != 0)
        return "at: given together with in; give one of them";
    return NULL;
}

static const char *read_one(struct span one, struct params *p)
{
    const char *equals = one.bytes > 0 ? memchr(one.data, '=', one.bytes) : NULL;
    if (equals == NULL)
        return NULL;
    struct span name = {one.data, (size_t)(equals - one.data)};
    struct span value = {equals + 1, one.bytes - name.bytes - 1};
    if (span_is(name, "at"))
        return read_ms(value, INT64_MAX, &p->at_ms, "at: give milliseconds since 1970 in digits");
    if (span_is(name, "in"))
        return read_ms(value, AT_AHEAD_MS_MAX, &p->in_ms, "in: give milliseconds, at most 400 days");
    if (span_is(name, "ttl"))
        return read_ms(value, AT_AHEAD_MS_MAX, &p->ttl_ms, "ttl: give milliseconds, at most 400 days");
    if (span_is(name, "id"))
        return read_name(value, ID_BYTES_MAX, &p->id, "id: give 1 to 64 bytes of plain UTF-8");
    if (span_is(name, "task"))
        return read_name(value, TASK_BYTES_MAX, &p->task, "task: give 1 to 64 bytes of plain UTF-8");
    if (span_is(name, "app"))
        return read_name(value, ACCOUNT_BYTES_MAX, &p->app, "app: give 1 to 32 bytes of plain UTF-8");
    if (span_is(name, "lane"))
        return read_lane(value, &p->lane);
    return NULL;
}

/* Digits only: no sign, no space, no fraction. */
static const char *read_ms(struct span value, int64_t max_ms, int64_t *out, const char *error)
{
    int64_t ms = 0;
    if (value.bytes == 0)
        return error;
    for (size_t i = 0; i < value.bytes; i++) {
        int digit = value.data[i] - '0';
        if (digit < 0 || digit > 9 || ms > (max_ms - digit) / 10)
            return error;
        ms = ms * 10 + digit;
    }
    *out = ms;
    return NULL;
}

static const char *read_name(struct span value, size_t bytes_max, struct span *out, const char *error)
{
    if (!name_is_plain(value, bytes_max))
        return error;
    *out = value;
    return NULL;
}

static const char *read_lane(struct span value, int *lane)
{
    if (span_is(value, "express"))
        *lane = LANE_EXPRESS;
    else if (span_is(value, "bulk"))
        *lane = LANE_BULK;
    else
        return "lane: give express or bulk";
    return NULL;
}
