/* The ledger as a file: CSV (RFC 4180) or JSON lines.
 *
 * CSV: a line of names, then an entry a line, lines ended by CR LF, UTF-8 as it is. A field with a comma, a quote, CR or LF stands
 * in quotes. Nothing else is changed: a text that a spreadsheet would take for a formula ("=1+1") stays what it is.
 * Times are ISO 8601 in UTC, what has no value is empty.
 */
#ifndef CLIENT_QUEUE_EXPORT_H
#define CLIENT_QUEUE_EXPORT_H

#include "client/queue.h"
#include "client/queue_options.h"

/* Writes what the filter says to the file or standard output. A file is complete or not there: it is written as FILE.tmp and
 * renamed. Returns the exit status, with the reason printed when it is none. */
enum status queue_export(struct queue_link *l, const struct queue_options *o);

/* Appends the line of names; the line of an entry. */
void queue_export_names(struct buf *out);
void queue_export_row(struct span entry, struct buf *out);

/* Appends one field of CSV. */
void queue_export_field(struct span text, struct buf *out);

#endif
