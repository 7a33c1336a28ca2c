/* The way into a store's databases for the tests that know the engine. */
#ifndef TESTS_UNIT_STORE_INSIDE_H
#define TESTS_UNIT_STORE_INSIDE_H

#include "broker/store_engine.h"
#include "tests/unit/store_fixture.h"

/* Opens the engine of a store that is closed for it. */
static inline struct engine *go_inside(struct store **s, const char *name)
{
    struct buf error = {0};
    char *path = fixture_path(name);
    CHECK_INT(store_commit(*s), 0);
    store_close(s);
    struct engine *e = engine_open(path, FIXTURE_BYTES_MAX, &error);
    CHECK(e != NULL);
    free(path);
    buf_free(&error);
    return e;
}

static inline void come_back(struct engine **e, struct store **s, const char *name)
{
    CHECK_INT(engine_commit(*e), 0);
    engine_close(e);
    *s = fixture_open(name);
}

#endif
