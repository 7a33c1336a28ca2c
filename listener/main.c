/* mega-listener: see listener.h and README.md. */
#include <stdio.h>

#include "base/log.h"
#include "listener/listener.h"
#include "listener/series_set.h"

int main(int argc, char **argv)
{
    struct program program;
    int opened = program_open_checked(&program, argc, argv, "mega-listener", "takes WeChat's callbacks: receipts, follows, messages", series_set_check);
    if (opened != 0)
        return opened - 1;
    /* One of them an installation, whatever it is called: the lock has a name of its own. */
    snprintf(program.name, sizeof program.name, "listener");
    int status = 1;
    struct listener *listener = NULL;
    if (program_lock(&program) == 0)
        listener = listener_new(&program);
    if (listener) {
        log_info("ready", log_str("address", web_address(listener->web)));
        status = listener_run(listener);
        log_info("ended", log_i64("status", status));
    }
    listener_destroy(&listener);
    program_close(&program);
    return status;
}
