/* Reads bytes as a key file: whatever they are, what comes out is whole, and written and read again it is the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/curve_file.h"
#include "base/curve_role.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void check(const struct curve_file *file)
{
    struct curve_file again;
    struct buf text = {0}, error = {0};
    assert(curve_key_is_valid(span_of(file->public_key)));
    assert(file->secret_key[0] == '\0' || curve_key_is_valid(span_of(file->secret_key)));
    assert(file->roles != 0);
    if (file->name[0]) {
        assert(curve_name_is_plain(span_of(file->name)));
        curve_file_append(file, &text);
        assert(curve_file_parse(buf_span(&text), &again, &error) == 0);
        assert(strcmp(file->name, again.name) == 0 && file->roles == again.roles);
        assert(strcmp(file->public_key, again.public_key) == 0 && strcmp(file->secret_key, again.secret_key) == 0);
    }
    buf_free(&text);
    buf_free(&error);
}

static void try(struct span text)
{
    struct curve_file file;
    struct buf error = {0};
    if (curve_file_parse(text, &file, &error) == 0)
        check(&file);
    else
        assert(error.bytes > 0);
    buf_free(&error);
}

/* Behind a good key as well, which chance does not find. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static const char good[] = "curve\n    public-key = rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\n";
    struct buf text = {0};
    if (bytes > CURVE_FILE_BYTES_MAX)
        return 0;
    buf_append(&text, data, bytes);
    try(buf_span(&text));
    buf_clear(&text);
    buf_append_str(&text, good);
    buf_append(&text, data, bytes);
    try(buf_span(&text));
    buf_free(&text);
    return 0;
}
