/* The first rows of a task, looked at before it is made: the broker says whether it would take the first one,
 * mega-template shows what the first ones become. Neither sends anything. */
#ifndef CLIENT_TASK_CHECK_H
#define CLIENT_TASK_CHECK_H

#include "client/task_options.h"

#define TASK_SAMPLES 3

/* Copies of the first rows. */
struct task_samples {
    struct {
        struct buf openid, vars; /* vars: packed map, or empty */
    } rows[TASK_SAMPLES];
    size_t count;
};

void task_samples_add(struct task_samples *s, struct span openid, struct span vars);
void task_samples_free(struct task_samples *s);

enum task_verdict { VERDICT_NONE, VERDICT_GOOD, VERDICT_REFUSED, VERDICT_UNKNOWN };

struct task_checked {
    enum task_verdict verdict; /* VERDICT_UNKNOWN: nobody answered, or not now */
    int code;                  /* of the answer; 0 = there was none */
    struct buf message;
};

/* Asks the broker about the first row. */
void task_check_first(const struct task_options *o, const struct task_samples *s,
                      struct task_checked *checked);

/* Prints what mega-template makes of them. Returns 0, or -1 when one of them cannot be rendered; a template
 * tool that is not there is said on standard error and is no failure. */
int task_check_preview(const struct task_options *o, const struct task_samples *s);

/* The same as elements of a JSON array, appended to `out`. */
int task_check_preview_json(const struct task_options *o, const struct task_samples *s, struct buf *out);

#endif
