/* The text of an ini file: lines, sections, keys and raw values. Used by conf.c only.
 *
 * The only pair of files that includes ini.h. What a key means is not known here.
 */
#ifndef BASE_CONF_INI_H
#define BASE_CONF_INI_H

#include <stdio.h>

#include "base/conf.h"

struct conf_ini_line {
    unsigned line;           /* of the file, from 1 */
    unsigned section_number; /* counts the [section] lines, so that a section that stands there twice can be
                                told */
    const char *section;     /* "" before the first one; cut at 49 bytes */
    const char *key;         /* cut at 127 bytes */
    const char *value;       /* behind the sign, as it stands in the file */
};

struct conf_ini_events {
    void *owner; /* handed to both */
    void (*key)(void *owner, const struct conf_ini_line *line);
    void (*wrong)(void *owner, unsigned line,
                  const char *what); /* `what` tells what to do and shows nothing of the line */
};

/* Reads the whole file and calls back in its order; goes on behind what is wrong. Returns -1 (errno set) when
 * reading fails. */
int conf_ini_read(FILE *file, const struct conf_ini_events *events);

/* Cuts the value out of what stands behind the sign: "..." or '...' without the quotes, or everything before
 * the first ';' without the white space around it. Returns NULL, or a constant text that says what is wrong.
 */
const char *conf_ini_value(const char *raw, char out[CONF_TEXT_BYTES_MAX]);

#endif
