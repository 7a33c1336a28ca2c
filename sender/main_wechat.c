/* mega-wechat: an operator's questions to WeChat. See wechat.h and README.md. */
#include "sender/wechat.h"

#include "base/log.h"
#include "base/program.h"
#include "base/term.h"

static enum wechat_status run(const struct wechat_options *options)
{
    switch (options->command) {
    case WECHAT_QUOTA:
        return wechat_quota(options);
    case WECHAT_CLEAR_QUOTA:
        return wechat_clear_quota(options);
    case WECHAT_FOLLOWERS:
        return wechat_followers(options);
    case WECHAT_RID:
        return wechat_rid(options);
    case WECHAT_PING:
        return wechat_ping(options);
    case WECHAT_ERRORS:
        break;
    }
    return wechat_errors(options);
}

int main(int argc, char **argv)
{
    struct wechat_options options;
    program_forbid_cores();
    /* What the shared parts log (a stopped account) is told here in the command's own words. */
    if (log_open(&(struct log_options){.program = "mega-wechat", .level = LEVEL_ERROR}) != 0)
        return (int)WECHAT_NO;
    int status = wechat_options_read(&options, argc, argv);
    if (status == WECHAT_GOOD)
        status = (int)run(&options);
    if (status < 0)
        status = (int)WECHAT_GOOD;
    if (status != (int)WECHAT_UNWRITTEN && term_end("mega wechat") != 0 && status == WECHAT_GOOD)
        status = (int)WECHAT_UNWRITTEN;
    return status;
}
