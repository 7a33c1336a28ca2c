/* Answers as JSON, and the HTTP status that belongs to them. Pure. */
#ifndef CONSOLE_API_ANSWER_H
#define CONSOLE_API_ANSWER_H

#include "console/api_ask.h"
#include "proto/operator.h"

/* {"code":…, "message":…, "done":…, "left":…, "looked":…, "indexing":…, "next":TOKEN, "ref":…, "data":…}; what is zero or empty is left
 * out. `ref` only of what is long. */
void api_answer_write(const struct api_op *op, const struct answer *answer, uint64_t ref, struct buf *out);

/* {"code":…, "message":…} */
void api_answer_refuse(int code, const char *message, struct buf *out);

/* 200 for a page, even if others follow; 202 for what goes on. */
unsigned api_answer_status(const struct api_op *op, const struct answer *answer);

#endif
