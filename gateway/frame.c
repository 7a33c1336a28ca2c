/* Reads one frame. The order of the checks is the original's, for the first one that fails makes the answer:
 * the package's length, the header's length, the command's word, its parameters, opaque, the body's length;
 * then, for ours, the values. Invariant: no byte outside the package is looked at, whatever its lengths say.
 */
#include "gateway/frame.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "proto/limits.h"

#define LENGTH_BYTES 4

/* What is left of the package or of its header. */
struct cursor {
    const char *at, *end;
};

struct command {
    char letter; /* the original decides by the first letter and then looks at the word */
    const char *word;
    const char *unexpected; /* what it answers when only the letter is right */
    enum op op;
};

static const struct command commands[] = {
    {'s', "send", "Expect send but was ", OP_SEND},
    {'p', "push", "Expect push but was ", OP_PUSH},
    {'t', "tset", "Expect tset but was ", OP_TSET},
    {'r', "result", "Expect result but was ", OP_NONE},
};

static enum frame_status read_package(struct cursor package, struct frame *f);
static const struct command *find_command(struct span word);
static enum frame_status refuse_word(struct frame *f, const struct command *command, struct span word);
static enum frame_status read_parameters(struct cursor *header, const struct command *command,
                                         struct frame *f);
static enum frame_status read_tail(struct cursor *package, struct frame *f);
static enum frame_status check_values(struct cursor *header, struct frame *f);
static int key_may_exist(struct span key);

static size_t left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* Returns 0, or -1 when fewer than four bytes are left. */
static int read_u32(struct cursor *c, uint32_t *value)
{
    if (left(c) < 4)
        return -1;
    *value = u32be_at(c->at);
    c->at += 4;
    return 0;
}

/* Everything up to the next space or the end. The cursor stays on the space. */
static struct span read_word(struct cursor *c)
{
    const char *space = left(c) > 0 ? memchr(c->at, ' ', left(c)) : NULL;
    struct span word = {c->at, (size_t)((space == NULL ? c->end : space) - c->at)};
    c->at += word.bytes;
    return word;
}

/* Reads the parameter behind exactly one space; it may be empty. Returns 0, or -1 when there is none. */
static int read_parameter(struct cursor *c, struct span *parameter)
{
    if (left(c) == 0)
        return -1;
    c->at++;
    *parameter = read_word(c);
    return 0;
}

/* The connection cannot go on: what follows in the stream may be anything. Such answers have opaque 0. */
static enum frame_status refuse_and_close(struct frame *f, struct span message)
{
    f->code = CODE_FAILED;
    f->closes = 1;
    f->opaque = 0;
    f->message = message;
    return FRAME_REFUSED;
}

static enum frame_status refuse_unknown(struct frame *f)
{
    return refuse_and_close(f, span_of("Unknown command"));
}

/* Costs one answer, not the connection. */
static enum frame_status refuse_value(struct frame *f, struct span message)
{
    f->code = CODE_REFUSED;
    f->closes = 0;
    f->message = message;
    return FRAME_REFUSED;
}

enum frame_status frame_read(struct span bytes, size_t package_bytes_max, struct frame *f)
{
    f->wanted_bytes = 0;
    if (bytes.bytes < LENGTH_BYTES)
        return FRAME_PARTIAL;
    size_t frame_bytes = (size_t)u32be_at(bytes.data) + LENGTH_BYTES;
    f->bytes = frame_bytes;
    if (frame_bytes > package_bytes_max)
        return refuse_and_close(f, span_of("Package too big"));
    f->wanted_bytes = frame_bytes;
    if (bytes.bytes < frame_bytes)
        return FRAME_PARTIAL;
    return read_package((struct cursor){bytes.data + LENGTH_BYTES, bytes.data + frame_bytes}, f);
}

static enum frame_status read_package(struct cursor package, struct frame *f)
{
    uint32_t header_bytes;
    if (read_u32(&package, &header_bytes) != 0 || header_bytes > left(&package))
        return refuse_unknown(f);
    struct cursor header = {package.at, package.at + header_bytes};
    package.at = header.end;

