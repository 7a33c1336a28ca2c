#include "listener/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_S          86400
#define LOOK_S         (7 * DAY_S)    /* two changes within a week are taken for one: there are none in tzdata that matter here */
#define FROM_S         1577836800LL   /* 2020-01-01 */
#define UNTIL_S        3155760000LL   /* 2070-01-01 */
#define OFFSET_MINUTES (15 * 60)      /* no clock is farther from UTC */
#define ZONE_FOLDER    "/usr/share/zoneinfo"
#define SYSTEM_ZONE    ":/etc/localtime" /* what the C library takes without TZ */

/* --- reading ------------------------------------------------------------------------------------------------------- */

static int read_two(const char *at)
{
    return at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9' ? -1 : (at[0] - '0') * 10 + at[1] - '0';
}

/* "+08:00". */
static int read_fixed(const char *text, struct zone *out)
{
    if (strlen(text) != 6 || text[3] != ':')
        return -1;
    int hours = read_two(text + 1), minutes = read_two(text + 4);
    if (hours < 0 || minutes < 0 || minutes > 59 || hours * 60 + minutes > OFFSET_MINUTES)
        return -1;
    out->first_offset_s = (*text == '-' ? -60 : 60) * (hours * 60 + minutes);
    return 0;
}

/* A name that leads to a file of tzdata and nowhere else. */
static int name_is_plain(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
    size_t bytes = strlen(text);
    return bytes > 0 && bytes < ZONE_NAME_BYTES_MAX && *text != '/' && strspn(text, plain) == bytes;
}

/* 1 when the file is one of zones: what is none would silently be UTC. */
static int file_is_zone(const char *path)
{
    char magic[4];
    FILE *file = fopen(path, "re");
    int is_zone = file && fread(magic, 1, sizeof magic, file) == sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
    if (file)
        fclose(file);
    return is_zone;
}

static int32_t offset_now_s(int64_t at_s)
{
    struct tm tm;
    time_t at = (time_t)at_s;
    localtime_r(&at, &tm);
    return (int32_t)tm.tm_gmtoff;
}

/* The first second in (from, to] whose offset is that of `to`. */
static int64_t find_change(int64_t from_s, int64_t to_s)
{
    int32_t after = offset_now_s(to_s);
    while (to_s - from_s > 1) {
        int64_t middle = from_s + (to_s - from_s) / 2;
        if (offset_now_s(middle) == after)
            to_s = middle;
        else
            from_s = middle;
    }
    return to_s;
}

static void gather_changes(struct zone *out)
{
    int32_t before = out->first_offset_s = offset_now_s(FROM_S);
    out->changes = mem_new(ZONE_CHANGES_MAX * sizeof *out->changes);
    for (int64_t at_s = FROM_S + LOOK_S; at_s < UNTIL_S && out->count < ZONE_CHANGES_MAX; at_s += LOOK_S) {
        int32_t offset_s = offset_now_s(at_s);
        if (offset_s == before)
            continue;
        out->changes[out->count++] = (struct zone_change){find_change(at_s - LOOK_S, at_s), offset_s};
        before = offset_s;
    }
}

/* TZ is set to what it was, and not removed where it was not set: so the environment keeps its place while other threads look into it. */
static void read_rules(const char *path, struct zone *out)
{
    const char *tz = getenv("TZ");
    char *kept = mem_dup(tz ? tz : SYSTEM_ZONE);
    struct buf value = {0};
    buf_printf(&value, ":%s", path);
    setenv("TZ", buf_str(&value), 1);
    tzset();
    gather_changes(out);
    setenv("TZ", kept, 1);
    tzset();
    buf_free(&value);
    free(kept);
}

