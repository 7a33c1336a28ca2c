/* The ledger as a file: CSV (proto/entry_csv.h) or JSON lines. */
#ifndef CLIENT_QUEUE_EXPORT_H
#define CLIENT_QUEUE_EXPORT_H

#include "client/queue.h"
#include "client/queue_options.h"

/* Writes what the filter says to the file or standard output. A file is complete or not there: it is written as FILE.tmp and
 * renamed. Returns the exit status, with the reason printed when it is none. */
enum status queue_export(struct queue_link *l, const struct queue_options *o);

#endif
