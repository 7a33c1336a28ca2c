/* Certificates, as far as people have to do with them: whether ca_file is there, and what to do when a server's is not taken. Used by
 * the sender, the token keeper and http.c; TLS itself is libcurl's. */
#ifndef SENDER_TLS_H
#define SENDER_TLS_H

#include "base/conf.h"

/* Says at once what a first call would only say after a while: returns 0, or -1 when [sender] ca_file cannot be read (logged). */
int tls_check_ca_file(const struct conf *conf);

/* What to do about a handshake that failed, by the words of OpenSSL or of GnuTLS: Debian and Ubuntu have libcurl with either. NULL
 * where these say all. */
const char *tls_advice(const char *words);

#endif
