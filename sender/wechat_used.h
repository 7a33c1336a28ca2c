/* How many of a month's clear_quota calls this installation has made: a small file beside the token cache.
 *
 * Used by mega wechat clear-quota. WeChat counts them itself, 10 a month for an account, those of the console and of other
 * programs included, and tells nobody; so this count is a least one. The file holds a line for each account: month, count,
 * AppID. Months are those of Beijing. It is written beside and renamed, with mode 0600, and changed under a lock of its folder.
 * Written by root, it belongs to the folder's owner.
 */
#ifndef SENDER_WECHAT_USED_H
#define SENDER_WECHAT_USED_H

#include <stdint.h>

#include "base/buf.h"

#define WECHAT_CLEARS_MAX 10 /* a month; WeChat's: doc/service/openApi/clear_quota.html */

/* Year times 12 plus month from 0, in Beijing at that time. */
int64_t wechat_used_month(int64_t wall_ms);

/* The count of an account in the file's text; lines that make no sense are skipped. 0 to WECHAT_CLEARS_MAX. */
unsigned wechat_used_find(struct span text, const char *app_id, int64_t month);

/* Appends the file's text with the account's count set: lines of other months and lines that make no sense are left out. */
void wechat_used_set(struct span text, const char *app_id, int64_t month, unsigned count, struct buf *out);

/* The file's path for a token cache's, appended. */
void wechat_used_path(const char *cache_file, struct buf *out);

/* Reads the count. No file is 0. Returns 0, or -1 with errno set when it cannot be read. */
int wechat_used_read(const char *path, const char *app_id, int64_t month, unsigned *count);

/* Adds to the count of the month, up to WECHAT_CLEARS_MAX. Returns 0, or -1 with errno set: the file is as it was. */
int wechat_used_add(const char *path, const char *app_id, int64_t month, unsigned add);

#endif
