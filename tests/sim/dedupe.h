/*
 * dedupe.h - remembers which client_msg_id was sent to whom, while WeChat would send it only once.
 *
 * Entries leave when the window has passed; at DEDUPE_ENTRIES_MAX the oldest leaves early, so memory is
 * bounded whatever the rate. Times are milliseconds of a clock that never runs backwards.
 */
#ifndef SIM_DEDUPE_H
#define SIM_DEDUPE_H

#include <stddef.h>
#include <stdint.h>

#define DEDUPE_ENTRIES_MAX 4000000 /* some 180 bytes each */

struct dedupe;

struct dedupe *dedupe_new(int64_t window_ms);
void dedupe_destroy(struct dedupe **self);

/* The msgid with which (account, openid, client_msg_id) was accepted within the window; 0 if it was not. */
int64_t dedupe_find(struct dedupe *self, unsigned account, const char *openid, const char *client_msg_id,
                    int64_t now_ms);

/* Remembers an accepted message that dedupe_find() did not know. */
void dedupe_add(struct dedupe *self, unsigned account, const char *openid, const char *client_msg_id,
                int64_t msgid, int64_t now_ms);

#endif
