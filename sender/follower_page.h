/* A page of an account's followers, out of WeChat's answer to user/get. Pure; any JSON object is allowed.
 *
 * Used by mega wechat followers. Source: doc/offiaccount/User_Management/Getting_a_User_List.html on
 * developers.weixin.qq.com. Behind the last follower WeChat answers count 0, no data and an empty next_openid.
 */
#ifndef SENDER_FOLLOWER_PAGE_H
#define SENDER_FOLLOWER_PAGE_H

#include <stdint.h>

#include "base/buf.h"

/* Zeroed = empty and ready; freed with follower_page_free. */
struct follower_page {
    int64_t total;    /* of all followers, WeChat's figure; -1 = not told */
    uint64_t count;   /* openids in `lines`; 0 = there are no more */
    struct buf lines; /* each openid with \n behind it, in WeChat's order */
    struct buf next;  /* the next_openid of the following page; empty = there are no more */
};

/* Reads the page in the place of what was there. Returns NULL, or a constant text that says what is wrong with it; then the
 * page holds nothing that may be used. Empty openids, which WeChat's own example shows, are left out. */
const char *follower_page_read(struct span body, struct follower_page *page);

/* 1 when it can be an openid: 1 to OPENID_BYTES_MAX (128) visible ASCII characters. */
int follower_page_is_openid(struct span text);

void follower_page_free(struct follower_page *page);

#endif
