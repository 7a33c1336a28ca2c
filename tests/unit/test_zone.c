/* Time zones: offsets, clocks that are put forward and back, what is no zone. */
#include "listener/zone.h"

#include <stdlib.h>
#include <time.h>

#include "base/iso_time.h"
#include "tests/unit/test.h"

static int64_t ms_of(const char *text)
{
    int64_t ms = 0;
    CHECK_INT(iso_time_read(text, &ms), 0);
    return ms;
}

static int32_t clock_of(const char *text)
{
    int hours = 0, minutes = 0;
    CHECK_INT(sscanf(text, "%d:%d", &hours, &minutes), 2);
    return (int32_t)((hours * 60 + minutes) * 60000);
}

static void test_next(void)
{
    static const struct {
        const char *zone, *clock, *from, *expected;
    } cases[] = {
        {"Asia/Shanghai", "09:00", "2026-11-28T00:59:59Z", "2026-11-28T01:00:00Z"},
        {"Asia/Shanghai", "09:00", "2026-11-28T01:00:00Z", "2026-11-28T01:00:00Z"}, /* at that moment: now */
        {"Asia/Shanghai", "09:00", "2026-11-28T01:00:00.001Z", "2026-11-29T01:00:00Z"},
        {"Asia/Shanghai", "00:00", "2026-11-28T15:59:59Z", "2026-11-28T16:00:00Z"},
        {"Asia/Shanghai", "23:59", "2026-11-28T16:00:00Z", "2026-11-29T15:59:00Z"},
        {"+08:00", "09:00", "2026-11-28T02:00:00Z", "2026-11-29T01:00:00Z"},
        {"-03:30", "09:00", "2026-11-28T02:00:00Z", "2026-11-28T12:30:00Z"},
        {"Europe/Berlin", "09:00", "2026-07-01T00:00:00Z", "2026-07-01T07:00:00Z"},
        {"Europe/Berlin", "09:00", "2026-12-01T00:00:00Z", "2026-12-01T08:00:00Z"},
        /* Forward at 01:00Z of 29 March: from 02:00 to 03:00. */
        {"Europe/Berlin", "02:30", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
        {"Europe/Berlin", "02:00", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
        {"Europe/Berlin", "03:00", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
        {"Europe/Berlin", "02:30", "2026-03-29T01:00:01Z", "2026-03-30T00:30:00Z"},
        {"Europe/Berlin", "09:00", "2026-03-28T12:00:00Z", "2026-03-29T07:00:00Z"},
        /* Back at 01:00Z of 25 October: from 03:00 to 02:00. */
        {"Europe/Berlin", "02:30", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z"},
        {"Europe/Berlin", "02:30", "2026-10-25T00:30:01Z", "2026-10-25T01:30:00Z"}, /* the second one */
        {"Europe/Berlin", "02:30", "2026-10-25T01:30:01Z", "2026-10-26T01:30:00Z"},
        {"Europe/Berlin", "02:00", "2026-10-25T00:00:00Z", "2026-10-25T00:00:00Z"},
        {"Europe/Berlin", "03:00", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"},
        /* Back at 01:00: 00:30 comes twice. */
        {"America/Havana", "00:30", "2026-11-01T04:00:00Z", "2026-11-01T04:30:00Z"},
        {"America/Havana", "00:30", "2026-11-01T04:31:00Z", "2026-11-01T05:30:00Z"},
        /* Rules that end with the list of the file go on by its last line. */
        {"Europe/Berlin", "09:00", "2061-07-01T00:00:00Z", "2061-07-01T07:00:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct zone z;
        struct buf error = {0};
        CHECK_INT(zone_open(cases[i].zone, &z, &error), 0);
        CHECK_INT(zone_next_ms(&z, clock_of(cases[i].clock), ms_of(cases[i].from)), ms_of(cases[i].expected));
        zone_close(&z);
        buf_free(&error);
    }
}

static void test_clock(void)
{
    struct zone z;
    struct buf error = {0}, text = {0};
    CHECK_INT(zone_open("Europe/Berlin", &z, &error), 0);
    CHECK_INT(zone_offset_s(&z, ms_of("2026-03-29T00:59:59.999Z")), 3600);
    CHECK_INT(zone_offset_s(&z, ms_of("2026-03-29T01:00:00Z")), 7200);
    CHECK_INT(zone_clock_ms(&z, ms_of("2026-03-29T01:00:00Z")), clock_of("03:00"));
    CHECK_INT(zone_clock_ms(&z, ms_of("2026-03-28T23:00:00Z")), 0);
    zone_append(&z, ms_of("2026-03-29T01:00:00Z"), &text);
    CHECK_STR(buf_str(&text), "2026-03-29 03:00:00 +02:00");
    zone_close(&z);
    buf_clear(&text);
    CHECK_INT(zone_open("-03:30", &z, &error), 0);
    zone_append(&z, ms_of("2026-03-29T01:00:00Z"), &text);
    CHECK_STR(buf_str(&text), "2026-03-28 21:30:00 -03:30");
    zone_close(&z);
    buf_free(&text);
    buf_free(&error);
}

static void test_wrong(void)
{
    static const char *const cases[] = {"", "Asia/Nowhere", "/etc/passwd", "../../../etc/passwd", "Asia", "tzdata.zi", "+8", "+16:00", "+08:60",
                                        "+0a:00", "Asia/Shanghai ", "CST-8",
                                        "Asia/Shanghaiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct zone z;
        struct buf error = {0};
        CHECK_INT(zone_open(cases[i], &z, &error), -1);
        CHECK(strstr(buf_str(&error), "give a name such as Asia/Shanghai") != NULL);
        buf_free(&error);
    }
}

/* Reading a zone leaves the process where it was. */
static void test_process_zone(void)
{
    struct zone z;
    struct buf error = {0};
    struct tm tm;
    time_t at = 1785000000;
    setenv("TZ", "America/New_York", 1);
    tzset();
    CHECK_INT(zone_open("Asia/Shanghai", &z, &error), 0);
    CHECK_STR(getenv("TZ"), "America/New_York");
    localtime_r(&at, &tm);
    CHECK_INT(tm.tm_gmtoff, -4 * 3600);
    zone_close(&z);
    buf_free(&error);
}

int main(void)
{
    test_next();
    test_clock();
    test_wrong();
    test_process_zone();
    return 0;
}
