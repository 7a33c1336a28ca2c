/* A definition file: keys without a section, each with its own reader. Goes on behind an error, so that all are told at once. */
#include "listener/series_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/conf_ini.h"
#include "proto/mp.h"

#define ERRORS_MAX 20

struct reading {
    struct series *series;
    const char *path;
    const struct conf *conf;
    struct buf *errors;
    unsigned error_count;
    unsigned app_line, zone_line, quiet_line, again_line; /* 0: not given */
    unsigned step_lines[SERIES_STEPS_MAX];
    struct buf vars; /* packed members */
    size_t var_count;
};

static void take_key(void *owner, const struct conf_ini_line *line);
static void take_wrong(void *owner, unsigned line, const char *what);
static void finish(struct reading *r);

static int complain(struct reading *r, unsigned line, const char *key, const char *format, ...) __attribute__((format(printf, 4, 5)));

struct series *series_file_read(FILE *file, const char *path, const char *name, const struct conf *conf, struct buf *errors)
{
    struct series *series = mem_new(sizeof *series);
    struct reading r = {.series = series, .path = path, .conf = conf, .errors = errors};
    struct conf_ini_events events = {&r, take_key, take_wrong};
    snprintf(series->name, sizeof series->name, "%s", name);
    snprintf(series->app, sizeof series->app, "%s", CONF_ACCOUNT_DEFAULT);
    series->quiet_from_ms = series->quiet_to_ms = -1;
    errno = 0;
    if (conf_ini_read(file, &events) != 0)
        complain(&r, 0, NULL, "cannot read it: %s", strerror(errno));
    else
        finish(&r);
    buf_free(&r.vars);
    if (r.error_count > 0)
        series_destroy(&series);
    return series;
}

void series_destroy(struct series **self)
{
    if (*self == NULL)
        return;
    zone_close(&(*self)->zone);
    buf_free(&(*self)->vars);
    free(*self);
    *self = NULL;
}

/* FILE:LINE: KEY: what; line 0 and no key where it is about the file. Returns -1. */
static int complain(struct reading *r, unsigned line, const char *key, const char *format, ...)
{
    va_list args;
    if (++r->error_count > ERRORS_MAX)
        return -1;
    buf_append_str(r->errors, r->path);
    if (line)
        buf_printf(r->errors, ":%u", line);
    buf_append_str(r->errors, ": ");
    if (key)
        buf_printf(r->errors, "%s: ", key);
    va_start(args, format);
    buf_vprintf(r->errors, format, args);
    va_end(args);
    buf_append_str(r->errors, "\n");
    return -1;
}

static void take_wrong(void *owner, unsigned line, const char *what)
{
    complain(owner, line, NULL, "%s", what);
}

/* --- values ---------------------------------------------------------------------------------------------------------- */

/* "09:30" to ms since midnight; -1 when it is none. */
static int32_t read_clock(const char *text, size_t bytes)
{
    if (bytes != 5 || text[2] != ':')
        return -1;
    for (size_t i = 0; i < bytes; i++)
        if (i != 2 && !isdigit((unsigned char)text[i]))
            return -1;
    int hours = (text[0] - '0') * 10 + text[1] - '0', minutes = (text[3] - '0') * 10 + text[4] - '0';
    return hours < 24 && minutes < 60 ? (hours * 60 + minutes) * 60000 : -1;
}

static int read_trigger(struct reading *r, unsigned line, const char *key, const char *text, int is_end)
{
    struct series *s = r->series;
    struct series_trigger_text *list = is_end ? s->ends : s->starts;
    size_t *count = is_end ? &s->end_count : &s->start_count;
    struct buf error = {0};
    struct series_trigger trigger;
    if (*count == SERIES_TRIGGERS_MAX)
        return complain(r, line, key, "one too many; give at most %d", SERIES_TRIGGERS_MAX);
    int wrong = series_trigger_read(span_of(text), is_end, &trigger, &error);
    if (wrong)
        complain(r, line, key, "%s", buf_str(&error));
    buf_free(&error);
    if (wrong)
        return -1;
    if (trigger.kind == SERIES_BY_SERIES && span_is(trigger.text, s->name))
        return complain(r, line, key, "names itself; name another series");
    struct series_trigger_text *to = &list[(*count)++];
    span_to_text(to->text, sizeof to->text, trigger.text);
    to->trigger = (struct series_trigger){trigger.kind, span_of(to->text)};
    return 0;
}

