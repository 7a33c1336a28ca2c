/* mega series plan: what an event would start, and whether the broker would take each of its messages. */
#ifndef CLIENT_SERIES_PLAN_H
#define CLIENT_SERIES_PLAN_H

#include "client/series_options.h"

/* `data` is that of mega-listener's answer. Asks the frontend about each template, prints. Returns STATUS_DONE, STATUS_REFUSED when a
 * step would be refused, or another status with the reason printed. */
enum status series_plan_print(const struct series_options *o, struct span data);

#endif
