/* The jobs: from the broker's PUSH, rendered, to the sender that each of them names. Used by templater.c. */
#ifndef TEMPLATER_JOBS_H
#define TEMPLATER_JOBS_H

#include "base/conf.h"
#include "proto/member.h"
#include "templater/outlets.h"
#include "templater/reports.h"
#include "templater/templates.h"

struct jobs;

/* What a job passes through; all of it must outlive the jobs. */
struct jobs_options {
    const struct conf *conf;
    struct member *member;
    struct templates *templates;
    struct outlets *outlets;
    struct reports *reports;
};

struct jobs *jobs_new(const struct jobs_options *options);
void jobs_destroy(struct jobs **self);

/* Connects to the broker's jobs socket; does nothing when it is connected. Ends the process when the endpoint
 * is impossible. */
void jobs_open(struct jobs *j);

/* Disconnects; the jobs inside are lost here, and the broker's fence gives them out again. */
void jobs_close(struct jobs *j);

/* The raw ZeroMQ socket to poll for reading, NULL while closed. */
void *jobs_socket(const struct jobs *j);

/* Takes and renders a bounded batch of what is there. */
void jobs_receive(struct jobs *j);

#endif
