/*
 * callback.h - brings events to the addresses of their accounts, as WeChat does: each until it is answered well, or given up.
 *
 *   later     its time has not come (a receipt), or a mood or a retry makes it wait: on a timer
 *   held      a mood lets the next event of the same recipient go first, for CALLBACK_REORDER_MS at most
 *   queued    it goes as soon as a connection is free and no other one of its recipient is on its way
 *   sent      it waits for its answer, CALLBACK_TIMEOUT_MS or --callback-timeout at most
 *   ended     answered, or given up after its last try; freed
 *
 * Each try is signed anew; the text stays the same. A try that failed is followed by the next one a time limit after its
 * beginning. Events of one recipient are sent in the order in which they happened, each when the one before has ended or
 * waits for its next try.
 */
#ifndef SIM_CALLBACK_H
#define SIM_CALLBACK_H

#include <stdint.h>

#include "tests/sim/event.h"
#include "tests/sim/sim.h"

#define CALLBACK_TIMEOUT_MS   5000   /* WeChat's */
#define CALLBACK_RETRIES      3      /* WeChat's */
#define CALLBACK_RETRIES_MAX  10
#define CALLBACK_CONNECTIONS  100
#define CALLBACK_WAITING_MAX  200000 /* events that have not ended; more are dropped and counted */
#define CALLBACK_REORDER_MS   1000
#define CALLBACK_ANSWER_MS_MAX 20000 /* longer answers are counted as this in the p99 */

struct callbacks;

/* Makes what `sim->options` says. Keeps `sim`. */
struct callbacks *callbacks_new(struct sim *sim);

/* Ends all tries on their way; they are journalled as "ended". */
void callbacks_destroy(struct callbacks **self);

/* Tells the account's address of an event, delay_ms from now. Copies what it needs. The event's number, from 1; 0: the
 * account has no address, or CALLBACK_WAITING_MAX are waiting. */
int64_t callbacks_add(struct callbacks *self, unsigned account, const struct event *event, int64_t delay_ms);

/* The settings of an account; may be changed, for the tries that follow. */
struct hook *callbacks_hook(struct callbacks *self, unsigned account);

/* For events that are added from now on; may be changed. */
struct mood *callbacks_mood(struct callbacks *self);

/* 1 to POST_CONNECTIONS_MAX, from now on. */
void callbacks_set_connections(struct callbacks *self, int connections);

/* Events that could go if there were more connections. */
int64_t callbacks_queued(const struct callbacks *self);

/* Puts the p99 of answers into the counters. */
void callbacks_measure(struct callbacks *self);

/* Tries the account's address as WeChat does when it is entered: a signed GET that must be answered with its echostr. Answers
 * the exchange then. */
void callbacks_check(struct callbacks *self, unsigned account, struct exchange *exchange);

#endif
