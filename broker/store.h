/* The store: every accepted message, every giving-out, every result. The seam behind which an engine sits.
 *
 * Nothing of the engine shows here. All writes between two commits are one transaction: after store_commit returned 0 they are
 * all on disk (fdatasync), after a crash before that none of them is there. Only one thread uses a store.
 *
 * A message is in exactly one place:
 *   queued   in the queue of its account, lane and clock (enum timed), ordered by (due, seq)
 *   parked   set aside behind a call in flight for the same recipient, ordered the same way
 *   held     set aside because its template or task is paused, or its template at its rate, under that hold, ordered by (due, seq)
 *   out      given to a sender; a mark says to whom
 *   settled  only its result is left, in the ledger; of a dead message the message itself is kept as well
 * The first three are "waiting" to the outside.
 *
 * Messages and results are found by id at once. By recipient and by task they are found through an index that follows behind
 * (store_index_step), so that acceptance does not pay for it: whoever searches brings it up to date first.
 *
 * Failures: 0 and -1 as everywhere; -1 of a write or a commit means that the transaction is gone and the promise of the store
 * cannot be kept: the caller ends the process. Values whose checksum is wrong are reported as STORE_DAMAGED and set aside.
 */
#ifndef BROKER_STORE_H
#define BROKER_STORE_H

#include <stdint.h>

#include "base/buf.h"
#include "broker/windows.h"
#include "proto/frontend.h"

struct store;

enum store_state {
    STATE_NONE, /* unknown id */
    STATE_WAITING,
    STATE_OUT,
    STATE_SENT,
    STATE_PENDING,
    STATE_REFUSED,
    STATE_EXPIRED,
    STATE_CANCELLED,
    STATE_DEAD,
    STATE_DELIVERED, /* it was sent, and WeChat's receipt says that it arrived, */
    STATE_BLOCKED,   /* that its recipient refuses such messages, */
    STATE_FAILED     /* or that it could not be delivered. On disk these numbers stand for the states: new ones go to the end */
};

enum store_answer { STORE_OK, STORE_NONE, STORE_EXISTS, STORE_DAMAGED };

/* What makes a waiting message ready. */
enum timed {
    TIMED_NOW,   /* ready at once; due_ms is its place among the others, by the order clock */
    TIMED_WALL,  /* when wall time reaches due_ms: at, in */
    TIMED_ORDER, /* when the order clock, which never runs backwards, reaches due_ms: retries */
    TIMEDS
};

/* Where a message stands in its queue. */
struct place {
    uint64_t seq;
    int64_t due_ms;
    int lane;  /* enum lane */
    int timed; /* enum timed */
};

/* Where a waiting message stands, for people. */
enum standing {
    STANDS_NOWHERE,
    STANDS_QUEUED,
    STANDS_PARKED,
    STANDS_HELD, /* by a pause */
    STANDS_OUT,
    STANDS_PACED /* held by the rate of its template */
};

/* Why messages are set aside: their template or task is paused, or their template is at its rate in their account: one hold
 * for each lane then, so that express ones go before bulk ones there too. */
enum hold_kind { HOLD_TEMPLATE, HOLD_TASK, HOLD_RATE, HOLD_RATE_EXPRESS };

#define STORE_HOLDS_MAX 4 /* that one message can be under: its template anywhere and in its account, its task, its rate */
#define STORE_HOLD_RATE 3 /* the place of the last one among them */

/* A message that is not settled. Spans given to the store are copied; spans read from it are valid until the next write or
 * commit. */
struct message {
    uint64_t seq;            /* order of acceptance, from 1; given by store_append */
    struct span account, id, openid, key, task;
    struct span vars;        /* packed map, or empty */
    uint64_t content;        /* hash of what the caller may not change under the same id */
    int64_t accepted_ms;     /* wall time */
    int64_t due_ms;          /* by the clock that `timed` names */
    int64_t expires_ms;      /* wall time: the end of the ttl of a scheduled one; 0 = never */
    int64_t give_up_ms;      /* order clock: the end of the ttl of others, or when the caller of a Send gives up; 0 = never */
    int lane;
    int timed;               /* enum timed */
    int is_send;             /* 1: a caller waits for the outcome */
    uint32_t turn;           /* how often it was given out */
    uint32_t call;           /* the number in client_msg_id */
    uint32_t calls;          /* HTTP calls made */
    uint32_t failures;       /* turns that ended in a failed call */
    int64_t first_out_ms;    /* order clock: the first giving-out that may have led to a call; 0 = none yet */
    int64_t unknown_since_ms; /* order clock: the first try of this call number whose outcome is unknown; 0 = none */
    int64_t errcode;         /* of the last failure */
    struct span note;        /* what the last failure was, for people */
    struct span fallback;    /* template that it has fallen back to; empty = it goes by `key` */
    struct span tries;       /* packed, see tries.h: its earlier calls; empty = none failed yet */
};

