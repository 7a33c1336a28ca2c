/* mega-store: the copy, the check and the rescue of a store, in a process of its own beside the broker.
 *
 *   main_store.c     main
 *   tool_options.c   the command line
 *   tool_backup.c    mega-store backup
 *   tool_verify.c    mega-store verify
 *   tool_rescue.c    mega-store rescue
 *   tool_folder.c    the folder that backup and rescue make: there whole or not at all
 *   tool_watch.c     signals, and the space that a long reader costs
 */
#ifndef BROKER_TOOL_H
#define BROKER_TOOL_H

#include <stdint.h>

#include "base/buf.h"
#include "broker/store_file.h"

/* Exit statuses; scripts rely on them. */
enum tool_status {
    TOOL_DONE = 0,
    TOOL_WRONG = 1,     /* backup: not made; verify: something is wrong; rescue: made, and not everything could be read */
    TOOL_USAGE = 2,     /* wrong command line or configuration */
    TOOL_UNREADABLE = 3 /* the store cannot be opened, or its pages are damaged; rescue: no store was made */
};

enum tool_command { TOOL_BACKUP, TOOL_VERIFY, TOOL_RESCUE };

struct tool_options {
    enum tool_command command;
    char *from;               /* owned; the folder of the store */
    const char *to;           /* the folder to make; NULL for verify */
    uint64_t store_bytes_max; /* store_size of the configuration; 0 = not known */
    uint64_t rate_bytes;      /* a second; 0 = no limit */
    uint64_t free_bytes_min;
    int json;
};

/* Returns TOOL_DONE to go on, -1 when help was printed, or TOOL_USAGE with the reason printed. */
int tool_options_read(struct tool_options *o, int argc, char **argv);
void tool_options_free(struct tool_options *o);

/* Each does what it says and returns the exit status, with everything printed. */
enum tool_status tool_backup(const struct tool_options *o);
enum tool_status tool_verify(const struct tool_options *o);
enum tool_status tool_rescue(const struct tool_options *o);

/* --- tool_watch.c ------------------------------------------------------------------------------------------------- */

/* INT, TERM and HUP as something to look at. */
struct tool_stop {
    int fd; /* readable when one came */
};

/* Blocks them; returns 0, or -1 with the reason printed. */
int tool_stop_open(struct tool_stop *s);
void tool_stop_close(struct tool_stop *s);

/* Waits up to wait_ms (0 = not at all) and returns 1 when one came. */
int tool_stop_came(const struct tool_stop *s, int wait_ms);

/* While a state of the store is held, what the broker frees is not reused: its file may grow. */
struct tool_watch {
    const char *from, *to;        /* `to` may be NULL: nothing is written */
    const struct store_file *file;
    uint64_t store_bytes_max;     /* 0 = what the file says */
    uint64_t free_bytes_min;
    uint64_t last_page;           /* of the file at the beginning */
    int64_t next_ms;
};

void tool_watch_begin(struct tool_watch *w, const struct tool_options *o, const char *to, const struct store_file *file);

/* Looks at most twice a second. Returns 0; or -1 with a message: the space left has fallen below free_bytes_min. */
int tool_watch_look(struct tool_watch *w, struct buf *error);

/* A line on standard error that tells how far a long command has come; only on a terminal, a few times a second. */
struct tool_progress {
    int is_on, is_shown;
    int64_t next_ms;
};

void tool_progress_begin(struct tool_progress *p);

/* `total` of 0: not known. Counts are of `what`. */
void tool_progress_show(struct tool_progress *p, const char *verb, uint64_t done, uint64_t total, const char *what);

/* Takes the line away. Also before anything else is printed. */
void tool_progress_end(struct tool_progress *p);

/* Prints "mega store: " and the message on standard error. */
void tool_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- tool_folder.c ------------------------------------------------------------------------------------------------ */

/* A folder in the making: beside the one that it becomes, under another name. */
struct tool_folder {
    const char *to;
    struct buf path; /* TO.tmp-… */
};

/* Makes it (0750). Returns 0, or -1 with a message: TO exists, or it cannot be made. */
int tool_folder_begin(struct tool_folder *f, const char *to, struct buf *error);

/* Puts it, with what is in it on disk already, into its place. Returns 0, or -1 with a message, and then it is to be dropped. */
int tool_folder_finish(struct tool_folder *f, struct buf *error);

/* Removes it with the files of a store in it. After tool_folder_finish it only forgets the name. */
void tool_folder_drop(struct tool_folder *f);

#endif
