/* Bearer tokens (RFC 6750). Pure. */
#ifndef CONSOLE_BEARER_H
#define CONSOLE_BEARER_H


/* 1 when the value of an Authorization header (NULL: there is none) is "Bearer TOKEN". The time that it takes tells nothing of where the two
 * differ. An empty token is never right. */
int bearer_is(const char *header, const char *token);

#endif
