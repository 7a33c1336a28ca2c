/* What the files of the salvage share. Included by store_salvage*.c alone. */
#ifndef BROKER_STORE_SALVAGE_INTERNAL_H
#define BROKER_STORE_SALVAGE_INTERNAL_H

#include "broker/store_internal.h"
#include "broker/store_salvage.h"
#include "broker/store_sound.h"
#include "broker/store_tree.h"
#include "proto/limits.h"

#define SALVAGE_COMMIT_BYTES (16u * 1024 * 1024)
#define SALVAGE_SEQ_MAX      (1ull << 48) /* a key has no checksum: what is beyond was changed, and would use the numbers up */
#define SALVAGE_NOWHERE      UINT64_MAX   /* behind every seq */
#define SALVAGE_ACCOUNTS_MAX 256 /* as many as a configuration has */
#define SALVAGE_SENDERS_MAX  256 /* FENCE_MEMBERS_MAX */

struct salvage_account {
    char name[ACCOUNT_BYTES_MAX + 1];
    uint64_t live; /* messages that are not settled */
};

struct salvage {
    struct store_file *from;
    struct store *s; /* the new one */
    const struct salvage_report *report;
    struct salvage_result *result;
    struct page_tree trees[DATABASES];
    int found[DATABASES];
    int is_whole[DATABASES]; /* 1: every entry of its tree can be reached */
    int are_places_whole;    /* 1: what stands nowhere stood nowhere */
    int is_stopped;
    int64_t now_ms;          /* wall time */
    uint64_t strays;         /* records that were put behind all seqs: another one has theirs */
    uint64_t homeless;       /* messages whose id leads nowhere */
    uint64_t pending_bytes; /* written since the last commit */
    char *page_bytes;       /* a copy of the page that is looked at */
    struct buf value;
    struct salvage_account accounts[SALVAGE_ACCOUNTS_MAX];
    size_t account_count;
    uint64_t senders[SALVAGE_SENDERS_MAX]; /* epochs of the marks that were kept */
    size_t sender_count;
};

/* An old entry: its key, and its value, which may be in pages of its own. */
struct salvage_entry {
    struct span key, value;
    int is_value_lost; /* 1: it could not be read */
    int is_old;        /* 1: of a page that is known to be free */
};

/* What is looked for in a round through pages. */
enum salvage_round {
    ROUND_SURE,           /* everything, in the pages that are in use */
    ROUND_UNSURE_MESSAGES, /* in the pages of which nobody knows */
    ROUND_UNSURE_RESULTS,
    ROUND_UNSURE_IDS
};

/* Commits when there is enough, and asks whether to go on. Returns 0 or -1. */
int salvage_step(struct salvage *v, const char *verb, uint64_t done, uint64_t total);

/* Writing to the new store. */
void salvage_put(struct salvage *v, enum database db, const struct key *key, struct span value);
int salvage_put_new(struct salvage *v, enum database db, const struct key *key, struct span value); /* 1: it was not there */
int salvage_has(struct salvage *v, enum database db, const struct key *key);

/* The entry of an account, made when there is none; NULL when there are SALVAGE_ACCOUNTS_MAX. */
struct salvage_account *salvage_account_of(struct salvage *v, struct span name);

/* Marks a message as given out to nobody knows whom: its turn is over as soon as a fence closes. */
void salvage_mark_unknown(struct salvage *v, uint64_t seq, uint32_t turn);

/* 0 when the message is scheduled for a time to come: then it was not given out. */
int salvage_may_have_gone(const struct salvage *v, const struct message *m);

/* The seq that an id of the new store leads to; 0 = none. */
uint64_t salvage_seq_of(struct salvage *v, struct span account, struct span id);

/* store_salvage_names.c. Finds the trees of the databases without a meta page. Returns 0, or -1 when there are none. */
int salvage_find_names(struct salvage *v);

/* store_salvage_entry.c. salvage_has_news: 1 when a round through unsure pages may find something. */
int salvage_has_news(const struct salvage *v, enum salvage_round round);
void salvage_take(struct salvage *v, const struct salvage_entry *e, enum salvage_round round);

/* store_salvage_seq.c. Puts each record under the seq that it belongs to. Returns 0 or -1. */
int salvage_seqs(struct salvage *v);

/* store_salvage_mend.c. Returns 0 or -1. */
int salvage_mend(struct salvage *v);

/* An id that leads here is left as it is. `content` is that of the message, NULL when only the id can tell. */
void salvage_write_id(struct salvage *v, const struct key *id, uint64_t seq, const uint64_t *content);

/* The first seq at or behind this one in a database; SALVAGE_NOWHERE when there is none. */
uint64_t salvage_next_seq(struct salvage *v, enum database db, uint64_t seq);

/* Everything under a seq, in their order. Returns 0 or -1. */
int salvage_each_seq(struct salvage *v, const char *verb, void (*each)(struct salvage *v, uint64_t seq));

/* store_salvage_values.c. Returns 0 or -1. */
int salvage_values(struct salvage *v);

#endif
