/*
 * options_callback.h - the options about callbacks; options.h has the rest.
 */
#ifndef SIM_OPTIONS_CALLBACK_H
#define SIM_OPTIONS_CALLBACK_H

#include "tests/sim/options.h"

enum option_callback {
    OPTION_CALLBACK = 100, /* above all others */
    OPTION_CALLBACK_TOKEN,
    OPTION_CALLBACK_AES_KEY,
    OPTION_CALLBACK_MODE,
    OPTION_CALLBACK_FORMAT,
    OPTION_CALLBACK_TIMEOUT,
    OPTION_CALLBACK_RETRIES,
    OPTION_CALLBACK_CONNECTIONS,
    OPTION_CALLBACK_MOOD,
    OPTION_RECEIPT,
    OPTION_RECEIPT_LATENCY,
};

/* What holds when nothing is given. */
void options_callback_init(struct options *options);

/* One option of those above. -1 to go on, or the exit code. */
int options_callback_take(struct options *options, int option, const char *value);

/* What only shows when all accounts are known: fills options->hooks. -1, or the exit code. */
int options_callback_check(struct options *options);

#endif
