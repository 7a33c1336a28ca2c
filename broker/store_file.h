/* The data file of a store, read by another process than the broker: its pages and values, and which pages belong to something.
 *
 * Reads with pread, so neither damage nor a file that is cut short ends the process. What is read is the state of one commit: the
 * newest in the file, or the one that a reader of store_reader.h keeps the broker from overwriting. Used by store_tree.c,
 * store_check*.c and store_salvage.c.
 */
#ifndef BROKER_STORE_FILE_H
#define BROKER_STORE_FILE_H

#include "broker/store_page.h"

#define FILE_VALUE_BYTES_MAX (66u * 1024 * 1024) /* no record is longer: MESSAGE_BYTES_MAX and what stands around it */

/* What is known of a page. */
enum page_use {
    USE_REACHED = 1, /* a tree leads to it */
    USE_FREE = 2,    /* the list of free pages has it */
    USE_VALUE = 3,   /* a value lies in it, which an entry of a tree leads to */
    USE_DOUBTFUL = 4 /* what is said of it does not go together */
};

struct store_file;

/* Opens DIR/data.mdb. Returns NULL with a message in `error`. */
struct store_file *store_file_open(const char *dir, struct buf *error);
void store_file_close(struct store_file **self);

/* Begins with the newest commit that can be read. Returns 0; or -1 when neither meta page is one, and then the page size is a
 * guess, there is no tree, and no page is known to be free. */
int store_file_begin(struct store_file *f);

/* Begins with this commit instead. */
void store_file_begin_at(struct store_file *f, const struct page_meta *meta);

/* Reads meta page 0 or 1. Returns 0 or -1. */
int store_file_meta(const struct store_file *f, unsigned number, struct page_meta *meta);

/* The commit that is read; without trees when there is none. */
const struct page_meta *store_file_state(const struct store_file *f);

/* 1 when both meta pages can be read and are of commits that followed each other: no later one is lost. */
int store_file_is_newest(const struct store_file *f);

uint64_t store_file_pages(const struct store_file *f); /* whole pages that the file has */
uint64_t store_file_bytes(const struct store_file *f);

/* Opens a page. Its bytes are valid until the next call. Returns 0; -1 when it cannot be read or is no page of that number. */
int store_file_page(struct store_file *f, uint64_t number, struct page *p);

/* Reads the value of a node that lies in pages of its own. Valid until the next call with the same buffer. Returns 0 or -1. */
int store_file_value(struct store_file *f, const struct page_node *n, struct buf *room, struct span *value);

/* Notes a use of `run` pages. Returns 0, or -1 when one of them is not in the file or has a use already, and then notes nothing. */
int store_file_note(struct store_file *f, uint64_t number, uint64_t run, enum page_use use);

/* Notes that what is said of a page does not go together. */
void store_file_doubt(struct store_file *f, uint64_t number);

/* enum page_use, or 0: nobody knows of it. */
int store_file_use(const struct store_file *f, uint64_t number);

#endif
