#include "broker/tool.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/conf.h"
#include "base/conf_value.h"

#define CONFIG_DEFAULT   "/etc/mega-wechat/mega.conf"
#define RATE_BYTES       (64ull * 1024 * 1024)
#define FREE_BYTES_MIN   (256ull * 1024 * 1024)
#define SIZE_BYTES_MAX   (1ull << 50)
#define ARGUMENTS_MAX    2

static const char help_text[] =
    "mega store - copies, checks and rescues the store of mega-broker\n\n"
    "  mega store backup [DIR] TO    a consistent copy, also while the broker runs; TO is the new folder\n"
    "  mega store verify [DIR]       checks everything in it, also while the broker runs\n"
    "  mega store rescue FROM TO     a new store TO with what can be read of a damaged one; no broker may run on it\n\n"
    "DIR is the folder of the store (queue_file_path). Without it, it is read from the configuration.\n\n"
    "  -c, --config FILE      the configuration (default " CONFIG_DEFAULT ")\n"
    "      --rate BYTES       backup: written a second: 10M (default 64M; 0 = no limit)\n"
    "      --min-free BYTES   backup, verify: give up when less than so much space is left (default 256M)\n"
    "      --json             results as JSON, an object a line\n"
    "      --help, --version\n\n"
    "Exit status:\n"
    "  backup  0 made; 1 not made, and nothing is left behind\n"
    "  verify  0 nothing is wrong; 1 something is\n"
    "  rescue  0 everything was read; 1 the new store is there, and something could not be read\n"
    "  all     2 wrong usage; 3 the store cannot be opened or its pages are damaged (rescue: no store was made)\n";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'}, {"rate", required_argument, NULL, 'r'}, {"min-free", required_argument, NULL, 'm'},
    {"json", no_argument, NULL, 'j'},         {"help", no_argument, NULL, 'h'},       {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0}};

static int usage(const char *what, const char *why)
{
    tool_error("%s: %s (mega store --help)", what, why);
    return TOOL_USAGE;
}

static int read_size(const char *name, const char *text, uint64_t *out)
{
    if (conf_parse_size(text, SIZE_BYTES_MAX, out) == 0)
        return TOOL_DONE;
    return usage(name, "give bytes, or 64K, 10M, 2G");
}

static int read_option(struct tool_options *o, int letter, const char **config)
{
    switch (letter) {
    case 'c':
        *config = optarg;
        return TOOL_DONE;
    case 'r':
        return read_size("--rate", optarg, &o->rate_bytes);
    case 'm':
        return read_size("--min-free", optarg, &o->free_bytes_min);
    case 'j':
        o->json = 1;
        return TOOL_DONE;
    case 'h':
        fputs(help_text, stdout);
        return -1;
    case 'V':
        puts("mega-store " MEGA_VERSION);
        return -1;
    default:
        return TOOL_USAGE; /* getopt has said it */
    }
}

static int read_command(struct tool_options *o, const char *name)
{
    static const char *const names[] = {"backup", "verify", "rescue"};
    for (int i = 0; i < 3; i++)
        if (name && strcmp(name, names[i]) == 0) {
            o->command = (enum tool_command)i;
            return TOOL_DONE;
        }
    return usage(name ? name : "command", "give backup, verify or rescue");
}

/* The folder that the configuration names. */
static int read_config(struct tool_options *o, const char *path)
{
    struct buf errors = {0}, warnings = {0};
    struct conf *conf = conf_load(path, &errors, &warnings);
    if (conf) {
        o->from = mem_dup(conf->server.store_dir);
        o->store_bytes_max = conf->broker.store_bytes_max;
    } else {
        fputs(buf_str(&errors), stderr);
        tool_error("%s: cannot be used; mend it, or give the folder of the store instead", path);
    }
    conf_destroy(&conf);
    buf_free(&errors);
    buf_free(&warnings);
    return o->from ? TOOL_DONE : TOOL_USAGE;
}

/* The arguments behind the command: [DIR] [TO]. */
static int read_arguments(struct tool_options *o, int count, char **arguments, const char *config)
{
    const int wants_to = o->command != TOOL_VERIFY, wants_from = o->command == TOOL_RESCUE;
    if (count > wants_to + 1)
        return usage(arguments[wants_to + 1], "one argument too many");
    if (count < wants_to + wants_from)
        return usage(wants_from ? "rescue" : "backup", wants_from ? "give FROM and TO" : "give the folder TO to make");
    for (int i = 0; i < count; i++)
        if (arguments[i][0] == 0)
            return usage("an empty argument", "give the name of a folder");
    if (count > wants_to && config)
        return usage("--config", wants_from ? "rescue takes FROM, not a configuration" : "give either it or DIR");
    o->to = wants_to ? arguments[count - 1] : NULL;
    if (count == wants_to)
        return read_config(o, config ? config : CONFIG_DEFAULT);
    o->from = mem_dup(arguments[0]);
    return TOOL_DONE;
}

int tool_options_read(struct tool_options *o, int argc, char **argv)
{
    const char *config = NULL;
    int letter, wrong;
    *o = (struct tool_options){.rate_bytes = RATE_BYTES, .free_bytes_min = FREE_BYTES_MIN};
    while ((letter = getopt_long(argc, argv, "c:hjV", long_options, NULL)) != -1) {
        wrong = read_option(o, letter, &config);
        if (wrong != TOOL_DONE)
            return wrong;
    }
    wrong = read_command(o, optind < argc ? argv[optind] : NULL);
    return wrong != TOOL_DONE ? wrong : read_arguments(o, argc - optind - 1, argv + optind + 1, config);
}

void tool_options_free(struct tool_options *o)
{
    free(o->from);
}
