/* mega: the callers' and operators' command. See client/README.md. */
#include <string.h>

#include "client/ask.h"
#include "client/queue_commands.h"
#include "client/store_program.h"
#include "client/token.h"

int main(int argc, char **argv)
{
    struct options options;
    if (argc > 1 && strcmp(argv[1], "queue") == 0)
        return queue_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "store") == 0)
        return store_program_run(argv + 1);
    if (argc > 1 && strcmp(argv[1], "token") == 0)
        return token_main(argc - 1, argv + 1);
    int status = options_read(&options, argc, argv);
    if (status == STATUS_DONE)
        status = ask(&options);
    options_free(&options);
    return status < 0 ? STATUS_DONE : status;
}
