#include "client/confirm.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum status confirm(const char *family, const char *command, struct buf *question)
{
    char *line = NULL;
    size_t room = 0;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        fprintf(stderr,
                "mega: %s: %s: there is no terminal to ask at; give --yes if it is meant (mega %s --help)\n",
                family, command, family);
        return STATUS_USAGE;
    }
    fprintf(stderr, "%s? [y/N] ", buf_str(question));
    int is_yes = getline(&line, &room, stdin) > 0 && (*line == 'y' || *line == 'Y');
    free(line);
    if (is_yes)
        return STATUS_DONE;
    fputs("mega: nothing was changed\n", stderr);
    return STATUS_REFUSED;
}
