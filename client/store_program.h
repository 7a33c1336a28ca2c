/* mega store: hands over to the program mega-store, which opens the store itself and therefore is built with its engine. */
#ifndef CLIENT_STORE_PROGRAM_H
#define CLIENT_STORE_PROGRAM_H

/* Replaces this process with mega-store: the one beside this program, else the one in PATH. argv[0] is "store", the others are
 * passed on. Returns an exit status, with the reason printed, only when that cannot be done. */
int store_program_run(char **argv);

#endif