/* Who has a message that is out. */
struct mark {
    uint64_t seq;
    uint64_t generation;
    uint64_t sender;    /* epoch of the sender */
    int64_t out_ms;     /* order clock */
    uint32_t turn;
    int begun;          /* 1: of a kind that WeChat does not de-duplicate, and its sender was told that it may call */
};

/* What became of a message. */
struct final {
    uint64_t seq;
    enum store_state state; /* SENT to FAILED */
    enum code code;
    int64_t errcode, msgid;
    uint32_t calls;
    int64_t accepted_ms, due_ms, settled_ms; /* wall time, but for the due time of what was not scheduled: order clock */
    struct span message;
    struct span account, id, openid, key, task;
    struct span fallback; /* as in struct message */
    struct span tries;    /* likewise: the calls before the one whose result this is */
    int64_t received_ms;  /* wall time of WeChat's receipt, as it says; 0 = there is none */
};

struct store_counts {
    uint64_t queued[TIMEDS]; /* by the clock that makes them ready */
    uint64_t parked, held, out, settled, dead, damaged;
};

/* A way through the messages and results, resumed by its own members: no transaction is kept between two steps. */
enum walk_path {
    WALK_LIVE,      /* everything that is not settled, and the dead, in the order of acceptance */
    WALK_RECIPIENT, /* of one recipient: `account` and `openid`; settled or not, in the order of acceptance */
    WALK_TASK,      /* of one task: `account` and `task`; likewise */
    WALK_DEAD,      /* dead ones, by the time of their end */
    WALK_SETTLED    /* settled ones but the dead, by the time of their end */
};

struct walk {
    enum walk_path path;
    struct span account, openid, task; /* the caller's; must stay valid while it is used */
    int64_t from_ms; /* DEAD, SETTLED: goes on at (from_ms, from_seq) of settled_ms and seq */
    uint64_t from_seq;
};

/* All that is known of one message. */
struct found {
    enum store_state state;
    enum standing standing; /* of one that waits or is out */
    int has_message;        /* 1: `m` is filled: not settled, or dead */
    struct message m;
    struct final f;         /* filled when it is settled */
    struct mark mark;       /* filled when it is out */
};

/* Opens or makes the store in `dir` (made when missing, 0770). Returns NULL with a message in `error`; a second process on
 * the same store is such an error. */
struct store *store_open(const char *dir, uint64_t bytes_max, struct buf *error);
void store_close(struct store **self);

/* 1 when the store is a copy of what another one was at some time: a backup that was restored. What was out then may have been called
 * since. Stays so, over restarts too, until store_settle_in. */
int store_is_copy(const struct store *s);

/* Nothing depends on it any more that the store was a copy: from the next commit on it is the store. */
void store_settle_in(struct store *s);

/* Makes everything written since the last commit durable. Costs nothing when nothing was written. */
int store_commit(struct store *s);

/* Adds a waiting message and sets m->seq. STORE_EXISTS: the id is known to the account; nothing was written. Writes report
 * no failure of the engine: it is logged, the transaction is given up, and store_commit says -1. */
enum store_answer store_append(struct store *s, struct message *m);

/* Looks an id up. STORE_OK with `state`, and either `m` (WAITING, OUT) or `f` filled; STORE_NONE. */
enum store_answer store_find(struct store *s, struct span account, struct span id, enum store_state *state,
                             struct message *m, struct final *f, uint64_t *content);

/* The first message in an account's queue of that lane and clock, whether or not it is due. STORE_NONE: none. */
enum store_answer store_first(struct store *s, struct span account, int lane, int timed, struct place *place);

