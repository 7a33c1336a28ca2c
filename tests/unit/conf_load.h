/* How the tests of the configuration load it: from a text or a file, with what was said about it. */
#ifndef TESTS_UNIT_CONF_LOAD_H
#define TESTS_UNIT_CONF_LOAD_H

#include "base/conf.h"
#include "tests/unit/test.h"

/* A load with what it said. */
struct loaded {
    struct conf *conf;
    struct buf errors;
    struct buf warnings;
};

static inline struct loaded load_file(const char *path)
{
    struct loaded l = {0};
    l.conf = conf_load(path, &l.errors, &l.warnings);
    CHECK((l.conf == NULL) == (l.errors.bytes > 0));
    buf_str(&l.errors);
    buf_str(&l.warnings);
    return l;
}

static inline struct loaded load_span(struct span text)
{
    char *path = test_file("test.conf", text);
    struct loaded l = load_file(path);
    free(path);
    return l;
}

static inline struct loaded load(const char *text)
{
    return load_span(span_of(text));
}

static inline void unload(struct loaded *l)
{
    conf_destroy(&l->conf);
    CHECK(l->conf == NULL);
    buf_free(&l->errors);
    buf_free(&l->warnings);
}

/* A text that must load without a word. */
static inline struct conf *load_clean(const char *text)
{
    struct loaded l = load(text);
    CHECK_STR(l.errors.data, "");
    CHECK_STR(l.warnings.data, "");
    buf_free(&l.errors);
    buf_free(&l.warnings);
    return l.conf;
}

static inline struct buf dump(const struct conf *conf)
{
    struct buf text = {0};
    char *data = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&data, &bytes);
    conf_dump(conf, out);
    CHECK_INT(fclose(out), 0);
    buf_append(&text, data, bytes);
    free(data);
    return text;
}

/* Makes two configurations comparable byte by byte: neither knows where the other's file was or what its
 * secrets are. */
static inline void make_comparable(struct conf *conf)
{
    memset(conf->path, 0, sizeof conf->path);
    memset(conf->pdo.password, 0, sizeof conf->pdo.password);
    for (size_t i = 0; i < conf->account_count; i++) {
        memset(conf->accounts[i].app_secret, 0, sizeof conf->accounts[i].app_secret);
        memset(conf->accounts[i].token, 0, sizeof conf->accounts[i].token);
    }
}

#endif
