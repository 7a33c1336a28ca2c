/* mega: the callers' and operators' command. See client/README.md. */
#include <string.h>

#include "base/program.h"
#include "client/alarm.h"
#include "client/ask.h"
#include "client/audit.h"
#include "client/hand_over.h"
#include "client/keys.h"
#include "client/queue_commands.h"
#include "client/series.h"
#include "client/task.h"
#include "client/token.h"
#include "client/trace.h"
#include "client/wechat.h"

int main(int argc, char **argv)
{
    /* What getopt's own messages begin with. */
    static char queue[] = "mega: queue", token[] = "mega: token", task[] = "mega: task", trace[] = "mega: trace",
                audit[] = "mega: audit", alarm[] = "mega: alarm", keygen[] = "mega: keygen", keys[] = "mega: keys",
                series[] = "mega: series";
    struct options options;
    program_forbid_cores();
    if (argc > 2 && strcmp(argv[1], "queue") == 0 && strcmp(argv[2], "audit") == 0) {
        argv[2] = audit;
        return audit_main(argc - 2, argv + 2);
    }
    if (argc > 1 && strcmp(argv[1], "audit") == 0) {
        argv[1] = audit;
        return audit_main(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "alarm") == 0) {
        argv[1] = alarm;
        return alarm_main(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "trace") == 0) {
        argv[1] = trace;
        return trace_main(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "queue") == 0) {
        argv[1] = queue;
        return queue_main(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "store") == 0)
        return hand_over("store", "mega-store", argv + 1);
    if (argc > 1 && strcmp(argv[1], "wechat") == 0)
        return wechat_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "token") == 0) {
        argv[1] = token;
        return token_main(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "task") == 0) {
        argv[1] = task;
        return task_main(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "series") == 0) {
        argv[1] = series;
        return series_main(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "keygen") == 0) {
        argv[1] = keygen;
        return keygen_main(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "keys") == 0) {
        argv[1] = keys;
        return keys_main(argc - 1, argv + 1);
    }
    int status = options_read(&options, argc, argv);
    if (status == STATUS_DONE)
        status = ask(&options);
    options_free(&options);
    return status < 0 ? STATUS_DONE : status;
}
