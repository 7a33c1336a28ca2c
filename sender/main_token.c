/* mega-token: see keeper.h and README.md. */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/program.h"
#include "sender/keeper.h"

int main(int argc, char **argv)
{
    struct program program;
    int opened = program_open(&program, argc, argv, "mega-token", "keeps the access tokens of WeChat");
    if (opened != 0)
        return opened - 1;
    /* One keeper an installation, whatever it is called: the lock has a name of its own. */
    snprintf(program.name, sizeof program.name, "token");
    int status = 1;
    struct keeper *keeper = NULL;
    if (program_lock(&program) == 0)
        keeper = keeper_new(&program);
    if (keeper) {
        log_info("ready", log_u64("accounts", program.conf->account_count));
        status = keeper_run(keeper);
        log_info("ended", log_i64("status", status));
    }
    if (keeper_destroy(&keeper) != 0)
        _exit(status); /* a thread is left that still reads the configuration */
    program_close(&program);
    return status;
}
