#include "broker/store_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lmdb.h>

#include "broker/store_engine.h"
#include "broker/store_file.h"

#define CHILD_DAMAGED 3 /* exit status: LMDB found its pages to be other than it left them */
#define TRIES_MAX 10000

/* What a child tells its parent. */
struct told {
    int error; /* of LMDB or errno; 0 = none */
    struct page_meta state;
};

/* --- in the child ------------------------------------------------------------------------------------------------- */

static void on_assert(MDB_env *env, const char *what)
{
    (void)env;
    (void)what;
    _exit(CHILD_DAMAGED);
}

static void on_fault(int number)
{
    (void)number;
    _exit(CHILD_DAMAGED);
}

/* Faults are expected and told by the exit status, without a word of LMDB's own or of a sanitizer's. Signals from a terminal are for the
 * parent to answer. */
static void prepare_child(void)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    const struct rlimit none = {0, 0};
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere >= 0)
        dup2(nowhere, STDERR_FILENO);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        signal(faults[i], on_fault);
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    setrlimit(RLIMIT_CORE, &none);
}

/* A lock file that root has made is given to the owner of the store, so that the broker can open it. */
static int give_to_owner(const char *dir, const char *lock_path)
{
    struct buf data_path = {0};
    struct stat data;
    buf_printf(&data_path, "%s/data.mdb", dir);
    int rc = geteuid() == 0 && stat(buf_str(&data_path), &data) == 0 ? chown(lock_path, data.st_uid, data.st_gid) : 0;
    buf_free(&data_path);
    return rc ? errno : 0;
}

/* Without a lock file nobody has the store open; where none can be made none is needed. */
static int open_env(const char *dir, MDB_env **env)
{
    struct buf lock_path = {0};
    buf_printf(&lock_path, "%s/lock.mdb", dir);
    int had_lock = access(buf_str(&lock_path), F_OK) == 0;
    *env = NULL;
    int error = mdb_env_create(env);
    if (error == 0)
        error = mdb_env_set_assert(*env, on_assert);
    if (error == 0)
        error = mdb_env_open(*env, dir, MDB_RDONLY | MDB_NORDAHEAD, 0660);
    if (error == EACCES && !had_lock) {
        mdb_env_close(*env);
        error = mdb_env_create(env);
        if (error == 0)
            error = mdb_env_open(*env, dir, MDB_RDONLY | MDB_NORDAHEAD | MDB_NOLOCK, 0660);
    } else if (error == 0 && !had_lock) {
        error = give_to_owner(dir, buf_str(&lock_path));
    }
    buf_free(&lock_path);
    return error;
}

/* Reads the meta page of the commit that is held. It is overwritten by the second commit after it: read twice and both times the
 * same, it was not read in the middle of that. The other meta page may be a newer one all the while: LMDB tells readers of a commit
 * only when the disk has its page, which takes as long as a sync. Returns 1 when it was read. */
static int read_state(const struct store_file *f, uint64_t txn, struct page_meta *state)
{
    struct page_meta again;
    memset(state, 0, sizeof *state);
    memset(&again, 0, sizeof again);
    if (store_file_meta(f, txn % PAGE_META_COUNT, state) || state->txn != txn)
        return 0;
    return store_file_meta(f, txn % PAGE_META_COUNT, &again) == 0 && memcmp(state, &again, sizeof again) == 0;
}

/* Begins a transaction whose meta page could be read. Returns 0 or an error of LMDB. */
static int begin_held(MDB_env *env, const struct store_file *f, struct page_meta *state)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        MDB_txn *txn;
        int error = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
        if (error)
            return error;
        if (read_state(f, mdb_txn_id(txn), state))
            return 0; /* and it stays open */
        mdb_txn_abort(txn);
    }
    return EBUSY; /* commits faster than this process can look */
}

static void tell(int answers, const struct told *told)
{
    if (write(answers, told, sizeof *told) != (ssize_t)sizeof *told)
        _exit(1);
}

static void hold_in_child(const char *dir, int answers, int held)
{
    MDB_env *env;
    struct told told = {.error = open_env(dir, &env)};
    struct buf error = {0};
    struct store_file *f = told.error ? NULL : store_file_open(dir, &error);
    char byte;
    if (told.error == 0)
        told.error = f ? begin_held(env, f, &told.state) : EIO;
    tell(answers, &told);
    if (told.error == 0)
        while (read(held, &byte, 1) < 0 && errno == EINTR)
            ;
    mdb_env_close(env); /* gives the place in the table of readers back */
    _exit(0);
}

