#include "client/audit.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/iso_time.h"
#include "base/table.h"
#include "base/term.h"
#include "client/endpoint.h"
#include "client/log_read.h"
#include "client/log_show.h"
#include "client/options.h"

#define AUDIT_DEFAULT "/var/lib/mega-wechat/audit.log"
#define ROWS_A_TABLE  1000 /* gathered before they are written: so long do columns not move */

static const char help[] =
    "mega audit - who paused, resumed, cancelled, requeued, purged, set a rate, read a template again, steered a task\n\n"
    "  mega audit [options] [FILE ...]     also: mega queue audit\n\n"
    "  -c, --config FILE   the configuration (default " CONFIG_DEFAULT ", if it is there)\n"
    "      --since TIME    from then on: how long ago (30m, 2h, 7d) or 2024-05-01T12:00Z\n"
    "      --until TIME    before then\n"
    "      --by NAME       of this asker: the name he gave, the part of it before @, his user, or peer (uid:1000, a key's name)\n"
    "      --op OP         pause, resume, rate, cancel, requeue, purge, tset, task start, ...\n"
    "      --json          one JSON object a line\n\n"
    "Without FILE it reads [log] audit_file (default " AUDIT_DEFAULT "); name those that rotation has moved away, oldest first;\n"
    "NAME.gz too. PEER and USER are what the system says of who asked, BY is what he says himself.\n\n"
    "Exit status: 0 done, 2 wrong usage, 4 a file cannot be read.\n";

struct audit_view {
    int64_t since_ms, until_ms; /* 0 = no bound */
    const char *by, *op;        /* NULL: any */
    int json;
    struct log_parsed parsed;
    struct table *table;
    size_t rows;                /* in it */
    struct buf cell, out;
};

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "mega: audit: %s: %s (mega audit --help)\n", what, why);
    return STATUS_USAGE;
}

/* --- which lines -------------------------------------------------------------------------------------------------- */

static int is_by(const struct log_parsed *p, const char *name)
{
    struct span by = log_parsed_find(p, "by");
    const char *at = by.bytes ? memchr(by.data, '@', by.bytes) : NULL;
    return span_is(by, name) || (at && span_is((struct span){by.data, (size_t)(at - by.data)}, name)) ||
           span_is(log_parsed_find(p, "user"), name) || span_is(log_parsed_find(p, "peer"), name);
}

static int is_meant(const struct audit_view *v)
{
    const struct log_parsed *p = &v->parsed;
    if (log_parsed_find(p, "op").data == NULL || (v->since_ms && p->ms < v->since_ms) || (v->until_ms && p->ms >= v->until_ms))
        return 0;
    return (v->by == NULL || is_by(p, v->by)) && (v->op == NULL || span_is(log_parsed_find(p, "op"), v->op));
}

/* --- showing ------------------------------------------------------------------------------------------------------ */

static void write_out(struct audit_view *v)
{
    if (v->rows)
        table_write(v->table, 0, &v->out);
    v->rows = 0;
    fwrite(v->out.data ? v->out.data : "", 1, v->out.bytes, stdout);
    buf_clear(&v->out);
}

static void add_row(struct audit_view *v)
{
    static const char *const left_out[] = {"t", "prog", "op", "by", "peer", "user", "pid", "address", "code", NULL};
    const struct log_parsed *p = &v->parsed;
    static const char *const cells[] = {"op", "by", "user", "peer", "code"};
    buf_clear(&v->cell);
    iso_time_append(p->ms, &v->cell);
    table_cell(v->table, buf_span(&v->cell));
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) {
        struct span cell = log_parsed_find(p, cells[i]);
        table_cell(v->table, cell.data ? cell : (struct span){"", 0});
    }
    buf_clear(&v->cell);
    log_show_rest(p, left_out, &v->cell);
    table_cell(v->table, buf_span(&v->cell));
    v->rows++;
}

static int take_line(void *self, struct span line)
{
    struct audit_view *v = self;
    if (log_parse(line, &v->parsed) != 0 || !is_meant(v))
        return 0;
    if (v->json)
        log_show_json(&v->parsed, &v->out);
    else
        add_row(v);
    if (v->rows == ROWS_A_TABLE || v->out.bytes > 65536)
        write_out(v);
    return ferror(stdout) != 0;
}

