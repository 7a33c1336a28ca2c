/* Answers about series, for people. Data that is not understood prints as far as it is. */
#ifndef CLIENT_SERIES_PRINT_H
#define CLIENT_SERIES_PRINT_H

#include "base/table.h"
#include "base/buf.h"

/* The tables of list and who; to be filled with rows and written by the caller. */
struct table *series_print_list_new(void);
void series_print_list_row(struct table *t, struct span series);
struct table *series_print_who_new(void);
void series_print_who_row(struct table *t, struct span person);

/* Appends everything about one series, a line a member; about one person; the sums of a status. */
void series_print_all(struct span series, struct buf *out);
void series_print_person(struct span person, struct buf *out);
void series_print_status(struct span status, struct buf *out);

#endif