int zone_open(const char *text, struct zone *out, struct buf *error)
{
    char path[sizeof ZONE_FOLDER + ZONE_NAME_BYTES_MAX + 1];
    *out = (struct zone){0};
    int is_fixed = *text == '+' || *text == '-';
    if (is_fixed ? read_fixed(text, out) != 0 : !name_is_plain(text)) {
        buf_append_str(error, "is no time zone; give a name such as Asia/Shanghai, or +08:00");
        return -1;
    }
    snprintf(out->name, sizeof out->name, "%s", text);
    if (is_fixed)
        return 0;
    snprintf(path, sizeof path, "%s/%s", ZONE_FOLDER, text);
    if (!file_is_zone(path)) {
        buf_printf(error, "there is no such time zone in %s; give a name such as Asia/Shanghai, or +08:00; or install tzdata", ZONE_FOLDER);
        return -1;
    }
    read_rules(path, out);
    return 0;
}

void zone_close(struct zone *z)
{
    free(z->changes);
    *z = (struct zone){0};
}

/* --- asking ---------------------------------------------------------------------------------------------------------- */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* How many changes there were until then, that of this very second included. */
static size_t changes_until(const struct zone *z, int64_t at_s)
{
    size_t low = 0, high = z->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->changes[middle].at_s <= at_s)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int32_t offset_after(const struct zone *z, size_t changes)
{
    return changes == 0 ? z->first_offset_s : z->changes[changes - 1].offset_s;
}

int32_t zone_offset_s(const struct zone *z, int64_t at_ms)
{
    return offset_after(z, changes_until(z, floor_div(at_ms, 1000)));
}

int32_t zone_clock_ms(const struct zone *z, int64_t at_ms)
{
    int64_t local_ms = at_ms + zone_offset_s(z, at_ms) * 1000LL;
    return (int32_t)(local_ms - floor_div(local_ms, ZONE_DAY_MS) * ZONE_DAY_MS);
}

/* The first moment at or after from_ms at which the clocks show local_ms (of 1970, as if it were UTC), or are put forward over it;
 * INT64_MAX when there is none. */
static int64_t find_local(const struct zone *z, int64_t local_ms, int64_t from_ms)
{
    /* Only changes of the day before or after can matter. */
    size_t first = changes_until(z, floor_div(local_ms - 2 * ZONE_DAY_MS, 1000));
    size_t last = changes_until(z, floor_div(local_ms + 2 * ZONE_DAY_MS, 1000));
    for (size_t i = first; i <= last; i++) {
        int64_t at_ms = local_ms - offset_after(z, i) * 1000LL;
        int64_t begin_ms = i == 0 ? INT64_MIN : z->changes[i - 1].at_s * 1000;
        int64_t end_ms = i == z->count ? INT64_MAX : z->changes[i].at_s * 1000;
        if (at_ms >= begin_ms && at_ms < end_ms && at_ms >= from_ms)
            return at_ms;
        int is_skipped = at_ms >= end_ms && i < last && local_ms - offset_after(z, i + 1) * 1000LL < end_ms;
        if (is_skipped && end_ms >= from_ms)
            return end_ms;
    }
    return INT64_MAX;
}

int64_t zone_next_ms(const struct zone *z, int32_t clock_ms, int64_t from_ms)
{
    int64_t local_ms = from_ms + zone_offset_s(z, from_ms) * 1000LL;
    int64_t day_ms = floor_div(local_ms, ZONE_DAY_MS) * ZONE_DAY_MS;
    int64_t found_ms = INT64_MAX;
    /* From the day before on: clocks that are put back at midnight show the end of a day twice. */
    for (int64_t day = -1; day <= 2 && found_ms == INT64_MAX; day++)
        found_ms = find_local(z, day_ms + day * ZONE_DAY_MS + clock_ms, from_ms);
    return found_ms;
}

void zone_append(const struct zone *z, int64_t at_ms, struct buf *out)
{
    int32_t offset_s = zone_offset_s(z, at_ms), minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    time_t local = (time_t)(floor_div(at_ms, 1000) + offset_s);
    struct tm tm;
    char text[32];
    gmtime_r(&local, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    buf_printf(out, "%s %c%02d:%02d", text, offset_s < 0 ? '-' : '+', minutes / 60, minutes % 60);
}
