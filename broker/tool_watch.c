#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "broker/tool.h"

#define LOOK_EVERY_MS 500
#define SHOW_EVERY_MS 200

void tool_error(const char *format, ...)
{
    struct buf text = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    fprintf(stderr, "mega store: %s\n", buf_str(&text));
    buf_free(&text);
}

/* --- signals ------------------------------------------------------------------------------------------------------ */

int tool_stop_open(struct tool_stop *s)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    s->fd = sigprocmask(SIG_BLOCK, &set, NULL) == 0 ? signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC) : -1;
    if (s->fd < 0)
        tool_error("signals cannot be read: %m");
    return s->fd < 0 ? -1 : 0;
}

void tool_stop_close(struct tool_stop *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

int tool_stop_came(const struct tool_stop *s, int wait_ms)
{
    struct pollfd item = {.fd = s->fd, .events = POLLIN};
    return poll(&item, 1, wait_ms) > 0;
}

/* --- space -------------------------------------------------------------------------------------------------------- */

/* Of the newest commit, which is not the one that is held. */
static int read_last_page(const struct tool_watch *w, struct page_meta *newest)
{
    struct page_meta meta;
    int found = 0;
    for (unsigned i = 0; i < PAGE_META_COUNT; i++)
        if (store_file_meta(w->file, i, &meta) == 0 && (!found || meta.txn > newest->txn)) {
            *newest = meta;
            found = 1;
        }
    return found ? 0 : -1;
}

void tool_watch_begin(struct tool_watch *w, const struct tool_options *o, const char *to, const struct store_file *file)
{
    struct page_meta newest;
    *w = (struct tool_watch){
        .from = o->from, .to = to, .file = file, .store_bytes_max = o->store_bytes_max, .free_bytes_min = o->free_bytes_min};
    w->last_page = read_last_page(w, &newest) ? UINT64_MAX : newest.last_page;
}

static uint64_t free_on(const char *dir)
{
    struct statvfs disk;
    return statvfs(dir, &disk) == 0 ? (uint64_t)disk.f_bavail * disk.f_frsize : UINT64_MAX;
}

static int too_little(const struct tool_watch *w, const char *where, uint64_t left, struct buf *error)
{
    buf_printf(error, "%s: %" PRIu64 " MiB of space are left, fewer than --min-free (%" PRIu64 " MiB)", where, left >> 20,
               w->free_bytes_min >> 20);
    return -1;
}

int tool_watch_look(struct tool_watch *w, struct buf *error)
{
    struct page_meta newest;
    int64_t now_ms = clock_mono_ms();
    if (now_ms < w->next_ms)
        return 0;
    w->next_ms = now_ms + LOOK_EVERY_MS;
    uint64_t left = w->to ? free_on(w->to) : UINT64_MAX;
    if (left < w->free_bytes_min)
        return too_little(w, w->to, left, error);
    /* A store that has not grown lives on its free pages: whatever its disk has left, nobody takes it. */
    if (read_last_page(w, &newest) || newest.last_page <= w->last_page)
        return 0;
    left = free_on(w->from);
    if (left < w->free_bytes_min)
        return too_little(w, w->from, left, error);
    uint64_t used = (newest.last_page + 1) * newest.page_bytes, most = w->store_bytes_max ? w->store_bytes_max : newest.map_bytes;
    left = most > used ? most - used : 0;
    if (left >= w->free_bytes_min)
        return 0;
    return too_little(w, "store_size of the store", left, error);
}

/* --- progress ----------------------------------------------------------------------------------------------------- */

void tool_progress_begin(struct tool_progress *p)
{
    *p = (struct tool_progress){.is_on = isatty(STDERR_FILENO), .next_ms = clock_mono_ms() + SHOW_EVERY_MS};
}

void tool_progress_show(struct tool_progress *p, const char *verb, uint64_t done, uint64_t total, const char *what)
{
    int64_t now_ms = clock_mono_ms();
    if (!p->is_on || now_ms < p->next_ms)
        return;
    fprintf(stderr, "\r\033[K%s %" PRIu64, verb, done);
    if (total)
        fprintf(stderr, " of %" PRIu64, total);
    fprintf(stderr, " %s", what);
    fflush(stderr);
    p->is_shown = 1;
    p->next_ms = now_ms + SHOW_EVERY_MS;
}

void tool_progress_end(struct tool_progress *p)
{
    if (p->is_shown)
        fputs("\r\033[K", stderr);
    p->is_shown = 0;
}
