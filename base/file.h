/* Small files that are read and replaced as a whole.
 *
 * Used for the token cache, the template cache and the count of clear_quota calls. Whoever reads a file sees it as it was or as it
 * is now, after a power cut too.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

struct file_place {
    const char *path;
    mode_t mode, folder_mode; /* of a new file, and of its folder where there is none; less the umask */
    int is_for_folder_owner;  /* 1: root gives the file to the folder's owner, who must be able to go on with it */
};

/* Appends what is left to read of the file. Returns 0, or -1 with errno set, EFBIG when it would be over bytes_max. */
int file_read(int fd, int64_t bytes_max, struct buf *out);

/* Writes PATH.new, syncs it, renames it to PATH and syncs the folder, which is made when it is missing (not those above it). For one
 * process at a time. Returns 0, or -1 with errno set; the file is then as it was, unless only the folder could not be synced. */
int file_replace(const struct file_place *place, struct span bytes);

/* Makes what was made, renamed or removed in the folder durable. Returns 0, or -1 with errno set. */
int file_sync_folder(const char *folder);

/* The folder in which the file is, for free(). */
char *file_folder(const char *path);

#endif
