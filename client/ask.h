/* One question to the frontend and its answer. */
#ifndef CLIENT_ASK_H
#define CLIENT_ASK_H

#include "client/options.h"

/* Asks, prints the result and returns the exit status. Asks again under the same id while the broker is away, until the
 * time-out. */
int ask(struct options *o);

/* Asks and waits for the answer as `ask` does, prints no result. Returns STATUS_DONE with the result in `r`, whose strings point
 * into `bytes`; or another status with the reason printed. A push or send must have an id. */
enum status ask_result(const struct options *o, struct buf *bytes, struct result *r);

/* Gives a push or send that has none an id, which is kept in `text`. */
void ask_give_id(struct options *o, char text[33]);

/* Appends the result as a JSON object without its closing brace. */
void ask_append_json(const struct result *r, struct buf *out);

/* The exit status that belongs to the code of a result or an answer. */
enum status status_of_code(enum code code);

#endif
