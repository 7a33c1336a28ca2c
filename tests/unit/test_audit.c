/* The audit's lines: whole, one write each by whoever appends, across a rotation and a disk that takes nothing. */
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/audit.h"
#include "client/log_parse.h"
#include "tests/unit/test.h"

#define APPENDERS 4
#define LINES     500

static const struct audit_who ann = {.by = "ann@ops", .peer = {.kind = PEER_USER, .name = "uid:7", .uid = 7, .pid = 8}, .user = "ann"};

static void write_one(struct audit *a, const char *key)
{
    const struct log_field fields[] = {log_some("app", span_of("shop")), log_some("key", span_of(key)), log_some("task", span_of("")),
                                       log_i64("code", 200)};
    audit_write(a, "pause", &ann, fields, sizeof fields / sizeof *fields);
}

static void test_line(int json)
{
    char *path = test_file(json ? "json.log" : "audit.log", span_of(""));
    struct log_parsed p = {0};
    struct audit *a = audit_new("mega-test", path, json);
    write_one(a, "a \"key\"\n");
    struct buf text = test_read(path);
    CHECK_INT(log_parse((struct span){text.data, text.bytes - 1}, &p), 0);
    CHECK(p.ms > 0);
    CHECK_SPAN(log_parsed_find(&p, "prog"), "mega-test");
    CHECK_SPAN(log_parsed_find(&p, "op"), "pause");
    CHECK_SPAN(log_parsed_find(&p, "by"), "ann@ops");
    CHECK_SPAN(log_parsed_find(&p, "peer"), "uid:7");
    CHECK_SPAN(log_parsed_find(&p, "user"), "ann");
    CHECK_SPAN(log_parsed_find(&p, "pid"), "8");
    CHECK_SPAN(log_parsed_find(&p, "key"), "a \"key\"\n");
    CHECK(log_parsed_find(&p, "task").data == NULL);
    audit_tick(a, 1);
    audit_destroy(&a);
    log_parsed_free(&p);
    buf_free(&text);
    free(path);
}

static size_t count_lines(const char *path)
{
    struct buf text = test_read(path);
    struct log_parsed p = {0};
    size_t lines = 0;
    for (const char *at = buf_str(&text); *at; lines++) {
        const char *end = strchr(at, '\n');
        CHECK(end != NULL);
        CHECK_INT(log_parse((struct span){at, (size_t)(end - at)}, &p), 0);
        CHECK_SPAN(log_parsed_find(&p, "code"), "200"); /* the last field: the line is whole */
        CHECK_U64(p.count, 10);
        at = end + 1;
    }
    log_parsed_free(&p);
    buf_free(&text);
    return lines;
}

static void test_many_appenders(void)
{
    char *path = test_file("many.log", span_of(""));
    for (int i = 0; i < APPENDERS; i++)
        if (fork() == 0) {
            struct audit *a = audit_new("mega-test", path, 0);
            for (int k = 0; k < LINES; k++)
                write_one(a, "key");
            _exit(0); /* no audit_destroy: a line is there when audit_write returns */
        }
    for (int i = 0; i < APPENDERS; i++)
        wait(NULL);
    CHECK_U64(count_lines(path), APPENDERS * LINES);
    free(path);
}

static void test_rotation_and_folder(void)
{
    struct buf path = {0}, moved = {0};
    struct stat info;
    buf_printf(&path, "%s/new/audit.log", test_folder());
    buf_printf(&moved, "%s.1", buf_str(&path));
    struct audit *a = audit_new("mega-test", buf_str(&path), 0);
    CHECK_INT(stat(buf_str(&path), &info), 0);
    CHECK_INT(info.st_mode & 0137, 0); /* 0640 at most */
    write_one(a, "key");
    CHECK_INT(rename(buf_str(&path), buf_str(&moved)), 0);
    audit_tick(a, 1); /* it is away: nothing to do */
    write_one(a, "key");
    CHECK_U64(count_lines(buf_str(&path)), 1);
    CHECK_U64(count_lines(buf_str(&moved)), 1);
    audit_destroy(&a);
    buf_free(&path);
    buf_free(&moved);
}

/* The action goes on, and the log has the line. */
static void test_full_disk(void)
{
    char *path = test_file("log", span_of(""));
    struct log_options options = {.program = "mega-test", .path = path, .level = LEVEL_INFO};
    CHECK_INT(log_open(&options), 0);
    struct audit *a = audit_new("mega-test", "/dev/full", 0);
    write_one(a, "key");
    audit_destroy(&a);
    a = audit_new("mega-test", "/nowhere/at/all", 0);
    write_one(a, "key");
    audit_destroy(&a);
    struct buf text = test_read(path);
    CHECK_HAS(buf_str(&text), "event=\"audit line cannot be written; what was asked for is done all the same\" path=/dev/full "
                              "error=\"No space left on device\"");
    CHECK_HAS(buf_str(&text), "event=\"audit file cannot be opened; changes are made all the same\" path=/nowhere/at/all");
    CHECK_HAS(buf_str(&text), "op=pause by=ann@ops");
    buf_free(&text);
    free(path);
}

int main(void)
{
    test_line(0);
    test_line(1);
    test_many_appenders();
    test_rotation_and_folder();
    test_full_disk();
    return 0;
}
