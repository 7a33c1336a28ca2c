/* Reads a PDO dsn. Pure; used by mysql_link.c at start. The text comes from the configuration and is
 * bounded by it. */
#include "base/dsn.h"

#include <string.h>

static int fail(struct buf *error, const char *what)
{
    buf_printf(error, "[pdo] dsn: %s", what);
    return -1;
}

static int copy_text(char out[DSN_TEXT_BYTES_MAX], struct span value, struct buf *error)
{
    if (value.bytes >= DSN_TEXT_BYTES_MAX)
        return fail(error, "a part is over 255 bytes");
    memcpy(out, value.data, value.bytes);
    out[value.bytes] = '\0';
    return 0;
}

static int read_port(struct span value, unsigned *port, struct buf *error)
{
    unsigned number = 0;
    for (size_t i = 0; i < value.bytes && number <= 65535; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return fail(error, "port: must be a number from 1 to 65535");
        number = number * 10 + (unsigned)(value.data[i] - '0');
    }
    if (number < 1 || number > 65535)
        return fail(error, "port: must be a number from 1 to 65535");
    *port = number;
    return 0;
}

static int read_part(struct span name, struct span value, struct dsn *dsn, struct buf *error)
{
    if (span_is(name, "host"))
        return copy_text(dsn->host, value, error);
    if (span_is(name, "port"))
        return read_port(value, &dsn->port, error);
    if (span_is(name, "dbname"))
        return copy_text(dsn->dbname, value, error);
    if (span_is(name, "unix_socket"))
        return copy_text(dsn->unix_socket, value, error);
    if (span_is(name, "charset"))
        return 0;
    return fail(error, "has a part that is not known; known are host, port, dbname, unix_socket and charset");
}

int dsn_parse(const char *text, struct dsn *dsn, struct buf *error)
{
    *dsn = (struct dsn){0};
    if (strncmp(text, "mysql:", 6) != 0)
        return fail(error, "must begin with mysql:, as in mysql:host=HOST;dbname=NAME");
    const char *at = text + 6;
    for (;;) {
        at += strspn(at, " ;"); /* PDO steps over white space there, too */
        if (*at == '\0')
            break;
        size_t part_bytes = strcspn(at, ";");
        size_t name_bytes = strcspn(at, "=;");
        if (name_bytes == part_bytes)
            return fail(error, "a part has no =; write mysql:host=HOST;port=PORT;dbname=NAME");
        struct span value = {at + name_bytes + 1, part_bytes - name_bytes - 1};
        if (read_part((struct span){at, name_bytes}, value, dsn, error) != 0)
            return -1;
        at += part_bytes;
    }
    return dsn->dbname[0] != '\0' ? 0 : fail(error, "dbname is missing; write mysql:host=HOST;dbname=NAME");
}
