/* How long WeChat takes to answer: for each account and kind of message, since the start of this sender. Used by the sender, whose beats
 * carry it. Pure. */
#ifndef SENDER_LATENCY_H
#define SENDER_LATENCY_H

#include "base/conf.h"
#include "proto/control.h"
#include "sender/kind.h"

#define LATENCY_KINDS_MAX 8 /* more than kind.c has */

struct latency;

struct latency *latency_new(const struct conf *conf);
void latency_destroy(struct latency **self);

/* A call of the account of that index in the configuration has ended, whichever way. */
void latency_note(struct latency *l, int account, const struct kind *kind, int64_t ms);

/* Puts it into a beat that carries figures (its cpu_us says so). The beat's span is valid until the next call. */
void latency_on_beat(struct latency *l, struct control *beat);

#endif
