/* mega-store: copies, checks and rescues the broker's store. See broker/README.md. */
#include "broker/tool.h"

static enum tool_status run(const struct tool_options *options)
{
    switch (options->command) {
    case TOOL_BACKUP:
        return tool_backup(options);
    case TOOL_VERIFY:
        return tool_verify(options);
    case TOOL_RESCUE:
        break;
    }
    return tool_rescue(options);
}

int main(int argc, char **argv)
{
    struct tool_options options;
    int status = tool_options_read(&options, argc, argv);
    if (status == TOOL_DONE)
        status = (int)run(&options);
    tool_options_free(&options);
    return status < 0 ? (int)TOOL_DONE : status;
}
