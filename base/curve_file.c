/* ZPL in the narrow form that these files have: a section stands at the beginning of a line, what belongs to it is indented, values may
 * be quoted. What is not known (times and hosts that other makers write) is skipped. */
#include "base/curve_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zmq.h>

#include "base/curve_role.h"
#include "base/file.h"

#define KEY_BYTES 32 /* of a key in binary */

static struct span trim(struct span s)
{
    while (s.bytes > 0 && strchr(" \t\r", s.data[0]) && s.data[0])
        s = (struct span){s.data + 1, s.bytes - 1};
    while (s.bytes > 0 && strchr(" \t\r", s.data[s.bytes - 1]) && s.data[s.bytes - 1])
        s.bytes--;
    return s;
}

/* A value is what stands in its quotes, whatever that is; without quotes a comment ends it: a # behind white space, since keys have #. */
static struct span read_value(struct span s)
{
    s = trim(s);
    if (s.bytes > 0 && (s.data[0] == '"' || s.data[0] == '\'')) {
        const char *end = memchr(s.data + 1, s.data[0], s.bytes - 1);
        if (end)
            return (struct span){s.data + 1, (size_t)(end - s.data - 1)};
    }
    for (size_t i = 1; i < s.bytes; i++)
        if (s.data[i] == '#' && (s.data[i - 1] == ' ' || s.data[i - 1] == '\t'))
            return trim((struct span){s.data, i});
    return s;
}

int curve_key_is_valid(struct span key)
{
    char text[CURVE_KEY_CHARS + 1];
    uint8_t binary[KEY_BYTES];
    if (key.bytes != CURVE_KEY_CHARS)
        return 0;
    for (size_t i = 0; i < key.bytes; i++)
        if (key.data[i] <= ' ' || key.data[i] >= 127) /* beyond libzmq's table */
            return 0;
    span_to_text(text, sizeof text, key);
    int is_valid = zmq_z85_decode(binary, text) != NULL;
    explicit_bzero(text, sizeof text);
    explicit_bzero(binary, sizeof binary);
    return is_valid;
}

int curve_name_is_plain(struct span name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@";
    if (name.bytes == 0 || name.bytes > PEER_NAME_BYTES_MAX)
        return 0;
    for (size_t i = 0; i < name.bytes; i++)
        if (name.data[i] == '\0' || strchr(plain, name.data[i]) == NULL)
            return 0;
    return 1;
}

static int wrong(struct buf *error, const char *what)
{
    buf_append_str(error, what);
    return -1;
}

static int take_key(struct span value, char to[CURVE_KEY_CHARS + 1], const char *what, struct buf *error)
{
    if (!curve_key_is_valid(value)) {
        buf_printf(error, "%s: is no key; it has 40 characters of Z85", what);
        return -1;
    }
    span_to_text(to, CURVE_KEY_CHARS + 1, value);
    return 0;
}

static int take_member(struct span section, struct span name, struct span value, struct curve_file *out, struct buf *error)
{
    if (span_is(section, "curve") && span_is(name, "public-key"))
        return take_key(value, out->public_key, "public-key", error);
    if (span_is(section, "curve") && span_is(name, "secret-key"))
        return take_key(value, out->secret_key, "secret-key", error);
    if (span_is(section, "metadata") && span_is(name, "name")) {
        if (!curve_name_is_plain(value))
            return wrong(error, "name: is none; give 1 to 64 letters, digits, . _ - or @");
        span_to_text(out->name, sizeof out->name, value);
    }
    if (span_is(section, "metadata") && span_is(name, "role")) {
        out->roles = curve_roles_read(value);
        if (out->roles == 0)
            return wrong(error, "role: is not known; give " CURVE_ROLE_NAMES);
    }
    return 0;
}

static int take_line(struct span line, struct span *section, struct curve_file *out, struct buf *error)
{
    int is_below = line.bytes > 0 && (line.data[0] == ' ' || line.data[0] == '\t');
    struct span text = trim(line);
    if (text.bytes == 0 || text.data[0] == '#')
        return 0;
    const char *equals = memchr(text.data, '=', text.bytes);
    if (!is_below) {
        *section = read_value(text);
        return 0;
    }
    if (equals == NULL)
        return 0;
    struct span name = trim((struct span){text.data, (size_t)(equals - text.data)});
    struct span value = read_value((struct span){equals + 1, text.bytes - (size_t)(equals + 1 - text.data)});
    return take_member(*section, name, value, out, error);
}

