/*
 * kind.c - the table of message calls; see kind.h.
 */
#include "tests/sim/kind.h"

#include <stddef.h>
#include <string.h>

static const struct kind KINDS[KIND_COUNT] = {
    {"/cgi-bin/message/template/send", BODY_TEMPLATE, true},
    {"/cgi-bin/message/custom/send", BODY_CUSTOM, false},
    {"/cgi-bin/message/subscribe/send", BODY_SUBSCRIBE, true},
    {"/cgi-bin/message/subscribe/bizsend", BODY_BIZSUBSCRIBE, false},
};

const struct kind *kind_at(int number)
{
    return &KINDS[number];
}

int kind_number(const struct kind *kind)
{
    return (int)(kind - KINDS);
}

const struct kind *kind_find(const char *path)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        if (strcmp(path, KINDS[i].path) == 0)
            return &KINDS[i];
    return NULL;
}
