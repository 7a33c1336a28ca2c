/* The tasks of a folder, as they are found at a start: whole ones, one that is being made, one whose facts are damaged, what a
 * deletion has left. No new task takes the place of one that cannot be read. */
#include "task/task.h"
#include "tests/unit/test.h"

#define UPLOAD "0123456789abcdef"

static struct runner *start(void)
{
    struct conf *conf = mem_new(sizeof *conf);
    struct runner *r = mem_new(sizeof *r);
    snprintf(conf->task.dir, sizeof conf->task.dir, "%s", test_folder());
    r->conf = conf;
    CHECK_INT(tasks_load(r), 0);
    return r;
}

static void end(struct runner *r)
{
    tasks_free_all(r);
    free((void *)r->conf);
    free(r);
}

static struct runner *restart(struct runner *r)
{
    end(r);
    return start();
}

static struct task *add(struct runner *r, const char *name)
{
    struct buf error = {0}, row = {0};
    struct task *t = tasks_add(r, span_of(name), &error);
    CHECK_STR(buf_str(&error), "");
    CHECK(t != NULL && t->is_making && strlen(t->facts.uid) == TASK_UID_DIGITS);
    CHECK_U64(spool_rows(t->spool), 0);
    snprintf(t->facts.upload, sizeof t->facts.upload, UPLOAD);
    CHECK_INT(tasks_keep(t), 0);
    task_row_pack(&(struct task_row){.line = 1, .openid = {"o1", 2}}, &row);
    CHECK_INT(spool_put_rows(t->spool, 0, buf_span(&row)), 0);
    buf_free(&row);
    buf_free(&error);
    return t;
}

static void keep_whole(struct task *t)
{
    t->is_making = 0;
    t->runner->makings--;
    CHECK_INT(tasks_keep(t), 0);
    struct buf making = {0};
    buf_printf(&making, "%s/making", t->folder);
    CHECK_INT(unlink(buf_str(&making)), 0);
    buf_free(&making);
}

static void put_file(const char *task, const char *file, const char *text)
{
    struct buf name = {0};
    buf_printf(&name, "%s/%s", task, file);
    free(test_file(buf_str(&name), span_of(text)));
    buf_free(&name);
}

static int is_there(const char *path)
{
    struct buf whole = {0};
    buf_printf(&whole, "%s/%s", test_folder(), path);
    int found = access(buf_str(&whole), F_OK) == 0;
    buf_free(&whole);
    return found;
}

static void test_outlive_a_restart(void)
{
    struct runner *r = start();
    keep_whole(add(r, "whole"));
    add(r, "making");
    CHECK_U64(r->makings, 1);
    r = restart(r);
    CHECK_U64(HASH_COUNT(r->tasks), 2);
    CHECK_U64(r->makings, 1);
    struct task *t = tasks_find(r, span_of("making"));
    CHECK(t != NULL && t->is_making);
    CHECK_STR(t->facts.upload, UPLOAD);
    CHECK_U64(t->facts.counts[ROW_TODO], 1);
    t = tasks_find(r, span_of("whole"));
    CHECK(t != NULL && !t->is_making);
    CHECK(tasks_find(r, span_of("who")) == NULL);
    tasks_delete(t);
    tasks_delete(tasks_find(r, span_of("making")));
    CHECK(!is_there("whole") && !is_there("making"));
    CHECK_U64(r->makings, 0);
    r = restart(r);
    CHECK_U64(HASH_COUNT(r->tasks), 0);
    end(r);
}

/* It is left alone, and so are its rows when somebody makes a task of that name. */
static void test_damaged_facts(void)
{
    struct buf error = {0}, expected = {0};
    struct runner *r = start();
    keep_whole(add(r, "hurt"));
    put_file("hurt", "facts", "damaged");
    r = restart(r);
    CHECK(tasks_find(r, span_of("hurt")) == NULL);
    CHECK(tasks_add(r, span_of("hurt"), &error) == NULL);
    buf_printf(&expected, "%s/hurt: holds a task that could not be read at the start of mega-task; put it right, or move it away",
               test_folder());
    CHECK_STR(buf_str(&error), buf_str(&expected));
    CHECK_U64(r->makings, 0);
    end(r);
    struct buf folder = {0};
    buf_printf(&folder, "%s/hurt", test_folder());
    buf_clear(&error);
    struct spool *s = spool_open(buf_str(&folder), 0, &error);
    CHECK(s != NULL);
    CHECK_U64(spool_rows(s), 1);
    spool_close(&s);
    put_file("hurt", "facts", "");
    buf_printf(&folder, "/facts");
    CHECK_INT(remove(buf_str(&folder)), 0);
    buf_free(&folder);
    buf_free(&error);
    buf_free(&expected);
}

/* Facts of neither kind: the making was cut off in its first moment. It can be begun anew, and is empty. */
static void test_making_without_facts(void)
{
    struct runner *r = start();
    CHECK(is_there("hurt/rows") && tasks_find(r, span_of("hurt")) == NULL);
    struct task *t = add(r, "hurt");
    tasks_delete(t);
    end(r);
}

static void test_leftovers(void)
{
    struct buf path = {0}, gone = {0};
    struct runner *r = start();
    keep_whole(add(r, "old"));
    buf_printf(&path, "%s/old", test_folder());
    buf_printf(&gone, "%s/.deleted-old-00000000", test_folder());
    CHECK_INT(rename(buf_str(&path), buf_str(&gone)), 0);
    r = restart(r);
    CHECK_U64(HASH_COUNT(r->tasks), 0);
    CHECK(!is_there(".deleted-old-00000000"));
    end(r);
    buf_free(&path);
    buf_free(&gone);
}

static void test_limit_of_makings(void)
{
    struct buf error = {0}, name = {0};
    struct runner *r = start();
    for (int i = 0; i < MAKINGS_MAX; i++) {
        buf_clear(&name);
        buf_printf(&name, "t%d", i);
        add(r, buf_str(&name));
    }
    CHECK(tasks_add(r, span_of("more"), &error) == NULL);
    CHECK_STR(buf_str(&error), "tasks: there are 16, 16 of them being made; at most 1000 and 16; delete what has ended");
    CHECK(!is_there("more"));
    keep_whole(tasks_find(r, span_of("t0")));
    add(r, "more");
    end(r);
    buf_free(&name);
    buf_free(&error);
}

int main(void)
{
    test_outlive_a_restart();
    test_damaged_facts();
    test_making_without_facts();
    test_leftovers();
    test_limit_of_makings();
    return 0;
}
