/*
 * number.c - whole numbers and probabilities out of text; see number.h.
 */
#include "tests/sim/number.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int number_read(const char *text, int64_t min, int64_t max, int64_t *number)
{
    const char *digits = text[0] == '-' ? text + 1 : text;
    if (digits[0] == '\0' || digits[strspn(digits, "0123456789")] != '\0')
        return -1;
    errno = 0;
    long long value = strtoll(text, NULL, 10);
    if (errno != 0 || value < min || value > max)
        return -1;
    *number = value;
    return 0;
}

int number_read_share(const char *text, double *share)
{
    if (text[0] == '\0' || text[strspn(text, "0123456789.")] != '\0')
        return -1;
    char *end = NULL;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || value < 0 || value > 1)
        return -1;
    *share = value;
    return 0;
}
