/* The databases that lead to messages and results: what each of their entries must lead to. */
#include "broker/store_check_internal.h"

/* What a seq is: as much as is needed to say whether an entry belongs to it. */
struct whose {
    enum store_answer answer; /* STORE_DAMAGED: nobody can say */
    struct span account, id, openid, task;
};

static int is_key(struct span found, const struct key *expected)
{
    return span_equal(found, (struct span){expected->bytes, expected->used});
}

/* Whose a message is, settled or not. The result first: it is the smaller one. */
static struct whose whose(struct check *c, uint64_t seq)
{
    struct final f;
    struct message m;
    enum store_answer answer = check_read_final(c, seq, &f);
    if (answer == STORE_OK)
        return (struct whose){STORE_OK, f.account, f.id, f.openid, f.task};
    enum store_answer other = check_read_message(c, seq, &m);
    if (other == STORE_OK)
        return (struct whose){STORE_OK, m.account, m.id, m.openid, m.task};
    if (answer == STORE_DAMAGED || other == STORE_DAMAGED || check_is_set_aside(c, seq))
        return (struct whose){.answer = STORE_DAMAGED};
    return (struct whose){.answer = STORE_NONE};
}

/* --- places ------------------------------------------------------------------------------------------------------- */

/* 1 when this is the key under which the message stands in that database. */
static int is_place_of(enum database db, const struct message *m, struct span key)
{
    struct place place = key_place_of(m);
    struct key held[STORE_HOLDS_MAX], expected;
    if (db == HELD) {
        size_t holds = check_held_keys(m, held);
        for (size_t i = 0; i < holds; i++)
            if (is_key(key, &held[i]))
                return 1;
        return 0;
    }
    if (db != PARKED && db != store_queue_of(m->timed))
        return 0;
    expected = db == PARKED ? key_parked(m) : key_queue(m->account, &place);
    return is_key(key, &expected);
}

static void check_place(struct check *c, enum database db, struct span key)
{
    struct span account, openid;
    struct message m;
    int is_odd = db == HELD     ? !key_is_sound(key, 8 + KEY_TIME_BYTES)
                 : db == PARKED ? key_read_parked(key, &account, &openid) != 0
                                : key_read_queue(key, &account) != 0;
    if (is_odd) {
        check_problem(c, PROBLEM_KEY, db, 0, "a key of %zu bytes", key.bytes);
        return;
    }
    uint64_t seq = key_read_seq(key);
    struct key final = key_seq(seq);
    enum store_answer answer = check_read_message(c, seq, &m);
    if (answer == STORE_NONE)
        check_problem(c, PROBLEM_PLACE, db, seq, "there is no such message");
    else if (answer == STORE_OK && !is_place_of(db, &m, key))
        check_problem(c, PROBLEM_PLACE, db, seq, "the message belongs elsewhere");
    else if (check_has(c, LEDGER, &final) == 1)
        check_problem(c, PROBLEM_PLACE, db, seq, "the message is settled");
}

/* --- ids ---------------------------------------------------------------------------------------------------------- */

static void check_id_entry(struct check *c, struct span key, struct span value)
{
    uint64_t seq, content;
    if (!sound_id_key(key)) {
        check_problem(c, PROBLEM_KEY, IDS, 0, "a key of %zu bytes", key.bytes);
        return;
    }
    if (record_unpack_id(value, &seq, &content)) {
        check_problem(c, PROBLEM_VALUE, IDS, 0, "an id of %zu bytes: its message cannot be found by it", key.bytes);
        return;
    }
    struct whose w = whose(c, seq);
    if (w.answer == STORE_DAMAGED)
        return;
    struct key expected = w.answer == STORE_OK ? key_id(w.account, w.id) : (struct key){.used = 0};
    if (!is_key(key, &expected))
        check_problem(c, PROBLEM_ID, IDS, seq, w.answer == STORE_OK ? "what it leads to has another id" : "there is nothing of it");
}

/* --- ends --------------------------------------------------------------------------------------------------------- */

static void check_end_entry(struct check *c, enum database db, int64_t settled_ms, uint64_t seq)
{
    struct final f;
    struct key key = key_seq(seq);
    enum store_answer answer = check_read_final(c, seq, &f);
    if (answer == STORE_DAMAGED)
        return;
    if (answer == STORE_NONE || f.settled_ms != settled_ms) {
        check_problem(c, PROBLEM_END, db, seq, answer == STORE_NONE ? "there is no such result" : "the result is of another time");
        return;
    }
    int has_message = check_has(c, MESSAGES, &key);
    int is_dead = f.state == STATE_DEAD && has_message;
    if (has_message >= 0 && is_dead != (db == DEAD))
        check_problem(c, PROBLEM_END, db, seq, is_dead ? "the message is dead" : "the message is not dead, or was discarded");
}

