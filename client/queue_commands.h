/* mega queue: reads its command line, asks the broker, shows the answers. */
#ifndef CLIENT_QUEUE_COMMANDS_H
#define CLIENT_QUEUE_COMMANDS_H

/* argv[0] is "queue". Returns the exit status (enum status). */
int queue_main(int argc, char **argv);

#endif
