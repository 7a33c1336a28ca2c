/* Which tasks there are: a folder each below [task] dir. */
#include "task/task.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/log.h"

#define ALIVE_FILE     ".alive"    /* its time says when this process was seen last */
#define ALIVE_MS       (10 * 60 * 1000)
#define DAY_MS         (24 * 60 * 60 * 1000LL)
#define DELETED_PREFIX ".deleted-" /* no task's name begins with a dot */

static const char *const files[] = {"facts", "facts.new", "making", "making.new", "rows", "marks", "failures"};

struct task *tasks_find(struct runner *r, struct span name)
{
    struct task *t = NULL;
    HASH_FIND(hh, r->tasks, name.data, name.bytes, t);
    return t;
}

static struct task *task_new(struct runner *r, struct span name)
{
    struct task *t = mem_new(sizeof *t);
    struct buf folder = {0};
    t->runner = r;
    t->facts.lane = -1;
    t->touched_ms = t->began_ms = clock_mono_ms();
    span_to_text(t->facts.name, sizeof t->facts.name, name);
    buf_printf(&folder, "%s/%s", r->conf->task.dir, t->facts.name);
    t->folder = mem_dup(buf_str(&folder));
    buf_free(&folder);
    return t;
}

static void task_free(struct task *t)
{
    flight_drop_all(t);
    spool_close(&t->spool);
    facts_free(&t->facts);
    free(t->results);
    free(t->folder);
    free(t);
}

static void put_in_table(struct runner *r, struct task *t)
{
    HASH_ADD_KEYPTR(hh, r->tasks, t->facts.name, strlen(t->facts.name), t);
    r->makings += t->is_making != 0;
}

static int has_facts(const struct task *t)
{
    struct buf path = {0};
    buf_printf(&path, "%s/facts", t->folder);
    int found = access(buf_str(&path), F_OK) == 0;
    buf_free(&path);
    return found;
}

struct task *tasks_add(struct runner *r, struct span name, struct buf *error)
{
    if (HASH_CNT(hh, r->tasks) >= TASKS_MAX || r->makings >= MAKINGS_MAX) {
        buf_printf(error, "tasks: there are %u, %zu of them being made; at most %d and %d; delete what has ended",
                   HASH_CNT(hh, r->tasks), r->makings, TASKS_MAX, MAKINGS_MAX);
        return NULL;
    }
    struct task *t = task_new(r, name);
    t->is_making = 1;
    if (mkdir(t->folder, 0700) != 0 && errno != EEXIST)
        buf_printf(error, "%s: %s", t->folder, strerror(errno));
    else if (has_facts(t))
        buf_printf(error, "%s: holds a task that could not be read at the start of mega-task; put it right, or move it away", t->folder);
    else if (file_sync_folder(r->conf->task.dir) != 0) /* the new folder itself */
        buf_printf(error, "%s: %s", r->conf->task.dir, strerror(errno));
    else
        t->spool = spool_open(t->folder, 1, error);
    if (t->spool == NULL) {
        task_free(t);
        return NULL;
    }
    uint32_t random;
    hash_random(&random, sizeof random);
    snprintf(t->facts.uid, sizeof t->facts.uid, "%08x", random);
    put_in_table(r, t);
    return t;
}

static int remove_files(const char *folder)
{
    struct buf path = {0};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        buf_clear(&path);
        buf_printf(&path, "%s/%s", folder, files[i]);
        unlink(buf_str(&path));
    }
    buf_free(&path);
    return rmdir(folder);
}

int tasks_delete(struct task *t)
{
    struct runner *r = t->runner;
    struct buf gone = {0};
    /* Renamed first, durably: whatever is left of it after a crash is no task any more. */
    buf_printf(&gone, "%s/" DELETED_PREFIX "%s-%s", r->conf->task.dir, t->facts.name, t->facts.uid);
    if (rename(t->folder, buf_str(&gone)) != 0 || file_sync_folder(r->conf->task.dir) != 0) {
        snprintf(t->note, sizeof t->note, "its folder cannot be removed: %s", strerror(errno));
        log_error("folder of a task cannot be removed", log_str("folder", t->folder), log_str("error", strerror(errno)));
        rename(buf_str(&gone), t->folder);
        buf_free(&gone);
        return -1;
    }
    if (remove_files(buf_str(&gone)) != 0)
        log_warn("folder of a deleted task cannot be removed", log_str("folder", buf_str(&gone)), log_str("error", strerror(errno)));
    buf_free(&gone);
    r->makings -= t->is_making != 0;
    HASH_DEL(r->tasks, t);
    task_free(t);
    return 0;
}

void tasks_free_all(struct runner *r)
{
    struct task *t, *next;
    HASH_ITER(hh, r->tasks, t, next)
    {
        HASH_DEL(r->tasks, t);
        task_free(t);
    }
}

int tasks_open_spool(struct task *t, struct buf *error)
{
    if (t->spool == NULL)
        t->spool = spool_open(t->folder, 0, error);
    return t->spool ? 0 : -1;
}

int tasks_keep(struct task *t)
{
    if (facts_write(&t->facts, t->folder, t->is_making ? "making" : "facts") == 0)
        return 0;
    snprintf(t->note, sizeof t->note, "its folder cannot be written: %s", strerror(errno));
    log_error("task cannot be written", log_str("task", t->facts.name), log_str("error", strerror(errno)));
    return -1;
}

