/* The folder of templates. */
#include <sys/stat.h>

#include "templater/source_dir.h"
#include "tests/unit/test.h"

#define TEXT_BYTES_MAX 20

/* Rows as KEY=TEXT; of one reading. */
static void begin(void *to)
{
    buf_clear(to);
}

static void row(void *to, const struct source_row *r)
{
    buf_append(to, r->key.data, r->key.bytes);
    buf_append_str(to, "=");
    buf_append(to, r->text.data, r->text.bytes);
    buf_append_str(to, ";");
}

static void write_file(const char *name, const char *text)
{
    free(test_file(name, span_of(text)));
}

static void make_path(struct buf *path, const char *name)
{
    buf_clear(path);
    buf_printf(path, "%s/%s", test_folder(), name);
}

static void test_all(struct source *source)
{
    struct buf rows = {0}, error = {0};
    struct source_sink sink = {begin, row, &rows};
    CHECK_INT(source->type->load_all(source, &sink, &error), 0);
    CHECK_SPAN(buf_span(&rows), "B={\"b\":1};a={};c={\"c\":\"012345678901234;linked={};空={\"x\":1};");
    buf_free(&rows);
    buf_free(&error);
}

static const struct {
    const char *key;
    int found;
    const char *text;
} ones[] = {
    {"a", 1, "{}"},
    {"B", 1, "{\"b\":1}"},
    {"linked", 1, "{}"},
    {"空", 1, "{\"x\":1}"},
    {"b", 0, ""},
    {"a.json", 0, ""},
    {"", 0, ""},
    {".hidden", 0, ""},
    {"../x", 0, ""},
    {"sub/inner", 0, ""},
    {"sub", 0, ""},
    {"folder", 0, ""},
    {"pipe", 0, ""},
    {"\xff", 0, ""},
    {"c", 1, "{\"c\":\"012345678901234"},
};

static void test_one(struct source *source)
{
    for (size_t i = 0; i < sizeof ones / sizeof *ones; i++) {
        struct buf key = {0}, text = {0}, error = {0};
        CHECK_INT(source->type->load_one(source, span_of(ones[i].key), &key, &text, &error), ones[i].found);
        CHECK_SPAN(buf_span(&text), ones[i].text);
        CHECK_SPAN(buf_span(&key), ones[i].found ? ones[i].key : "");
        buf_free(&key);
        buf_free(&text);
        buf_free(&error);
    }
    struct buf key = {0}, text = {0}, error = {0};
    CHECK_INT(source->type->load_one(source, (struct span){"a\0b", 3}, &key, &text, &error), 0);
}

static void test_unreachable(void)
{
    struct buf path = {0}, rows = {0}, error = {0}, key = {0}, text = {0};
    struct source_sink sink = {begin, row, &rows};
    make_path(&path, "no-such-folder");
    struct source *source = source_dir_new(buf_str(&path), TEXT_BYTES_MAX);
    CHECK_INT(source->type->load_all(source, &sink, &error), -1);
    CHECK_HAS(buf_str(&error), "no-such-folder: No such file or directory");
    buf_clear(&error);
    CHECK_INT(source->type->load_one(source, span_of("a"), &key, &text, &error), -1);
    CHECK_HAS(buf_str(&error), "no-such-folder");
    source_destroy(&source);
    CHECK(source == NULL);
    buf_free(&path);
    buf_free(&rows);
    buf_free(&error);
}

int main(void)
{
    struct buf path = {0};
    write_file("a.json", "{}");
    write_file("B.json", "{\"b\":1}");
    write_file("c.json", "{\"c\":\"01234567890123456789\"}"); /* over the limit: cut one byte behind it */
    write_file("空.json", "{\"x\":1}");
    write_file(".hidden.json", "{}");
    write_file(".json", "{}");
    write_file("notes.txt", "no template");
    write_file("a.json.bak", "{}");
    make_path(&path, "linked.json");
    CHECK_INT(symlink("a.json", buf_str(&path)), 0);
    make_path(&path, "dangling.json");
    CHECK_INT(symlink("nowhere", buf_str(&path)), 0);
    make_path(&path, "folder.json");
    CHECK_INT(mkdir(buf_str(&path), 0700), 0);
    make_path(&path, "sub");
    CHECK_INT(mkdir(buf_str(&path), 0700), 0);
    write_file("sub/inner.json", "{}");
    make_path(&path, "pipe.json");
    CHECK_INT(mkfifo(buf_str(&path), 0600), 0);
    struct source *source = source_dir_new(test_folder(), TEXT_BYTES_MAX);
    test_all(source);
    test_one(source);
    source_destroy(&source);
    test_unreachable();
    buf_free(&path);
    return 0;
}
