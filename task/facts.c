#include "task/facts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "proto/mp.h"

#define FACTS_FORMAT    1
#define FACTS_BYTES_MAX (512 * 1024) /* 1,024 columns of 256 bytes, and the rest */

static const char *const state_names[] = {"ready", "scheduled", "running", "paused", "stopping", "stopped", "done"};
static const char *const row_names[] = {"todo", "sent", "pending", "refused", "expired", "dead", "cancelled", "dropped"};

const char *task_state_name(enum task_state state)
{
    return state_names[state];
}

const char *row_state_name(enum row_state state)
{
    return row_names[state];
}

int task_state_is_final(enum task_state state)
{
    return state == TASK_STOPPED || state == TASK_DONE;
}

void facts_free(struct facts *f)
{
    buf_free(&f->columns);
}

static void pack_counts(const struct facts *f, struct buf *out)
{
    mp_array(out, ROW_STATES);
    for (size_t i = 0; i < ROW_STATES; i++)
        mp_u64(out, f->counts[i]);
}

static void pack(const struct facts *f, struct buf *out)
{
    size_t place = mp_map_open(out), count = 5;
    mp_put_u64(out, "format", FACTS_FORMAT);
    mp_put_str(out, "name", f->name);
    mp_put_str(out, "uid", f->uid);
    mp_put_str(out, "upload", f->upload);
    mp_str(out, "counts");
    pack_counts(f, out);
    count += mp_opt_span(out, "key", span_of(f->key));
    count += mp_opt_span(out, "app", span_of(f->app));
    count += mp_opt_span(out, "source", span_of(f->source));
    count += mp_opt_raw(out, "columns", buf_span(&f->columns));
    count += mp_opt_i64(out, "lane", f->lane + 1); /* 0: as the template says */
    count += mp_opt_u64(out, "state", f->state);
    count += mp_opt_i64(out, "held", f->is_held);
    count += mp_opt_i64(out, "resends", f->resends);
    count += mp_opt_u64(out, "rate", f->rate_per_s);
    count += mp_opt_i64(out, "ttl", f->ttl_ms);
    count += mp_opt_i64(out, "at", f->at_ms);
    count += mp_opt_i64(out, "created", f->created_ms);
    count += mp_opt_i64(out, "started", f->started_ms);
    count += mp_opt_i64(out, "ended", f->ended_ms);
    count += mp_opt_u64(out, "bad", f->bad);
    count += mp_opt_u64(out, "round", f->round);
    mp_map_close(out, place, count);
}

static char *path_of(const char *folder, const char *file)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", folder, file);
    char *text = mem_dup(buf_str(&path));
    buf_free(&path);
    return text;
}

