#include "client/trace_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "client/endpoint.h"
#include "proto/limits.h"

#define TIMEOUT_MS 3000

static const char help[] =
    "mega trace - the way of one message, out of the ledger and the logs of all stages\n\n"
    "  mega trace [options] ID [--logs FILE ...]\n\n"
    "  -c, --config FILE   the configuration (default " CONFIG_DEFAULT ", if it is there)\n"
    "      --control ADDR  the broker's control socket (default " CONTROL_DEFAULT ")\n"
    ACCESS_HELP("")
    "      --app NAME      the account, when it is not the default one\n"
    "      --logs FILE ... read these instead of where logs usually are; NAME.gz too. Give - for none\n"
    "      --json          one JSON object an event\n"
    "      --timeout TIME  do without the ledger after so long without an answer (default 3s)\n\n"
    "Logs usually are: [log] log_file, /var/log/mega-wechat/*.log, /var/log/supervisor/mega-*.log, each with what rotation\n"
    "has made of it, and the journal of mega-* where systemd runs. They hold every step with [log] messages = all, what went\n"
    "wrong with failed.\n\n"
    "Exit status: 0 something was found; 2 wrong usage; 3 nothing; 5 nothing, and the broker was away.\n";

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "mega: trace: %s: %s (mega trace --help)\n", what, why);
    return STATUS_USAGE;
}

static int add_log(struct trace_options *o, const char *path)
{
    if (o->log_count == TRACE_LOGS_MAX)
        return usage("--logs", "over 1024 files; give fewer");
    if (*path == '\0')
        return usage("--logs", "empty; give the name of a file");
    o->logs[o->log_count++] = path;
    return STATUS_DONE;
}

/* Where the broker and the log are. A named configuration must be right, the default one may be missing. */
static int read_conf(struct trace_options *o)
{
    struct buf errors = {0}, warnings = {0};
    const char *config = o->access.config, *path = config ? config : CONFIG_DEFAULT;
    struct conf *conf = NULL;
    int status = endpoint_find(&o->access, ENDPOINT_CONTROL, &o->endpoint) == 0 ? STATUS_DONE : STATUS_USAGE;
    if (status != STATUS_DONE)
        return status;
    if (config || access(path, R_OK) == 0) {
        conf = conf_load(path, &errors, &warnings);
        status = conf ? STATUS_DONE : STATUS_USAGE;
        fputs(buf_str(&errors), stderr);
    }
    if (conf && conf->log.path[0])
        o->log_path = mem_dup(conf->log.path);
    conf_destroy(&conf);
    buf_free(&errors);
    buf_free(&warnings);
    return status;
}

static int check(struct trace_options *o, int argc, char **argv)
{
    if (optind == argc)
        return usage("ID", "missing; give the id of a message");
    o->id = span_of(argv[optind]);
    if (!name_is_plain(o->id, ID_BYTES_MAX))
        return usage("ID", "give 1 to 64 bytes without spaces");
    if (o->log_count == 0 && optind + 1 < argc)
        return usage(argv[optind + 1], "one too many; give one ID, and files behind --logs");
    for (int i = optind + 1; i < argc; i++)
        if (add_log(o, argv[i]) != STATUS_DONE)
            return STATUS_USAGE;
    return STATUS_DONE;
}

int trace_options_read(struct trace_options *o, int argc, char **argv)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, 'c'},  {"control", required_argument, NULL, 'C'},
        {"app", required_argument, NULL, 'a'},     {"logs", required_argument, NULL, 'l'},
        {"json", no_argument, NULL, 'j'},          {"timeout", required_argument, NULL, 't'},
        {"help", no_argument, NULL, 'h'},          {"curve-key", required_argument, NULL, ACCESS_CURVE_KEY},
        {"server-key", required_argument, NULL, ACCESS_SERVER_KEY},
        {NULL, 0, NULL, 0},
    };
    int letter, wrong = STATUS_DONE;
    *o = (struct trace_options){.timeout_ms = TIMEOUT_MS};
    optind = 0; /* a new command line, for getopt */
    while (wrong == STATUS_DONE && (letter = getopt_long(argc, argv, "c:hj", known, NULL)) != -1) {
        if (letter == 'c')
            o->access.config = optarg;
        else if (letter == 'C' && o->endpoint == NULL)
            o->endpoint = mem_dup(optarg);
        else if (letter == 'a')
            o->app = optarg;
        else if (letter == 'l')
            wrong = add_log(o, optarg);
        else if (letter == 'j')
            o->json = 1;
        else if (letter == 't' && (o->timeout_ms = conf_parse_time_ms(optarg)) < 1)
            wrong = usage("--timeout", "give a time with its unit, up to 400 days: 500ms, 3s");
        else if (access_take(&o->access, letter, optarg))
            continue;
        else if (letter == 'h') {
            fputs(help, stdout);
            return -1;
        } else if (letter == '?')
            return STATUS_USAGE; /* getopt has said it */
    }
    if (wrong == STATUS_DONE && o->app && *o->app == '\0')
        wrong = usage("--app", "empty; leave it out, or say which");
    if (wrong == STATUS_DONE)
        wrong = check(o, argc, argv);
    return wrong == STATUS_DONE ? read_conf(o) : wrong;
}

void trace_options_free(struct trace_options *o)
{
    free(o->endpoint);
    explicit_bzero(&o->access.keys, sizeof o->access.keys);
    free(o->log_path);
    o->endpoint = o->log_path = NULL;
}
