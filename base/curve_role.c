#include "base/curve_role.h"

static const char *const domains[] = {"frontend", "control", "ring", "jobs", "inbox", "token", "tokens", "task", "listener"};

/* The whole table: each role opens what its programs use, and nothing else. */
static const struct {
    const char *name;
    enum curve_role role;
    char may[CURVE_DOMAINS]; /* by enum curve_domain */
} roles_table[] = {
    /*                         frontend control ring jobs inbox token tokens task listener */
    {"client", ROLE_CLIENT,       {1,      0,     0,   0,    0,    0,     0,    0,       0}},
    {"operator", ROLE_OPERATOR,   {1,      1,     0,   0,    0,    1,     0,    1,       1}},
    {"token", ROLE_TOKEN,         {0,      0,     0,   0,    0,    1,     1,    0,       0}},
    {"sender", ROLE_SENDER,       {0,      1,     1,   0,    0,    1,     1,    0,       0}},
    {"templater", ROLE_TEMPLATER, {0,      1,     1,   1,    1,    0,     0,    0,       0}},
    {"stage", ROLE_STAGE,         {1,      1,     1,   1,    1,    1,     1,    1,       1}},
};

#define ROLES (sizeof roles_table / sizeof *roles_table)

_Static_assert(sizeof domains / sizeof *domains == CURVE_DOMAINS, "a name for each domain");

int curve_roles_may(unsigned roles, enum curve_domain domain)
{
    for (size_t i = 0; i < ROLES; i++)
        if ((roles & roles_table[i].role) && roles_table[i].may[domain])
            return 1;
    return 0;
}

static unsigned find_role(struct span name)
{
    for (size_t i = 0; i < ROLES; i++)
        if (span_is(name, roles_table[i].name))
            return roles_table[i].role;
    return 0;
}

static int is_between(char c)
{
    return c == ',' || c == ' ' || c == '\t';
}

unsigned curve_roles_read(struct span text)
{
    unsigned roles = 0;
    for (size_t at = 0; at < text.bytes;) {
        size_t end = at;
        while (end < text.bytes && !is_between(text.data[end]))
            end++;
        unsigned role = end > at ? find_role((struct span){text.data + at, end - at}) : 0;
        if (end > at && role == 0)
            return 0;
        roles |= role;
        at = end + 1;
    }
    return roles;
}

void curve_roles_append(unsigned roles, struct buf *out)
{
    const char *between = "";
    for (size_t i = 0; i < ROLES; i++)
        if (roles & roles_table[i].role) {
            buf_printf(out, "%s%s", between, roles_table[i].name);
            between = ",";
        }
}

const char *curve_domain_name(enum curve_domain domain)
{
    return domains[domain];
}

enum curve_domain curve_domain_find(struct span name)
{
    size_t i = 0;
    while (i < CURVE_DOMAINS && !span_is(name, domains[i]))
        i++;
    return (enum curve_domain)i;
}
