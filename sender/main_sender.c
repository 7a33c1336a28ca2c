/* mega-sender: see sender.h and README.md. */
#include "base/log.h"
#include "base/program.h"
#include "sender/sender.h"

int main(int argc, char **argv)
{
    struct program program;
    int opened = program_open(&program, argc, argv, "mega-sender", "makes the calls to WeChat");
    if (opened != 0)
        return opened - 1;
    int status = 1;
    struct sender *sender = NULL;
    if (program_lock(&program) == 0)
        sender = sender_new(&program);
    if (sender) {
        log_info("ready", log_str("name", program.name), log_u64("slots", sender_slots(sender)));
        status = sender_run(sender);
        log_info("ended", log_i64("status", status));
    }
    sender_destroy(&sender);
    program_close(&program);
    return status;
}
