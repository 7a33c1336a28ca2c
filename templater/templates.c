/* Keeps the templates in step. What has to be read is decided in behind.c; the loader's thread reads; here
 * answers are applied.
 *
 * Versions: a template that is read for the first time has version 1. A tset gives its key the broker's
 * version. A reading of everything keeps the versions of the keys that we knew, and raises those that a
 * welcome named, if it began after that welcome.
 */
#include "templater/templates.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "proto/frontend.h"
#include "proto/mp.h"
#include "templater/behind.h"
#include "templater/cache_file.h"
#include "templater/loader.h"

struct templates {
    const struct conf *conf;
    struct member *member;
    struct loader *loader;
    struct behind *behind;
    struct cache *table;
    struct buf versions;    /* of the last welcome */
    uint64_t versions_from; /* readings of everything with this number or a later one began after it */
    int keys_due;           /* 1: the broker does not have our list of keys */
    int behind_said;        /* what the broker was told last */
    int save_due;           /* 1: the cache file is older than the table */
    int saving;             /* 1: the loader has the file in work */
};

static void load_cache_file(struct templates *t, const char *path);
static void apply(struct templates *t, struct loader_task *task);
static void apply_all(struct templates *t, struct loader_task *task);
static void apply_one(struct templates *t, struct loader_task *task);
static void apply_saved(struct templates *t, struct loader_task *task);
static void begin_readings(struct templates *t);
static void begin_save(struct templates *t);
static void tell_broker(struct templates *t);

struct templates *templates_new(const struct templates_options *options)
{
    const struct conf *conf = options->conf;
    const struct loader_options loader = {options->source, conf->server.table_size,
                                          conf->server.template_bytes_max, options->cache_path};
    struct templates *t = mem_new(sizeof *t);
    t->conf = conf;
    t->table = cache_new(conf->server.table_size);
    load_cache_file(t, options->cache_path);
    t->behind = behind_new(cache_count(t->table) > 0);
    t->loader = loader_new(&loader);
    begin_readings(t);
    return t;
}

int templates_destroy(struct templates **self)
{
    struct templates *t = *self;
    if (t == NULL)
        return 0;
    t->saving = 0; /* one more behind the one that may be going on does no harm */
    begin_save(t);
    int left = loader_destroy(&t->loader);
    behind_destroy(&t->behind);
    cache_destroy(&t->table);
    buf_free(&t->versions);
    free(t);
    *self = NULL;
    return left;
}

void templates_set_member(struct templates *t, struct member *m)
{
    t->member = m;
}

int templates_fd(const struct templates *t)
{
    return loader_fd(t->loader);
}

void templates_receive(struct templates *t)
{
    for (struct loader_task *task = loader_take(t->loader); task != NULL; task = loader_take(t->loader)) {
        apply(t, task);
        loader_task_destroy(&task);
    }
}

int templates_tick(struct templates *t)
{
    begin_readings(t);
    begin_save(t);
    tell_broker(t);
    int64_t wait_ms = behind_wait_ms(t->behind, clock_mono_ms());
    return wait_ms > INT32_MAX ? INT32_MAX : (int)wait_ms;
}

int templates_are_behind(const struct templates *t)
{
    return behind_is(t->behind);
}

void templates_reload(struct templates *t)
{
    behind_want_all(t->behind, 0);
}

void templates_tell_needs(struct templates *t)
{
    t->keys_due = 1;
}

/* The version that we have of a key, or that it is absent at; 0 when nothing is known. */
static uint64_t our_version(const struct templates *t, struct span key)
{
    struct cache_entry entry;
    return cache_find(t->table, key, &entry) ? entry.version : cache_absent(t->table, key);
}

enum templates_found templates_find(struct templates *t, struct span key, uint64_t version,
                                    struct cache_entry *entry)
{
    int found = cache_find(t->table, key, entry);
    if (key.bytes > 0 && our_version(t, key) < version) {
        behind_want_key(t->behind, key, version, clock_mono_ms());
        return TEMPLATES_BEHIND;
    }
    return found ? TEMPLATES_FOUND : TEMPLATES_ABSENT;
}

