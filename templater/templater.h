/* The templater: takes jobs from the broker, renders them and hands each to the sender it names. */
#ifndef TEMPLATER_TEMPLATER_H
#define TEMPLATER_TEMPLATER_H

#include "base/program.h"
#include "templater/source.h"

#define TEMPLATER_BYE_MS 1000 /* what the end waits for the broker to confirm reports */

struct templater;

/* `p` must outlive it; the source is taken over. */
struct templater *templater_new(struct program *p, struct source *source);

/* Returns 0, or 1 when the loader's thread is still inside the source: it uses the configuration, so the
 * process must end with _exit. */
int templater_destroy(struct templater **self);

/* Runs until TERM (returns 0) or until the broker refuses this stage or the poll itself fails (returns 1). */
int templater_run(struct templater *t);

#endif
