/* The folder of public keys that may come in, [curve] clients: one NAME.pub each. */
#ifndef BASE_CURVE_FOLDER_H
#define BASE_CURVE_FOLDER_H

#include <dirent.h>

#include "base/curve_file.h"

#define CURVE_FOLDER_MAX 4096 /* files; each key costs some 150 bytes in each process that binds */
#define CURVE_FOLDER_END ".pub"

struct curve_folder {
    struct curve_file *files; /* by public key; without secret keys. Of several with one key only one is kept, with the roles of all */
    size_t count;
    uint64_t stamp;           /* changes when a file does */
};

/* Strangers can take all descriptors of a process that listens. Whoever holds the folder open from one look to the next still sees then
 * that a file has gone: the folder is held in *held, which begins as NULL and is closed by the caller (closedir); NULL: it is not held. */

/* What the folder looks like: a hash over names, sizes, times and places of its files; 0 when there is no folder, or nothing in it.
 * Returns 0, or -1 with errno set when it cannot be looked at. */
int curve_folder_stamp(const char *path, DIR **held, uint64_t *stamp);

/* Reads it, but for files that are in `before` (NULL: none) as they are. Files that cannot be used are logged and left out: their keys may
 * not come in. When that is for lack of descriptors or memory, the stamp of what was read is one that no folder has, so that it is read
 * again. Without a folder there are no keys. Returns 0, or -1 with errno set when it cannot be looked at. */
int curve_folder_read(const char *path, DIR **held, const struct curve_folder *before, struct curve_folder *out);
void curve_folder_free(struct curve_folder *folder);

/* NULL when the key is not there. */
const struct curve_file *curve_folder_find(const struct curve_folder *folder, const char *public_key);

#endif
