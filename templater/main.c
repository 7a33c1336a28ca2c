/* mega-templater: renders messages. See templater/README.md. */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/program.h"
#include "templater/source.h"
#include "templater/templater.h"

int main(int argc, char **argv)
{
    struct program program;
    struct buf error = {0};
    int status = program_open(&program, argc, argv, "mega-templater", "renders the messages of Mega-WeChat");
    if (status != 0)
        return status - 1;
    status = 1;
    struct source *source = source_new(program.conf, &error);
    if (source == NULL) {
        log_error("cannot start", log_str("reason", buf_str(&error)));
    } else if (program_lock(&program) != 0) {
        source_destroy(&source);
    } else {
        struct templater *templater = templater_new(&program, source);
        log_info("ready", log_str("name", program.name), log_str("source", program.conf->templater.source));
        status = templater_run(templater);
        if (templater_destroy(&templater) != 0)
            _exit(status); /* a thread is left that still reads the configuration */
    }
    buf_free(&error);
    program_close(&program);
    return status;
}
