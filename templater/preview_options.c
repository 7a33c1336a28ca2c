/* The command line of mega-template. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/body.h"
#include "proto/limits.h"
#include "proto/mp.h"
#include "templater/preview.h"

#define CONFIG_DEFAULT "/etc/mega-wechat/mega.conf"
#define OPENID_DEFAULT "oPREVIEW"

static const char help_text[] =
    "mega-template - shows what becomes of templates, and sends nothing (mega wechat preview)\n\n"
    "  mega-template preview KEY     checks a template, fills it in and prints the message\n"
    "  mega-template check [KEY...]  checks all templates of the source, or these; a line each\n\n"
    "  -c, --config FILE       where the source is read from (default " CONFIG_DEFAULT ")\n"
    "      --var NAME=VALUE    preview: a variable, a text\n"
    "      --vars JSON         preview: variables as a JSON object or array; 39.80 becomes 39.8\n"
    "      --openid OPENID     preview: the recipient (default " OPENID_DEFAULT ")\n"
    "      --brief             preview: only what is wrong, and the message on a line\n"
    "      --json              results as JSON: preview one object, check an object a line\n"
    "      --help, --version\n\n"
    "Exit status: 0 good; 1 it cannot be read or rendered, or WeChat would refuse it; 2 wrong usage or "
    "configuration;\n4 standard output cannot be written\n";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'}, {"var", required_argument, NULL, 'a'},
    {"vars", required_argument, NULL, 'v'},   {"openid", required_argument, NULL, 'o'},
    {"json", no_argument, NULL, 'j'},         {"brief", no_argument, NULL, 'b'},
    {"help", no_argument, NULL, 'h'},         {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0}};

/* What is gathered while the options are read. */
struct reading {
    const char *config;
    const char *vars; /* JSON; NULL = none */
    struct buf pairs; /* packed names and values of --var */
    size_t pair_count;
};

static int usage(const char *what, const char *why)
{
    fprintf(stderr, "mega-template: %s: %s (mega-template --help)\n", what, why);
    return PREVIEW_USAGE;
}

static int read_var(struct reading *r, const char *text)
{
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text)
        return usage("--var", "give NAME=VALUE");
    struct span name = {text, (size_t)(equals - text)};
    mp_span(&r->pairs, name);
    mp_str(&r->pairs, equals + 1);
    r->pair_count++;
    return PREVIEW_GOOD;
}

static int read_option(struct preview_options *o, struct reading *r, int letter)
{
    switch (letter) {
    case 'c':
        r->config = optarg;
        return PREVIEW_GOOD;
    case 'a':
        return read_var(r, optarg);
    case 'v':
        r->vars = optarg;
        return PREVIEW_GOOD;
    case 'o':
        o->openid = optarg;
        return PREVIEW_GOOD;
    case 'j':
        o->json = 1;
        return PREVIEW_GOOD;
    case 'b':
        o->brief = 1;
        return PREVIEW_GOOD;
    case 'h':
        fputs(help_text, stdout);
        return -1;
    case 'V':
        puts("mega-template " MEGA_VERSION);
        return -1;
    default:
        return PREVIEW_USAGE; /* getopt has said it */
    }
}

/* Joins --vars and --var to one map; of a name that is in both the later one counts, which is --var's. */
static int join_vars(struct preview_options *o, const struct reading *r)
{
    struct body body = {0};
    struct mp_cursor c;
    if (r->vars != NULL && body_read(&body, span_of(r->vars)) != 0) {
        int status = usage("--vars", buf_str(&body.error));
        body_free(&body);
        return status;
    }
    mp_open(&c, buf_span(&body.vars));
    uint32_t count = body.vars.bytes > 0 ? mp_read_map(&c) : 0;
    mp_map(&o->vars, count + r->pair_count);
    if (count > 0)
        mp_raw(&o->vars, (struct span){c.at, (size_t)(c.end - c.at)});
    if (r->pair_count > 0)
        mp_raw(&o->vars, buf_span(&r->pairs));
    body_free(&body);
    return PREVIEW_GOOD;
}

static int read_command(struct preview_options *o, const struct reading *r, int count, char **arguments)
{
    if (count > 0 && strcmp(arguments[0], "preview") == 0)
        o->command = PREVIEW_SHOW;
    else if (count > 0 && strcmp(arguments[0], "check") == 0)
        o->command = PREVIEW_CHECK;
    else
        return usage(count > 0 ? arguments[0] : "command", "give preview or check");
    o->keys = arguments + 1;
    o->key_count = count - 1;
    if (o->command == PREVIEW_SHOW && o->key_count != 1)
        return usage("preview", "give one KEY");
    if (o->command == PREVIEW_CHECK && (r->vars != NULL || r->pair_count > 0))
        return usage("check", "takes no variables; preview does");
    size_t openid_bytes = strlen(o->openid);
    if (openid_bytes == 0 || openid_bytes > OPENID_BYTES_MAX)
        return usage("--openid", "must have 1 to 128 bytes");
    return PREVIEW_GOOD;
}

static int read_config(const char *path, struct conf **conf)
{
    struct buf errors = {0}, warnings = {0};
    *conf = conf_load(path, &errors, &warnings);
    fputs(buf_str(&errors), stderr);
    buf_free(&errors);
    buf_free(&warnings);
    return *conf != NULL ? PREVIEW_GOOD : PREVIEW_USAGE;
}

int preview_options_read(struct preview_options *o, int argc, char **argv, struct conf **conf)
{
    struct reading r = {.config = CONFIG_DEFAULT};
    int letter, status = PREVIEW_GOOD;
    *o = (struct preview_options){.openid = OPENID_DEFAULT};
    while (status == PREVIEW_GOOD && (letter = getopt_long(argc, argv, "c:hjV", long_options, NULL)) != -1)
        status = read_option(o, &r, letter);
    if (status == PREVIEW_GOOD)
        status = read_command(o, &r, argc - optind, argv + optind);
    if (status == PREVIEW_GOOD)
        status = join_vars(o, &r);
    if (status == PREVIEW_GOOD)
        status = read_config(r.config, conf);
    buf_free(&r.pairs);
    return status;
}

void preview_options_free(struct preview_options *o)
{
    buf_free(&o->vars);
}
