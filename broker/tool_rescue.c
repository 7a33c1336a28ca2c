/* Makes a new store of what can be read of a damaged one. The old one is only read. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "broker/store_salvage.h"
#include "broker/tool.h"

#define PRINT_MAX       100              /* ranges; the rest is counted. Every lost message is named */
#define STORE_BYTES_MIN (64ull << 30)    /* the default of store_size */
#define MAP_BYTES_MAX   (1ull << 46)     /* what the meta page of a damaged store says may be anything */

struct rescue {
    const struct tool_options *options;
    struct tool_stop stop;
    struct tool_progress progress;
    struct tool_folder folder;
    struct store_file *from;
    int lock_fd;
    uint64_t ranges; /* told so far */
    struct salvage_result result;
    struct buf error;
};

/* --- what the salvage tells --------------------------------------------------------------------------------------- */

/* Ids come from outside: what is not printable ASCII is written as \xHH. */
static void append_plain(struct span text, struct buf *out)
{
    for (size_t i = 0; i < text.bytes; i++)
        if (text.data[i] >= ' ' && text.data[i] <= '~')
            buf_append(out, text.data + i, 1);
        else
            buf_printf(out, "\\x%02x", (unsigned char)text.data[i]);
}

static void on_lost(void *self, struct span account, struct span id, uint64_t seq, int has_bytes)
{
    struct rescue *r = self;
    struct buf name = {0}, text = {0};
    tool_progress_end(&r->progress);
    append_plain(account, &name);
    append_plain(id, &text);
    if (r->options->json) {
        struct buf escaped = {0};
        json_escape(buf_span(&text), &escaped);
        printf("{\"lost\":\"%s\",\"app\":\"%s\",\"seq\":%" PRIu64 ",\"bytes_kept\":%s}\n", buf_str(&escaped), buf_str(&name), seq,
               has_bytes ? "true" : "false");
        buf_free(&escaped);
    } else {
        printf("lost: id %s of account %s, seq %" PRIu64 "%s\n", buf_str(&text), buf_str(&name), seq,
               has_bytes ? "; its bytes are set aside" : "");
    }
    buf_free(&name);
    buf_free(&text);
}

static void on_range(void *self, enum database db, uint64_t from, uint64_t to)
{
    struct rescue *r = self;
    const char *what = db == MESSAGES ? "messages" : "results";
    if (r->ranges++ >= PRINT_MAX)
        return;
    tool_progress_end(&r->progress);
    if (r->options->json)
        printf("{\"damaged\":\"%s\",\"from\":%" PRIu64 ",\"to\":%" PRIu64 "}\n", what, from, to == UINT64_MAX ? 0 : to);
    else if (to == UINT64_MAX)
        printf("a damaged page leads to %s from seq %" PRIu64 " on; what lies in whole pages is found all the same\n", what, from);
    else
        printf("a damaged page leads to %s with seq %" PRIu64 " to %" PRIu64 "; what lies in whole pages is found all the same\n",
               what, from, to);
}

static int on_step(void *self, const char *verb, uint64_t done, uint64_t total)
{
    struct rescue *r = self;
    tool_progress_show(&r->progress, verb, done, total, "");
    if (!tool_stop_came(&r->stop, 0))
        return 0;
    buf_printf(&r->error, "ended by a signal");
    return -1;
}

/* --- the new folder ----------------------------------------------------------------------------------------------- */

static void remove_file(const char *folder, const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", folder, name);
    unlink(buf_str(&path));
    buf_free(&path);
}

/* The new store is for the user who has the old one; the broker makes the lock files itself. */
static int give_to_owner(struct rescue *r)
{
    struct buf old = {0}, new = {0};
    struct stat info;
    const char *folder = buf_str(&r->folder.path);
    buf_printf(&old, "%s/data.mdb", r->options->from);
    buf_printf(&new, "%s/data.mdb", folder);
    remove_file(folder, "lock.mdb");
    remove_file(folder, "store.lock");
    int rc = chmod(buf_str(&new), 0640);
    if (rc == 0 && geteuid() == 0)
        rc = stat(buf_str(&old), &info) || chown(buf_str(&new), info.st_uid, info.st_gid) || chown(folder, info.st_uid, info.st_gid);
    if (rc)
        buf_printf(&r->error, "%s: cannot be given to the owner of the old store: %s", folder, strerror(errno));
    buf_free(&old);
    buf_free(&new);
    return rc ? -1 : 0;
}

/* No broker may write what is read here, or begin to. Returns 0, or -1 with a message. */
static int lock_from(struct rescue *r)
{
    struct buf path = {0};
    buf_printf(&path, "%s/store.lock", r->options->from);
    r->lock_fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
    int is_taken = r->lock_fd >= 0 && flock(r->lock_fd, LOCK_EX | LOCK_NB) != 0;
    if (is_taken)
        buf_printf(&r->error, "%s: mega-broker has it open; stop it first", r->options->from);
    buf_free(&path);
    return is_taken ? -1 : 0;
}

