/* A file that a command writes, complete or not there: it is written as FILE.tmp (mode 0600, as it names
 * recipients), synced and renamed. Without a name it is standard output. What goes wrong is printed.
 */
#ifndef CLIENT_OUTPUT_FILE_H
#define CLIENT_OUTPUT_FILE_H

#include "client/options.h"
#include "client/progress.h"

struct output_file {
    struct buf lines; /* append here, then output_file_put */
    /* Of its own: */
    const char *name;          /* NULL = standard output */
    struct progress *progress; /* taken away before something is printed; or NULL */
    char *path;                /* owned; of the unfinished file */
    int fd;
};

/* Fills a zeroed `f`. Returns 0, or -1 when the file cannot be made. */
int output_file_open(struct output_file *f, const char *name, struct progress *progress);

/* Writes what was appended once it is much. Returns 0, or -1. */
int output_file_put(struct output_file *f);

/* Makes the file complete when the status is STATUS_DONE, else takes it away. Returns the status,
 * STATUS_FAILED when the file could not be written. Frees everything. */
enum status output_file_close(struct output_file *f, enum status status);

#endif