/* --- the start ---------------------------------------------------------------------------------------------------- */

static int count_mark(void *self, uint64_t row, struct mark *mark)
{
    (void)row;
    ((struct task *)self)->facts.counts[mark->state]++;
    return 0;
}

int tasks_recount(struct task *t)
{
    memset(t->facts.counts, 0, sizeof t->facts.counts);
    return spool_visit(t->spool, count_mark, t);
}

/* What is not final is counted anew: marks are written more often than facts. */
static int open_counted(struct task *t, struct buf *error)
{
    if (task_state_is_final(t->facts.state) && !t->is_making)
        return 0;
    if (tasks_open_spool(t, error) != 0)
        return -1;
    if (tasks_recount(t) == 0)
        return 0;
    buf_printf(error, "%s: marks cannot be read: %s", t->folder, strerror(errno));
    return -1;
}

static char *alive_path(const struct runner *r)
{
    struct buf path = {0};
    buf_printf(&path, "%s/" ALIVE_FILE, r->conf->task.dir);
    char *text = mem_dup(buf_str(&path));
    buf_free(&path);
    return text;
}

void tasks_note_alive(struct runner *r)
{
    if (r->alive_ms && r->mono_ms - r->alive_ms < ALIVE_MS)
        return;
    char *path = alive_path(r);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || futimens(fd, NULL) != 0)
        log_warn("the time of this run cannot be noted", log_str("file", path), log_str("error", strerror(errno)));
    if (fd >= 0)
        close(fd);
    free(path);
    r->alive_ms = r->mono_ms;
}

/* 1 when nobody was here to read results for nearly as long as the broker keeps them. */
static int was_away_long(const struct runner *r)
{
    struct stat st;
    char *path = alive_path(r);
    int is_there = stat(path, &st) == 0;
    int64_t kept_ms = r->conf->broker.ledger_days * DAY_MS, away_ms = r->now_ms - (int64_t)st.st_mtim.tv_sec * 1000;
    free(path);
    return is_there && away_ms > kept_ms - kept_ms / 8;
}

/* Rows that were on their way then are not known any more: feeding them again could be a second time. */
static void hold_back(struct task *t)
{
    t->doubt = "mega-task was away for longer than the broker keeps results (ledger_days): whether the first rows without a result were sent is "
               "not known. Resume it to send them all the same, or stop it";
    if (t->facts.state == TASK_RUNNING) {
        t->facts.state = TASK_PAUSED;
        t->facts.is_held = 1;
        tasks_keep(t);
    }
    log_warn("task is held back, it was left alone for too long", log_str("task", t->facts.name));
}

static void load_one(struct runner *r, const char *name, int is_late)
{
    struct buf error = {0};
    struct task *t = task_new(r, span_of(name));
    int wrong = facts_read(&t->facts, t->folder, "facts", &error);
    if (wrong && access(t->folder, F_OK) == 0) {
        struct buf of_making = {0};
        t->is_making = facts_read(&t->facts, t->folder, "making", &of_making) == 0;
        wrong = !t->is_making;
        buf_free(&of_making);
    }
    if (!wrong && strcmp(t->facts.name, name) != 0) {
        buf_printf(&error, "%s: holds the task %s", t->folder, t->facts.name);
        wrong = 1;
    }
    wrong = wrong || open_counted(t, &error);
    if (wrong) {
        log_error("task cannot be read and is left alone", log_str("task", name), log_span("reason", buf_span(&error)));
        task_free(t);
    } else {
        if (is_late && !t->is_making && (t->facts.state == TASK_RUNNING || t->facts.state == TASK_PAUSED))
            hold_back(t);
        /* What is paused or being stopped may have rows on their way; what runs feeds them again anyway. */
        if (t->facts.state == TASK_PAUSED || t->facts.state == TASK_STOPPING)
            t->looks = LOOK_ROWS;
        t->is_loaded = 1;
        put_in_table(r, t);
    }
    buf_free(&error);
}

/* What was being deleted when the process ended. */
static void remove_leftover(struct runner *r, const char *name)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s", r->conf->task.dir, name);
    remove_files(buf_str(&path));
    buf_free(&path);
}

/* Makes the folder, and those above it as the broker makes them: it is in that of the store, and the broker may begin later. */
static int make_dir(const char *dir)
{
    char path[CONF_TEXT_BYTES_MAX];
    snprintf(path, sizeof path, "%s", dir);
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0770) != 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : -1;
}

int tasks_load(struct runner *r)
{
    const char *dir = r->conf->task.dir;
    if (make_dir(dir) != 0) {
        log_error("[task] dir cannot be made", log_str("dir", dir), log_str("error", strerror(errno)));
        return -1;
    }
    DIR *folder = opendir(dir);
    if (folder == NULL) {
        log_error("[task] dir cannot be read", log_str("dir", dir), log_str("error", strerror(errno)));
        return -1;
    }
    int is_late = was_away_long(r);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (strncmp(entry->d_name, DELETED_PREFIX, strlen(DELETED_PREFIX)) == 0)
            remove_leftover(r, entry->d_name);
        else if (task_name_is_good(span_of(entry->d_name)) && HASH_CNT(hh, r->tasks) < TASKS_MAX)
            load_one(r, entry->d_name, is_late);
    }
    closedir(folder);
    tasks_note_alive(r);
    return 0;
}
