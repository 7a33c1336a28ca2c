/* The table of kinds. */
#include "sender/kind.h"

#include <stddef.h>

static const struct kind kinds[] = {
    {"template", "/cgi-bin/message/template/send", 1},
    {"custom", "/cgi-bin/message/custom/send", 0},
    {"subscribe", "/cgi-bin/message/subscribe/send", 0},
    {"bizsubscribe", "/cgi-bin/message/subscribe/bizsend", 0},
    {"onetime", "/cgi-bin/message/template/subscribe", 0},
};

const struct kind *kind_find(struct span name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (span_is(name, kinds[i].name))
            return &kinds[i];
    return NULL;
}