static uint64_t bytes_max_of(const struct rescue *r)
{
    uint64_t map_bytes = store_file_state(r->from)->map_bytes, twice = 2 * store_file_bytes(r->from);
    uint64_t bytes_max = twice > STORE_BYTES_MIN ? twice : STORE_BYTES_MIN;
    return map_bytes > bytes_max && map_bytes < MAP_BYTES_MAX ? map_bytes : bytes_max;
}

static int make(struct rescue *r)
{
    const struct salvage_report report = {r, on_lost, on_range, on_step};
    return store_salvage(r->from, buf_str(&r->folder.path), bytes_max_of(r), clock_wall_ms(), &report, &r->result, &r->error) ||
                   give_to_owner(r) || tool_folder_finish(&r->folder, &r->error)
               ? -1
               : 0;
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static enum tool_status status_of(const struct salvage_result *s)
{
    int is_whole = s->has_state && s->is_newest && s->is_free_known && s->pages_bad == 0 && s->unreadable == 0 && s->lost == 0;
    return is_whole ? TOOL_DONE : TOOL_WRONG;
}

static void print_notes(const struct salvage_result *s)
{
    if (!s->has_state)
        puts("no meta page can be read: what belongs together was found by its form");
    else if (!s->is_newest)
        puts("the newest state cannot be read: the commit before it was taken, and what was found of the last one");
    if (!s->is_free_known)
        puts("the list of free pages is damaged: what was found only in pages that may be old has an unknown outcome");
    if (s->is_evidence_lost)
        puts("a commit is lost and other pages too: what was due and waited has an unknown outcome");
    else if (!s->are_fates_whole)
        puts("marks or results are lost: what may have been given out has an unknown outcome");
}

static void print_json(const struct rescue *r, enum tool_status status)
{
    const struct salvage_result *s = &r->result;
    printf("{\"status\":%d,\"pages\":%" PRIu64 ",\"pages_damaged\":%" PRIu64 ",\"messages\":%" PRIu64 ",\"results_read\":%" PRIu64
           ",\"marks\":%" PRIu64 ",\"ids\":%" PRIu64 ",\"values\":%" PRIu64 ",\"unreadable\":%" PRIu64 ",",
           (int)status, s->pages, s->pages_bad, s->messages, s->results, s->marks, s->ids, s->values, s->unreadable);
    printf("\"meta\":%s,\"newest\":%s,\"free_list\":%s,\"fates\":%s,", s->has_state ? "true" : "false",
           s->is_newest ? "true" : "false", s->is_free_known ? "true" : "false", s->are_fates_whole ? "true" : "false");
    printf("\"waiting\":%" PRIu64 ",\"out\":%" PRIu64 ",\"unknown\":%" PRIu64 ",\"results\":%" PRIu64 ",\"dead\":%" PRIu64
           ",\"lost\":%" PRIu64 ",\"seq\":%" PRIu64 ",\"generation\":%" PRIu64 "}\n",
           s->waiting, s->out, s->unknown, s->settled, s->dead, s->lost, s->seq_max, s->generation);
}

static void print_done(const struct rescue *r, enum tool_status status)
{
    const struct salvage_result *s = &r->result;
    if (r->options->json) {
        print_json(r, status);
        return;
    }
    if (r->ranges > PRINT_MAX)
        printf("… and %" PRIu64 " more damaged pages\n", r->ranges - PRINT_MAX);
    print_notes(s);
    printf("%s: %" PRIu64 " of %" PRIu64 " pages in use and %" PRIu64 " entries could not be read; read were %" PRIu64
           " messages, %" PRIu64 " results, %" PRIu64 " marks, %" PRIu64 " ids, %" PRIu64 " small values\n",
           r->options->from, s->pages_bad, s->pages, s->unreadable, s->messages, s->results, s->marks, s->ids, s->values);
    printf("%s: %" PRIu64 " messages wait, %" PRIu64 " are out (%" PRIu64 " with an unknown outcome), %" PRIu64 " results, %" PRIu64
           " of them dead; %" PRIu64 " lost; the next seq is %" PRIu64 ", the generation %" PRIu64 "\n",
           r->options->to, s->waiting, s->out, s->unknown, s->settled, s->dead, s->lost, s->seq_max + 1, s->generation);
}

enum tool_status tool_rescue(const struct tool_options *o)
{
    struct rescue r = {.options = o, .stop = {.fd = -1}, .lock_fd = -1};
    enum tool_status status = TOOL_UNREADABLE;
    r.from = store_file_open(o->from, &r.error);
    if (r.from && lock_from(&r) == 0 && tool_stop_open(&r.stop) == 0 && tool_folder_begin(&r.folder, o->to, &r.error) == 0) {
        tool_progress_begin(&r.progress);
        store_file_begin(r.from); /* it may have no state; that is in the result */
        if (make(&r) == 0)
            status = status_of(&r.result);
        tool_progress_end(&r.progress);
        tool_folder_drop(&r.folder);
    }
    if (status == TOOL_UNREADABLE)
        tool_error("no store was made: %s", buf_str(&r.error));
    else
        print_done(&r, status);
    if (r.lock_fd >= 0)
        close(r.lock_fd);
    store_file_close(&r.from);
    tool_stop_close(&r.stop);
    buf_free(&r.error);
    return status;
}
