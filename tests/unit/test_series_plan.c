/* When steps are due, and what starts and ends a series. */
#include "listener/series_plan.h"

#include "base/iso_time.h"
#include "listener/series_file.h"
#include "tests/unit/test.h"

static struct series *read_text(const char *text)
{
    struct buf errors = {0};
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    struct series *s = series_file_read(file, "x.ini", "x", NULL, &errors);
    fclose(file);
    CHECK_STR(buf_str(&errors), "");
    buf_free(&errors);
    return s;
}

static int64_t ms_of(const char *text)
{
    int64_t ms = 0;
    CHECK_INT(iso_time_read(text, &ms), 0);
    return ms;
}

static void test_due(void)
{
    static const struct {
        const char *step, *more, *start, *due;
    } cases[] = {
        {"+10m a", "", "2026-11-28T10:00:00+08:00", "2026-11-28T10:10:00+08:00"},
        {"+300ms a", "", "2026-11-28T10:00:00+08:00", "2026-11-28T10:00:00.300+08:00"},
        {"+400d a", "", "2026-11-28T10:00:00+08:00", "2028-01-02T10:00:00+08:00"},
        /* A time of day. */
        {"@20:30 a", "", "2026-11-28T10:00:00+08:00", "2026-11-28T20:30:00+08:00"},
        {"@20:30 a", "", "2026-11-28T20:30:00+08:00", "2026-11-28T20:30:00+08:00"},
        {"@20:30 a", "", "2026-11-28T20:30:01+08:00", "2026-11-29T20:30:00+08:00"},
        {"+1d@09:00 a", "", "2026-11-28T08:00:00+08:00", "2026-11-29T09:00:00+08:00"},
        {"+1d@09:00 a", "", "2026-11-28T09:00:01+08:00", "2026-11-30T09:00:00+08:00"},
        {"+1d@09:00 a", "timezone = +00:00", "2026-11-28T08:00:00Z", "2026-11-29T09:00:00Z"},
        /* Quiet hours over midnight. */
        {"+1m a", "quiet = 22:00-08:00", "2026-11-28T21:58:59+08:00", "2026-11-28T21:59:59+08:00"},
        {"+1m a", "quiet = 22:00-08:00", "2026-11-28T21:59:00+08:00", "2026-11-29T08:00:00+08:00"},
        {"+1m a", "quiet = 22:00-08:00", "2026-11-28T23:59:00+08:00", "2026-11-29T08:00:00+08:00"},
        {"+1m a", "quiet = 22:00-08:00", "2026-11-29T07:58:59+08:00", "2026-11-29T08:00:00+08:00"},
        {"+1m a", "quiet = 22:00-08:00", "2026-11-29T07:59:00+08:00", "2026-11-29T08:00:00+08:00"},
        {"+1m a", "quiet = 22:00-08:00", "2026-11-29T08:00:00+08:00", "2026-11-29T08:01:00+08:00"},
        {"@23:00 a", "quiet = 22:00-08:00", "2026-11-28T10:00:00+08:00", "2026-11-29T08:00:00+08:00"},
        /* At noon. */
        {"+1m a", "quiet = 12:00-14:00", "2026-11-28T12:30:00+08:00", "2026-11-28T14:00:00+08:00"},
        {"+1m a", "quiet = 12:00-14:00", "2026-11-28T23:30:00+08:00", "2026-11-28T23:31:00+08:00"},
        {"+1m a", "quiet = 22:00-00:00", "2026-11-28T23:30:00+08:00", "2026-11-29T00:00:00+08:00"},
        /* Clocks that are put forward (02:00 to 03:00 on 29 March) and back (03:00 to 02:00 on 25 October). */
        {"+1d@09:00 a", "timezone = Europe/Berlin", "2026-03-28T08:00:00+01:00", "2026-03-29T09:00:00+02:00"},
        {"+24h a", "timezone = Europe/Berlin", "2026-03-28T12:00:00+01:00", "2026-03-29T13:00:00+02:00"},
        {"@02:30 a", "timezone = Europe/Berlin", "2026-03-28T12:00:00+01:00", "2026-03-29T03:00:00+02:00"},
        {"@02:30 a", "timezone = Europe/Berlin", "2026-10-24T12:00:00+02:00", "2026-10-25T02:30:00+02:00"},
        {"+1m a", "timezone = Europe/Berlin\nquiet = 22:00-02:30", "2026-03-28T23:00:00+01:00", "2026-03-29T03:00:00+02:00"},
        {"+1m a", "timezone = Europe/Berlin\nquiet = 22:00-08:00", "2026-10-24T23:00:00+02:00", "2026-10-25T08:00:00+01:00"},
        {"+1m a", "timezone = Europe/Berlin\nquiet = 22:00-02:30", "2026-10-24T23:00:00+02:00", "2026-10-25T02:30:00+02:00"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {0}, due = {0}, expected = {0};
        buf_printf(&text, "start[] = follow\nstep[] = %s\n%s\n", cases[i].step, cases[i].more);
        struct series *s = read_text(buf_str(&text));
        iso_time_append(series_plan_due_ms(s, 0, ms_of(cases[i].start)), &due);
        iso_time_append(ms_of(cases[i].due), &expected);
        CHECK_STR(buf_str(&due), buf_str(&expected));
        series_destroy(&s);
        buf_free(&text);
        buf_free(&due);
        buf_free(&expected);
    }
}

/* Whatever the start: never before its time, never in quiet hours, never more than some days later, and at its time of day. */
static void test_all_year(void)
{
    struct series *s = read_text("start[] = follow\nstep[] = +1d a\nstep[] = +6h@02:30 b\ntimezone = Europe/Berlin\nquiet = 23:00-02:15\n");
    for (int64_t start_ms = ms_of("2026-01-01"); start_ms < ms_of("2027-01-01"); start_ms += 13 * 60000 + 7) {
        for (size_t i = 0; i < 2; i++) {
            int64_t due_ms = series_plan_due_ms(s, i, start_ms), least_ms = start_ms + s->steps[i].after_ms;
            int32_t clock_ms = zone_clock_ms(&s->zone, due_ms);
            CHECK(due_ms >= least_ms && due_ms < least_ms + 2 * (int64_t)ZONE_DAY_MS);
            CHECK(clock_ms >= s->quiet_to_ms && clock_ms < s->quiet_from_ms);
            CHECK(i == 0 || clock_ms == s->steps[1].clock_ms || clock_ms == 3 * 3600000);
        }
    }
    series_destroy(&s);
}

static void test_triggers(void)
{
    static const struct {
        const char *trigger;
        int is_end;
        enum series_trigger_kind kind;
        const char *text;
        int matches;
    } cases[] = {
        {"follow", 0, SERIES_FOLLOW, "", 1},
        {"follow", 0, SERIES_SCAN, "1", 0},
        {"scan:1", 0, SERIES_SCAN, "1", 1},
        {"scan:1", 0, SERIES_SCAN, "11", 0},
        {"scan:a", 0, SERIES_SCAN, "A", 0},
        {"scan:*", 0, SERIES_SCAN, "anything", 1},
        {"scan:*", 0, SERIES_CLICK, "anything", 0},
        {"click:*", 0, SERIES_CLICK, "anything", 0}, /* only of scans */
        {"click:M", 0, SERIES_CLICK, "M", 1},
        {"click:M", 1, SERIES_CLICK, "M", 1},
        {"keyword:Hello", 0, SERIES_KEYWORD, " hELLO\r\n", 1},
        {"keyword:Hello", 0, SERIES_KEYWORD, "hello you", 0},
        {"keyword:退订", 1, SERIES_KEYWORD, "\t退订 ", 1},
        {"keyword:Ä", 0, SERIES_KEYWORD, "ä", 0}, /* ASCII only */
        {"series:a", 1, SERIES_BY_SERIES, "a", 1},
        {"series:a", 1, SERIES_BY_SERIES, "b", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {0};
        buf_printf(&text, "start[] = %s\nstep[] = +1m a\n%s%s\n", cases[i].is_end ? "scan:none" : cases[i].trigger, cases[i].is_end ? "end[] = " : "",
                   cases[i].is_end ? cases[i].trigger : "");
        struct series *s = read_text(buf_str(&text));
        struct series_trigger event = {cases[i].kind, span_of(cases[i].text)};
        CHECK_INT(series_plan_starts(s, &event), cases[i].is_end ? 0 : cases[i].matches);
        CHECK_INT(series_plan_ends(s, &event), cases[i].is_end ? cases[i].matches : 0);
        series_destroy(&s);
        buf_free(&text);
    }
}

int main(void)
{
    test_due();
    test_all_year();
    test_triggers();
    return 0;
}
