/* mega token: what the token keeper knows, as one of its peers. See client/README.md.
 *
 * The only output of a token is that of `mega token show`, on standard output.
 */
#ifndef CLIENT_TOKEN_H
#define CLIENT_TOKEN_H

/* `argv` begins with "token". Returns the exit status. */
int token_main(int argc, char **argv);

#endif