/* The first message parked for a recipient. */
enum store_answer store_first_parked(struct store *s, struct span account, struct span openid, struct place *place);

enum store_answer store_read(struct store *s, uint64_t seq, struct message *m);

/* Takes a damaged message out of its place and keeps its bytes for a person; called when store_read of a place said
 * STORE_DAMAGED or STORE_NONE. `openid` is the recipient it is parked for; empty when it stands in the queue or is out. */
void store_set_aside(struct store *s, struct span account, struct span openid, const struct place *place);

/* queued or parked -> out. Only the mark is written: the mark's turn counts, and the message itself is brought up to date when
 * it is put back. */
void store_take(struct store *s, const struct message *m, const struct mark *mark);

/* Writes the mark of a message that is out anew. */
void store_mark(struct store *s, const struct mark *mark);

/* Writes what changed in a message, wherever it stands; not its place. */
void store_update(struct store *s, const struct message *m);

/* queued -> parked. */
void store_park(struct store *s, const struct message *m);

/* The name of a hold. It is made of what it is for alone, so a message's possible holds are known from the message: its template
 * in any account (`account` empty), its template in its account, its task, the rate of its template in its account. */
uint64_t store_hold_name(enum hold_kind kind, struct span account, struct span name);

/* All holds that the message can be under, in that order. */
void store_holds_of(const struct message *m, uint64_t holds[STORE_HOLDS_MAX]);

/* The template that the message goes by: its fallback once it has fallen back, else its key. */
struct span message_template(const struct message *m);

/* Reads the message that stands first in a hold. Returns 1 when it is held by the rate of its template, 0 when it is not, or when there
 * is none that can be read. */
int store_is_rate_hold(struct store *s, uint64_t hold, struct message *first);

/* queued or parked -> held. */
void store_hold(struct store *s, const struct message *m, uint64_t hold);

/* The first message of a hold, by (due, seq); only these two are set. */
enum store_answer store_first_held(struct store *s, uint64_t hold, struct place *place);

/* The first hold, by name, at or behind `from` that has messages. */
enum store_answer store_next_hold(struct store *s, uint64_t from, uint64_t *hold);

/* Messages of a hold; counting stops at `limit`. */
uint64_t store_count_held(struct store *s, uint64_t hold, uint64_t limit);

/* held -> queued, at most `budget` of a hold, the first ones first; or -> parked, where others of its recipient and lane are parked
 * that stand behind it. Damaged ones are set aside. Returns how many were looked
 * at: less than the budget when the hold is empty now. */
size_t store_release(struct store *s, uint64_t hold, size_t budget);

/* out -> queued, with what changed in `m` (place, turn, call, failures, note). Its expiry is found again, even if it was
 * forgotten. */
void store_put_back(struct store *s, const struct message *m);

/* Wherever it stands -> settled. Of a dead one the message is kept. */
void store_settle(struct store *s, const struct message *m, const struct final *f);

/* dead -> queued, as `m` says; its result is taken back. */
void store_requeue(struct store *s, const struct message *m);

/* A dead message whose true result has come after all: settled with that, its message goes. */
void store_revise_dead(struct store *s, const struct message *m, const struct final *f);

/* Removes the message of a dead one and keeps its result, which ages from then on as any other. Returns 0, or -1 when the
 * message is none. */
int store_discard_dead(struct store *s, uint64_t seq);

/* The two clocks by which a message can be over: expires_ms by wall time, give_up_ms by the order clock. */
enum over { OVER_EXPIRED, OVER_GIVEN_UP };

/* The first message whose time by that clock is at or before now_ms. */
enum store_answer store_first_over(struct store *s, enum over clock, int64_t now_ms, uint64_t *seq);

/* Takes the first entry out of that index, which was just found, and leaves its message alone. */
void store_forget_first_over(struct store *s, enum over clock);

/* Calls `each` for every mark, for every recipient with parked messages. At the start only: the number of both is bounded
 * by the slots. `each` may put back what it is shown; damaged parked messages are set aside. Returns 0 or -1. */
int store_each_mark(struct store *s, void (*each)(void *self, const struct mark *mark, const struct message *m), void *self);
int store_each_parked(struct store *s, void (*each)(void *self, const struct message *first), void *self);

