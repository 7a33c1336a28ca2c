/* Finds the ${NAME}s of a template text. Used by template.c; reads each byte a bounded number of times and
 * never fails. */
#include "templater/placeholder.h"

/* Bytes of the placeholder that begins at `at`, 0 when there is none. */
static size_t placeholder_bytes(struct span text, size_t at)
{
    if (text.bytes - at < 4 || text.data[at] != '$' || text.data[at + 1] != '{')
        return 0;
    size_t name_at = at + 2;
    for (size_t i = name_at; i < text.bytes && i - name_at <= PLACEHOLDER_NAME_BYTES_MAX; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '}') {
            struct span name = {text.data + name_at, i - name_at};
            return name.bytes > 0 && span_is_utf8(name) ? i + 1 - at : 0;
        }
        if (c < ' ' || c == 0x7f || c == '"' || c == '\\')
            return 0;
        if (c == '$' && i + 1 < text.bytes && text.data[i + 1] == '{')
            return 0;
    }
    return 0;
}

int placeholder_next(struct span text, struct placeholder_scan *scan, struct placeholder *found)
{
    while (scan->at < text.bytes) {
        size_t at = scan->at;
        size_t bytes = placeholder_bytes(text, at);
        if (bytes > 0) {
            *found = (struct placeholder){at, bytes, {text.data + at + 2, bytes - 3}, scan->in_string};
            scan->at += bytes;
            return 1;
        }
        char c = text.data[at];
        if (c == '"')
            scan->in_string = !scan->in_string;
        scan->at += scan->in_string && c == '\\' ? 2 : 1; /* an escaped quote ends no string */
    }
    return 0;
}
