/* mega-console: see console.h and README.md. */
#include <stdio.h>

#include "base/log.h"
#include "console/console.h"

int main(int argc, char **argv)
{
    struct program program;
    int opened = program_open(&program, argc, argv, "mega-console", "figures, health and the JSON API over HTTP");
    if (opened != 0)
        return opened - 1;
    int status = 1;
    struct console *console = NULL;
    if (program_lock(&program) == 0)
        console = console_new(&program);
    if (console) {
        log_info("ready", log_str("address", web_address(console->web)));
        status = console_run(console);
        log_info("ended", log_i64("status", status));
    }
    console_destroy(&console);
    program_close(&program);
    return status;
}
