/* Files beside the configuration. Used by conf.c and conf_field.c. */
#ifndef BASE_CONF_PATH_H
#define BASE_CONF_PATH_H

#include "base/conf.h"

/* The absolute folder that a file lies in, to be freed by the caller; "." when it has none that can be found.
 */
char *conf_path_folder(const char *path);

/* Writes prefix and path, with the folder before the path when that is relative; an empty path stays empty.
 * Returns -1 when it does not fit. */
int conf_path_resolve(const char *prefix, const char *folder, const char *path,
                      char out[CONF_TEXT_BYTES_MAX]);

/* Reads the first line of a regular file without its newline. Returns 0, or -1 with what is wrong appended,
 * which never holds anything of the file. */
int conf_path_read_secret(const char *path, char out[CONF_TEXT_BYTES_MAX], struct buf *wrong);

#endif
