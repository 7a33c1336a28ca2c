#include "sender/follower_page.h"

#include "base/json.h"
#include "proto/limits.h"
#include "sender/wechat_text.h"

int follower_page_is_openid(struct span text)
{
    for (size_t i = 0; i < text.bytes; i++)
        if (text.data[i] <= ' ' || text.data[i] > '~')
            return 0;
    return text.bytes > 0 && text.bytes <= OPENID_BYTES_MAX;
}

/* Adds one openid; `raw` is a string token. */
static int add(struct span raw, struct follower_page *page, struct buf *openid)
{
    buf_clear(openid);
    json_unescape(raw, openid);
    if (openid->bytes == 0)
        return 0;
    if (!follower_page_is_openid(buf_span(openid)))
        return -1;
    buf_append(&page->lines, openid->data, openid->bytes);
    buf_append_str(&page->lines, "\n");
    page->count++;
    return 0;
}

/* `text` begins with the array. */
static const char *read_list(struct span text, struct follower_page *page)
{
    struct json_reader r;
    struct json_token t;
    struct buf openid = {0};
    const char *error = NULL;
    json_open(&r, text);
    if (json_next(&r).type != JSON_ARRAY)
        return "WeChat's answer has no list in data.openid";
    while (error == NULL && (t = json_next(&r)).type != JSON_ARRAY_END)
        if (t.type != JSON_STRING || add(t.raw, page, &openid) != 0)
            error = "WeChat's list holds something that is no openid";
    buf_free(&openid);
    return error;
}

static const char *read_next(struct span body, struct follower_page *page)
{
    struct json_token next;
    if (wechat_text_member(body, NULL, "next_openid", &next) != 0)
        return NULL;
    if (next.type == JSON_STRING)
        json_unescape(next.raw, &page->next);
    if (next.type != JSON_STRING || (page->next.bytes && !follower_page_is_openid(buf_span(&page->next))))
        return "the next_openid of WeChat's answer is no openid";
    return NULL;
}

const char *follower_page_read(struct span body, struct follower_page *page)
{
    struct json_token list;
    int64_t count;
    page->total = -1;
    page->count = 0;
    buf_clear(&page->lines);
    buf_clear(&page->next);
    if (wechat_text_number(body, NULL, "total", &page->total) != 0 || page->total < 0)
        page->total = -1;
    if (wechat_text_number(body, NULL, "count", &count) != 0)
        return "WeChat's answer has no count of followers";
    const char *error = read_next(body, page);
    if (error == NULL && wechat_text_member(body, "data", "openid", &list) == 0)
        error = read_list((struct span){list.raw.data, (size_t)(body.data + body.bytes - list.raw.data)}, page);
    else if (error == NULL && count > 0)
        error = "WeChat's answer tells of followers and lists none";
    if (error)
        page->count = 0;
    return error;
}

void follower_page_free(struct follower_page *page)
{
    buf_free(&page->lines);
    buf_free(&page->next);
}
