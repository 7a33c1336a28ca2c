/* libmega-calls SCENE ARGUMENT...: exit status 0 when the scene went as it must. */
#include "tests/process/libmega_calls.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void scene_failed(const char *file, int line, const char *what, const char *format, ...)
{
    va_list args;
    fprintf(stderr, "%s:%d: %s: ", file, line, what);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    exit(1);
}

static struct mega *open_or_fail(const char *endpoint, const struct mega_options *options)
{
    struct mega *mega = mega_open(endpoint, options);
    CHECK(mega, "%s", mega_last_error());
    return mega;
}

#define OK(call) CHECK((call) == 0, "%s", mega_last_error())
#define GOT(r, wanted_code, wanted_state) \
    CHECK((r).code == (wanted_code) && strcmp((r).state, wanted_state) == 0, "%d %s %s", (r).code, (r).state, (r).message)

/* --- blocking ------------------------------------------------------------------------------------------------------ */

static int blocking(const char *endpoint)
{
    struct mega *mega = open_or_fail(endpoint, NULL);
    struct mega_result r;
    struct mega_var vars[] = {mega_text("n", "tea \xE8\x8C\xB6"), mega_integer("i", INT64_MIN), mega_number("d", 2.5), mega_bool("b", 1),
                              {.name = "z", .type = MEGA_NULL}};
    struct mega_message message = {.openid = "oA", .key = "test", .vars = vars, .var_count = 5, .lane = "express", .task = "tasked"};
    OK(mega_ping(mega, &r));
    GOT(r, 200, "ready");
    OK(mega_push(mega, &message, &r));
    GOT(r, 200, "waiting");
    CHECK(strlen(r.id) > 32, "%s", r.id);
    char id[MEGA_ID_BYTES];
    memcpy(id, r.id, sizeof id);
    OK(mega_wait(mega, NULL, id, &r));
    GOT(r, 200, "sent");
    CHECK(r.msgid > 0 && strcmp(r.id, id) == 0, "%s", r.id);
    OK(mega_status(mega, "default", id, &r));
    GOT(r, 200, "sent");
    message.id = "sent-1";
    OK(mega_send(mega, &message, &r));
    GOT(r, 200, "sent");
    struct mega_receipt receipt = {.openid = "oA", .msgid = r.msgid, .state = "blocked", .at_ms = 1700000000000, .message = "failed:user block"};
    OK(mega_receipt(mega, &receipt, &r));
    GOT(r, 200, "blocked");
    CHECK(strcmp(r.id, "sent-1") == 0, "%s", r.id);
    OK(mega_status(mega, NULL, "sent-1", &r));
    CHECK(r.code == 400 && strcmp(r.message, "failed:user block") == 0, "%d %s", r.code, r.message);
    receipt.msgid++;
    OK(mega_receipt(mega, &receipt, &r));
    CHECK(r.code == 404, "%d", r.code);
    message.openid = "bad"; /* the simulator refuses it */
    message.id = "refused-1";
    OK(mega_send(mega, &message, &r));
    GOT(r, 400, "refused");
    CHECK(r.errcode == 40003 && strstr(r.message, "\"openid\":\"bad\""), "%lld %s", (long long)r.errcode, r.message);
    OK(mega_check(mega, &message, &r));
    CHECK(r.code == 200, "%d %s", r.code, r.message);
    message.key = "absent";
    message.id = NULL;
    OK(mega_check(mega, &message, &r));
    CHECK(r.code == 400 && strcmp(r.message, "template key not exists") == 0, "%d %s", r.code, r.message);
    OK(mega_status(mega, NULL, "nobody", &r));
    CHECK(r.code == 404, "%d", r.code);
    OK(mega_wait(mega, NULL, "nobody", &r));
    CHECK(r.code == 404, "%d", r.code);
    message = (struct mega_message){.openid = "oB", .key = "test", .task = "later", .in_ms = 3600000, .packed_vars = "\x81\xa1n\x01", .packed_bytes = 4};
    for (int i = 0; i < 3; i++) {
        OK(mega_push(mega, &message, &r));
        GOT(r, 200, "waiting");
    }
    struct mega_selection selection = {.id = r.id};
    OK(mega_cancel(mega, &selection, &r));
    GOT(r, 200, "cancelled");
    selection = (struct mega_selection){.task = "later", .openid = "oB", .key = "test"};
    OK(mega_cancel(mega, &selection, &r));
    CHECK(r.code == 200 && r.count == 2, "%d %llu", r.code, (unsigned long long)r.count);
    const struct mega_window window = {.openid = "oB", .action = "menu", .at_ms = 1700000000000};
    OK(mega_window(mega, &window, &r));
    CHECK(r.code == 200 && r.state[0] == 0, "%d %s", r.code, r.state);
    const struct mega_window nobodys = {.openid = "oB", .action = "menu", .app = "nobody"};
    OK(mega_window(mega, &nobodys, &r));
    CHECK(r.code == 400 && strstr(r.message, "no such account"), "%d %s", r.code, r.message);
    OK(mega_tset(mega, "test", &r));
    CHECK(r.code == 200, "%d %s", r.code, r.message);
    CHECK(mega_pending(mega) == 0, "%zu", mega_pending(mega));
    mega_close(&mega);
    CHECK(mega == NULL, "the handle is there");
    return 0;
}

