/* The JSON reader with any bytes: it never looks outside them, and what it accepts holds together. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/json.h"
#include "tests/unit/test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* An unescaped string is UTF-8, and reads back the same after it was escaped. */
static void check_string(struct span raw)
{
    struct buf text = {0}, quoted = {0}, again = {0};
    json_unescape(raw, &text);
    CHECK(span_is_utf8(buf_span(&text)));
    buf_append_str(&quoted, "\"");
    json_escape(buf_span(&text), &quoted);
    buf_append_str(&quoted, "\"");
    struct json_reader r;
    json_open(&r, buf_span(&quoted));
    CHECK(json_next(&r).type == JSON_STRING);
    CHECK(json_next(&r).type == JSON_END);
    json_unescape(buf_span(&quoted), &again);
    CHECK_BYTES(buf_span(&again), buf_span(&text));
    buf_free(&text);
    buf_free(&quoted);
    buf_free(&again);
}

/* A number reads back the same after it was written. */
static void check_number(struct span raw)
{
    char *text = span_dup(raw), shortest[JSON_DOUBLE_BYTES_MAX + 1];
    char *end;
    double value = strtod(text, &end);
    CHECK(*end == '\0');
    free(text);
    if (!isfinite(value))
        return;
    size_t bytes = json_format_double(value, shortest);
    CHECK(bytes <= JSON_DOUBLE_BYTES_MAX);
    shortest[bytes] = '\0';
    CHECK(strtod(shortest, NULL) == value);
}

static void check_token(const struct json_reader *r, struct json_token token)
{
    if (token.type == JSON_ERROR) {
        CHECK(json_error(r) != NULL);
        return;
    }
    const char *end = token.raw.data + token.raw.bytes, *cursor = r->text.data + r->at;
    CHECK(token.raw.data >= r->text.data);
    CHECK(token.type == JSON_NAME ? end < cursor
                                  : end == cursor); /* the cursor is behind the colon of a name */
    if (token.type == JSON_STRING || token.type == JSON_NAME)
        check_string(token.raw);
    if (token.type == JSON_NUMBER)
        check_number(token.raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct span text = {(const char *)data, bytes};
    struct json_reader r, skipper;
    struct json_token token;
    json_open(&r, text);
    do {
        token = json_next(&r);
        check_token(&r, token);
        CHECK(r.at <= bytes);
    } while (token.type != JSON_ERROR && token.type != JSON_END);

    json_open(&skipper, text); /* skipping sees the same errors */
    int rc = json_skip(&skipper, json_next(&skipper));
    if (rc == 0)
        token = json_next(&skipper);
    CHECK((json_error(&r) == NULL) == (json_error(&skipper) == NULL));
    return 0;
}
