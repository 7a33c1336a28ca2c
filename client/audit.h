/* mega audit, also as mega queue audit: who changed what. */
#ifndef CLIENT_AUDIT_H
#define CLIENT_AUDIT_H

/* argv[0] is what messages of getopt begin with. Returns the exit status. */
int audit_main(int argc, char **argv);

#endif