/* --- asynchronous -------------------------------------------------------------------------------------------------- */

struct seen {
    struct mega *mega;
    int pushes, waits, others;
};

static void waited(void *argument, const struct mega_result *r)
{
    GOT(*r, 200, "sent");
    ((struct seen *)argument)->waits++;
}

static void pushed(void *argument, const struct mega_result *r)
{
    struct seen *seen = argument;
    GOT(*r, 200, "waiting");
    seen->pushes++;
    OK(mega_wait_async(seen->mega, NULL, r->id, waited, seen));
}

static void other(void *argument, const struct mega_result *r)
{
    CHECK(r->error == 0 && r->code == 200, "%d %s", r->code, r->message);
    ((struct seen *)argument)->others++;
}

static int asynchronous(const char *endpoint)
{
    struct mega_options options = {.requests_max = 110};
    struct seen seen = {.mega = open_or_fail(endpoint, &options)};
    struct mega_message message = {.openid = "oC", .key = "test", .packed_vars = "\x81\xa1n\x02", .packed_bytes = 4};
    struct pollfd readable = {.fd = mega_fd(seen.mega), .events = POLLIN};
    CHECK(poll(&readable, 1, 0) == 0 && mega_dispatch(seen.mega, 0) == 0, "something is there before anything was asked");
    for (int i = 0; i < 100; i++)
        OK(mega_push_async(seen.mega, &message, pushed, &seen));
    OK(mega_send_async(seen.mega, &message, other, &seen));
    OK(mega_check_async(seen.mega, &message, other, &seen));
    OK(mega_ping_async(seen.mega, other, &seen));
    OK(mega_tset_async(seen.mega, "test", other, &seen));
    OK(mega_window_async(seen.mega, &(struct mega_window){.openid = "oC", .action = "follow"}, other, &seen));
    int full = 0;
    for (int i = 0; i < 8 && full == 0; i++)
        full = mega_ping_async(seen.mega, other, &seen);
    CHECK(full == MEGA_FULL && strstr(mega_last_error(), "110 requests"), "%s", mega_last_error());
    while (mega_pending(seen.mega) > 0) {
        CHECK(poll(&readable, 1, 60000) == 1, "nothing for a minute");
        CHECK(mega_dispatch(seen.mega, 0) >= 0, "%s", mega_last_error());
    }
    CHECK(seen.pushes == 100 && seen.waits == 100 && seen.others == 10, "%d %d %d", seen.pushes, seen.waits, seen.others);
    CHECK(poll(&readable, 1, 0) == 0, "readable with nothing to do");
    mega_close(&seen.mega);
    return 0;
}

/* --- nobody there -------------------------------------------------------------------------------------------------- */

static void too_late(void *argument, const struct mega_result *r)
{
    CHECK(r->error == MEGA_TIMEOUT && r->code == 0 && strstr(r->message, "status: no answer from "), "%d %s", r->error, r->message);
    ++*(int *)argument;
}

static int away(const char *endpoint)
{
    struct mega_options options = {.timeout_ms = 200, .send_timeout_ms = 300, .wait_timeout_ms = 400};
    struct mega *mega = open_or_fail(endpoint, &options);
    struct mega_message message = {.openid = "oD", .key = "test", .id = "mine"};
    struct mega_result r;
    int late = 0;
    CHECK(mega_push(mega, &message, &r) == MEGA_TIMEOUT && r.error == MEGA_TIMEOUT && r.code == 0 && strcmp(r.id, "mine") == 0, "%s", r.message);
    CHECK(strstr(r.message, "push: no answer from ") && strstr(r.message, "within 200 ms: nothing answers there; it may have been accepted"),
          "%s", r.message);
    CHECK(strcmp(r.message, mega_last_error()) == 0, "%s", mega_last_error());
    CHECK(mega_send(mega, &message, &r) == MEGA_TIMEOUT && strstr(r.message, "within 300 ms"), "%s", r.message);
    CHECK(mega_wait(mega, NULL, "mine", &r) == MEGA_TIMEOUT && strstr(r.message, "within 400 ms"), "%s", r.message);
    CHECK(mega_status_async(mega, NULL, "mine", too_late, &late) == 0, "%s", mega_last_error());
    CHECK(mega_dispatch(mega, -1) == 1 && late == 1, "%d", late);
    mega_close(&mega);
    return 0;
}

