/* mega-gateway: takes the Mega-Wechat TCP protocol from clients and hands it to the broker. */
#include "base/program.h"
#include "gateway/gateway.h"

int main(int argc, char **argv)
{
    struct program program;
    int status = program_open(&program, argc, argv, "mega-gateway",
                              "translates between TCP clients and the broker's frontend");
    if (status != 0)
        return status - 1;

    struct gateway *gateway = NULL;
    status = 1;
    if (program_lock(&program) == 0)
        gateway = gateway_new(&program);
    if (gateway != NULL)
        status = gateway_run(gateway);

    gateway_destroy(&gateway);
    program_close(&program);
    return status;
}
