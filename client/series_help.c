/* What mega series --help prints. */
#include "client/endpoint.h"
#include "client/series_options.h"

const char series_help_text[] =
    "mega series - messages that follow on an event of a user: who is in which series; through the daemon mega-listener\n\n"
    "  mega series list                      all series, and how many people are in each\n"
    "  mega series show NAME                 everything about one\n"
    "  mega series who NAME                  who is in it, how far, and what comes next\n"
    "  mega series who NAME --openid OPENID  one person, in it or not any more\n"
    "  mega series start NAME OPENID         starts it for one person, as an event would\n"
    "  mega series stop NAME OPENID          ends it for one person: what waits is cancelled\n"
    "  mega series stop NAME --all           ends it for everybody who is in it\n"
    "  mega series plan [NAME]               what an event would start now, and when each step would go; nothing happens\n"
    "  mega series status                    all series together\n\n"
    "plan:\n"
    "      --event EVENT         follow (default), scan:SCENE, click:KEY or keyword:TEXT\n"
    "      --app NAME            the account [wechat:NAME]\n"
    "      --frontend ADDR       the broker's frontend, which says whether it knows the templates (default " FRONTEND_DEFAULT ")\n\n"
    "  -c, --config FILE         the configuration (default " CONFIG_DEFAULT ", if it is there)\n"
    "      --endpoint ADDR       mega-listener's socket (default " LISTENER_DEFAULT ")\n"
    ACCESS_HELP("     ")
    "      --json                one JSON document; list, who: a JSON line each\n"
    "      --timeout TIME        give up after so long without an answer (default 10s)\n"
    "      --yes                 stop --all: do not ask\n\n"
    "Exit status: 0 done; 1 refused, not confirmed; of plan: a step would be refused; 2 wrong usage; 3 unknown series or person;\n"
    "4 failed; 5 not now, no answer in time.\n";
