/* Whose requests are served next: fairness between the clients of the frontend. Pure: takes times as arguments, knows no socket.
 *
 * DESIGN. A ROUTER gives one message of each peer in turn, whatever is in it, and tells nobody how much a peer still has. So messages
 * are kept here, a queue for each client, and served in turns of a bounded number of requests, first come first served within a client.
 * What is read is only what is needed: as long as a client has its share of a turn waiting here, the rest of it stays in its connection,
 * where it slows the client down.
 *
 *   fair    all fair ones have equal shares of a turn
 *   held    took more than a sixth of the time beside others: has its part of the greedy ones' time, until it is seen whether it waits
 *           for its answers. Of who does no more waits 0.1 s later than before: it is fair, and not held again for 2 s, then
 *           4 s, up to 30 s
 *   greedy  has CLIENTS_GREEDY_BYTES waiting, although others want something too: it does not wait for answers. It is fair again when
 *           little of it waited for a second, and nothing does now
 *
 * As long as fair ones are at work, all held and greedy ones together have a tenth of the time. So a flood that is served as fast as it
 * comes, of which nothing waits, shows for what it is.
 *
 * Nobody is held or greedy while he is alone: shares matter only where others want something. What a client brings beyond kept_bytes_max is
 * refused; that comes only while others are being read, too.
 */
#ifndef BROKER_CLIENTS_H
#define BROKER_CLIENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define CLIENTS_TURN_WORK    4096              /* requests of a turn, as far as is known before they are read */
#define CLIENTS_GREEDY_BYTES (8u * 1024 * 1024) /* more than any client with a window has unanswered: a gateway at most half of it */
#define CLIENTS_ALL_BYTES    (256u * 1024 * 1024) /* kept of all: beyond, greedy ones are refused */
#define CLIENTS_IDLE_US      10000000          /* a client that nothing was heard of for so long, and that waits for nothing, is forgotten */
#define CLIENTS_SLICE        128               /* requests of one client before the next one has its turn */
#define CLIENTS_GREEDY_SLICE 32                /* of a greedy one: who comes meanwhile waits for no more */

/* One frame that waits; the first member of what its owner keeps. */
struct parcel {
    struct parcel *next;
    size_t bytes;  /* that it counts for, its own memory included */
    uint32_t work; /* requests in it, estimated */
};

struct client {
    struct parcel *first, *last;
    size_t bytes;       /* of all that waits */
    size_t work;        /* likewise */
    uint32_t waiting;   /* callers of it who wait for an outcome (waiters.h) */
    int is_greedy;      /* greedy, or held */
    int64_t greedy_us;  /* half a turn's work of it waited last then */
    int64_t trusted_us; /* not held until then, */
    int64_t trust_us;   /* so long after it was last seen to wait for answers; 0 = it was not, yet */
    size_t look_bytes;  /* of a held one: waiting at the last look */
    uint64_t look;      /* at which `used` was 0 */
    size_t used;        /* work served since then; of an earlier look it does not count */
    int is_queued;      /* stands in one of the lines */
    struct client *behind; /* in its line */
    uint64_t turn;      /* in which read_bytes were read */
    size_t read_bytes;
    int64_t seen_us;
    int64_t allowance;  /* millionths of requests that its rate allows now */
    int64_t allowed_us; /* when that was reckoned */
};

struct clients_rules {
    size_t kept_bytes_max; /* of one client */
    uint32_t rate_per_s;   /* requests of one client; 0 = no limit */
};

struct clients;

struct clients *clients_new(void);

/* Before anything else; again when the rules are others. */
void clients_configure(struct clients *c, const struct clients_rules *rules);

/* Parcels are given to `drop` first. */
void clients_destroy(struct clients **self, void (*drop)(struct parcel *p));

/* A turn begins: what is read and served until the next call is of this time (monotonic). Forgets who is idle. */
void clients_begin(struct clients *c, int64_t now_us);

/* The client of that name (a CURVE name, or the connection). It lives until nothing is kept of it, it waits for nothing and was idle
 * for CLIENTS_IDLE_US. */
struct client *clients_find(struct clients *c, struct span name);

/* 1 when one more message may be kept; 0: it is to be refused. */
int clients_take(const struct clients *c, const struct client *who);

/* Keeps a frame behind the others of the client; it is the clients' until clients_pop. */
void clients_keep(struct clients *c, struct client *who, struct parcel *p);

/* A whole message of the client was read. Returns 1 when another one should be read in this turn, from whomever it comes. */
int clients_read_on(struct clients *c, const struct client *who);

/* The client whose slice is next: it leaves its line, and comes back with clients_served. NULL: nobody may be served now. */
struct client *clients_next(struct clients *c);

/* Its first parcel was served and is the caller's now. */
struct parcel *clients_pop(struct clients *c, struct client *who);

/* Its slice is over: so much work was done (as in a parcel), `us` it took, counted for greedy ones. */
void clients_served(struct clients *c, struct client *who, size_t work, int64_t us);

/* The turn is over: serving took `busy_us`, the commit included, of which `greedy_us` are the greedy ones' part of the commit. */
void clients_charge(struct clients *c, int64_t busy_us, int64_t greedy_us);

/* Whether one more request of the client is within its rate; counts it. */
int clients_rate_allows(struct clients *c, struct client *who);

/* Microseconds until somebody may be served: 0 = now, INT64_MAX = nothing is kept. */
int64_t clients_wait_us(const struct clients *c);

/* Work of greedy ones that may be done in this turn; what has no bound of this kind is SIZE_MAX. */
size_t clients_greedy_max(const struct clients *c);

size_t clients_count(const struct clients *c);
size_t clients_greedy_count(const struct clients *c);
size_t clients_kept_bytes(const struct clients *c);

#endif
