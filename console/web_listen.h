/* The listening socket of the console. */
#ifndef CONSOLE_WEB_LISTEN_H
#define CONSOLE_WEB_LISTEN_H

#define WEB_ADDRESS_BYTES 320 /* of HOST:PORT with its NUL */

/* Listens at HOST:PORT, brackets around an IPv6 address; "*" is every IPv4 address. Returns the descriptor and writes the address that it
 * got; or -1 (logged). is_loopback: only this host can reach it. */
int web_listen(const char *where, char address[WEB_ADDRESS_BYTES], int *is_loopback);

#endif