static int show_file(struct audit_view *v, const char *path)
{
    pid_t pid;
    int fd = log_file_open(path, &pid), failed = fd < 0 || log_read(fd, (struct span){"", 0}, take_line, v) < 0;
    if (failed)
        fprintf(stderr, "mega: audit: %s: %s%s\n", path, strerror(errno),
                errno == EACCES ? "; the user and the group of mega-broker may read it" : "");
    if (fd >= 0 && log_file_close(fd, pid) != 0) {
        fprintf(stderr, "mega: audit: %s: cannot be read to its end\n", path);
        failed = 1;
    }
    return failed;
}

static int show(struct audit_view *v, char **files, int count, const char *usual)
{
    static const struct column columns[] = {{"TIME", 0, 0}, {"OP", 0, 0},   {"BY", 40, 0}, {"USER", 0, 0},
                                            {"PEER", 0, 0}, {"CODE", 0, 1}, {"WHAT", 0, 0}};
    int failed = 0;
    v->table = v->json ? NULL : table_new(columns, sizeof columns / sizeof *columns);
    for (int i = 0; i < count; i++)
        failed |= show_file(v, files[i]);
    if (count == 0)
        failed = show_file(v, usual);
    write_out(v);
    table_destroy(&v->table);
    log_parsed_free(&v->parsed);
    buf_free(&v->cell);
    buf_free(&v->out);
    return term_end("mega") != 0 || failed ? STATUS_FAILED : STATUS_DONE;
}

/* --- the command line --------------------------------------------------------------------------------------------- */

/* Where the file is. A named configuration must be right, the default one may be missing. Returns NULL with the reasons printed. */
static char *find_file(const char *config)
{
    struct buf errors = {0}, warnings = {0};
    char *path = NULL;
    if (config == NULL && access(CONFIG_DEFAULT, R_OK) != 0)
        return mem_dup(AUDIT_DEFAULT);
    struct conf *conf = conf_load(config ? config : CONFIG_DEFAULT, &errors, &warnings);
    if (conf)
        path = mem_dup(conf->log.audit_path);
    else
        fputs(buf_str(&errors), stderr);
    conf_destroy(&conf);
    buf_free(&errors);
    buf_free(&warnings);
    return path;
}

static int read_options(struct audit_view *v, int argc, char **argv, const char **config)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'}, {"since", required_argument, NULL, 'S'}, {"until", required_argument, NULL, 'U'},
        {"by", required_argument, NULL, 'b'},     {"op", required_argument, NULL, 'o'},    {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    static const char time_wanted[] = "give how long ago (30m, 2h, 7d) or a time: 2024-05-01, 2024-05-01T12:00:00Z";
    int64_t now_ms = clock_wall_ms();
    int letter;
    optind = 0; /* a new command line, for getopt */
    while ((letter = getopt_long(argc, argv, "c:hj", known, NULL)) != -1) {
        if (letter == 'c')
            *config = optarg;
        else if (letter == 'S' && iso_time_read_since(optarg, now_ms, &v->since_ms) != 0)
            return usage("--since", time_wanted);
        else if (letter == 'U' && iso_time_read_since(optarg, now_ms, &v->until_ms) != 0)
            return usage("--until", time_wanted);
        else if (letter == 'b')
            v->by = optarg;
        else if (letter == 'o')
            v->op = optarg;
        else if (letter == 'j')
            v->json = 1;
        else if (letter == 'h') {
            fputs(help, stdout);
            return -1;
        } else if (letter == '?')
            return STATUS_USAGE; /* getopt has said it */
    }
    return STATUS_DONE;
}

int audit_main(int argc, char **argv)
{
    struct audit_view v = {0};
    const char *config = NULL;
    int status = read_options(&v, argc, argv, &config);
    if (status != STATUS_DONE)
        return status < 0 ? STATUS_DONE : status;
    char *usual = optind == argc ? find_file(config) : NULL;
    if (optind == argc && usual == NULL)
        return STATUS_USAGE;
    status = show(&v, argv + optind, argc - optind, usual);
    free(usual);
    return status;
}
