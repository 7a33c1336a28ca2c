/* The broker: takes messages in, keeps them, gives them out, settles them.
 *
 * DESIGN. One thread, one loop. A turn of the loop takes what the sockets hold (bounded), decides what goes out, writes it all in
 * one transaction, commits, and only then answers and gives out. The busier it gets, the larger the commit.
 *
 *   frontend.c   requests of callers                    outbox.c     what goes out after the commit
 *   intake.c     reads them, client by client           clients.c    whose requests are next, pure
 *   control.c    messages of the stages, the fence      waiters.c    callers who wait for an outcome
 *   dispatch.c   which message goes out next            recipients.c one call per recipient
 *   life.c       what becomes of a message              ring.c       stages and jobs that are out
 *   tset.c       templates being read again             keys.c       templates that exist
 *   accounts.c   what holds an account back             pauses.c     what an operator holds back
 *   pace.c       an account's rate, pure                template_rates.c  templates that are at their rate
 *   operator.c, status.c  questions of operators        sweep.c      changes of many messages, piece by piece
 *   entry.c      messages as operators see them         figures.c    counts and rates
 *   receive.c    what WeChat tells of sent messages     receipts.c   which message that is about
 *   delivery.c   counts of that by template
 *   reasons.c    why messages died and were refused     refusals.c   requests that were refused, and why
 *   indexing.c   when the index of recipients follows  window.c   customer-service windows of recipients
 *   audit_log.c  who changed what                        message_log.c what the log says of single messages
 *   trouble.c    what a failed call means for others    stops.c      accounts that WeChat has stopped
 *   fence.c, verdict.c  the decisions, pure             store.c      the disk
 *
 * A failed commit ends the process: nothing that was not durable has been said, and a restart begins from the disk.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include "base/audit.h"
#include "base/curve_guard.h"
#include "base/program.h"
#include "broker/accounts.h"
#include "broker/clients.h"
#include "broker/delivery.h"
#include "broker/departed.h"
#include "broker/figures.h"
#include "broker/keys.h"
#include "broker/outbox.h"
#include "broker/pauses.h"
#include "broker/reasons.h"
#include "broker/recipients.h"
#include "broker/refusals.h"
#include "broker/ring.h"
#include "broker/stops.h"
#include "broker/store.h"
#include "broker/sweep.h"
#include "broker/template_rates.h"
#include "broker/tset.h"
#include "broker/waiters.h"
#include "proto/histogram.h"
#include "proto/id_maker.h"

struct broker {
    const struct conf *conf;
    struct program *program;
    void *frontend, *control, *jobs; /* zsocks */
    struct curve_guard *guard; /* of all three */
    struct monitor *jobs_monitor;
    struct store *store;
    struct audit *audit;
    const void *reading;   /* zmq_msg_t of the message that is being read */
    int reads_curve;       /* 1: from a socket under CURVE */
    struct keys *keys;
    struct outbox *outbox;
    struct clients *clients;
    struct waiters *waiters;
    struct recipients *recipients;
    struct ring ring;
    struct tset_list tsets;
    struct accounts accounts;
    struct pauses *pauses;
    struct stops *stops;
    struct template_rates *template_rates;
    struct figures *figures;
    struct reasons *reasons;
    struct delivery *delivery;
    struct refusals refusals;
    struct histogram lag;     /* from due to given out */
    struct histogram commits; /* duration of those that wrote something */
    struct sweeps sweeps;
    struct departed departed;
    struct {
        uint64_t steps;     /* since the broker's start */
        int64_t step_ms;    /* the last one: how far the wall clock went */
        int64_t stepped_ms; /* monotonic: when */
    } clock;
    uint64_t epoch;        /* of this start of the broker */
    int64_t began_ms;      /* monotonic: of its start */
    int64_t now_ms;        /* wall time of this turn */
    int64_t mono_ms;       /* monotonic time of this turn */
    int64_t order_ms;      /* the order clock: began as wall time with the store, and only runs on, as fast as time does */
    int64_t order_kept_ms; /* what the store was told of it */
    int order_used;        /* 1: something of this turn has its place by it */
    int64_t purge_from_ms; /* monotonic: nothing is purged before */
    int requests;          /* of callers, served in this turn */
    size_t read_bytes;     /* of callers' messages, in this turn */
    int refused_ahead;     /* requests that were not kept, answered one by one since refused_ms */
    int64_t refused_ms;    /* monotonic */
    int asks;              /* of operators, likewise */
    int64_t busy_ms;       /* monotonic: a message or a result came last then */
    int64_t indexed_ms;    /* monotonic: the index took part in a turn last then */
    int64_t hurried_ms;    /* monotonic: a receipt has brought the index on last in the turn of then */
    uint64_t turn_seq;     /* what was accepted before this turn is below */
    size_t work, greedy_work; /* of callers, done in this turn: of all, of greedy ones (clients.h) */
    int64_t serving_us;    /* that it took */
    int64_t commit_us;     /* duration of a commit that wrote something, smoothed: for people */
    struct id_maker ids;   /* of messages whose callers give none */
    const char *closed;    /* why new messages are not accepted (a constant text), or NULL */
    enum refusal closed_why;  /* the same as a figure */
    int may_index;         /* 0: what is left of the store is kept for results */
    const char *closed_for_long; /* why new messages with long variables are not, or NULL */
    int64_t next_check_ms; /* monotonic: disk space and ledger are looked at then */
    uint64_t unchecked_bytes; /* accepted since disk space was looked at */
    int64_t fence_again_ms;   /* monotonic: one more fence then, once none is open; 0 = none is due */
    int stopping;          /* TERM came: nothing more is given out */
    int64_t stop_by_ms;    /* monotonic */
    struct buf scratch;    /* of whoever needs it within one function */
    struct buf tries;      /* of the message whose report is dealt with */
};

