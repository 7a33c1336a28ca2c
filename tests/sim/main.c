/*
 * main.c - wechat-sim: a stand-in for WeChat's message and token calls, for tests and for trying things out.
 *
 * Exit code: 0 after SIGTERM or SIGINT, 1 if it cannot start or go on, 2 on bad usage.
 */
#include "tests/sim/loop.h"
#include "tests/sim/options.h"
#include "tests/sim/server.h"
#include "tests/sim/sim.h"

int main(int argc, char **argv)
{
    struct options options;
    int code = options_read(&options, argc, argv);
    if (code >= 0)
        return code;

    struct server *server = NULL;
    struct sim *sim = NULL;
    struct loop *loop = loop_new();
    if (loop != NULL)
        sim = sim_new(&options, loop);
    if (sim != NULL)
        server = server_new(&options, loop, (struct http_handler){.handle = sim_handle, .argument = sim});

    code = 1;
    if (server != NULL && server_announce(server) == 0)
        code = loop_run(loop);

    if (sim != NULL)
        sim_settle(sim);
    server_destroy(&server);
    sim_destroy(&sim);
    loop_destroy(&loop);
    return code;
}
