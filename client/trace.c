#include "client/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/iso_time.h"
#include "base/log_line.h"
#include "base/table.h"
#include "base/term.h"
#include "client/log_read.h"
#include "client/log_show.h"
#include "client/queue.h"
#include "client/trace_ledger.h"
#include "client/trace_options.h"
#include "proto/mp_view.h"

#define CLOCKS_APART_S 3600 /* by which the clocks of hosts, and a file's time, may be wrong at most */

/* Where supervisord and our own configuration put logs, see etc/supervisord.conf. */
static const char *const usual_logs[] = {"/var/log/mega-wechat/*.log", "/var/log/supervisor/mega-*.log"};

struct trace {
    const struct trace_options *o;
    struct trace_of of;
    struct trace_lines lines;
    struct buf needle;    /* the id as it stands in a file */
    struct buf entry;     /* packed: what the ledger knows; empty = nothing */
    int64_t accepted_ms;  /* 0 = not known */
    int is_away;          /* 1: the broker did not answer */
};

/* --- the ledger --------------------------------------------------------------------------------------------------- */

static void ask_ledger(struct trace *t)
{
    struct ask ask = {.op = ASK_SHOW, .filter = {.id = t->of.id, .app = t->of.app}};
    struct answer answer;
    struct queue_link *l = queue_link_new(&t->o->access, t->o->endpoint, t->o->timeout_ms);
    t->is_away = 1;
    if (l == NULL)
        return;
    queue_link_ask(l, &ask);
    if (queue_link_wait(l, &answer) == STATUS_DONE) {
        t->is_away = 0;
        if (answer.code == CODE_OK)
            buf_append(&t->entry, answer.data.data, answer.data.bytes);
        else
            queue_refused(&answer);
    }
    queue_link_destroy(&l);
    if (t->entry.bytes == 0)
        return;
    t->accepted_ms = mp_view_i64(buf_span(&t->entry), "accepted");
    trace_ledger_add(&t->lines, &t->of, buf_span(&t->entry));
}

/* --- the logs ----------------------------------------------------------------------------------------------------- */

static int take_line(void *self, struct span line)
{
    struct trace *t = self;
    trace_lines_add(&t->lines, &t->of, line);
    return t->lines.is_cut;
}

static void read_from(struct trace *t, const char *name, int fd, pid_t pid)
{
    if (fd < 0 || log_read(fd, buf_span(&t->needle), take_line, t) < 0)
        fprintf(stderr, "mega: trace: %s: %s\n", name, strerror(errno));
    if (fd >= 0 && log_file_close(fd, pid) != 0)
        fprintf(stderr, "mega: trace: %s: cannot be read to its end\n", name);
}

static void read_file(struct trace *t, const char *path)
{
    pid_t pid;
    int fd = log_file_open(path, &pid);
    read_from(t, path, fd, pid);
}

/* A file that was not changed since the message was accepted says nothing of it. */
static int64_t since_s(const struct trace *t)
{
    return t->accepted_ms ? t->accepted_ms / 1000 - CLOCKS_APART_S : 0;
}

static void read_usual(struct trace *t)
{
    struct log_files *files = mem_new(sizeof *files);
    size_t count;
    if (t->o->log_path)
        log_files_add_rotated(files, t->o->log_path, since_s(t));
    for (size_t i = 0; i < sizeof usual_logs / sizeof *usual_logs; i++)
        log_files_add(files, usual_logs[i], 0);
    count = files->count;
    for (size_t i = 0; i < count; i++) /* those found so far; what rotation has made of each comes behind them */
        log_files_add_rotated(files, files->list[i].path, since_s(t));
    for (size_t i = 0; i < files->count; i++)
        read_file(t, files->list[i].path);
    log_files_free(files);
    free(files);
}

/* What systemd has kept of the units' standard error: the lines as they are. */
static void read_journal(struct trace *t)
{
    char program[] = "journalctl", output[] = "--output=cat", pager[] = "--no-pager", quiet[] = "--quiet", units[] = "--unit=mega-*";
    char since[48] = "--since=@0";
    pid_t pid;
    if (access("/run/systemd/system", F_OK) != 0)
        return;
    snprintf(since, sizeof since, "--since=@%" PRId64, since_s(t) > 0 ? since_s(t) : 0);
    char *const argv[] = {program, output, pager, quiet, units, since, NULL};
    int fd = log_process_open(argv, &pid);
    read_from(t, program, fd, pid);
}

