/* The protocols of bench-load: ours, and those of what it is compared with. Each message has the same 250 bytes of variables.
 *
 * beanstalkd: https://github.com/beanstalkd/beanstalkd/blob/master/doc/protocol.txt ("put")
 * Redis: https://redis.io/docs/latest/develop/reference/protocol-spec/ (arrays of bulk strings; an integer in return)
 */
#include "tests/bench/load.h"

#include <stdio.h>
#include <string.h>

#define VARS \
    "{\"first\":\"your order has been taken and is on its way to you\",\"keyword1\":\"20261128-0001-7741\"," \
    "\"keyword2\":\"2026-11-28 12:00:00\",\"keyword3\":\"39.80\",\"keyword4\":\"green tea, 250 g, two tins\"," \
    "\"remark\":\"thank you for shopping with us, come again soon\"}"

/* As WeChat's: 28 characters that begin with o. */
static void openid_of(char text[29], uint64_t number)
{
    snprintf(text, 29, "oBench%022llu", (unsigned long long)number);
}

/* --- ours --------------------------------------------------------------------------------------------------------- */

static void mega_request(const struct load_options *o, struct buf *out, uint64_t number, uint32_t slot)
{
    char openid[29], header[256];
    openid_of(openid, number);
    int length = snprintf(header, sizeof header, "%s %s %s%s%s", o->command, openid, o->key, *o->extra ? " " : "", o->extra);
    size_t header_bytes = (size_t)length < sizeof header ? (size_t)length : sizeof header - 1;
    buf_append_u32be(out, (uint32_t)(4 + header_bytes + 4 + 4 + strlen(VARS)));
    buf_append_u32be(out, (uint32_t)header_bytes);
    buf_append(out, header, header_bytes);
    buf_append_u32be(out, slot);
    buf_append_u32be(out, (uint32_t)strlen(VARS));
    buf_append(out, VARS, strlen(VARS));
}

static long mega_answer(struct span in, uint32_t *slot, int *is_ok)
{
    if (in.bytes < 4)
        return 0;
    size_t bytes = 4 + (size_t)u32be_at(in.data);
    if (bytes < 26 || bytes > 65536 || (in.bytes >= 8 && u32be_at(in.data + 4) != 10))
        return -1;
    if (in.bytes < bytes)
        return 0;
    *slot = u32be_at(in.data + 18);
    *is_ok = memcmp(in.data + 8, "result 200", 10) == 0;
    return (long)bytes;
}

/* --- those of others ---------------------------------------------------------------------------------------------- */

static void beanstalkd_request(const struct load_options *o, struct buf *out, uint64_t number, uint32_t slot)
{
    (void)o;
    (void)slot;
    char openid[29];
    openid_of(openid, number);
    buf_printf(out, "put 0 0 60 %zu\r\n%s", 28 + strlen(VARS), openid);
    buf_append_str(out, VARS "\r\n");
}

static void redis_request(const struct load_options *o, struct buf *out, uint64_t number, uint32_t slot)
{
    (void)o;
    (void)slot;
    char openid[29];
    openid_of(openid, number);
    buf_printf(out, "*3\r\n$5\r\nRPUSH\r\n$5\r\nqueue\r\n$%zu\r\n%s", 28 + strlen(VARS), openid);
    buf_append_str(out, VARS "\r\n");
}

/* One line; it is fine when it begins with `ok`. */
static long line_answer(struct span in, const char *ok, int *is_ok)
{
    const char *end = memchr(in.data, '\n', in.bytes);
    if (end == NULL)
        return in.bytes > 4096 ? -1 : 0;
    *is_ok = (size_t)(end - in.data) >= strlen(ok) && memcmp(in.data, ok, strlen(ok)) == 0;
    return end - in.data + 1;
}

static long beanstalkd_answer(struct span in, uint32_t *slot, int *is_ok)
{
    (void)slot;
    return line_answer(in, "INSERTED ", is_ok);
}

static long redis_answer(struct span in, uint32_t *slot, int *is_ok)
{
    (void)slot;
    return line_answer(in, ":", is_ok);
}

const struct protocol *protocol_find(const char *name)
{
    static const struct protocol protocols[] = {{"mega", mega_request, mega_answer},
                                                {"beanstalkd", beanstalkd_request, beanstalkd_answer},
                                                {"redis", redis_request, redis_answer}};
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++)
        if (strcmp(protocols[i].name, name) == 0)
            return &protocols[i];
    return NULL;
}
