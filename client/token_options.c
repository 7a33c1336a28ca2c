#include "client/token_options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "client/endpoint.h"
#include "client/options.h"

#define TIMEOUT_MS    5000

static const char help_text[] =
    "mega token - asks the token keeper\n\n"
    "  mega token show [--app NAME] [--ttl]   prints the access token of an account\n"
    "  mega token status [--app NAME]         which accounts have one, for how long, or why not; shows no token\n"
    "  mega token reject [--app NAME]         WeChat rejected the token on standard input: have it replaced\n\n"
    "  -c, --config FILE    where address and accounts are read from (default " CONFIG_DEFAULT ", if it can be read)\n"
    "      --endpoint ADDR  of the token keeper (default " TOKEN_DEFAULT ")\n"
    ACCESS_HELP("")
    "      --app NAME       the account [wechat:NAME]; without it that of [wechat], of status all\n"
    "      --ttl            show: behind the token, the milliseconds that it is still valid\n"
    "      --json           one JSON object an account\n"
    "      --timeout TIME   give up after so long (default 5s)\n\n"
    "Exit status: 0 done; 1 no token, or no answer in time; 2 wrong usage; 4 standard output cannot be written.\n";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'},  {"endpoint", required_argument, NULL, 'e'},
    {"app", required_argument, NULL, 'a'},     {"ttl", no_argument, NULL, 'T'},
    {"json", no_argument, NULL, 'j'},          {"timeout", required_argument, NULL, 't'},
    {"help", no_argument, NULL, 'h'},          {"curve-key", required_argument, NULL, ACCESS_CURVE_KEY},
    {"server-key", required_argument, NULL, ACCESS_SERVER_KEY}, {NULL, 0, NULL, 0}};

/* What is gathered beside the options themselves. */
struct reading {
    struct token_options *o;
    const char *app;
};

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "mega: token: %s: %s (mega token --help)\n", what, why);
    return STATUS_USAGE;
}

static int read_option(struct reading *r, int letter)
{
    if (access_take(&r->o->access, letter, optarg))
        return STATUS_DONE;
    switch (letter) {
    case 'c':
        r->o->access.config = optarg;
        return STATUS_DONE;
    case 'e':
        free(r->o->endpoint);
        r->o->endpoint = mem_dup(optarg);
        return STATUS_DONE;
    case 'a':
        r->app = optarg;
        return *optarg && strlen(optarg) < CONF_ACCOUNT_BYTES_MAX ? STATUS_DONE
                                                                  : usage("--app", "give a name of 1 to 32 bytes");
    case 'T':
        r->o->has_ttl = 1;
        return STATUS_DONE;
    case 'j':
        r->o->json = 1;
        return STATUS_DONE;
    case 't':
        r->o->timeout_ms = conf_parse_time_ms(optarg);
        return r->o->timeout_ms > 0 ? STATUS_DONE : usage("--timeout", "give a time with its unit: 500ms, 5s, 1m");
    case 'h':
        fputs(help_text, stdout);
        return -1;
    default:
        return STATUS_USAGE; /* getopt has said it */
    }
}

static int read_command(struct token_options *o, int count, char **arguments)
{
    static const char *const names[] = {
        [TOKEN_COMMAND_SHOW] = "show", [TOKEN_COMMAND_STATUS] = "status", [TOKEN_COMMAND_REJECT] = "reject"};
    if (count == 0)
        return usage("command", "missing; give show, status or reject");
    if (count > 1) /* a token does not belong there: others can see it */
        return usage("arguments", "too many; the account is --app NAME, a token comes on standard input");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(arguments[0], names[i]) == 0) {
            o->command = (enum token_command)i;
            return o->has_ttl && o->command != TOKEN_COMMAND_SHOW ? usage("--ttl", "is for show only") : STATUS_DONE;
        }
    return usage(arguments[0], "unknown command; give show, status or reject");
}

static void add_app(struct token_options *o, const char *name)
{
    o->apps[o->app_count++] = mem_dup(name);
}

/* Takes what was not given from the configuration; one that is not named may be missing. */
static int read_config(struct reading *r)
{
    struct token_options *o = r->o;
    struct buf errors = {0}, warnings = {0};
    const char *path = o->access.config ? o->access.config : CONFIG_DEFAULT;
    struct conf *conf = NULL;
    int failed = endpoint_find(&o->access, ENDPOINT_TOKEN, &o->endpoint);
    if (!failed && (o->access.config != NULL || access(path, R_OK) == 0)) {
        conf = conf_load(path, &errors, &warnings);
        failed = conf == NULL;
    }
    if (failed)
        fputs(buf_str(&errors), stderr);
    int takes_all = r->app == NULL && o->command == TOKEN_COMMAND_STATUS && conf && conf->account_count;
    o->apps = mem_new((takes_all ? conf->account_count : 1) * sizeof *o->apps);
    for (size_t i = 0; takes_all && i < conf->account_count; i++)
        add_app(o, conf->accounts[i].name);
    if (!takes_all)
        add_app(o, r->app ? r->app : CONF_ACCOUNT_DEFAULT);
    conf_destroy(&conf);
    buf_free(&errors);
    buf_free(&warnings);
    return failed ? STATUS_USAGE : STATUS_DONE;
}

int token_options_read(struct token_options *o, int argc, char **argv)
{
    struct reading r = {.o = o};
    int letter;
    *o = (struct token_options){.timeout_ms = TIMEOUT_MS};
    while ((letter = getopt_long(argc, argv, "c:h", long_options, NULL)) != -1) {
        int wrong = read_option(&r, letter);
        if (wrong != STATUS_DONE)
            return wrong;
    }
    int wrong = read_command(o, argc - optind, argv + optind);
    return wrong != STATUS_DONE ? wrong : read_config(&r);
}

void token_options_free(struct token_options *o)
{
    for (size_t i = 0; i < o->app_count; i++)
        free(o->apps[i]);
    free(o->apps);
    free(o->endpoint);
    explicit_bzero(&o->access.keys, sizeof o->access.keys);
    *o = (struct token_options){0};
}