static void read_logs(struct trace *t)
{
    if (t->o->log_count == 0) {
        read_usual(t);
        read_journal(t);
        return;
    }
    for (size_t i = 0; i < t->o->log_count; i++)
        if (strcmp(t->o->logs[i], "-") != 0)
            read_file(t, t->o->logs[i]);
}

/* --- showing ------------------------------------------------------------------------------------------------------ */

static void append_where(const struct log_parsed *p, struct table *table)
{
    static const char mega[] = "mega-";
    struct span stage = log_parsed_find(p, "stage"), program = log_parsed_find(p, "prog");
    if (stage.bytes == 0)
        stage = program;
    if (stage.bytes > sizeof mega && memcmp(stage.data, mega, sizeof mega - 1) == 0)
        stage = (struct span){stage.data + sizeof mega - 1, stage.bytes - sizeof mega + 1};
    table_cell(table, stage);
}

static void show_text(struct trace *t, struct buf *out)
{
    static const struct column columns[] = {{"TIME", 0, 0}, {"AFTER", 0, 1}, {"WHERE", 33, 0}, {"EVENT", 48, 0}, {"", 0, 0}};
    static const char *const left_out[] = {"t", "level", "prog", "prefix", "stage", "event", "id", "app", "openid", "seq", NULL};
    struct table *table = table_new(columns, sizeof columns / sizeof *columns);
    struct buf cell = {0};
    for (size_t i = 0; i < t->lines.count; i++) {
        const struct log_parsed *p = trace_lines_read(&t->lines, i);
        buf_clear(&cell);
        iso_time_append(p->ms, &cell);
        table_cell(table, buf_span(&cell));
        buf_clear(&cell);
        term_duration(p->ms - t->lines.list[0].ms, &cell);
        table_cell(table, buf_span(&cell));
        append_where(p, table);
        table_cell(table, log_parsed_find(p, "event"));
        buf_clear(&cell);
        log_show_rest(p, left_out, &cell);
        table_cell(table, buf_span(&cell));
    }
    if (t->lines.count)
        table_write(table, 0, out); /* uncut: everything is to be seen */
    table_destroy(&table);
    buf_free(&cell);
}

static int show(struct trace *t)
{
    struct buf out = {0};
    if (t->entry.bytes && !t->o->json)
        trace_ledger_head(buf_span(&t->entry), &out);
    for (size_t i = 0; t->o->json && i < t->lines.count; i++)
        log_show_json(trace_lines_read(&t->lines, i), &out);
    if (!t->o->json)
        show_text(t, &out);
    fwrite(out.data ? out.data : "", 1, out.bytes, stdout);
    buf_free(&out);
    if (t->lines.is_cut)
        fprintf(stderr, "mega: trace: over %d lines or 16 MiB; the rest is left out\n", TRACE_LINES_MAX);
    if (term_end("mega") != 0)
        return STATUS_FAILED;
    if (t->lines.count)
        return STATUS_DONE;
    fprintf(stderr, "mega: trace: no line of any log has this id%s\n", t->is_away ? ", and the broker did not answer" : "");
    return t->is_away ? STATUS_AWAY : STATUS_UNKNOWN;
}

int trace_main(int argc, char **argv)
{
    struct trace_options options;
    struct trace t = {.o = &options};
    int status = trace_options_read(&options, argc, argv);
    if (status == STATUS_DONE) {
        t.of = (struct trace_of){options.id, options.app ? span_of(options.app) : (struct span){NULL, 0}};
        log_line_escape(t.of.id, &t.needle);
        ask_ledger(&t);
        read_logs(&t);
        trace_lines_sort(&t.lines);
        status = show(&t);
    }
    trace_lines_free(&t.lines);
    buf_free(&t.needle);
    buf_free(&t.entry);
    trace_options_free(&options);
    return status < 0 ? STATUS_DONE : status;
}