/* --- across a restart: prints the state of what it waits for ------------------------------------------------------------ */

static void settled(void *argument, const struct mega_result *r)
{
    printf("%d %s\n", r->code, r->state);
    ++*(int *)argument;
}

static int wait_for(const char *endpoint, const char *id)
{
    struct mega *mega = open_or_fail(endpoint, NULL);
    struct mega_message message = {.openid = "oE", .key = "test", .id = id, .in_ms = 3600000, .packed_vars = "\x81\xa1n\x03", .packed_bytes = 4};
    struct mega_result r;
    int answers = 0;
    OK(mega_push(mega, &message, &r));
    GOT(r, 200, "waiting");
    OK(mega_wait_async(mega, NULL, id, settled, &answers));
    OK(mega_ping(mega, &r)); /* behind the wait: the broker has read it */
    puts("waits");
    fflush(stdout);
    while (mega_pending(mega) > 0)
        CHECK(mega_dispatch(mega, -1) >= 0, "%s", mega_last_error());
    CHECK(answers == 1, "%d", answers);
    mega_close(&mega);
    return 0;
}

/* --- closing while others are inside ------------------------------------------------------------------------------------ */

struct inside {
    pthread_t thread;
    struct mega *mega;
    int number, error;
};

static void *stay(void *argument)
{
    struct inside *in = argument;
    struct mega_result r;
    in->error = in->number == 0 ? mega_dispatch(in->mega, -1) : mega_wait(in->mega, NULL, "waits-long", &r);
    return NULL;
}

static void never(void *argument, const struct mega_result *r)
{
    (void)argument;
    scene_failed(__FILE__, __LINE__, "never", "called with %d %s", r->error, r->message);
}

static int close_scene(const char *endpoint)
{
    struct inside threads[9];
    struct mega *mega = open_or_fail(endpoint, NULL);
    struct mega_message message = {.openid = "oF", .key = "test", .id = "waits-long", .in_ms = 3600000, .packed_vars = "\x81\xa1n\x04", .packed_bytes = 4};
    struct mega_result r;
    OK(mega_push(mega, &message, &r));
    OK(mega_wait_async(mega, NULL, "waits-long", never, NULL));
    for (int i = 0; i < 9; i++) {
        threads[i] = (struct inside){.mega = mega, .number = i};
        CHECK(pthread_create(&threads[i].thread, NULL, stay, &threads[i]) == 0, "%d", i);
    }
    while (mega_pending(mega) < 9)
        poll(NULL, 0, 10);
    mega_close(&mega);
    for (int i = 0; i < 9; i++) {
        pthread_join(threads[i].thread, NULL);
        CHECK(threads[i].error == MEGA_CLOSED, "%d: %d", i, threads[i].error);
    }
    return 0;
}

/* --- wrong arguments ------------------------------------------------------------------------------------------------ */

static char long_text[300], names[1100][8];
static struct mega_var many[1100];

static const char *repeat(char c, size_t count)
{
    memset(long_text, c, count);
    long_text[count] = 0;
    return long_text;
}

static void refused(struct mega *mega, struct mega_message m, const char *text)
{
    struct mega_result r;
    if (m.openid == NULL)
        m.openid = "oG";
    if (m.key == NULL)
        m.key = "test";
    int error = mega_push(mega, &m, &r);
    CHECK(error == MEGA_INVALID && strstr(mega_last_error(), text), "%d, wanted %s, got %s", error, text, mega_last_error());
    CHECK(strcmp(r.message, mega_last_error()) == 0 && r.error == MEGA_INVALID && r.code == 0, "%s", r.message);
    CHECK(mega_push_async(mega, &m, never, NULL) == MEGA_INVALID && mega_pending(mega) == 0, "%zu", mega_pending(mega));
}

#define M(...) ((struct mega_message){__VA_ARGS__})
#define VAR(...) ((struct mega_var[]){__VA_ARGS__}), .var_count = 1

