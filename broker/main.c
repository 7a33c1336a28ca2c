/* mega-broker: keeps every accepted message on disk and sends it round the ring. See broker/README.md. */
#include "broker/broker.h"

#include "base/log.h"

int main(int argc, char **argv)
{
    struct program program;
    int done = program_open(&program, argc, argv, "mega-broker", "keeps accepted messages and gives them out to be sent");
    if (done)
        return done - 1;
    int status = 1;
    struct broker *broker = program_lock(&program) ? NULL : broker_new(&program);
    if (broker)
        status = broker_run(broker);
    broker_destroy(&broker);
    program_close(&program);
    return status;
}
