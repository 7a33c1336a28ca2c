/* What a program does on HUP: reads its configuration again and takes over what it can.
 *
 * Either all that can be applied counts from the same moment on, or nothing has changed: whatever can go wrong (the file, a secret's
 * file, the log's new file, what the program itself finds wrong) comes before the first value is taken over.
 */
#include "base/program.h"

#include <errno.h>
#include <string.h>

#include "base/conf_reload.h"
#include "base/log.h"

/* A line of the log for each line of the text. */
static void log_lines(enum log_level level, const char *event, struct buf *text)
{
    const char *p = buf_str(text);
    while (*p != '\0') {
        size_t bytes = strcspn(p, "\n");
        log_write(level, event, log_span("text", (struct span){p, bytes}));
        p += bytes + (p[bytes] == '\n');
    }
}

static void log_change_of(void *self, const struct conf_change *change)
{
    struct program *p = self;
    if (change->is_live)
        log_info("configuration changed", log_str("key", change->where), log_str("from", change->from), log_str("to", change->to));
    else
        log_warn("configuration change waits for a restart", log_str("key", change->where), log_str("from", change->from),
                 log_str("to", change->to), log_str("restart", p->program));
}

static int change_log(struct program *p, const struct conf *next)
{
    struct log_options options = program_log_options(p, next);
    if (log_set_options(&options) == 0)
        return 0;
    log_error("log file cannot be opened, correct [log] log_file", log_str("path", next->log.path), log_str("error", strerror(errno)));
    return -1;
}

static int keep(struct program *p)
{
    log_error("configuration is kept as it was: the file is wrong; correct it and send HUP again", log_str("file", p->conf->path));
    notify_reloaded(&p->notify, "the configuration is wrong and is kept as it was; see the log");
    return -1;
}

/* Reads the file, or returns NULL with its errors logged. */
static struct conf *load(struct program *p)
{
    struct buf errors = {0}, warnings = {0};
    struct conf *next = conf_load(p->conf->path, &errors, &warnings);
    log_lines(LEVEL_ERROR, "configuration is wrong", &errors);
    if (next)
        log_lines(LEVEL_WARN, "configuration", &warnings);
    buf_free(&errors);
    buf_free(&warnings);
    return next;
}

int program_reload(struct program *p, const struct program_reload *reload)
{
    notify_reloading(&p->notify);
    struct conf *next = load(p);
    int is_good = next != NULL && (reload->check == NULL || reload->check(reload->self, next) == 0) && change_log(p, next) == 0;
    if (!is_good) {
        conf_destroy(&next);
        return keep(p);
    }
    struct conf_changes changes = conf_take_over(p->conf, next, conf_program_of(p->program), log_change_of, p);
    conf_destroy(&next);
    if (reload->apply)
        reload->apply(reload->self);
    log_info("configuration read again", log_str("file", p->conf->path), log_u64("changed", changes.live),
             log_u64("waits_for_restart", changes.waiting));
    notify_reloaded(&p->notify, changes.waiting ? "running; changes of the configuration wait for a restart, see the log" : "running");
    return 0;
}
