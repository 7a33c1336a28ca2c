/* The ways by which notices go out: which keys of [alarm] belong together, and what their values may be. Pure. */
#ifndef BASE_CONF_ALARM_H
#define BASE_CONF_ALARM_H

#include "base/conf.h"

/* What is wrong and what to do, beginning with the key; NULL when nothing is. Shows no value that is a secret. */
const char *conf_alarm_error(const struct conf_alarm *alarm);

/* Takes the next word of a list with commas (or, of a command, white space) between off its front, without the white space
 * around it. Returns 0 at the end. */
int conf_next_word(const char **list, const char *separators, struct span *word);

#endif
