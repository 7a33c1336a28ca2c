#include "client/alarm_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "client/endpoint.h"
#include "client/options.h"

#define TIMEOUT_MS 60000 /* a test may take as long as [alarm] command_timeout */

static const char help_text[] =
    "mega alarm - shows what is raised, and tries how people are told\n\n"
    "  mega alarm list                      what is raised now, since when; the ways by which notices go out\n"
    "  mega alarm test                      sends a test by every way that is configured, and says whether it was taken\n"
    "  mega alarm silence NAME --for TIME   nobody is told of NAME for so long; 0 ends that\n\n"
    "NAME is an alarm as the list shows it (stage-gone:sender-1), all of a kind (stage-gone), or all.\n"
    "mega-console is asked; its [console] token is needed.\n\n"
    "  -c, --config FILE     where its address and token are read from (default " CONFIG_DEFAULT ")\n"
    "      --console ADDR    HOST:PORT of mega-console (default [console] listen)\n"
    "      --for TIME        silence: so long, up to 400d\n"
    "      --json            list, test: what mega-console answers\n"
    "      --timeout TIME    give up after so long (default 60s)\n\n"
    "Exit status: 0 done; 1 refused, or a test was not taken; 2 wrong usage; 4 standard output cannot be written; 5 no answer.\n";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'}, {"console", required_argument, NULL, 'a'}, {"for", required_argument, NULL, 'f'},
    {"json", no_argument, NULL, 'j'},         {"timeout", required_argument, NULL, 't'}, {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0}};

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "mega: alarm: %s: %s (mega alarm --help)\n", what, why);
    return STATUS_USAGE;
}

static int read_option(struct alarm_options *o, int letter, const char **config)
{
    switch (letter) {
    case 'c':
        *config = optarg;
        return STATUS_DONE;
    case 'a':
        free(o->address);
        o->address = mem_dup(optarg);
        return STATUS_DONE;
    case 'f':
        o->for_ms = conf_parse_time_ms(optarg);
        return o->for_ms >= 0 ? STATUS_DONE : usage("--for", "give a time with its unit: 30m, 2h, 1d; or 0");
    case 'j':
        o->json = 1;
        return STATUS_DONE;
    case 't':
        o->timeout_ms = conf_parse_time_ms(optarg);
        return o->timeout_ms > 0 ? STATUS_DONE : usage("--timeout", "give a time with its unit: 500ms, 5s, 1m");
    case 'h':
        fputs(help_text, stdout);
        return -1;
    default:
        return STATUS_USAGE; /* getopt has said it */
    }
}

static int read_command(struct alarm_options *o, int count, char **arguments)
{
    static const char *const names[] = {
        [ALARM_COMMAND_LIST] = "list", [ALARM_COMMAND_TEST] = "test", [ALARM_COMMAND_SILENCE] = "silence"};
    size_t command = 0;
    if (count == 0)
        return usage("command", "missing; give list, test or silence");
    while (command < sizeof names / sizeof *names && strcmp(arguments[0], names[command]) != 0)
        command++;
    if (command == sizeof names / sizeof *names)
        return usage(arguments[0], "unknown command; give list, test or silence");
    o->command = (enum alarm_command)command;
    int is_silence = o->command == ALARM_COMMAND_SILENCE;
    if (is_silence && (count < 2 || o->for_ms < 0))
        return usage("silence", "give the name of an alarm and --for TIME");
    if (!is_silence && o->for_ms >= 0)
        return usage("--for", "is for silence only");
    if (count > 1 + is_silence)
        return usage(arguments[1 + is_silence], "is too much");
    o->name = is_silence ? arguments[1] : NULL;
    return STATUS_DONE;
}

static int read_config(struct alarm_options *o, const char *path)
{
    struct buf errors = {0}, warnings = {0};
    struct conf *conf = conf_load(path, &errors, &warnings);
    int status = STATUS_DONE;
    if (conf == NULL) {
        fputs(buf_str(&errors), stderr);
        status = STATUS_USAGE;
    } else if (conf->console.token[0] == '\0') {
        status = usage(path, "has no [console] token, without which mega-console has no API; give one and send mega-console HUP");
    } else {
        if (o->address == NULL)
            o->address = mem_dup(conf->console.listen);
        o->token = mem_dup(conf->console.token);
    }
    conf_destroy(&conf);
    buf_free(&errors);
    buf_free(&warnings);
    return status;
}

int alarm_options_read(struct alarm_options *o, int argc, char **argv)
{
    const char *config = CONFIG_DEFAULT;
    int letter;
    *o = (struct alarm_options){.timeout_ms = TIMEOUT_MS, .for_ms = -1};
    while ((letter = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        int wrong = read_option(o, letter, &config);
        if (wrong != STATUS_DONE)
            return wrong;
    }
    int wrong = read_command(o, argc - optind, argv + optind);
    return wrong != STATUS_DONE ? wrong : read_config(o, config);
}

void alarm_options_free(struct alarm_options *o)
{
    if (o->token)
        explicit_bzero(o->token, strlen(o->token));
    free(o->token);
    free(o->address);
    *o = (struct alarm_options){0};
}