/* --- what the broker says ------------------------------------------------------------------------------ */

/* Calls for each key of a packed map key -> version. Returns -1 when it is none. */
static int each_version(struct span versions, void (*call)(void *to, struct span key, uint64_t version),
                        void *to)
{
    struct mp_cursor c;
    mp_open(&c, versions);
    uint32_t count = versions.bytes > 0 ? mp_read_map(&c) : 0;
    for (uint32_t i = 0; i < count; i++) {
        struct span key = mp_read_str(&c);
        uint64_t version = mp_read_u64(&c);
        if (c.failed)
            break;
        call(to, key, version);
    }
    return c.failed ? -1 : 0;
}

struct comparison {
    const struct templates *t;
    uint32_t newer;
};

static void compare_version(void *to, struct span key, uint64_t version)
{
    struct comparison *comparison = to;
    comparison->newer += our_version(comparison->t, key) < version;
}

void templates_welcomed(struct templates *t, struct span versions)
{
    struct comparison comparison = {.t = t};
    if (each_version(versions, compare_version, &comparison) != 0)
        log_warn("versions of the welcome not understood");
    buf_clear(&t->versions);
    buf_append(&t->versions, versions.data, versions.bytes);
    t->keys_due = 1;
    t->behind_said = -1;
    if (comparison.newer > 0) {
        t->versions_from = behind_want_all(t->behind, 1);
        log_info("behind the broker, reading the source", log_u64("templates", comparison.newer));
    }
}

/* Appends what the broker is told of a template. `lists` is scratch. */
static void pack_key(const struct cache_entry *entry, enum conf_missing missing, struct buf *lists,
                     struct buf *out)
{
    const struct template_mega *mega = &entry->template->mega;
    buf_clear(lists);
    template_needs(entry->template, missing, lists);
    size_t needs_bytes = lists->bytes;
    mp_array(lists, mega->fallback_on_count);
    for (size_t i = 0; i < mega->fallback_on_count; i++)
        mp_i64(lists, mega->fallback_on[i]);
    struct key_info info = {.key = entry->key,
                            .version = entry->version,
                            .ttl_ms = mega->ttl_ms,
                            .lane = mega->lane,
                            .needs = {lists->data, needs_bytes},
                            .rate_per_s = mega->rate_per_s,
                            .fallback = buf_span(&mega->fallback),
                            .fallback_on = {lists->data + needs_bytes, lists->bytes - needs_bytes},
                            .kind = span_of(mega->kind->name)};
    control_key_pack(&info, out);
}

/* Answers a tset. `info_key` is the template's own spelling, empty when there is none to tell of. */
static void answer_tset(struct templates *t, const struct loader_task *task, int code, struct span message,
                        struct span info_key)
{
    struct buf keys = {0}, lists = {0};
    struct cache_entry entry;
    struct control answer = {.type = CONTROL_TSET,
                             .ref = task->ref,
                             .code = code,
                             .message = message,
                             .key = buf_span(&task->key),
                             .key_version = task->version};
    if (info_key.bytes > 0 && cache_find(t->table, info_key, &entry)) {
        mp_array(&keys, 1);
        pack_key(&entry, t->conf->templater.missing, &lists, &keys);
        answer.key = entry.key;
    } else {
        mp_array(&keys, 0);
    }
    answer.keys = buf_span(&keys);
    member_send(t->member, &answer);
    buf_free(&keys);
    buf_free(&lists);
}

void templates_tset(struct templates *t, const struct control *m)
{
    if (m->ref == 0) {
        behind_want_key(t->behind, m->key, m->key_version, clock_mono_ms());
        return;
    }
    struct loader_task *task = loader_task_new(LOAD_ONE);
    task->ref = m->ref;
    task->version = m->key_version;
    buf_append(&task->key, m->key.data, m->key.bytes);
    if (loader_submit(t->loader, &task) != 0) {
        answer_tset(t, task, CODE_FAILED,
                    span_of("too many tset requests wait for the template source; try again"),
                    (struct span){NULL, 0});
        loader_task_destroy(&task);
    }
}

