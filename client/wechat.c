#include "client/wechat.h"

#include <string.h>

#include "client/hand_over.h"
#include "client/send_test.h"

int wechat_main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";
    if (strcmp(command, "send-test") == 0)
        return send_test_main(argc - 1, argv + 1);
    if (strcmp(command, "preview") == 0)
        return hand_over("wechat preview", "mega-template", argv);
    if (strcmp(command, "check") == 0)
        return hand_over("wechat check", "mega-template", argv);
    return hand_over("wechat", "mega-wechat", argv);
}
