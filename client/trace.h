/* mega trace ID: the way of one message. */
#ifndef CLIENT_TRACE_H
#define CLIENT_TRACE_H

/* argv[0] is what messages of getopt begin with. Returns the exit status. */
int trace_main(int argc, char **argv);

#endif
