/* Whether the store is the one that was opened last, or a copy of what it was once, put in its place: a backup.
 *
 * The file says of itself which one it is: by its inode, and by the number of a commit. A file that was copied has another inode; one
 * that a backup was written over has it still, but counts its commits anew, as LMDB's compact copies do. A store that was moved within
 * its file system stays what it is.
 *
 * Stages that went on while the store was replaced know messages of a time that the copy does not know. Whatever the copy accepts gets
 * numbers that none of those has, so that a late result settles the message that it is of, or nothing.
 */
#include "broker/store_internal.h"

#include "base/log.h"

#define SKIPPED     (1ull << 30) /* seqs: more than are accepted between a backup and its use */
#define SKIP_BEFORE (1ull << 47) /* mega store rescue takes seqs from twice that on for damaged */

void store_settle_in(struct store *s)
{
    uint64_t file, commit;
    engine_identify(s->engine, &file, &commit);
    s->is_copy = 0;
    store_write_number(s, "file", file);
    store_write_number(s, "commit", commit + 1); /* the one that writes this */
}

static void skip_seqs(struct store *s)
{
    int is_indexed = s->indexed == s->next_seq;
    if (s->next_seq >= SKIP_BEFORE)
        return;
    s->next_seq += SKIPPED;
    store_remember_seq(s);
    if (!is_indexed)
        return;
    s->indexed = s->next_seq;
    store_write_number(s, "indexed", s->indexed);
}

void store_find_copy(struct store *s)
{
    uint64_t file, commit, kept_file, kept_commit;
    engine_identify(s->engine, &file, &commit);
    if (store_read_number(s, "file", &kept_file) != STORE_OK || store_read_number(s, "commit", &kept_commit) != STORE_OK) {
        store_settle_in(s);
        return;
    }
    s->is_copy = file != kept_file || commit < kept_commit;
    if (!s->is_copy)
        return;
    skip_seqs(s);
    log_warn("the store is a copy: what its senders were doing at that time is unknown", log_u64("next_seq", s->next_seq));
}

int store_is_copy(const struct store *s)
{
    return s->is_copy;
}