/* "+1d", "@09:00" or "+1d@09:00". */
static int read_step_time(struct reading *r, unsigned line, struct span text, struct series_step *step)
{
    static const char wanted[] = "begins with no time; give +10m, @20:30 or +1d@09:00, and a template's key behind it";
    const char *at = memchr(text.data, '@', text.bytes);
    size_t after_bytes = at ? (size_t)(at - text.data) : text.bytes;
    char after[32];
    step->clock_ms = -1;
    if (at && (step->clock_ms = read_clock(at + 1, text.bytes - after_bytes - 1)) < 0)
        return complain(r, line, "step[]", "no time of day behind the @; give one such as @09:00, up to @23:59");
    if (after_bytes == 0 && at)
        return 0;
    if (*text.data != '+' || after_bytes >= sizeof after)
        return complain(r, line, "step[]", "%s", wanted);
    span_to_text(after, sizeof after, (struct span){text.data + 1, after_bytes - 1});
    step->after_ms = conf_parse_time_ms(after);
    return step->after_ms >= 0 ? 0 : complain(r, line, "step[]", "\"+%s\" is no time up to 400 days; give one such as +300ms, +10m, +6h or +2d", after);
}

static int read_step_option(struct reading *r, unsigned line, struct span word, struct series_step *step)
{
    static const char ttl[] = "ttl=";
    char value[32];
    if (word.bytes < sizeof ttl - 1 || memcmp(word.data, ttl, sizeof ttl - 1) != 0)
        return complain(r, line, "step[]", "something stands behind the key; only ttl=TIME may, such as ttl=1h");
    span_to_text(value, sizeof value, (struct span){word.data + 4, word.bytes - 4});
    step->ttl_ms = word.bytes - 4 < sizeof value ? conf_parse_time_ms(value) : -1;
    return step->ttl_ms > 0 ? 0 : complain(r, line, "step[]", "ttl is no time of 1ms to 400d; give one such as ttl=1h");
}

static struct span next_word(const char **text)
{
    *text += strspn(*text, " \t");
    struct span word = {*text, strcspn(*text, " \t")};
    *text += word.bytes;
    return word;
}

static size_t characters(struct span utf8)
{
    size_t count = 0;
    for (size_t i = 0; i < utf8.bytes; i++)
        count += ((unsigned char)utf8.data[i] & 0xC0) != 0x80;
    return count;
}

static int read_step(struct reading *r, unsigned line, const char *text)
{
    struct series *s = r->series;
    struct series_step step = {.ttl_ms = 0};
    if (s->step_count == SERIES_STEPS_MAX)
        return complain(r, line, "step[]", "one too many; give at most %d", SERIES_STEPS_MAX);
    struct span time = next_word(&text), key = next_word(&text);
    if (time.bytes == 0 || read_step_time(r, line, time, &step) != 0)
        return time.bytes ? -1 : complain(r, line, "step[]", "is empty; give a time and a template's key, such as +10m welcome");
    if (key.bytes == 0)
        return complain(r, line, "step[]", "no template's key stands behind the time; give one, such as +10m welcome");
    if (!span_is_utf8(key) || characters(key) > KEY_BYTES_MAX)
        return complain(r, line, "step[]", "the template's key has more than %d characters, or is no UTF-8; correct it", KEY_BYTES_MAX);
    span_to_text(step.key, sizeof step.key, key);
    for (struct span word = next_word(&text); word.bytes; word = next_word(&text))
        if (read_step_option(r, line, word, &step) != 0)
            return -1;
    r->step_lines[s->step_count] = line;
    s->steps[s->step_count++] = step;
    return 0;
}

static int read_app(struct reading *r, unsigned line, const char *text)
{
    size_t bytes = strlen(text);
    if (bytes == 0 || bytes >= CONF_ACCOUNT_BYTES_MAX || (r->conf && conf_account_find(r->conf, span_of(text)) == NULL))
        return complain(r, line, "app", "there is no account \"%.40s\"; give NAME of a section [wechat:NAME], or leave it out for [wechat]", text);
    memcpy(r->series->app, text, bytes + 1);
    return 0;
}

static int read_zone(struct reading *r, unsigned line, const char *text)
{
    struct buf error = {0};
    struct zone zone;
    int wrong = zone_open(text, &zone, &error);
    if (wrong) {
        complain(r, line, "timezone", "%s", buf_str(&error));
    } else {
        zone_close(&r->series->zone);
        r->series->zone = zone;
    }
    buf_free(&error);
    return wrong;
}

static int read_quiet(struct reading *r, unsigned line, const char *text)
{
    struct series *s = r->series;
    size_t bytes = strlen(text);
    int32_t from_ms = bytes == 11 && text[5] == '-' ? read_clock(text, 5) : -1;
    int32_t to_ms = from_ms >= 0 ? read_clock(text + 6, 5) : -1;
    if (to_ms < 0 || from_ms == to_ms)
        return complain(r, line, "quiet", "is no span of a day; give two different times of day, such as 22:00-08:00");
    s->quiet_from_ms = from_ms;
    s->quiet_to_ms = to_ms;
    return 0;
}

static int read_again(struct reading *r, unsigned line, const char *text)
{
    int64_t again_ms = conf_parse_time_ms(text);
    if (strcmp(text, "always") == 0)
        again_ms = SERIES_AGAIN_ALWAYS;
    else if (strcmp(text, "never") == 0)
        again_ms = SERIES_AGAIN_NEVER;
    else if (again_ms <= 0)
        return complain(r, line, "again", "is neither always, never nor a time of 1ms to 400d; give one of them, such as 30d");
    r->series->again_ms = again_ms;
    return 0;
}