static void copy_in_child(const char *dir, int answers, int data)
{
    MDB_env *env;
    struct told told = {.error = open_env(dir, &env)};
    if (told.error == 0)
        told.error = mdb_env_copyfd2(env, data, MDB_CP_COMPACT);
    close(data);
    tell(answers, &told);
    mdb_env_close(env);
    _exit(0);
}

/* --- in the parent ------------------------------------------------------------------------------------------------ */

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Forks with two pipes: answers from the child; and `held` towards it or, for a copy, the data from it. Returns 0 in the parent,
 * -1 with a message; does not return in the child. */
static int start(struct reader *r, const char *dir, int copies, struct buf *error)
{
    int answers[2] = {-1, -1}, other[2] = {-1, -1};
    *r = (struct reader){.answers = -1, .data = -1, .held = -1};
    if (pipe(answers) == 0 && pipe(other) == 0)
        r->child = fork();
    else
        r->child = -1;
    if (r->child == 0) {
        close(answers[0]);
        close(other[copies ? 0 : 1]);
        prepare_child();
        if (copies)
            copy_in_child(dir, answers[1], other[1]);
        hold_in_child(dir, answers[1], other[0]);
    }
    if (r->child < 0) {
        buf_printf(error, "%s: no process to read it with: %s", dir, strerror(errno));
        r->child = 0;
        close_end(&answers[0]);
        close_end(&other[0]);
        close_end(&other[1]);
    }
    close_end(&answers[1]);
    r->answers = answers[0];
    r->held = copies ? -1 : other[1];
    r->data = copies ? other[0] : -1;
    if (r->child)
        close_end(&other[copies ? 1 : 0]);
    return r->child ? 0 : -1;
}

static enum reader_answer answer_of(int code, const char *dir, struct buf *error)
{
    const char *hint = code == EACCES || code == EPERM  ? "; run this as the user of mega-broker"
                       : code == MDB_READERS_FULL       ? "; too many programs read it now: end some"
                       : code == MDB_VERSION_MISMATCH   ? "; another version of LMDB wrote it"
                       : code == ENOENT || code == EIO  ? "; data.mdb is empty or cut, or its disk has errors"
                                                        : "";
    if (code == 0)
        return READER_OK;
    static const int damages[] = {MDB_INVALID,      MDB_CORRUPTED,   MDB_PAGE_NOTFOUND, MDB_PANIC, MDB_BAD_TXN,
                                  MDB_INCOMPATIBLE, MDB_CURSOR_FULL, MDB_NOTFOUND,      ENOENT,    EIO};
    buf_printf(error, "%s: %s%s", dir, mdb_strerror(code), hint);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++)
        if (code == damages[i])
            return READER_DAMAGED;
    return READER_FAILED;
}

/* Reads what the child tells. One that died without a word met pages that it could not make anything of. */
static enum reader_answer hear(const struct reader *r, const char *dir, struct told *told, struct buf *error)
{
    ssize_t got;
    do
        got = read(r->answers, told, sizeof *told);
    while (got < 0 && errno == EINTR);
    if (got == (ssize_t)sizeof *told)
        return answer_of(told->error, dir, error);
    buf_printf(error, "%s: LMDB cannot read it: its pages are damaged, or the file was cut", dir);
    return READER_DAMAGED;
}

enum reader_answer reader_hold(struct reader *r, const char *dir, struct page_meta *state, struct buf *error)
{
    struct told told;
    if (start(r, dir, 0, error))
        return READER_FAILED;
    enum reader_answer answer = hear(r, dir, &told, error);
    if (answer == READER_OK)
        *state = told.state;
    else
        reader_end(r);
    return answer;
}

enum reader_answer reader_copy(struct reader *r, const char *dir, struct buf *error)
{
    return start(r, dir, 1, error) ? READER_FAILED : READER_OK;
}

enum reader_answer reader_end_copy(struct reader *r, struct buf *error)
{
    struct told told;
    enum reader_answer answer = hear(r, "the store", &told, error);
    reader_end(r);
    return answer;
}

void reader_end(struct reader *r)
{
    close_end(&r->held);
    if (r->data >= 0 && r->child > 0)
        kill(r->child, SIGKILL); /* a copy that is given up: it may stand in a write to a disk that hangs */
    close_end(&r->data);
    close_end(&r->answers);
    while (r->child > 0 && waitpid(r->child, NULL, 0) < 0 && errno == EINTR)
        ;
    r->child = 0;
}
