/* The encodings of recipients files: which one it is, and making UTF-8 of it. Pure but for iconv's table of GB18030.
 *
 * Used by rows.c. GBK is read as GB18030, of which it is a part. UTF-16 is made UTF-8 as it is read; GBK only field by field, after
 * splitting, so that a wrong byte spoils nothing but its own field.
 */
#ifndef CLIENT_ROWS_ENCODING_H
#define CLIENT_ROWS_ENCODING_H

#include <stdint.h>

#include "base/buf.h"

enum encoding { ENCODING_AUTO, ENCODING_UTF8, ENCODING_GBK, ENCODING_UTF16LE, ENCODING_UTF16BE };

/* For people and for --encoding: "auto", "utf-8", "gbk", "utf-16". */
const char *encoding_name(enum encoding e);

/* Reads auto, utf-8 (utf8) or gbk (gb18030, gb2312), in any case. Returns 0, or -1 when it is none of them. */
int encoding_read(const char *text, enum encoding *e);

/* The byte order mark with which the text begins: its encoding and its bytes; ENCODING_AUTO and 0 when there is none. */
enum encoding encoding_of_mark(struct span text, size_t *bytes);

/* 1 when no byte is above 0x7F. */
int encoding_is_ascii(struct span text);

/* --- GBK ---------------------------------------------------------------------------------------------------------- */

struct gbk;

/* NULL with the reason in `error` when this system has no table of GB18030. */
struct gbk *gbk_new(struct buf *error);
void gbk_destroy(struct gbk **g);

/* Writes the text as UTF-8; `to` has room for 2 bytes for each one. Returns 0 and the bytes, or -1 when it is not GB18030. */
int gbk_decode(struct gbk *g, struct span text, char *to, size_t *bytes);

/* ENCODING_UTF8 or ENCODING_GBK, whichever more of the lines that are not ASCII are; UTF-8 as soon as half of them are, since
 * UTF-8 often passes for GBK and hardly ever GBK for UTF-8. A last line that is cut off is left out unless it is the only one.
 * `g` may be NULL: UTF-8. */
enum encoding encoding_guess(struct gbk *g, struct span text);

/* --- UTF-16 ------------------------------------------------------------------------------------------------------- */

struct utf16 {
    int is_big;
    unsigned char half[2];  /* the first byte of a unit whose second has not come yet */
    size_t half_bytes;
    uint32_t high;          /* the first of a surrogate pair, 0: none */
};

#define UTF16_ROOM(bytes) ((bytes) / 2 * 3 + 8) /* that utf16_decode needs for so many bytes */

/* Writes the next part of a text as UTF-8 and returns the bytes. What is no UTF-16 (half of a surrogate pair, an odd byte at the
 * end) becomes bytes that are no UTF-8, so that they are noticed where they stand. */
size_t utf16_decode(struct utf16 *u, struct span text, char *to);
size_t utf16_end(struct utf16 *u, char *to); /* at the end of the text */

#endif
