/* Copies the file of a store, as one does who restores a backup. */
#ifndef TESTS_UNIT_STORE_COPY_H
#define TESTS_UNIT_STORE_COPY_H

#include "tests/unit/store_fixture.h"

/* Of a store that is closed; `to` is made. */
static inline void copy_store(const char *from, const char *to)
{
    struct buf file = {0};
    char *folder = fixture_path(to);
    CHECK_INT(mkdir(folder, 0700), 0);
    buf_printf(&file, "%s/%s/data.mdb", test_folder(), from);
    struct buf content = test_read(buf_str(&file));
    buf_clear(&file);
    buf_printf(&file, "%s/data.mdb", to);
    free(test_file(buf_str(&file), buf_span(&content)));
    buf_free(&content);
    buf_free(&file);
    free(folder);
}

#endif
