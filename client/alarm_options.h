/* The command line of mega alarm. */
#ifndef CLIENT_ALARM_OPTIONS_H
#define CLIENT_ALARM_OPTIONS_H

#include <stdint.h>

enum alarm_command { ALARM_COMMAND_LIST, ALARM_COMMAND_TEST, ALARM_COMMAND_SILENCE };

struct alarm_options {
    enum alarm_command command;
    char *address;      /* owned; of mega-console */
    char *token;        /* owned; secret */
    const char *name;   /* silence: of the alarm; in argv */
    int64_t for_ms;     /* silence: -1 = not given, 0 = it ends */
    int json;
    int64_t timeout_ms;
};

/* Reads the command line and the configuration. Returns STATUS_DONE to go on, -1 when help was printed, or STATUS_USAGE with the
 * reason printed. To be freed in any case. */
int alarm_options_read(struct alarm_options *o, int argc, char **argv);
void alarm_options_free(struct alarm_options *o);

#endif
