/* Templates in a folder: KEY.json holds the template of KEY. For a first run and for templates that are kept
 * in git. */
#ifndef TEMPLATER_SOURCE_DIR_H
#define TEMPLATER_SOURCE_DIR_H

#include <stdint.h>

#include "templater/source.h"

#define SOURCE_DIR_FILES_MAX 200000 /* twice the largest table_size; a fuller folder is an error */

/* The folder is looked for at each reading. Keys are the file names without .json, in their exact spelling;
 * names that begin with a dot and other files are none. Texts are cut to template_bytes_max + 1 bytes. */
struct source *source_dir_new(const char *path, uint32_t template_bytes_max);

#endif