int facts_write(const struct facts *f, const char *folder, const char *file)
{
    struct buf out = {0};
    buf_append_u32be(&out, 0); /* the checksum's place */
    pack(f, &out);
    uint32_t check = (uint32_t)hash_64(out.data + 4, out.bytes - 4);
    for (int i = 0; i < 4; i++)
        out.data[i] = (char)(check >> (24 - 8 * i));
    char *path = path_of(folder, file);
    int wrong = file_replace(&(struct file_place){.path = path, .mode = 0600, .folder_mode = 0700}, buf_span(&out));
    int error = errno;
    free(path);
    buf_free(&out);
    errno = error;
    return wrong;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void read_text(struct mp_cursor *c, char *to, size_t room)
{
    span_to_text(to, room, mp_read_str(c));
}

static void read_counts(struct mp_cursor *c, struct facts *f)
{
    uint32_t count = mp_read_array(c);
    for (uint32_t i = 0; i < count && !c->failed; i++) {
        uint64_t value = mp_read_u64(c);
        if (i < ROW_STATES)
            f->counts[i] = value;
    }
}

static int read_time(struct mp_cursor *c, struct span name, struct facts *f)
{
    static const struct {
        const char *name;
        size_t at;
    } times[] = {{"ttl", offsetof(struct facts, ttl_ms)},         {"at", offsetof(struct facts, at_ms)},
                 {"created", offsetof(struct facts, created_ms)}, {"started", offsetof(struct facts, started_ms)},
                 {"ended", offsetof(struct facts, ended_ms)}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (span_is(name, times[i].name)) {
            *(int64_t *)(void *)((char *)f + times[i].at) = mp_read_i64(c);
            return 1;
        }
    return 0;
}

static uint64_t read_state(struct mp_cursor *c)
{
    uint64_t value = mp_read_u64(c);
    return value <= TASK_DONE ? value : TASK_READY;
}

/* What is not known is skipped: a later version may have added it. */
static void read_number(struct mp_cursor *c, struct span name, struct facts *f)
{
    if (span_is(name, "lane"))
        f->lane = (int)mp_read_u64(c) - 1;
    else if (span_is(name, "state"))
        f->state = (enum task_state)read_state(c);
    else if (span_is(name, "held"))
        f->is_held = mp_read_u64(c) != 0;
    else if (span_is(name, "resends"))
        f->resends = (int)(mp_read_u64(c) & (RESEND_FAILED | RESEND_CANCELLED));
    else if (span_is(name, "rate"))
        f->rate_per_s = mp_read_u64(c);
    else if (span_is(name, "bad"))
        f->bad = mp_read_u64(c);
    else if (span_is(name, "round"))
        f->round = mp_read_u64(c);
    else if (span_is(name, "format"))
        c->failed |= mp_read_u64(c) != FACTS_FORMAT;
    else if (!read_time(c, name, f))
        mp_skip(c);
}

static void read_member(struct mp_cursor *c, struct span name, struct facts *f)
{
    if (span_is(name, "name"))
        read_text(c, f->name, sizeof f->name);
    else if (span_is(name, "uid"))
        read_text(c, f->uid, sizeof f->uid);
    else if (span_is(name, "upload"))
        read_text(c, f->upload, sizeof f->upload);
    else if (span_is(name, "key"))
        read_text(c, f->key, sizeof f->key);
    else if (span_is(name, "app"))
        read_text(c, f->app, sizeof f->app);
    else if (span_is(name, "source"))
        read_text(c, f->source, sizeof f->source);
    else if (span_is(name, "counts"))
        read_counts(c, f);
    else if (span_is(name, "columns")) {
        struct span columns = mp_skip(c);
        buf_clear(&f->columns);
        buf_append(&f->columns, columns.data, columns.bytes);
    } else
        read_number(c, name, f);
}

static int unpack(struct span packed, struct facts *f)
{
    struct mp_cursor c;
    if (packed.bytes < 4 || u32be_at(packed.data) != (uint32_t)hash_64(packed.data + 4, packed.bytes - 4))
        return -1;
    mp_open(&c, (struct span){packed.data + 4, packed.bytes - 4});
    uint32_t count = mp_read_map(&c);
    for (uint32_t i = 0; i < count && !c.failed; i++) {
        struct span name = mp_read_str(&c);
        read_member(&c, name, f);
    }
    return c.failed ? -1 : 0;
}

int facts_read(struct facts *f, const char *folder, const char *file, struct buf *error)
{
    struct buf bytes = {0};
    char *path = path_of(folder, file);
    int fd = open(path, O_RDONLY | O_CLOEXEC), wrong = -1;
    *f = (struct facts){.lane = -1};
    if (fd < 0 || file_read(fd, FACTS_BYTES_MAX, &bytes) != 0)
        buf_printf(error, "%s: %s", path, strerror(errno));
    else if (unpack(buf_span(&bytes), f) != 0)
        buf_printf(error, "%s: damaged, or of a later version", path);
    else
        wrong = 0;
    if (fd >= 0)
        close(fd);
    if (wrong)
        facts_free(f);
    free(path);
    buf_free(&bytes);
    return wrong;
}