/* Opens the store and binds the sockets. NULL when that fails; the reason is logged. */
struct broker *broker_new(struct program *program);
void broker_destroy(struct broker **self);

/* Runs until TERM. Returns the exit status: 0, or 1 when the store failed. */
int broker_run(struct broker *b);

/* --- the parts; each function belongs to the file named -------------------------------------------------------------- */

/* intake.c: reads requests and serves a turn's worth. */
void frontend_receive(struct broker *b);

/* The turn was committed, which took so long: it counts for those who were served. */
void intake_charge(struct broker *b, int64_t commit_us);

/* Forgets the clients and what they sent. */
void intake_destroy(struct broker *b);

/* frontend.c: does the first request of what is left of a frame. Returns its bytes. */
size_t frontend_take(struct broker *b, struct caller *to, struct span rest);

/* Answers a request that is refused. */
void frontend_refuse(struct broker *b, const struct caller *to, struct span id, enum refusal why, const char *message);

/* NULL when the broker can accept and send now, else what is missing. */
const char *frontend_unready(struct broker *b);

/* receive.c: a receipt of WeChat for a message that was sent. */
void receive_on_receipt(struct broker *b, const struct caller *to, const struct request *r);

/* indexing.c: brings the index of recipients and tasks on when there is time; at most `budget` messages of it for a search that
 * waits, within a few ms; and how long until there is time, INT64_MAX when nothing is to be done. */
void indexing_follow(struct broker *b);
void indexing_hurry(struct broker *b, size_t budget);
int64_t indexing_wait_ms(const struct broker *b);

/* control.c: reads what the stages say; then what follows from time: silence, a fence that closes. */
void control_receive(struct broker *b);
void control_tick(struct broker *b);

/* Something of the ring was lost: a new generation, and everybody is asked. */
void control_fence(struct broker *b, const char *why);

/* dispatch.c: gives out what can go. */
void dispatch_ready(struct broker *b);

/* Looks for messages at the start: all accounts. Marks and parked recipients are read from the store. */
int dispatch_restore(struct broker *b);

/* Milliseconds until something may become ready, at most `limit_ms`. */
int dispatch_wait_ms(struct broker *b, int limit_ms);

