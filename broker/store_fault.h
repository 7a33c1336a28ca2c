/* What a process says when it is ended by a fault in the store's memory map: LMDB follows the pointers of damaged pages, and a file
 * that was cut short has no pages to show. */
#ifndef BROKER_STORE_FAULT_H
#define BROKER_STORE_FAULT_H

/* From now on a SIGSEGV or SIGBUS at an address from `begin` up to `end` is explained in the log before it ends the process as it
 * would have without this; one at another address names the way to find out. */
void store_fault_watch(const void *begin, const void *end);

/* The map is gone. */
void store_fault_forget(void);

#endif
