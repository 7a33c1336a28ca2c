/* The table of errcodes as a page of documentation: docs/wechat-errors.md is what this writes, and a test compares the two.
 *
 * Used by `mega wechat errors --markdown` and by tests. Pure.
 */
#ifndef SENDER_ERRCODE_DOC_H
#define SENDER_ERRCODE_DOC_H

#include "base/buf.h"

/* Appends the whole page. */
void errcode_doc_write(struct buf *out);

#endif
