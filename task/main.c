/* mega-task: see task.h and README.md. */
#include <stdio.h>

#include "base/log.h"
#include "task/task.h"

int main(int argc, char **argv)
{
    struct program program;
    int opened = program_open(&program, argc, argv, "mega-task", "keeps bulk tasks and feeds their rows to the broker");
    if (opened != 0)
        return opened - 1;
    /* One of them an installation, whatever it is called: the lock has a name of its own. */
    snprintf(program.name, sizeof program.name, "task");
    int status = 1;
    struct runner *runner = NULL;
    if (program_lock(&program) == 0)
        runner = runner_new(&program);
    if (runner) {
        log_info("ready", log_u64("tasks", HASH_COUNT(runner->tasks)));
        status = runner_run(runner);
        log_info("ended", log_i64("status", status));
    }
    runner_destroy(&runner);
    program_close(&program);
    return status;
}