static void check_over_entry(struct check *c, enum database db, int64_t ms, uint64_t seq)
{
    struct message m;
    struct key key = key_seq(seq);
    enum store_answer answer = check_read_message(c, seq, &m);
    if (answer == STORE_DAMAGED || (answer == STORE_NONE && check_is_set_aside(c, seq)))
        return;
    if (answer == STORE_NONE)
        check_problem(c, PROBLEM_OVER, db, seq, "there is no such message");
    else if (ms != (db == EXPIRY ? m.expires_ms : m.give_up_ms))
        check_problem(c, PROBLEM_OVER, db, seq, "the message has another time");
    else if (check_has(c, LEDGER, &key) == 1)
        check_problem(c, PROBLEM_OVER, db, seq, "the message is settled");
}

static void check_msgid_entry(struct check *c, int64_t msgid, uint64_t seq)
{
    struct final f;
    enum store_answer answer = check_read_final(c, seq, &f);
    if (answer == STORE_NONE && !check_is_set_aside(c, seq))
        check_problem(c, PROBLEM_INDEX, MSGIDS, seq, "there is no such result");
    else if (answer == STORE_OK && f.msgid != msgid)
        check_problem(c, PROBLEM_INDEX, MSGIDS, seq, "it has another msgid");
}

/* --- recipients and tasks ----------------------------------------------------------------------------------------- */

static void check_index_entry(struct check *c, enum database db, struct span key)
{
    uint64_t seq = key_read_seq(key);
    struct whose w = whose(c, seq);
    if (w.answer == STORE_DAMAGED)
        return;
    if (w.answer == STORE_NONE) {
        check_problem(c, PROBLEM_INDEX, db, seq, "there is nothing of it");
        return;
    }
    struct key expected = db == PEOPLE ? key_person(w.account, w.openid, seq) : key_task(w.account, w.task, seq);
    if (!is_key(key, &expected) || (db == TASKS && w.task.bytes == 0))
        check_problem(c, PROBLEM_INDEX, db, seq, db == PEOPLE ? "it has another recipient" : "it has another task");
}

/* --- small values ------------------------------------------------------------------------------------------------- */

static void check_meta_entry(struct check *c, struct span key, struct span value)
{
    struct span name, blob;
    if (!sound_name_key(key, &name))
        check_problem(c, PROBLEM_KEY, META, 0, "a key of %zu bytes", key.bytes);
    else if (record_unpack_blob(value, &blob))
        check_problem(c, PROBLEM_VALUE, META, 0, "a small value of %zu bytes", value.bytes);
}

/* --- customer-service windows --------------------------------------------------------------------------------------- */

static void check_windows_entry(struct check *c, struct span key, struct span value)
{
    struct span account, openid;
    struct windows w;
    if (key_read_windows(key, &account, &openid))
        check_problem(c, PROBLEM_KEY, WINDOWS, 0, "a key of %zu bytes", key.bytes);
    else if (record_unpack_windows(value, &w))
        check_problem(c, PROBLEM_VALUE, WINDOWS, 0, "windows of %zu bytes: WeChat is asked for their recipient", value.bytes);
}

static void check_format(struct check *c)
{
    struct key key = {.used = 0};
    key_text(&key, span_of("format"));
    if (c->found[META] && check_has(c, META, &key) == 0)
        check_problem(c, PROBLEM_VALUE, META, 0, "there is no format number");
}

/* --- all ---------------------------------------------------------------------------------------------------------- */

static void check_entry(struct check *c, enum database db, struct span key, struct span value)
{
    int is_timed = db == DEAD || db == ENDED || db == EXPIRY || db == PATIENCE || db == MSGIDS;
    if (db == META) {
        check_meta_entry(c, key, value);
    } else if (db == WINDOWS) {
        check_windows_entry(c, key, value);
    } else if (db == IDS) {
        check_id_entry(c, key, value);
    } else if (db >= QUEUE_NOW && db <= HELD) {
        check_place(c, db, key);
    } else if (!key_is_sound(key, is_timed || db == PEOPLE ? KEY_TIME_BYTES : key.bytes)) {
        check_problem(c, PROBLEM_KEY, db, 0, "a key of %zu bytes", key.bytes);
    } else if (is_timed) {
        int64_t ms = (int64_t)key_read_u64(key.data);
        if (db == MSGIDS)
            check_msgid_entry(c, ms, key_read_seq(key));
        else if (db == DEAD || db == ENDED)
            check_end_entry(c, db, ms, key_read_seq(key));
        else
            check_over_entry(c, db, ms, key_read_seq(key));
    } else {
        check_index_entry(c, db, key);
    }
}

void check_entries(struct check *c)
{
    static const enum database dbs[] = {META, QUEUE_NOW, QUEUE_WALL, QUEUE_ORDER, PARKED, HELD,
                                        IDS,  DEAD,      ENDED,      EXPIRY,      PATIENCE, PEOPLE, TASKS, MSGIDS, WINDOWS};
    for (size_t i = 0; i < sizeof dbs / sizeof *dbs; i++) {
        struct check_walk w;
        struct span key, value;
        check_walk_open(c, &w, dbs[i]);
        while (check_walk_next(&w, &key, &value))
            check_entry(c, dbs[i], key, value);
        check_walk_close(&w);
    }
    check_format(c);
}