static int check(struct curve_file *out, struct buf *error)
{
    char expected[CURVE_KEY_CHARS + 1];
    if (out->public_key[0] == '\0')
        return wrong(error, "has no public-key below curve; make one with mega keygen");
    if (out->secret_key[0] == '\0')
        return 0;
    if (zmq_curve_public(expected, out->secret_key) != 0)
        return wrong(error, "this libzmq was built without CURVE");
    return strcmp(expected, out->public_key) == 0 ? 0 : wrong(error, "public-key does not belong to secret-key; copy the whole file again");
}

int curve_file_parse(struct span text, struct curve_file *out, struct buf *error)
{
    struct span section = {"", 0};
    *out = (struct curve_file){.roles = ROLE_CLIENT};
    for (size_t at = 0; at < text.bytes;) {
        const char *newline = memchr(text.data + at, '\n', text.bytes - at);
        size_t end = newline ? (size_t)(newline - text.data) : text.bytes;
        if (take_line((struct span){text.data + at, end - at}, &section, out, error) != 0)
            return -1;
        at = end + 1;
    }
    return check(out, error);
}

/* Names a key by its file: /a/ann.pub is of ann. */
static void name_by_path(const char *path, struct curve_file *out)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
    struct span stem = {base, dot && dot > base ? (size_t)(dot - base) : strlen(base)};
    if (curve_name_is_plain(stem))
        span_to_text(out->name, sizeof out->name, stem);
}

/* Appends the text of a regular file. Returns 0, or -1 with what is wrong. */
static int load(const char *path, struct stat *info, struct buf *text, struct buf *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a fifo must not hold us up */
    int failed = fd < 0 || fstat(fd, info) != 0;
    if (!failed && !S_ISREG(info->st_mode)) {
        failed = 1;
        errno = EINVAL;
    }
    if (!failed)
        failed = file_read(fd, CURVE_FILE_BYTES_MAX, text) != 0;
    if (failed)
        buf_printf(error, "\"%s\" cannot be read: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return failed ? -1 : 0;
}

int curve_file_read(const char *path, struct curve_file *out, struct buf *error)
{
    struct stat info;
    struct buf text = {0}, what = {0};
    int failed = load(path, &info, &text, error);
    if (!failed && curve_file_parse(buf_span(&text), out, &what) != 0) {
        buf_printf(error, "\"%s\" %s", path, buf_str(&what));
        failed = -1;
    }
    if (!failed && out->secret_key[0] && (info.st_mode & S_IRWXO)) {
        buf_printf(error, "\"%s\" holds a secret key and is open to everybody; chmod 0640 or 0600 it", path);
        failed = -1;
    }
    if (!failed && out->name[0] == '\0')
        name_by_path(path, out);
    if (!failed && out->name[0] == '\0') {
        buf_printf(error, "\"%s\" gives no name, and its own is none; add name = \"...\" below metadata", path);
        failed = -1;
    }
    if (text.data)
        explicit_bzero(text.data, text.room);
    buf_free(&text);
    buf_free(&what);
    if (failed)
        explicit_bzero(out, sizeof *out);
    return failed;
}

void curve_file_append(const struct curve_file *file, struct buf *out)
{
    buf_printf(out, "metadata\n    name = \"%s\"\n    role = \"", file->name);
    curve_roles_append(file->roles, out);
    buf_printf(out, "\"\ncurve\n    public-key = \"%s\"\n", file->public_key);
    if (file->secret_key[0])
        buf_printf(out, "    secret-key = \"%s\"\n", file->secret_key);
}

int curve_key_find(const char *text, char out[CURVE_KEY_CHARS + 1], struct buf *error)
{
    struct curve_file file;
    if (curve_key_is_valid(span_of(text))) {
        memcpy(out, text, CURVE_KEY_CHARS + 1);
        return 0;
    }
    if (strchr(text, '/') == NULL && access(text, F_OK) != 0) {
        buf_printf(error, "\"%s\" is no public key; give its 40 characters, or the path of a file", text);
        return -1;
    }
    if (curve_file_read(text, &file, error) != 0)
        return -1;
    memcpy(out, file.public_key, CURVE_KEY_CHARS + 1);
    explicit_bzero(&file, sizeof file);
    return 0;
}
