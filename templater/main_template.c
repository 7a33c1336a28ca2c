/* mega-template: shows what becomes of templates. See templater/README.md. */
#include <stdio.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/program.h"
#include "base/term.h"
#include "templater/preview.h"
#include "templater/source.h"

static int run(const struct preview_options *options, const struct conf *conf)
{
    struct buf error = {0};
    int status = PREVIEW_USAGE;
    struct source *source = source_new(conf, &error);
    if (source == NULL)
        fprintf(stderr, "mega-template: %s\n", buf_str(&error));
    else if (options->command == PREVIEW_SHOW)
        status = (int)preview_show(options, conf, source);
    else
        status = (int)preview_check(options, conf, source);
    source_destroy(&source);
    buf_free(&error);
    return status;
}

int main(int argc, char **argv)
{
    struct preview_options options;
    struct conf *conf = NULL;
    const struct log_options log = {.program = "mega-template", .level = LEVEL_WARN};
    program_forbid_cores();
    int status = log_open(&log) == 0 ? preview_options_read(&options, argc, argv, &conf) : PREVIEW_BAD;
    if (status == PREVIEW_GOOD)
        status = run(&options, conf);
    if (status < 0)
        status = PREVIEW_GOOD;
    if (term_end("mega-template") != 0 && status == PREVIEW_GOOD)
        status = PREVIEW_UNWRITTEN;
    preview_options_free(&options);
    conf_destroy(&conf);
    return status;
}