static void refused_messages(struct mega *mega)
{
    for (size_t i = 0; i < 1100; i++) {
        snprintf(names[i], sizeof names[i], "v%zu", i);
        many[i] = mega_integer(names[i], 1);
    }
    refused(mega, M(.openid = ""), "openid: empty; give 1 to 128 bytes");
    refused(mega, M(.openid = repeat('o', 129)), "openid: 129 bytes; at most 128");
    refused(mega, M(.openid = "\xFF"), "openid: not UTF-8");
    refused(mega, M(.key = ""), "key: empty");
    refused(mega, M(.key = repeat('k', 33)), "key: 33 characters; at most 32");
    refused(mega, M(.id = ""), "id: empty; give 1 to 64 bytes, or NULL");
    refused(mega, M(.id = repeat('i', 65)), "id: 65 bytes; at most 64");
    refused(mega, M(.id = "a b"), "id: not plain UTF-8");
    refused(mega, M(.app = repeat('a', 33)), "app: 33 bytes; at most 32");
    refused(mega, M(.task = "a\n"), "task: not plain UTF-8");
    refused(mega, M(.lane = "slow"), "lane: unknown; give express or bulk");
    refused(mega, M(.at_ms = -1), "at_ms: out of range");
    refused(mega, M(.at_ms = ((int64_t)time(NULL) + 401 * 86400) * 1000), "at_ms: out of range; give ms since 1970, at most 400 days");
    refused(mega, M(.in_ms = 34560000001), "in_ms: out of range; give 0 to 34560000000 ms");
    refused(mega, M(.ttl_ms = -5), "ttl_ms: out of range");
    refused(mega, M(.at_ms = 1, .in_ms = 1), "at_ms: given together with in_ms");
    refused(mega, M(.vars = many, .var_count = 1025), "vars: 1025 variables; at most 1024");
    refused(mega, M(.var_count = 1), "vars: NULL");
    refused(mega, M(.vars = VAR(mega_text(NULL, "x"))), "vars: the name of variable 0 is NULL");
    refused(mega, M(.vars = VAR(mega_text(repeat('n', 257), "x"))), "257 bytes; at most 256");
    refused(mega, M(.vars = VAR(mega_text("\xC3", "x"))), "not UTF-8");
    refused(mega, M(.vars = VAR(mega_text("item", NULL))), "item: its text is NULL");
    refused(mega, M(.vars = VAR(mega_text("item", "\xED\xA0\x80"))), "item: a str; a variable is UTF-8 text");
    refused(mega, M(.vars = VAR(mega_number("price", NAN))), "price: a float; a variable is UTF-8 text, a finite number");
    refused(mega, M(.vars = VAR(mega_number("price", INFINITY))), "a finite number");
    refused(mega, M(.vars = VAR({.name = "x", .type = (enum mega_type)7})), "x: type 7");
    refused(mega, M(.packed_vars = "\x80", .packed_bytes = 1, .vars = many, .var_count = 1), "packed_vars: given together with vars");
    refused(mega, M(.packed_vars = "\x80", .packed_bytes = 0), "packed_vars: empty");
    refused(mega, M(.packed_vars = "\x80\xa4task\xa1t", .packed_bytes = 8), "packed_vars: not one msgpack map of 8 bytes");
    refused(mega, M(.packed_vars = "\x81\xa1n", .packed_bytes = 3), "packed_vars: not one msgpack map");
    refused(mega, M(.packed_vars = "\x81\xa1n\x90", .packed_bytes = 4), "n: an array");
}

static void refused_option(struct mega_options options, const char *text)
{
    errno = 0;
    struct mega *mega = mega_open("tcp://127.0.0.1:9", &options);
    CHECK(mega == NULL && errno == EINVAL && strstr(mega_last_error(), text), "%s", mega_last_error());
}