    struct span word = read_word(&header);
    const struct command *command = find_command(word);
    if (command == NULL)
        return refuse_unknown(f);
    if (!span_is(word, command->word))
        return refuse_word(f, command, word);
    enum frame_status status = read_parameters(&header, command, f);
    if (status == FRAME_REFUSED)
        return status;
    if (read_u32(&package, &f->opaque) != 0)
        return refuse_unknown(f);
    if (f->op != OP_TSET && read_tail(&package, f) == FRAME_REFUSED)
        return FRAME_REFUSED;
    return status == FRAME_IGNORED ? FRAME_IGNORED : check_values(&header, f);
}

static const struct command *find_command(struct span word)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (word.bytes > 0 && word.data[0] == commands[i].letter)
            return &commands[i];
    return NULL;
}

static enum frame_status refuse_word(struct frame *f, const struct command *command, struct span word)
{
    size_t head = strlen(command->unexpected), room = sizeof f->text - head;
    size_t shown = word.bytes < room ? word.bytes : room;
    memcpy(f->text, command->unexpected, head);
    memcpy(f->text + head, word.data, shown); /* bytes, not text: no printf */
    return refuse_and_close(f, (struct span){f->text, head + shown});
}

/* Leaves the header behind KEY. Returns FRAME_REQUEST, FRAME_IGNORED or FRAME_REFUSED. */
static enum frame_status read_parameters(struct cursor *header, const struct command *command,
                                         struct frame *f)
{
    f->op = command->op;
    f->openid = (struct span){NULL, 0};
    struct span result_code;
    if (command->op == OP_NONE)
        return read_parameter(header, &result_code) == 0 ? FRAME_IGNORED : refuse_unknown(f);
    if (command->op != OP_TSET && read_parameter(header, &f->openid) != 0)
        return refuse_unknown(f);
    return read_parameter(header, &f->key) == 0 ? FRAME_REQUEST : refuse_unknown(f);
}

/* The body; what follows it in the package is ignored. */
static enum frame_status read_tail(struct cursor *package, struct frame *f)
{
    uint32_t body_bytes;
    if (read_u32(package, &body_bytes) != 0)
        return refuse_unknown(f);
    if (body_bytes > left(package)) {
        static const char format[] = "body length %u points outside the package, where %zu bytes are left";
        int length = snprintf(f->text, sizeof f->text, format, body_bytes, left(package));
        assert(length > 0 && (size_t)length < sizeof f->text);
        return refuse_and_close(f, (struct span){f->text, (size_t)length});
    }
    f->body = (struct span){package->at, body_bytes};
    return FRAME_REQUEST;
}

static enum frame_status check_values(struct cursor *header, struct frame *f)
{
    if (f->op != OP_TSET) {
        if (f->openid.bytes == 0)
            return refuse_value(f, span_of("openid: empty; give 1 to 128 bytes"));
        if (f->openid.bytes > OPENID_BYTES_MAX)
            return refuse_value(f, span_of("openid: too long; give 1 to 128 bytes"));
        if (!span_is_utf8(f->openid))
            return refuse_value(f, span_of("openid: not UTF-8"));
    }
    if (!key_may_exist(f->key))
        return refuse_value(f, span_of("template key not exists"));
    if (f->op == OP_TSET)
        return FRAME_REQUEST;
    const char *error = params_read((struct span){header->at, left(header)}, &f->params);
    return error == NULL ? FRAME_REQUEST : refuse_value(f, span_of(error));
}

/* The table's column is char(32): a key that does not fit into it cannot be there. */
static int key_may_exist(struct span key)
{
    size_t characters = 0;
    if (key.bytes == 0 || key.bytes > KEY_TEXT_BYTES_MAX || !span_is_utf8(key))
        return 0;
    for (size_t i = 0; i < key.bytes; i++)
        characters += (key.data[i] & 0xC0) != 0x80; /* not a continuation byte */
    return characters <= KEY_BYTES_MAX;
}