/* Removes at most `budget` ledger entries (and their ids and index entries) settled before `before_ms`, the oldest first. Dead
 * messages are kept until they are discarded. Returns the number removed. */
size_t store_purge(struct store *s, int64_t before_ms, size_t budget);

/* --- customer-service windows --------------------------------------------------------------------------------------- */

/* STORE_NONE: nothing is known of the recipient; STORE_DAMAGED: nor is it then, and the next writing mends it. */
enum store_answer store_windows_read(struct store *s, struct span account, struct span openid, struct windows *w);
void store_windows_write(struct store *s, struct span account, struct span openid, const struct windows *w);

/* Looks at `budget` records at most, where the last call stopped, from the beginning again behind the last one, and removes those that are
 * old or damaged. Returns how many it removed. */
size_t store_windows_purge(struct store *s, int64_t now_ms, size_t budget);

/* --- finding ------------------------------------------------------------------------------------------------------ */

/* The next message on a walk: its seq, and the walk goes on behind it. STORE_NONE at the end. */
enum store_answer store_walk_next(struct store *s, struct walk *w, uint64_t *seq);

/* Everything about one message. STORE_NONE: purged, or never there; STORE_DAMAGED. */
enum store_answer store_look(struct store *s, uint64_t seq, struct found *found);

/* The seq behind an id. STORE_NONE, STORE_DAMAGED. */
enum store_answer store_find_seq(struct store *s, struct span account, struct span id, uint64_t *seq);

/* A result by WeChat's msgid. STORE_NONE: there is none, or it was written by a version that did not list it. */
enum store_answer store_find_msgid(struct store *s, struct span account, struct span openid, int64_t msgid, struct final *f);

/* The results of a recipient, those accepted last first: *before, at first UINT64_MAX, becomes the seq of what is looked at. What is not
 * indexed yet is not met. STORE_OK with `f`; STORE_EXISTS: no result, or another recipient's, go on; STORE_NONE: the end. */
enum store_answer store_walk_back(struct store *s, struct span account, struct span openid, uint64_t *before, struct final *f);

/* Writes a result anew that a receipt has changed: state, code, errcode, msgid, message, received_ms. */
void store_receive(struct store *s, const struct final *f);

/* The latest end among the dead ones; -1 when there are none. */
int64_t store_last_dead_ms(struct store *s);

/* Brings the index of recipients and tasks on by at most `budget` messages. Returns how many it looked at, 0 when it is up to
 * date. */
size_t store_index_step(struct store *s, size_t budget);

/* Messages that were accepted and are not in the index yet, at most; of those before `until_seq` alone. */
uint64_t store_index_left(struct store *s);
uint64_t store_index_left_before(struct store *s, uint64_t until_seq);

/* The seq that the next accepted message gets. */
uint64_t store_next_seq(const struct store *s);

/* Queued messages of that clock that are due at or before now_ms, of all accounts and lanes; counting stops at `limit`. */
uint64_t store_count_due(struct store *s, int timed, int64_t now_ms, uint64_t limit);

/* Small named values: members, generation, template keys. The span is valid until the next write. */
enum store_answer store_meta_read(struct store *s, const char *name, struct span *value);
void store_meta_write(struct store *s, const char *name, struct span value);

struct store_counts store_counts(struct store *s);

/* The largest due_ms among the messages of TIMED_NOW, for a clock that never runs backwards. */
int64_t store_last_order_ms(struct store *s, struct span account);

/* Bytes of the store in use, and what it may grow to. */
uint64_t store_bytes_used(struct store *s);

/* Bytes that were never used yet. */
uint64_t store_bytes_unused(struct store *s);

/* The longest piece of what was freed, in bytes, looked for no further than `enough`. A longer value needs one piece. */
uint64_t store_bytes_in_row(struct store *s, uint64_t enough);

/* Bytes free on the store's disk; UINT64_MAX when that cannot be told. */
uint64_t store_disk_free(struct store *s);

/* Forgets readers (of a backup, a check) that ended without saying so: they would keep space from being reused. */
void store_forget_dead_readers(struct store *s);

const char *store_state_name(enum store_state state);

#endif
