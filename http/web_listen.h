/* The listening socket of whatever speaks HTTP. */
#ifndef HTTP_WEB_LISTEN_H
#define HTTP_WEB_LISTEN_H

#define WEB_ADDRESS_BYTES 320 /* of HOST:PORT with its NUL */

/* Listens at HOST:PORT, brackets around an IPv6 address; "*" is every IPv4 address. Returns the descriptor and writes the address that it
 * got; or -1 (logged with `key`, the configuration's that says where). is_loopback: only this host can reach it. */
int web_listen(const char *where, const char *key, char address[WEB_ADDRESS_BYTES], int *is_loopback);

#endif
