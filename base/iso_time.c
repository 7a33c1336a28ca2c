#include "base/iso_time.h"

#include <inttypes.h>
#include <time.h>

#include "base/conf.h"

#define END_MS 253402300800000LL /* of the year 9999 */

void iso_time_append(int64_t ms, struct buf *out)
{
    struct tm t;
    time_t s = (time_t)(ms / 1000);
    if (ms < 0 || ms >= END_MS || gmtime_r(&s, &t) == NULL) {
        buf_printf(out, "%" PRId64, ms);
        return;
    }
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday,
               t.tm_hour, t.tm_min, t.tm_sec, (int)(ms % 1000));
}

/* Reads exactly `digits` digits. Returns where they end, or NULL. */
static const char *read_digits(const char *p, int digits, int *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++, p++) {
        if (*p < '0' || *p > '9')
            return NULL;
        *value = *value * 10 + (*p - '0');
    }
    return p;
}

/* Reads `mark` and two digits. */
static const char *read_part(const char *p, char mark, int *value)
{
    return p && *p == mark ? read_digits(p + 1, 2, value) : NULL;
}

static const char *read_date(const char *p, struct tm *t)
{
    p = read_digits(p, 4, &t->tm_year);
    p = read_part(p, '-', &t->tm_mon);
    p = read_part(p, '-', &t->tm_mday);
    t->tm_year -= 1900;
    t->tm_mon--;
    return p;
}

/* Up to nine digits behind a point; the first three count. */
static const char *read_fraction(const char *p, int *ms)
{
    int digits = 0, weight = 100;
    for (p++; *p >= '0' && *p <= '9' && digits < 9; p++, digits++, weight /= 10)
        *ms += (*p - '0') * weight;
    return digits ? p : NULL;
}

/* What follows the date: the time of day and the zone, both of which may be missing. */
static const char *read_clock(const char *p, struct tm *t, int *ms)
{
    if (p == NULL || (*p != 'T' && *p != ' '))
        return p;
    p = read_digits(p + 1, 2, &t->tm_hour);
    p = read_part(p, ':', &t->tm_min);
    if (p && *p == ':')
        p = read_part(p, ':', &t->tm_sec);
    else
        return p;
    return p && *p == '.' ? read_fraction(p, ms) : p;
}

static const char *read_zone(const char *p, int *minutes)
{
    int hours = 0, rest = 0;
    if (p && *p == 'Z')
        return p + 1;
    if (p == NULL || (*p != '+' && *p != '-'))
        return p;
    int sign = *p == '+' ? 1 : -1;
    p = read_digits(p + 1, 2, &hours);
    p = read_part(p, ':', &rest);
    if (p && (hours > 14 || rest > 59))
        return NULL;
    *minutes = sign * (hours * 60 + rest);
    return p;
}

static int read_time(const char *text, int is_local, int64_t *ms)
{
    struct tm t = {0};
    int fraction_ms = 0, zone_minutes = 0;
    const char *p = read_clock(read_date(text, &t), &t, &fraction_ms);
    int has_zone = p != NULL && *p != '\0';
    p = read_zone(p, &zone_minutes);
    if (p == NULL || *p || t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 59)
        return -1;
    struct tm same = t;
    same.tm_isdst = -1;
    time_t s = is_local && !has_zone ? mktime(&same) : timegm(&same); /* makes 1 March of 30 February */
    if (same.tm_mday != t.tm_mday || same.tm_mon != t.tm_mon || same.tm_year != t.tm_year)
        return -1;
    int64_t result = ((int64_t)s - zone_minutes * 60) * 1000 + fraction_ms;
    if (result < 0)
        return -1;
    *ms = result;
    return 0;
}

int iso_time_read(const char *text, int64_t *ms)
{
    return read_time(text, 0, ms);
}

int iso_time_read_local(const char *text, int64_t *ms)
{
    return read_time(text, 1, ms);
}

int iso_time_read_since(const char *text, int64_t now_ms, int64_t *ms)
{
    int64_t ago_ms = conf_parse_time_ms(text);
    if (ago_ms >= 0)
        *ms = now_ms - ago_ms;
    else if (iso_time_read(text, ms))
        return -1;
    if (*ms < 1)
        *ms = 1; /* 0 is no bound at all */
    return 0;
}