static int invalid(const char *endpoint)
{
    CHECK(strcmp(mega_last_error(), "no call of this thread has failed") == 0, "%s", mega_last_error());
    static const char *const addresses[] = {NULL, "", "127.0.0.1:9502", "inproc://x", "tcp://", "tcp://host"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        errno = 0;
        CHECK(mega_open(addresses[i], NULL) == NULL && errno == EINVAL && strstr(mega_last_error(), "give tcp://HOST:PORT"), "%zu %s", i, mega_last_error());
    }
    refused_option((struct mega_options){.timeout_ms = -1}, "timeout_ms: out of range");
    refused_option((struct mega_options){.send_timeout_ms = 86400001}, "send_timeout_ms: out of range");
    refused_option((struct mega_options){.wait_timeout_ms = 34560000001}, "wait_timeout_ms: out of range");
    refused_option((struct mega_options){.ask_again_ms = 99}, "ask_again_ms: out of range");
    refused_option((struct mega_options){.requests_max = 1000001}, "requests_max: out of range");
    struct mega *mega = open_or_fail(endpoint, NULL);
    struct mega_result r;
    refused_messages(mega);
    CHECK(mega_push(mega, NULL, &r) == MEGA_INVALID && mega_push(NULL, NULL, &r) == MEGA_INVALID, "NULL was taken");
    CHECK(mega_ping(mega, NULL) == MEGA_INVALID && strstr(mega_last_error(), "result: NULL"), "%s", mega_last_error());
    CHECK(mega_ping_async(mega, NULL, NULL) == MEGA_INVALID && strstr(mega_last_error(), "done: NULL"), "%s", mega_last_error());
    CHECK(mega_status(mega, NULL, NULL, &r) == MEGA_INVALID && strstr(mega_last_error(), "id: missing"), "%s", mega_last_error());
    CHECK(mega_status(mega, "", "x", &r) == MEGA_INVALID && strstr(mega_last_error(), "app: empty"), "%s", mega_last_error());
    CHECK(mega_tset(mega, NULL, &r) == MEGA_INVALID && strstr(mega_last_error(), "key: missing"), "%s", mega_last_error());
    struct mega_selection none = {0}, both = {.id = "x", .task = "y"}, empty = {.openid = "", .task = "y"};
    struct mega_window window = {.action = "pay"};
    CHECK(mega_window(mega, NULL, &r) == MEGA_INVALID && strstr(mega_last_error(), "window: NULL"), "%s", mega_last_error());
    CHECK(mega_window(mega, &window, &r) == MEGA_INVALID && strstr(mega_last_error(), "openid: missing"), "%s", mega_last_error());
    window = (struct mega_window){.openid = "oA", .action = "nod"};
    CHECK(mega_window(mega, &window, &r) == MEGA_INVALID && strstr(mega_last_error(), "action: unknown"), "%s", mega_last_error());
    window = (struct mega_window){.openid = "oA", .action = "pay", .at_ms = -1};
    CHECK(mega_window(mega, &window, &r) == MEGA_INVALID && strstr(mega_last_error(), "at_ms: out of range"), "%s", mega_last_error());
    CHECK(mega_cancel(mega, &none, &r) == MEGA_INVALID && strstr(mega_last_error(), "id: missing"), "%s", mega_last_error());
    CHECK(mega_cancel(mega, &both, &r) == MEGA_INVALID && strstr(mega_last_error(), "id: given together"), "%s", mega_last_error());
    CHECK(mega_cancel(mega, &empty, &r) == MEGA_INVALID && strstr(mega_last_error(), "openid: empty"), "%s", mega_last_error());
    struct mega_receipt odd = {.openid = "o", .state = "sent"}, nobody = {.state = "failed"};
    CHECK(mega_receipt(mega, &odd, &r) == MEGA_INVALID && strstr(mega_last_error(), "state: unknown"), "%s", mega_last_error());
    CHECK(mega_receipt(mega, &nobody, &r) == MEGA_INVALID && strstr(mega_last_error(), "openid: missing"), "%s", mega_last_error());
    CHECK(mega_receipt(mega, NULL, &r) == MEGA_INVALID && strstr(mega_last_error(), "receipt: NULL"), "%s", mega_last_error());
    mega_close(&mega);
    mega_close(&mega);
    mega_close(NULL);
    return 0;
}

int main(int argc, char **argv)
{
    const char *scene = argc > 2 ? argv[1] : "";
    if (strcmp(scene, "blocking") == 0)
        return blocking(argv[2]);
    if (strcmp(scene, "asynchronous") == 0)
        return asynchronous(argv[2]);
    if (strcmp(scene, "away") == 0)
        return away(argv[2]);
    if (strcmp(scene, "invalid") == 0)
        return invalid(argv[2]);
    if (strcmp(scene, "close") == 0)
        return close_scene(argv[2]);
    if (strcmp(scene, "wait") == 0 && argc == 4)
        return wait_for(argv[2], argv[3]);
    if (strcmp(scene, "load") == 0 && argc == 6)
        return load_scene(argv[2], argv[3], atol(argv[4]), atol(argv[5]));
    if (strcmp(scene, "threads") == 0 && argc == 5)
        return threads_scene(argv[2], argv[3], atol(argv[4]));
    fprintf(stderr, "usage: libmega-calls blocking|asynchronous|away|invalid|close ENDPOINT\n"
                    "       libmega-calls wait ENDPOINT ID | load ENDPOINT PREFIX COUNT WINDOW | threads ENDPOINT PREFIX COUNT\n");
    return 2;
}
