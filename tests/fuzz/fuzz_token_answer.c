/* Who gives tokens says any bytes: WeChat, a token service, the row of a database. Whatever is taken for a token can
 * stand on one line, in a URL once escaped, and lasts a time that is believed; whatever is not says why. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "proto/token.h"
#include "sender/token_external.h"
#include "sender/token_fetch.h"

#define DAY_MS 86400000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct fetched *fetched)
{
    if (fetched->end != FETCH_TOKEN) {
        assert(fetched->token.bytes == 0 && fetched->reason.bytes > 0);
        return;
    }
    assert(fetched->token.bytes > 0 && fetched->token.bytes <= TOKEN_BYTES_MAX && fetched->reason.bytes == 0);
    assert(fetched->ttl_ms > 0 && fetched->ttl_ms <= DAY_MS);
    for (size_t i = 0; i < fetched->token.bytes; i++)
        assert((unsigned char)fetched->token.data[i] > ' ' && (unsigned char)fetched->token.data[i] < 0x7f);
}

/* The bytes before the first line end are the token, the rest the seconds. */
static void check_row(struct span body, struct fetched *fetched)
{
    struct token_row row = {.count = 1};
    const char *end = body.bytes ? memchr(body.data, '\n', body.bytes) : NULL;
    size_t bytes = end ? (size_t)(end - body.data) : body.bytes;
    buf_append(&row.token, body.data, bytes);
    row.has_seconds = end != NULL;
    if (end)
        buf_append(&row.seconds, end + 1, body.bytes - bytes - 1);
    token_external_row(&row, fetched);
    check(fetched);
    token_row_free(&row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct conf_account account = {.app_secret = "0123456789abcdef"};
    struct span body = {(const char *)data, size};
    struct http_answer answer = {.end = HTTP_ANSWERED, .status = 200, .body = body};
    struct fetched fetched = {0};
    token_external_read(&answer, &fetched);
    check(&fetched);
    token_fetch_read(&account, &answer, &fetched);
    check(&fetched);
    if (fetched.reason.bytes)
        assert(memmem(fetched.reason.data, fetched.reason.bytes, "0123456789abcdef", 16) == NULL);
    check_row(body, &fetched);
    buf_free(&fetched.token);
    buf_free(&fetched.reason);
    return 0;
}
