#include "sender/wechat.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"

#define CONFIG_DEFAULT "/etc/mega-wechat/mega.conf"
#define TIMEOUT_MS     120000 /* more than the minute that a rate's end takes */
#define ANY_NUMBER     ((size_t)-1)

static const char help_text[] =
    "mega wechat - asks WeChat itself\n\n"
    "  mega wechat ping                     of each account: is there an access token, is this host in the whitelist,\n"
    "                                       how far away is each address of api_base\n"
    "  mega wechat quota [PATH…]            calls of today: limit, used, left; of the message calls, or of the PATHs given\n"
    "  mega wechat clear-quota              sets the calls of today back to 0; WeChat allows it 10 times a month\n"
    "  mega wechat followers                the openids of all followers, one a line; 10,000 a call, 500 calls a day\n"
    "  mega wechat rid RID                  what WeChat knows of a request, by the rid in its errmsg; kept for 7 days\n"
    "  mega wechat errors [CODE…]           what a code means, what happens here, what to do; without CODE all of them\n"
    "  mega wechat preview …                shows what a template makes of variables (mega wechat preview --help)\n"
    "  mega wechat check …                  checks templates (mega wechat check --help)\n"
    "  mega wechat send-test OPENID KEY …   sends one real message through the whole ring (mega wechat send-test --help)\n\n"
    "Of the first six:\n\n"
    "  -c, --config FILE   the configuration (default " CONFIG_DEFAULT ")\n"
    "      --app NAME      the account [wechat:NAME] (default [wechat]; ping: all of them)\n"
    "      --json          results as JSON\n"
    "      --markdown      errors: the table as docs/wechat-errors.md\n"
    "      --yes           clear-quota: do not ask\n"
    "      --with-secret   clear-quota: with the AppSecret instead of an access token; by itself when there is no token\n"
    "                      because the allowance of token calls is used up\n"
    "      --from OPENID   followers: those behind OPENID; an end before the last one tells which\n"
    "      --timeout TIME  followers: how long a page is tried again when WeChat is busy or not reached (default 2m)\n"
    "      --help, --version\n\n"
    "The access token is asked of the token keeper (mega-token); none is fetched, none is printed.\n\n"
    "Exit status: 0 good; 1 WeChat, the keeper or the network says no, or clear-quota was not confirmed; 2 wrong usage;\n"
    "4 standard output cannot be written. ping: 1 when an account has no access token that WeChat takes, or reaches no address.\n"
    "errors: 1 for a code that is not known.\n";

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'}, {"app", required_argument, NULL, 'a'}, {"json", no_argument, NULL, 'j'},
    {"yes", no_argument, NULL, 'y'},          {"with-secret", no_argument, NULL, 's'}, {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},      {"markdown", no_argument, NULL, 'm'}, {"from", required_argument, NULL, 'f'},
    {"timeout", required_argument, NULL, 't'}, {NULL, 0, NULL, 0}};

static const struct command {
    const char *name;
    enum wechat_command command;
    size_t arguments_min, arguments_max;
} commands[] = {
    {"quota", WECHAT_QUOTA, 0, ANY_NUMBER}, {"clear-quota", WECHAT_CLEAR_QUOTA, 0, 0}, {"rid", WECHAT_RID, 1, 1},
    {"ping", WECHAT_PING, 0, 0},            {"errors", WECHAT_ERRORS, 0, ANY_NUMBER},       {"followers", WECHAT_FOLLOWERS, 0, 0},
};

void wechat_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("mega wechat: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static int usage(const char *what, const char *why)
{
    wechat_error("%s: %s (mega wechat --help)", what, why);
    return WECHAT_USAGE;
}

static int read_option(struct wechat_options *o, int letter)
{
    switch (letter) {
    case 'c':
        o->config = optarg;
        return WECHAT_GOOD;
    case 'a':
        o->app = optarg;
        return WECHAT_GOOD;
    case 'j':
        o->json = 1;
        return WECHAT_GOOD;
    case 'y':
        o->yes = 1;
        return WECHAT_GOOD;
    case 's':
        o->with_secret = 1;
        return WECHAT_GOOD;
    case 'm':
        o->markdown = 1;
        return WECHAT_GOOD;
    case 'f':
        o->from = optarg;
        return WECHAT_GOOD;
    case 't':
        o->timeout_ms = conf_parse_time_ms(optarg);
        return o->timeout_ms >= 0 ? WECHAT_GOOD : usage("--timeout", "give a time with its unit, such as 30s or 2m; or 0");
    case '1':
        o->minus_one = 1;
        return WECHAT_GOOD;
    case 'h':
        fputs(help_text, stdout);
        return -1;
    case 'V':
        puts("mega-wechat " MEGA_VERSION);
        return -1;
    default:
        return WECHAT_USAGE; /* getopt has said it */
    }
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Options that mean nothing to a command may stand for a mistake. */
static int check_options(const struct wechat_options *o, const char *name)
{
    if (o->yes && o->command != WECHAT_CLEAR_QUOTA)
        return usage("--yes", "is for clear-quota only");
    if (o->with_secret && o->command != WECHAT_CLEAR_QUOTA)
        return usage("--with-secret", "is for clear-quota only");
    if (o->from && o->command != WECHAT_FOLLOWERS)
        return usage("--from", "is for followers only");
    if (o->timeout_ms >= 0 && o->command != WECHAT_FOLLOWERS)
        return usage("--timeout", "is for followers only");
    if (o->json && o->command == WECHAT_FOLLOWERS)
        return usage("--json", "is not for followers: they are printed one a line");
    if (o->minus_one && o->command != WECHAT_ERRORS)
        return usage("-1", "is a code for errors only");
    if (o->markdown && (o->command != WECHAT_ERRORS || o->argument_count || o->minus_one || o->json))
        return usage("--markdown", "is for errors without codes only");
    if (o->app && o->command == WECHAT_ERRORS)
        return usage(name, "takes no --app: codes are the same for every account");
    return WECHAT_GOOD;
}

static int read_command(struct wechat_options *o, int count, char **words)
{
    static const char choice[] = "give ping, quota, clear-quota, followers, rid, errors, preview, check or send-test";
    if (count == 0)
        return usage("command", choice);
    const struct command *command = find_command(words[0]);
    if (command == NULL && (strcmp(words[0], "preview") == 0 || strcmp(words[0], "check") == 0
                            || strcmp(words[0], "send-test") == 0))
        return usage(words[0], "give it first, options behind it");
    if (command == NULL)
        return usage(words[0], choice);
    o->command = command->command;
    o->arguments = words + 1;
    o->argument_count = (size_t)count - 1;
    if (o->argument_count < command->arguments_min)
        return usage(words[0], "give the rid, as it stands in WeChat's errmsg");
    if (o->argument_count > command->arguments_max)
        return usage(words[command->arguments_max + 1], "one argument too many");
    return check_options(o, words[0]);
}

int wechat_options_read(struct wechat_options *o, int argc, char **argv)
{
    int letter, wrong;
    *o = (struct wechat_options){.config = CONFIG_DEFAULT, .timeout_ms = -1};
    while ((letter = getopt_long(argc, argv, "1c:hjV", long_options, NULL)) != -1) {
        wrong = read_option(o, letter);
        if (wrong != WECHAT_GOOD)
            return wrong;
    }
    wrong = read_command(o, argc - optind, argv + optind);
    if (o->timeout_ms < 0)
        o->timeout_ms = TIMEOUT_MS;
    return wrong;
}
