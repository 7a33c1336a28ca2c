/* The command line of mega token. */
#ifndef CLIENT_TOKEN_OPTIONS_H
#define CLIENT_TOKEN_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "client/endpoint.h"

enum token_command { TOKEN_COMMAND_SHOW, TOKEN_COMMAND_STATUS, TOKEN_COMMAND_REJECT };

struct token_options {
    enum token_command command;
    char *endpoint;  /* owned; of the token keeper */
    struct access access;
    char **apps;     /* owned: the accounts that are asked for */
    size_t app_count; /* at least 1 */
    int has_ttl;     /* show: the time left, too */
    int json;
    int64_t timeout_ms;
};

/* Reads the command line and the configuration. Returns STATUS_DONE to go on, -1 when help was printed, or STATUS_USAGE with
 * the reason printed. To be freed in any case. */
int token_options_read(struct token_options *o, int argc, char **argv);
void token_options_free(struct token_options *o);

#endif