static int read_var(struct reading *r, unsigned line, const char *text)
{
    const char *equal = strchr(text, '=');
    if (equal == NULL || equal == text || (size_t)(equal - text) > VAR_NAME_BYTES_MAX)
        return complain(r, line, "var[]", "give NAME=VALUE, the name with 1 to %d bytes", VAR_NAME_BYTES_MAX);
    if (!span_is_utf8(span_of(text)))
        return complain(r, line, "var[]", "is no UTF-8; write the file as UTF-8");
    if (r->var_count == SERIES_VARS_MAX)
        return complain(r, line, "var[]", "one too many; give at most %d", SERIES_VARS_MAX);
    r->var_count++;
    mp_span(&r->vars, (struct span){text, (size_t)(equal - text)});
    mp_str(&r->vars, equal + 1);
    return 0;
}

/* --- keys ------------------------------------------------------------------------------------------------------------ */

/* A key that may stand there once. */
static int note_once(struct reading *r, const struct conf_ini_line *line, unsigned *seen)
{
    if (*seen)
        return complain(r, line->line, line->key, "is given already in line %u; remove one", *seen);
    *seen = line->line;
    return 0;
}

static void set_key(struct reading *r, const struct conf_ini_line *line, const char *value)
{
    const char *key = line->key;
    unsigned at = line->line;
    if (strcmp(key, "start[]") == 0 || strcmp(key, "end[]") == 0)
        read_trigger(r, at, key, value, *key == 'e');
    else if (strcmp(key, "step[]") == 0)
        read_step(r, at, value);
    else if (strcmp(key, "var[]") == 0)
        read_var(r, at, value);
    else if (strcmp(key, "app") == 0)
        (void)(note_once(r, line, &r->app_line) || read_app(r, at, value));
    else if (strcmp(key, "timezone") == 0)
        (void)(note_once(r, line, &r->zone_line) || read_zone(r, at, value));
    else if (strcmp(key, "quiet") == 0)
        (void)(note_once(r, line, &r->quiet_line) || read_quiet(r, at, value));
    else if (strcmp(key, "again") == 0)
        (void)(note_once(r, line, &r->again_line) || read_again(r, at, value));
    else if (strcmp(key, "start") == 0 || strcmp(key, "step") == 0 || strcmp(key, "end") == 0 || strcmp(key, "var") == 0)
        complain(r, at, key, "there may be several of these; write %s[]", key);
    else
        complain(r, at, key, "unknown key; give app, start[], step[], timezone, quiet, end[], again or var[]");
}

static void take_key(void *owner, const struct conf_ini_line *line)
{
    struct reading *r = owner;
    char value[CONF_TEXT_BYTES_MAX];
    const char *wrong = conf_ini_value(line->value, value);
    if (*line->section)
        complain(r, line->line, NULL, "stands in a section; a series has none: remove the [%s] line", line->section);
    else if (wrong)
        complain(r, line->line, line->key, "%s", wrong);
    else
        set_key(r, line, value);
}

/* --- what belongs together --------------------------------------------------------------------------------------------- */

static void check_triggers(struct reading *r)
{
    const struct series *s = r->series;
    if (s->start_count == 0)
        complain(r, 0, "start[]", "missing; say which event starts it: follow, scan:SCENE, click:KEY or keyword:TEXT");
    for (size_t i = 0; i < s->start_count; i++)
        for (size_t j = 0; j < s->end_count; j++)
            if (series_trigger_equal(&s->starts[i].trigger, &s->ends[j].trigger))
                complain(r, 0, "end[]", "\"%s\" starts it as well; remove one of the two", s->ends[j].text);
}

static void check_steps(struct reading *r)
{
    const struct series *s = r->series;
    if (s->step_count == 0)
        complain(r, 0, "step[]", "missing; say what is sent when, such as +10m welcome");
    for (size_t i = 0; i < s->step_count; i++)
        if ((s->steps[i].clock_ms >= 0 || s->quiet_from_ms >= 0) && s->steps[i].after_ms > SERIES_CLOCK_AFTER_MS_MAX)
            complain(r, r->step_lines[i], "step[]", "is later than 397 days; with a time of day or quiet hours give at most +397d");
}

static void finish(struct reading *r)
{
    struct series *s = r->series;
    check_triggers(r);
    check_steps(r);
    if (r->app_line == 0 && r->conf && conf_account_find(r->conf, span_of(CONF_ACCOUNT_DEFAULT)) == NULL)
        complain(r, 0, "app", "missing, and there is no account [wechat]; say which account it is for");
    if (r->zone_line == 0)
        read_zone(r, 0, SERIES_ZONE_DEFAULT);
    if (r->var_count == 0)
        return;
    mp_map(&s->vars, r->var_count);
    mp_raw(&s->vars, buf_span(&r->vars));
}
