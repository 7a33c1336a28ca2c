/* XML of outsiders, by expat, hardened: UTF-8 only, no DOCTYPE (and so no entity but the five of XML itself), no processing instruction,
 * bounded in depth and number of elements. Nothing is fetched or expanded, so what it holds is never longer than the text. The caller
 * bounds the text.
 */
#ifndef LISTENER_XML_H
#define LISTENER_XML_H

#include "base/buf.h"

#define XML_DEPTH_MAX    8   /* elements in each other; WeChat's events have 4 */
#define XML_ELEMENTS_MAX 200 /* in one text; WeChat's events have some 30 */

/* What the reader tells, in the order of the text; spans are valid during the call. `self` is that of xml_read. Attributes and comments
 * are not told. */
struct xml_events {
    void (*open)(void *self, struct span name);
    void (*text)(void *self, struct span part); /* of the element that was opened last and not closed; in parts as they come */
    void (*close)(void *self);
};

/* Reads a whole text of at most INT_MAX bytes. Returns 0, or -1 with the reason (no content) appended to error: what was told until then is
 * part of something that is refused. */
int xml_read(struct span text, const struct xml_events *events, void *self, struct buf *error);

#endif
