/* Small files: what is there is replaced as a whole or stays. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/unit/test.h"

static char path[128], beside[136];

static void make_paths(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    snprintf(beside, sizeof beside, "%s.new", path);
}

static int put(const char *text)
{
    return file_replace(&(struct file_place){.path = path, .mode = 0600, .folder_mode = 0750}, span_of(text));
}

static int read_back(int64_t bytes_max, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int failed = fd < 0 || file_read(fd, bytes_max, out);
    int error = errno;
    buf_str(out);
    if (fd >= 0)
        close(fd);
    errno = error;
    return failed ? -1 : 0;
}

static void check_text(const char *text)
{
    struct buf out = {0};
    CHECK_INT(read_back(100, &out), 0);
    CHECK_STR(buf_str(&out), text);
    buf_free(&out);
}

static void test_replaced(void)
{
    struct stat st;
    make_paths("folder/file");
    CHECK_INT(put("one"), 0); /* makes the folder */
    check_text("one");
    CHECK_INT(put("a longer one"), 0);
    CHECK_INT(put("two"), 0);
    check_text("two");
    CHECK_INT(stat(path, &st), 0);
    CHECK_INT(st.st_mode & 0777, 0600);
    CHECK_INT(stat(beside, &st), -1); /* nothing is left beside it */
}

/* What was left beside it is never written through, even where it leads elsewhere. */
static void test_left_beside(void)
{
    struct stat st;
    make_paths("linked");
    char *other = test_file("other", span_of("of others"));
    CHECK_INT(symlink(other, beside), 0);
    CHECK_INT(put("mine"), 0);
    check_text("mine");
    CHECK_INT(stat(other, &st), 0);
    CHECK_INT(st.st_size, 9);
    free(other);
}

/* Nothing can be written beside it, then nothing can be renamed: what was there stays. */
static void test_failed(void)
{
    make_paths("stays");
    CHECK_INT(put("old"), 0);
    CHECK_INT(mkdir(beside, 0700), 0);
    CHECK_INT(put("new"), -1);
    CHECK_INT(errno, EEXIST);
    check_text("old");
    make_paths("in-the-way");
    CHECK_INT(mkdir(path, 0700), 0);
    CHECK_INT(put("new"), -1);
    CHECK_INT(errno, EISDIR);
    CHECK_INT(access(beside, F_OK), -1);
    make_paths("no/such/folder");
    CHECK_INT(put("new"), -1);
    CHECK_INT(errno, ENOENT);
}

static void test_limit(void)
{
    struct buf out = {0};
    make_paths("limit");
    CHECK_INT(put("12345"), 0);
    CHECK_INT(read_back(5, &out), 0);
    CHECK_STR(buf_str(&out), "12345");
    buf_clear(&out);
    CHECK_INT(read_back(4, &out), -1);
    CHECK_INT(errno, EFBIG);
    buf_free(&out);
}

int main(void)
{
    test_replaced();
    test_left_beside();
    test_failed();
    test_limit();
    return 0;
}
