/* mega: the callers' and operators' command. See client/README.md. */
#include "client/ask.h"

int main(int argc, char **argv)
{
    struct options options;
    int status = options_read(&options, argc, argv);
    if (status == STATUS_DONE)
        status = ask(&options);
    options_free(&options);
    return status < 0 ? STATUS_DONE : status;
}
