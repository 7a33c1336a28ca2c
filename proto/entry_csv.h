/* Entries of a list of messages (proto/MESSAGES.md) as CSV (RFC 4180): what mega queue export and the JSON API write. Pure.
 *
 * A line of names, then an entry a line, lines ended by CR LF, UTF-8 as it is. A field with a comma, a quote, CR or LF stands in quotes.
 * Nothing else is changed: a text that a spreadsheet would take for a formula ("=1+1") stays what it is. Times are ISO 8601 in
 * UTC, what has no value is empty.
 */
#ifndef PROTO_ENTRY_CSV_H
#define PROTO_ENTRY_CSV_H

#include "base/buf.h"

/* The line of the columns' names, and that of a packed entry; both end with CR LF. */
void entry_csv_names(struct buf *out);
void entry_csv_row(struct span entry, struct buf *out);

/* One field, in quotes where it needs some. */
void entry_csv_field(struct span text, struct buf *out);

#endif