/* --- what the loader answers --------------------------------------------------------------------------- */

static void apply(struct templates *t, struct loader_task *task)
{
    if (task->kind == LOAD_ALL)
        apply_all(t, task);
    else if (task->kind == LOAD_ONE)
        apply_one(t, task);
    else
        apply_saved(t, task);
}

/* Takes the version of a template of the old table over to the new one. */
static void carry_version(void *to, const struct cache_entry *old)
{
    struct cache *table = to;
    struct cache_entry entry;
    if (cache_find(table, old->key, &entry))
        cache_set_version(table, old->key, old->version);
    else
        cache_remove(table, old->key, old->version);
}

static void adopt_version(void *to, struct span key, uint64_t version)
{
    struct cache *table = to;
    struct cache_entry entry;
    int found = cache_find(table, key, &entry);
    if (found && entry.version < version)
        cache_set_version(table, key, version);
    else if (!found && cache_absent(table, key) < version)
        cache_remove(table, key, version);
}

static void apply_all(struct templates *t, struct loader_task *task)
{
    int ok = task->state == LOAD_DONE;
    behind_all_done(t->behind, task->number, ok, clock_mono_ms());
    if (!ok) {
        log_warn("template source cannot be read, trying again", log_str("reason", buf_str(&task->error)),
                 log_u64("templates_in_use", cache_count(t->table)));
        return;
    }
    cache_each(t->table, carry_version, task->table);
    if (task->number >= t->versions_from)
        each_version(buf_span(&t->versions), adopt_version, task->table);
    cache_destroy(&t->table);
    t->table = task->table;
    task->table = NULL;
    t->keys_due = 1;
    t->save_due = 1;
    log_info("templates read", log_u64("templates", cache_count(t->table)));
}

/* Puts a template that was read into the table under the source's spelling. Returns 0, or -1 when the table
 * is full. */
static int put_one(struct templates *t, struct loader_task *task)
{
    struct span key = buf_span(&task->key), own_key = buf_span(&task->own_key);
    struct cache_entry entry;
    uint64_t version = task->version > 0 ? task->version : 1;
    if (!span_equal(key, own_key) && cache_find(t->table, key, &entry)) {
        cache_remove(t->table, key, version); /* the row is spelled otherwise by now */
        t->keys_due = 1;
    }
    if (version < our_version(t, own_key))
        version = our_version(t, own_key);
    if (cache_put(t->table, own_key, version, &task->template) != 0)
        return -1;
    t->save_due = 1;
    return 0;
}

static void remove_one(struct templates *t, const struct loader_task *task)
{
    struct cache_entry entry;
    struct span key = buf_span(&task->key);
    if (cache_find(t->table, key, &entry)) {
        t->keys_due = 1;
        t->save_due = 1;
    }
    cache_remove(t->table, key, task->version);
}

/* The source has the template in a form that we do not take: an older version stays. */
static void refuse_one(struct templates *t, struct loader_task *task, const char *message)
{
    struct cache_entry entry;
    struct span key = buf_span(&task->key);
    log_warn("template not taken", log_span("key", key), log_str("reason", message));
    if (task->ref == 0)
        behind_slow_down(t->behind, clock_mono_ms());
    if (!cache_find(t->table, key, &entry))
        cache_remove(t->table, key,
                     task->version); /* so that jobs for it need not wait for another reading */
    answer_tset(t, task, CODE_REFUSED, span_of(message), (struct span){NULL, 0});
}

