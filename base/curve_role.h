/* What a key may do: the sockets of the installation, and the roles by which a key file opens them. */
#ifndef BASE_CURVE_ROLE_H
#define BASE_CURVE_ROLE_H

#include "base/buf.h"

/* One for each socket that a process binds; its name is the socket's ZAP domain. CURVE_RING has no socket of its own: it is to speak
 * as a stage on the control socket, whose other use is to ask as an operator; so it is with CURVE_TOKENS and the token keeper. */
enum curve_domain {
    CURVE_FRONTEND, /* broker: messages are handed over, asked for, cancelled */
    CURVE_CONTROL,  /* broker: operators ask */
    CURVE_RING,     /* the same socket: stages join, report results */
    CURVE_JOBS,     /* broker: jobs are taken, with every message's content */
    CURVE_INBOX,    /* each sender: it is told what to send */
    CURVE_TOKEN,    /* token keeper: its status is asked */
    CURVE_TOKENS,   /* the same socket: access tokens are given out */
    CURVE_TASK,     /* task runner: bulk tasks are made and steered */
    CURVE_LISTENER, /* listener: series are asked for and steered */
    CURVE_DOMAINS
};

/* A set of these. */
enum curve_role {
    ROLE_CLIENT = 1,     /* hands messages over: programs of the house, gateways */
    ROLE_OPERATOR = 2,   /* people: mega queue, mega task, mega series; a client too, and the status of the token keeper. Also mega-task, mega-listener and mega-console on another host */
    ROLE_TOKEN = 4,      /* other programs that need the access tokens */
    ROLE_SENDER = 8,     /* mega-sender on another host */
    ROLE_TEMPLATER = 16, /* mega-templater on another host */
    ROLE_STAGE = 32      /* everything: the installation itself */
};

/* 1 when one of the roles opens it. */
int curve_roles_may(unsigned roles, enum curve_domain domain);

/* Reads names of roles with commas or spaces between, such as "operator, token". Returns the set, or 0 when one is not known or there
 * is none. */
unsigned curve_roles_read(struct span text);

/* Appends the names with commas between, as they are read. */
void curve_roles_append(unsigned roles, struct buf *out);

/* All names, for people. */
#define CURVE_ROLE_NAMES "client, operator, token, sender, templater or stage"

const char *curve_domain_name(enum curve_domain domain);

/* CURVE_DOMAINS when there is none of this name. */
enum curve_domain curve_domain_find(struct span name);

#endif
