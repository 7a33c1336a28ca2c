/* mega keygen and mega keys: pairs of keys for CURVE, and who may come in with one. See docs/security.md. */
#ifndef CLIENT_KEYS_H
#define CLIENT_KEYS_H

/* argv[0] is what getopt's own messages begin with. Each returns an exit status. */
int keygen_main(int argc, char **argv);
int keys_main(int argc, char **argv);

#endif
