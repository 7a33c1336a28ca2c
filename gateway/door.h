/* Who may come in: networks that are allowed, and how many connections one address may have. Pure. */
#ifndef GATEWAY_DOOR_H
#define GATEWAY_DOOR_H

#include "base/networks.h"

enum door_answer { DOOR_OPEN, DOOR_NOT_ALLOWED, DOOR_TOO_MANY };

struct door;

struct door *door_new(void);
void door_destroy(struct door **self);

/* Before anything else, and again when the configuration is another one: connections that are there stay. `allow` was checked
 * (networks_parse); `each_max`: connections of one address. */
void door_change(struct door *d, const char *allow, size_t each_max);

/* DOOR_OPEN counts one connection more of the address. */
enum door_answer door_enter(struct door *d, const struct ip_address *address);

/* One of its connections has ended. */
void door_leave(struct door *d, const struct ip_address *address);

/* Connections that were turned away since the start, by the answer. */
uint64_t door_turned_away(const struct door *d, enum door_answer why);

#endif