/* A message of the account waits in the queue now: it is looked at when it is due. */
void dispatch_wake(struct broker *b, size_t account, int timed, int64_t due_ms);

/* How long the oldest message that could go has been due, those of paused accounts left out; 0 = none is. */
int64_t dispatch_oldest_ms(struct broker *b);

/* Pauses have changed: which accounts are held back by them. */
void dispatch_find_paused(struct broker *b);

/* life.c: what to do with a message whose time is over: expired by its ttl, or given up by the caller of a Send. 1 when it was
 * settled. */
int life_end_if_over(struct broker *b, const struct message *m);

/* A stage's report on a job. */
void life_on_report(struct broker *b, const struct outcome_report *report);

/* Settles whatever the fence has left without an owner. Call when it has closed. */
void life_after_fence(struct broker *b);

/* Settles a message that is not out, or whose out was removed by the caller. `note` is for people. */
void life_settle(struct broker *b, const struct message *m, enum store_state state, enum code code, struct span note);

/* Settles messages whose time is over, a bounded number. */
void life_expire(struct broker *b);

/* A sender asks to begin a call of a kind that WeChat does not de-duplicate. Returns 1 when it may: its mark says so then. */
int life_may_begin(struct broker *b, uint64_t sender, uint64_t seq, uint32_t turn);

/* A dead message goes back to the queue, as if it had just been accepted; `ttl_ms` from now, 0 = none. */
void life_requeue(struct broker *b, const struct message *m, int64_t ttl_ms);

/* A message that cannot be read is taken out of its place, counted and told. */
void life_set_aside(struct broker *b, size_t account, struct span openid, const struct place *place);

/* Settles a message that waits as WeChat's answer with that errcode would, without a call, or lets it fall back. `why`: for people. */
void life_refuse_unasked(struct broker *b, struct message *m, int64_t errcode, const char *why);

/* window.c: a caller tells what a recipient did. */
void window_on_request(struct broker *b, const struct caller *to, const struct request *r);

/* Why a customer-service message is not tried now: WeChat's errcode, and in *why a constant text. 0: it may be, or nothing is known. */
int64_t window_errcode_of(struct broker *b, size_t account, const struct message *m, const char **why);

/* What is to be counted once a message is settled, by which time its spans are gone. */
struct window_note {
    size_t account;
    struct span openid;
    int64_t asked_ms; /* wall time when it was given out */
    int64_t errcode;  /* 0: it was sent */
    char bytes[OPENID_BYTES_MAX];
};

/* Notes what a report on a message tells of its recipient's windows. Returns 0 when it tells nothing of them. window_count counts it, in
 * the same transaction as the message's end. */
int window_note(const struct broker *b, const struct message *m, const struct outcome_report *report, int64_t asked_ms,
                struct window_note *note);
void window_count(struct broker *b, const struct window_note *note);

/* The windows of a recipient for operators, an array of maps. Returns 0, or -1 when nothing is known of him. */
int window_pack(struct broker *b, size_t account, struct span openid, struct buf *out);

/* trouble.c: what the report on a job that is out means for its account. Returns 1 when the message steps back (stops_on_report). */
int trouble_on_report(struct broker *b, const struct out *o, const struct outcome_report *report);

/* The same for its template. */
void trouble_with_template(struct broker *b, size_t account, const struct message *m, const struct outcome_report *report);

/* The template was read again by tset, or resumed without an account: where WeChat has stopped it its messages go. Returns in how many
 * accounts that was. */
size_t trouble_lift_template(struct broker *b, struct span key);

/* operator.c: an ask of an operator, from the control socket. */
void operator_on_ask(struct broker *b, const char *name, struct span packed);

/* status.c: the state of everything, one map; what is paused, an array of maps. */
void status_pack(struct broker *b, struct buf *out);
void status_pack_pauses(struct broker *b, struct buf *out);

/* The map of one account, as it stands in the status. */
void status_pack_account(struct broker *b, size_t account, struct buf *out);

/* Fills a result with what is known of a message: of one that waits, or of one that is settled. */
struct result life_result_of(enum store_state state, const struct message *m, const struct final *f);

#endif
