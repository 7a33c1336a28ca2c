#include "console/bearer.h"

#include <string.h>
#include <strings.h>

static const char scheme[] = "Bearer ";

/* Every byte of what was given is looked at, whatever the first ones were. */
static int is_equal(const char *given, const char *token)
{
    size_t given_bytes = strlen(given), token_bytes = strlen(token);
    volatile unsigned char differs = given_bytes != token_bytes;
    for (size_t i = 0; i < given_bytes; i++)
        differs |= (unsigned char)(given[i] ^ token[i % token_bytes]);
    return !differs;
}

int bearer_is(const char *header, const char *token)
{
    size_t bytes = sizeof scheme - 1;
    if (header == NULL || *token == '\0' || strncasecmp(header, scheme, bytes) != 0)
        return 0;
    return is_equal(header + bytes + strspn(header + bytes, " "), token);
}
