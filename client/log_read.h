/* Log files as a stream of lines, and where they are. Used by mega trace and mega audit.
 *
 * Files of any size: what is in memory is one piece of a mebibyte. Rotated files that end with .gz are read through gzip(1), which every
 * Debian has.
 */
#ifndef CLIENT_LOG_READ_H
#define CLIENT_LOG_READ_H

#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"

#define LOG_FILES_MAX 4096

/* Called with each line, without its newline; valid during the call. Not 0 ends the reading. */
typedef int log_line_taken(void *self, struct span line);

/* Reads all of fd and hands over the lines that hold `needle` (all when it is empty); of a line over 1 MiB nothing. Returns 0; 1 when
 * `taken` has ended it; -1 with errno set. */
int log_read(int fd, struct span needle, log_line_taken *taken, void *self);

/* Opens a file, or a process that unpacks it (NAME.gz); *pid is 0 or that process. Returns the descriptor, or -1 with errno set. */
int log_file_open(const char *path, pid_t *pid);

/* Starts a program that writes lines to what is returned; as log_file_open. argv[0] is looked for in PATH. */
int log_process_open(char *const argv[], pid_t *pid);

/* Closes it; a process is waited for. Returns 0, or -1 when the process has failed. */
int log_file_close(int fd, pid_t pid);

/* Files to be read, each once however often it was found. */
struct log_files {
    struct log_file {
        char *path; /* owned */
        dev_t device;
        ino_t inode;
    } list[LOG_FILES_MAX];
    size_t count;
};

/* Adds the files of a pattern of the shell that were changed at or after since_s (seconds since 1970; 0 = all). Folders and what cannot
 * be looked at are left out. */
void log_files_add(struct log_files *f, const char *pattern, int64_t since_s);

/* The file itself and what rotation has made of it: PATH.1, PATH.2.gz, PATH-20240501, PATH-20240501.gz. */
void log_files_add_rotated(struct log_files *f, const char *path, int64_t since_s);

void log_files_free(struct log_files *f);

#endif
