#include "client/task_values.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/conf.h"
#include "base/iso_time.h"
#include "client/rows/row_maker.h"
#include "proto/mp.h"

int task_usage(const char *what, const char *why)
{
    fprintf(stderr, "mega: task: %s: %s (mega task --help)\n", what, why);
    return STATUS_USAGE;
}

int task_read_duration(const char *name, const char *text, int64_t least_ms, int64_t *out_ms)
{
    *out_ms = conf_parse_time_ms(text);
    if (*out_ms >= least_ms)
        return STATUS_DONE;
    return task_usage(name, least_ms == TASK_EVERY_MS_MIN
                                ? "give a time with its unit, at least 100ms: 500ms, 2s"
                                : "give a time with its unit, up to 400 days: 500ms, 30s, 10m, 2h, 7d");
}

static int read_number(const char *text, int64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno || *end || end == text || strchr(" \t+", *text) ? -1 : 0;
}

int task_read_rate(const char *name, const char *text, int64_t *rate_per_s)
{
    if (read_number(text, rate_per_s) || *rate_per_s < 0 || *rate_per_s > RATE_MAX)
        return task_usage(name, "give 0 to 1000000 messages a second, 0 = no limit");
    return STATUS_DONE;
}

int task_read_at(const char *text, int64_t now_ms, int64_t *at_ms)
{
    int64_t in_ms = *text == '+' ? conf_parse_time_ms(text + 1) : -1;
    if (in_ms >= 0)
        *at_ms = now_ms + in_ms;
    else if (read_number(text, at_ms) && iso_time_read_local(text, at_ms))
        return task_usage("--at", "give how much later (+30m, +2h, +7d), milliseconds since 1970, or a time: "
                                  "2024-05-01T12:00 (local), "
                                  "2024-05-01T12:00:00Z, 2024-05-01T20:00+08:00");
    if (*at_ms < now_ms)
        return task_usage("--at", "has passed; give a time to come, or --start to begin at once");
    return *at_ms - now_ms > AT_AHEAD_MS_MAX ? task_usage("--at", "more than 400 days ahead") : STATUS_DONE;
}

int task_read_lane(const char *text, int *lane)
{
    *lane = lane_find(span_of(text));
    return *lane >= 0 ? STATUS_DONE : task_usage("--lane", "give bulk or express");
}

int task_read_text(const char *name, const char *text, const char **out)
{
    *out = text;
    return *text ? STATUS_DONE : task_usage(name, "empty; leave it out, or say which");
}

int task_read_span(const char *name, const char *text, size_t bytes_max, struct span *out)
{
    *out = span_of(text);
    if (out->bytes && out->bytes <= bytes_max && span_is_utf8(*out))
        return STATUS_DONE;
    if (out->bytes == 0)
        return task_usage(name, "empty; leave it out, or say which");
    char why[64];
    snprintf(why, sizeof why, "too long, or no UTF-8; give 1 to %zu bytes", bytes_max);
    return task_usage(name, why);
}

int task_read_name(const char *text, char name[TASK_NAME_BYTES_MAX + 1])
{
    if (!task_name_is_good(span_of(text)))
        return task_usage("NAME", "give 1 to 32 letters, digits, '.', '_' and '-', a letter or digit first");
    span_to_text(name, TASK_NAME_BYTES_MAX + 1, span_of(text));
    return STATUS_DONE;
}

int task_read_var(struct task_options *o, const char *text)
{
    const char *equals = strchr(text, '=');
    struct span name = {text, equals ? (size_t)(equals - text) : 0};
    if (name.bytes == 0 || name.bytes > VAR_NAME_BYTES_MAX || !span_is_utf8(span_of(text)))
        return task_usage("--var", "give NAME=VALUE, UTF-8, the name up to 256 bytes");
    if (strlen(equals + 1) > ROW_VALUE_BYTES_MAX)
        return task_usage("--var", "a value of more than 64 KiB");
    struct mp_cursor c;
    mp_open(&c, buf_span(&o->var_names));
    for (size_t i = 0; i < o->var_count; i++)
        if (span_equal(mp_read_str(&c), name))
            return task_usage("--var", "one name is given twice");
    if (o->var_count == VARS_MAX)
        return task_usage("--var", "more than 1024 variables");
    mp_span(&o->var_names, name);
    mp_str(&o->var_values, equals + 1);
    o->var_count++;
    return STATUS_DONE;
}

void task_options_make_name(struct span key, int64_t now_ms, char name[TASK_NAME_BYTES_MAX + 1])
{
    char stamp[sizeof "-YYYYMMDD-HHMMSS"];
    time_t now = (time_t)(now_ms / 1000);
    struct tm t = {0};
    size_t bytes = 0;
    localtime_r(&now, &t);
    strftime(stamp, sizeof stamp, "-%Y%m%d-%H%M%S", &t);
    for (size_t i = 0; i < key.bytes && bytes + strlen(stamp) < TASK_NAME_BYTES_MAX; i++) {
        struct span one = {key.data + i, 1};
        name[bytes] = key.data[i];
        if (task_name_is_good(one) || (bytes && strchr("._-", key.data[i]) && key.data[i]))
            bytes++;
    }
    memcpy(name + bytes, bytes ? stamp : stamp + 1, strlen(stamp) + (bytes ? 1 : 0));
}
