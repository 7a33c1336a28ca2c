/* One definition file of a series. */
#ifndef LISTENER_SERIES_FILE_H
#define LISTENER_SERIES_FILE_H

#include <stdio.h>

#include "listener/series_def.h"

/* Reads the file, which is not closed; `path` is for the errors, `name` the series'. `conf` says which accounts there are; NULL: any.
 * Returns the series, or NULL with every error in `errors`, a line each: FILE:LINE: KEY: what is wrong and what to do. */
struct series *series_file_read(FILE *file, const char *path, const char *name, const struct conf *conf, struct buf *errors);
void series_destroy(struct series **self);

#endif
