/* logfmt: KEY=VALUE with spaces between, VALUE bare or in "quotes" with the escapes of JSON. A word without "=" is skipped. Where a
 * quote is not closed the value goes to the end of the line: the line was cut.
 *
 * Unescaped values are gathered in one buffer that may move, so until the end a field holds its place there in place of its address.
 */
#include "client/log_parse.h"

#include <string.h>

#include "base/iso_time.h"
#include "base/json.h"

#define TIME_BYTES_MAX 40

/* Where a value was unescaped to; turned into spans at the end. */
struct places {
    size_t at[LOG_PARSE_FIELDS_MAX]; /* + 1; 0 = the span is right already */
};

static struct log_parsed_field *add(struct log_parsed *p, struct span key)
{
    if (p->count == LOG_PARSE_FIELDS_MAX)
        return NULL;
    struct log_parsed_field *f = &p->fields[p->count++];
    f->key = key;
    f->value = (struct span){"", 0};
    return f;
}

/* Puts the value of a token with its quotes behind the texts. */
static void add_unescaped(struct log_parsed *p, struct places *places, struct span key, struct span quoted)
{
    size_t at = p->texts.bytes, place = p->count;
    struct log_parsed_field *f = add(p, key);
    if (f == NULL)
        return;
    json_unescape(quoted, &p->texts);
    f->value.bytes = p->texts.bytes - at;
    places->at[place] = at + 1;
}

/* --- logfmt ------------------------------------------------------------------------------------------------------- */

/* The end of a text that begins with a quote at `at`: the closing quote, or the end of the line. */
static size_t find_quote(struct span line, size_t at)
{
    for (at++; at < line.bytes && line.data[at] != '"'; at++)
        if (line.data[at] == '\\')
            at++;
    return at < line.bytes ? at : line.bytes;
}

/* Takes the value at `at`; returns where it ends. */
static size_t take_value(struct span line, size_t at, struct span key, struct log_parsed *p, struct places *places)
{
    if (at < line.bytes && line.data[at] == '"') {
        size_t end = find_quote(line, at);
        if (end < line.bytes) {
            add_unescaped(p, places, key, (struct span){line.data + at, end + 1 - at});
            return end + 1;
        }
        at++; /* cut: as it stands */
        struct log_parsed_field *f = add(p, key);
        if (f)
            f->value = (struct span){line.data + at, line.bytes - at};
        return line.bytes;
    }
    size_t end = at;
    while (end < line.bytes && line.data[end] != ' ')
        end++;
    struct log_parsed_field *f = add(p, key);
    if (f)
        f->value = (struct span){line.data + at, end - at};
    return end;
}

static void parse_logfmt(struct span line, struct log_parsed *p, struct places *places)
{
    size_t at = 0;
    while (at < line.bytes) {
        size_t began = at;
        while (at < line.bytes && line.data[at] != '=' && line.data[at] != ' ')
            at++;
        if (at < line.bytes && line.data[at] == '=' && at > began)
            at = take_value(line, at + 1, (struct span){line.data + began, at - began}, p, places);
        else
            at++; /* a word, a space or a lonely "=" */
    }
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

static void parse_json(struct span line, struct log_parsed *p, struct places *places)
{
    struct json_reader r;
    json_open(&r, line);
    if (json_next(&r).type != JSON_OBJECT)
        return;
    for (struct json_token name = json_next(&r); name.type == JSON_NAME; name = json_next(&r)) {
        struct span key = {name.raw.data + 1, name.raw.bytes - 2}; /* our keys have no escapes; of others they stay in */
        struct json_token value = json_next(&r);
        const char *began = value.raw.data;
        if (value.type == JSON_ERROR || json_skip(&r, value) != 0)
            return;
        if (value.type == JSON_STRING) {
            add_unescaped(p, places, key, value.raw);
            continue;
        }
        struct log_parsed_field *f = add(p, key);
        if (f)
            f->value = (struct span){began, (size_t)(line.data + r.at - began)};
    }
}

/* --- both --------------------------------------------------------------------------------------------------------- */

static int64_t read_time(struct span text)
{
    char copy[TIME_BYTES_MAX];
    int64_t ms;
    if (text.bytes == 0 || text.bytes >= sizeof copy || memchr(text.data, '\0', text.bytes) != NULL)
        return -1;
    span_to_text(copy, sizeof copy, text);
    return iso_time_read(copy, &ms) == 0 ? ms : -1;
}

/* Where our line begins: behind what a collector has put before it. */
static size_t find_start(struct span line)
{
    const char *brace = line.bytes ? memchr(line.data, '{', line.bytes) : NULL;
    const char *time = line.bytes ? memmem(line.data, line.bytes, "t=", 2) : NULL;
    while (time != NULL && time > line.data && time[-1] != ' ')
        time = memmem(time + 1, (size_t)(line.data + line.bytes - time - 1), "t=", 2);
    if (brace != NULL && (time == NULL || brace < time))
        return (size_t)(brace - line.data);
    return time != NULL ? (size_t)(time - line.data) : 0;
}

int log_parse(struct span line, struct log_parsed *out)
{
    struct places places = {{0}};
    out->count = 0;
    out->ms = -1;
    buf_clear(&out->texts);
    if (line.bytes > 0 && line.data[line.bytes - 1] == '\r')
        line.bytes--;
    size_t start = find_start(line);
    line = (struct span){line.data + start, line.bytes - start};
    if (line.bytes > 0 && line.data[0] == '{')
        parse_json(line, out, &places);
    else
        parse_logfmt(line, out, &places);
    for (size_t i = 0; i < out->count; i++)
        if (places.at[i])
            out->fields[i].value.data = out->texts.data ? out->texts.data + places.at[i] - 1 : "";
    out->ms = read_time(log_parsed_find(out, "t"));
    return out->count > 0 ? 0 : -1;
}

void log_parsed_free(struct log_parsed *p)
{
    buf_free(&p->texts);
    p->count = 0;
}

struct span log_parsed_find(const struct log_parsed *p, const char *key)
{
    for (size_t i = 0; i < p->count; i++)
        if (span_is(p->fields[i].key, key))
            return p->fields[i].value;
    return (struct span){NULL, 0};
}
