/* What WeChat answers an operator's questions (quota/get, rid/get, user/get), from any bytes: reading stays inside, a page of
 * followers is one openid a line, no secret and
 * nothing behind a secret's name comes through the mask, and what is printed as JSON is JSON. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "sender/follower_page.h"
#include "sender/wechat_text.h"
#include "sender/wechat_used.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_members(struct span body)
{
    static const char *const objects[] = {NULL, "quota", "rate_limit", "request"};
    static const char *const members[] = {"daily_limit", "call_count", "request_url", "request_body", "invoke_time"};
    struct json_token value;
    int64_t number;
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        for (size_t j = 0; j < sizeof members / sizeof *members; j++) {
            if (wechat_text_member(body, objects[i], members[j], &value) == 0)
                assert(value.raw.data >= body.data && value.raw.data + value.raw.bytes <= body.data + body.bytes);
            if (wechat_text_number(body, objects[i], members[j], &number) == 0) {
                struct buf time = {0};
                wechat_text_time(number, 0, &time);
                assert(time.bytes > 0);
                buf_free(&time);
            }
        }
}

static void check_page(struct span body)
{
    struct follower_page page = {0};
    if (follower_page_read(body, &page) == NULL) {
        uint64_t count = 0;
        for (size_t i = 0, began = 0; i < page.lines.bytes; i++)
            if (page.lines.data[i] == '\n') {
                assert(follower_page_is_openid((struct span){page.lines.data + began, i - began}));
                began = i + 1;
                count++;
            }
        assert(count == page.count);
        assert(page.next.bytes == 0 || follower_page_is_openid(buf_span(&page.next)));
    }
    follower_page_free(&page);
}

static void check_mask(struct span text)
{
    const struct span secrets[] = {{"s3cret", 6}, {"", 0}, {"50_token", 8}};
    struct buf masked = {0}, json = {0};
    wechat_text_mask(text, secrets, sizeof secrets / sizeof *secrets, &masked);
    assert(masked.bytes == 0 || memmem(masked.data, masked.bytes, "s3cret", 6) == NULL);
    buf_append_str(&json, "{");
    wechat_text_json("text", buf_span(&masked), &json);
    buf_append_str(&json, "}");
    struct json_token value;
    int failed = wechat_text_member(buf_span(&json), NULL, "text", &value);
    assert(!failed && value.type == JSON_STRING);
    buf_free(&masked);
    buf_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = {(const char *)data, size};
    struct buf file = {0};
    read_members(text);
    check_page(text);
    check_mask(text);
    struct span rid = wechat_text_find_rid(text);
    assert(rid.bytes == 0 || wechat_text_is_rid(rid));
    assert(wechat_text_reason_code(text) >= 0);
    unsigned count = wechat_used_find(text, "wx0", 2026 * 12 + 10);
    assert(count <= WECHAT_CLEARS_MAX);
    wechat_used_set(text, "wx0", 2026 * 12 + 10, 7, &file);
    assert(wechat_used_find(buf_span(&file), "wx0", 2026 * 12 + 10) == 7);
    buf_free(&file);
    return 0;
}