static void apply_one(struct templates *t, struct loader_task *task)
{
    int reached = task->state != LOAD_UNREACHABLE;
    struct span key = buf_span(&task->key), none = {NULL, 0};
    if (!reached)
        log_warn("template source cannot be read", log_span("key", key),
                 log_str("reason", buf_str(&task->error)));
    if (task->ref == 0 && !behind_key_done(t->behind, key, task->version, reached, clock_mono_ms()))
        return; /* it will be read again */
    switch (task->state) {
    case LOAD_UNREACHABLE:
        answer_tset(t, task, CODE_FAILED, buf_span(&task->error), none);
        return;
    case LOAD_ABSENT:
        remove_one(t, task);
        answer_tset(t, task, CODE_REFUSED, span_of("template key not exists"), none);
        return;
    case LOAD_TOO_LONG:
        refuse_one(t, task, "over template size");
        return;
    case LOAD_BAD:
        refuse_one(t, task, buf_str(&task->error));
        return;
    case LOAD_DONE:
        break;
    }
    if (put_one(t, task) != 0) {
        refuse_one(t, task, "over table size");
        return;
    }
    log_info("template read", log_span("key", buf_span(&task->own_key)), log_u64("version", task->version));
    answer_tset(t, task, CODE_OK, none, buf_span(&task->own_key));
}

static void apply_saved(struct templates *t, struct loader_task *task)
{
    t->saving = 0;
    if (task->state != LOAD_DONE)
        log_error("cache of templates not written", log_str("reason", buf_str(&task->error)));
}

/* --- what we do by ourselves --------------------------------------------------------------------------- */

static void load_cache_file(struct templates *t, const char *path)
{
    struct buf content = {0}, error = {0};
    int result = cache_file_read(path, &content, &error);
    if (result == 1)
        result = cache_file_unpack(buf_span(&content), t->table, t->conf->server.template_bytes_max, &error);
    if (result != 0) {
        log_error("cache of templates ignored", log_str("file", path), log_str("reason", buf_str(&error)));
        cache_destroy(&t->table);
        t->table = cache_new(t->conf->server.table_size);
    }
    if (cache_count(t->table) > 0)
        log_info("templates of the cache file in use", log_u64("templates", cache_count(t->table)));
    buf_free(&content);
    buf_free(&error);
}

static void begin_readings(struct templates *t)
{
    struct behind_reading reading;
    while (behind_next(t->behind, clock_mono_ms(), &reading)) {
        struct loader_task *task = loader_task_new(reading.number > 0 ? LOAD_ALL : LOAD_ONE);
        task->number = reading.number;
        task->version = reading.version;
        buf_append(&task->key, reading.key.data, reading.key.bytes);
        if (loader_submit(t->loader, &task) == 0)
            continue;
        if (task->kind == LOAD_ALL)
            behind_all_done(t->behind, task->number, 0, clock_mono_ms());
        else
            behind_key_done(t->behind, buf_span(&task->key), task->version, 0, clock_mono_ms());
        loader_task_destroy(&task);
    }
}

static void begin_save(struct templates *t)
{
    if (!t->save_due || t->saving)
        return;
    struct loader_task *task = loader_task_new(LOAD_SAVE);
    cache_file_pack(t->table, &task->content);
    if ((int64_t)task->content.bytes > CACHE_FILE_BYTES_MAX) {
        log_error("cache of templates not written, it would be over 1 GiB");
        t->save_due = 0;
    } else if (loader_submit(t->loader, &task) == 0) {
        t->save_due = 0;
        t->saving = 1;
    }
    loader_task_destroy(&task);
}

struct key_list {
    struct buf packed;
    struct buf lists; /* reused */
    enum conf_missing missing;
};

static void list_key(void *to, const struct cache_entry *entry)
{
    struct key_list *list = to;
    pack_key(entry, list->missing, &list->lists, &list->packed);
}

static void send_keys(struct templates *t)
{
    struct key_list list = {.missing = t->conf->templater.missing};
    mp_array(&list.packed, cache_count(t->table));
    cache_each(t->table, list_key, &list);
    struct control message = {.type = CONTROL_KEYS, .keys = buf_span(&list.packed)};
    member_send(t->member, &message);
    buf_free(&list.packed);
    buf_free(&list.lists);
}

/* The list goes out before the beat that says that we are not behind. */
static void tell_broker(struct templates *t)
{
    int behind = behind_is(t->behind);
    if (t->member == NULL || !member_is_welcome(t->member))
        return;
    if (!behind && t->keys_due) {
        send_keys(t);
        t->keys_due = 0;
    }
    if (behind != t->behind_said) {
        t->behind_said = behind;
        member_beat_now(t->member);
    }
}
