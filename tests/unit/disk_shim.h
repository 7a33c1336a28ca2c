/* A disk under the store that fails or is watched, and a load to run on it. Used by test_store_power.c and
 * test_store_faults.c; each includes it once.
 *
 * THE DISK. What the engine (liblmdb, a shared library) calls is replaced in the library's own table of
 * imports, so that its calls come here and those of the test, of the store and of a sanitizer do not. Each
 * call on a file of the watched store is counted, may be made to fail, and is told to the test. No file is
 * synced in truth: what a sync keeps is for the test to model.
 *
 * What LMDB 0.9 does on Linux (strace, and its list of imports), all of it in one thread:
 *   - opens data.mdb read-write, and a second time with O_DSYNC, for meta pages alone
 *   - writes whole pages to the first (pwrite, or lseek and writev) and syncs that (fdatasync)
 *   - writes one meta page, within one sector, to the second (pwrite): then the transaction is durable. If
 *     that fails, it writes old values back, to the first and without a sync
 *   - data.mdb grows by being written; nothing is written through memory (no MDB_WRITEMAP)
 *   - lock.mdb grows by ftruncate and is shared memory; its content means nothing after a start
 * Calls that this file does not know cannot go by unseen: disk_install fails on imports that could write, and
 * test_store_power compares the file with what the known calls made of it.
 *
 * THE LOAD. Turns of a broker, each one commit. Where a message stands after which turn depends on the seed
 * alone, so what a store must hold is known from the number of its last turn, which is written with each
 * turn.
 *
 * The only state at file scope is `disk`: the library's calls carry no argument that could lead to it.
 */
#ifndef TESTS_UNIT_DISK_SHIM_H
#define TESTS_UNIT_DISK_SHIM_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "tests/unit/store_fixture.h"

#define DISK_FDS 1024

/* What can fail. The next two are writes as well: one that makes a file longer, one of a meta page. A read
 * counts as an opening. */
enum disk_call { DISK_WRITE, DISK_GROW, DISK_META, DISK_SYNC, DISK_MEMORY, DISK_OPEN, DISK_CALLS };

/* What a failing write does first. */
enum disk_harm {
    HARM_NONE,  /* nothing is written */
    HARM_HALF,  /* half of it is written */
    HARM_WHOLE, /* all of it is written */
    HARM_SHORT  /* half of it is written, and the first failing write says so instead of failing */
};

struct disk_fault {
    enum disk_call call;
    uint64_t nth; /* the nth such call from disk_fail on; 0 = none */
    int for_ever; /* 1: and all behind it */
    int error;    /* errno */
    enum disk_harm harm;
};

/* What happens to data.mdb. A meta write is one on the synchronous descriptor. */
enum disk_what {
    DISK_OPENED,
    DISK_WROTE, /* `bytes` at `at`, into the cache of the system */
    DISK_SYNCING,
    DISK_SYNCED,
    DISK_SYNC_FAILED,
    DISK_META_WRITING, /* then comes DISK_WROTE */
    DISK_META_WRITTEN,
    DISK_META_FAILED,
    DISK_WHATS
};

struct disk_event {
    enum disk_what what;
    const char *data; /* of WROTE */
    size_t bytes;     /* of WROTE and META_* */
    uint64_t at;      /* bytes from the file's begin */
};

enum disk_role { ROLE_NONE, ROLE_OTHER, ROLE_DATA, ROLE_META };

struct disk {
    char folder[128]; /* of the watched store */
    uint8_t role[DISK_FDS];
    struct disk_fault fault;
    uint64_t calls[DISK_CALLS], hits;                         /* since disk_fail */
    void (*tell)(void *self, const struct disk_event *event); /* NULL: nobody is told */
    void *tell_self;
};

static struct disk disk;

/* --- faults ------------------------------------------------------------------------------------------ */

/* Begins to count calls anew. */
static inline void disk_fail(struct disk_fault fault)
{
    disk.fault = fault;
    disk.hits = 0;
    memset(disk.calls, 0, sizeof disk.calls);
}

static inline int disk_is_hit(enum disk_call call)
{
    uint64_t n = ++disk.calls[call];
    const struct disk_fault *f = &disk.fault;
    int hit = f->nth && f->call == call && (n == f->nth || (f->for_ever && n > f->nth));
    disk.hits += hit ? 1 : 0;
    return hit;
}

/* --- what the library calls -------------------------------------------------------------------------- */

static inline enum disk_role disk_role(int fd)
{
    CHECK(fd < DISK_FDS);
    return fd < 0 ? ROLE_NONE : (enum disk_role)disk.role[fd];
}

static inline enum disk_role disk_role_of_path(const char *path, int flags)
{
    size_t length = strlen(disk.folder);
    if (length == 0 || strncmp(path, disk.folder, length) != 0 || path[length] != '/')
        return ROLE_NONE;
    if (strcmp(path + length, "/data.mdb") != 0)
        return ROLE_OTHER;
    return flags & O_DSYNC ? ROLE_META : ROLE_DATA; /* O_SYNC contains O_DSYNC */
}

static inline void disk_tell(enum disk_role role, enum disk_what what, const void *data, size_t bytes,
                             uint64_t at)
{
    if (disk.tell && (role == ROLE_DATA || role == ROLE_META))
        disk.tell(disk.tell_self, &(struct disk_event){what, data, bytes, at});
}

static inline int disk_open(const char *path, int flags, mode_t mode)
{
    enum disk_role role = disk_role_of_path(path, flags);
    if (role != ROLE_NONE && disk_is_hit(DISK_OPEN)) {
        errno = disk.fault.error;
        return -1;
    }
    CHECK(!(role == ROLE_DATA && flags & O_TRUNC));
    int fd = open(path, flags & ~O_SYNC, mode);
    if (fd >= 0) {
        CHECK(fd < DISK_FDS);
        disk.role[fd] = (uint8_t)role;
        disk_tell(role, DISK_OPENED, NULL, 0, 0);
    }
    return fd;
}

static inline ssize_t disk_pread(int fd, void *data, size_t bytes, off_t offset)
{
    if (disk_role(fd) == ROLE_NONE || !disk_is_hit(DISK_OPEN))
        return pread(fd, data, bytes, offset);
    errno = disk.fault.error;
    return -1;
}

static inline int disk_close(int fd)
{
    disk.role[fd < 0 || fd >= DISK_FDS ? 0 : fd] = ROLE_NONE; /* 0 is none of the library's */
    return close(fd);
}

static inline int disk_does_grow(int fd, uint64_t until)
{
    struct stat info;
    CHECK_INT(fstat(fd, &info), 0);
    return until > (uint64_t)info.st_size;
}

/* How much of a write is done. */
static inline size_t disk_share(int hit, size_t bytes)
{
    if (!hit)
        return bytes;
    if (disk.fault.harm == HARM_NONE || disk.hits > 1)
        return 0;
    return disk.fault.harm == HARM_WHOLE ? bytes : bytes / 2;
}

static inline ssize_t disk_pwrite(int fd, const void *data, size_t bytes, off_t offset)
{
    enum disk_role role = disk_role(fd);
    uint64_t at = (uint64_t)offset;
    if (role == ROLE_NONE)
        return pwrite(fd, data, bytes, offset);
    int hit = disk_is_hit(DISK_WRITE);
    if (disk_does_grow(fd, at + bytes) && disk_is_hit(DISK_GROW))
        hit = 1;
    if ((role == ROLE_META || (disk.hits > 0 && disk.fault.for_ever)) && disk_is_hit(DISK_META))
        hit = 1; /* where a meta page cannot be written any more, nothing else can be either */
    size_t done = disk_share(hit, bytes);
    if (role == ROLE_META)
        disk_tell(role, DISK_META_WRITING, NULL, bytes, at);
    CHECK_INT(pwrite(fd, data, done, offset), done);
    disk_tell(role, DISK_WROTE, data, done, at);
    if (role == ROLE_META)
        disk_tell(role, hit ? DISK_META_FAILED : DISK_META_WRITTEN, NULL, bytes, at);
    if (!hit || (disk.fault.harm == HARM_SHORT && done > 0))
        return (ssize_t)done;
    errno = disk.fault.error;
    return -1;
}

/* Where the descriptor stands, which goes on by what was written. */
static inline ssize_t disk_writev(int fd, const struct iovec *parts, int count)
{
    struct buf all = {0};
    if (disk_role(fd) == ROLE_NONE)
        return writev(fd, parts, count);
    off_t at = lseek(fd, 0, SEEK_CUR);
    for (int i = 0; i < count; i++)
        buf_append(&all, parts[i].iov_base, parts[i].iov_len);
    ssize_t done = disk_pwrite(fd, all.data, all.bytes, at);
    if (done > 0)
        CHECK_INT(lseek(fd, done, SEEK_CUR), at + done);
    buf_free(&all);
    return done;
}

static inline int disk_fdatasync(int fd)
{
    enum disk_role role = disk_role(fd);
    if (role == ROLE_NONE)
        return 0;
    disk_tell(role, DISK_SYNCING, NULL, 0, 0);
    int hit = disk_is_hit(DISK_SYNC);
    disk_tell(role, hit ? DISK_SYNC_FAILED : DISK_SYNCED, NULL, 0, 0);
    if (!hit)
        return 0;
    errno = disk.fault.error;
    return -1;
}

static inline int disk_ftruncate(int fd, off_t length)
{
    CHECK(disk_role(fd) == ROLE_NONE || disk_role(fd) == ROLE_OTHER);
    if (disk_role(fd) == ROLE_NONE || !disk_does_grow(fd, (uint64_t)length) || !disk_is_hit(DISK_GROW))
        return ftruncate(fd, length);
    errno = disk.fault.error;
    return -1;
}

static inline void *disk_mmap(void *at, size_t bytes, int access, int flags, int fd, off_t offset)
{
    enum disk_role role = fd < 0 ? ROLE_NONE : disk_role(fd);
    int is_data = role == ROLE_DATA || role == ROLE_META;
    /* Writes through memory would go by unseen. */
    CHECK(!(is_data && access & PROT_WRITE && flags & MAP_SHARED));
    if (!disk_is_hit(DISK_MEMORY))
        return mmap(at, bytes, access, flags, fd, offset);
    errno = ENOMEM;
    return MAP_FAILED;
}

static inline void *disk_malloc(size_t bytes)
{
    return disk_is_hit(DISK_MEMORY) ? NULL : malloc(bytes);
}

static inline void *disk_calloc(size_t count, size_t bytes)
{
    return disk_is_hit(DISK_MEMORY) ? NULL : calloc(count, bytes);
}

static inline void *disk_realloc(void *old, size_t bytes)
{
    return disk_is_hit(DISK_MEMORY) ? NULL : realloc(old, bytes);
}

static inline int disk_posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    return disk_is_hit(DISK_MEMORY) ? ENOMEM : posix_memalign(memory, alignment, bytes);
}

static inline char *disk_strdup(const char *text)
{
    return disk_is_hit(DISK_MEMORY) ? NULL : strdup(text);
}

/* --- putting it under the library -------------------------------------------------------------------- */

struct disk_hook {
    const char *name;
    uintptr_t to;
};

static const struct disk_hook disk_hooks[] = {
    {"open", (uintptr_t)disk_open},           {"open64", (uintptr_t)disk_open},
    {"close", (uintptr_t)disk_close},         {"pread", (uintptr_t)disk_pread},
    {"pread64", (uintptr_t)disk_pread},       {"pwrite", (uintptr_t)disk_pwrite},
    {"pwrite64", (uintptr_t)disk_pwrite},     {"writev", (uintptr_t)disk_writev},
    {"fdatasync", (uintptr_t)disk_fdatasync}, {"fsync", (uintptr_t)disk_fdatasync},
    {"ftruncate", (uintptr_t)disk_ftruncate}, {"ftruncate64", (uintptr_t)disk_ftruncate},
    {"mmap", (uintptr_t)disk_mmap},           {"mmap64", (uintptr_t)disk_mmap},
    {"malloc", (uintptr_t)disk_malloc},       {"calloc", (uintptr_t)disk_calloc},
    {"realloc", (uintptr_t)disk_realloc},     {"posix_memalign", (uintptr_t)disk_posix_memalign},
    {"strdup", (uintptr_t)disk_strdup},
};

/* What would write, sync or take memory and is not modelled, each between two blanks. */
static const char disk_unknown[] =
    " openat creat fopen fopen64 pwritev pwritev64 pwritev2 fallocate posix_fallocate posix_fallocate64 "
    "truncate"
    " sync_file_range syncfs sync copy_file_range sendfile sendfile64 splice mremap rename unlink dup dup2"
    " syscall memalign aligned_alloc strndup ";

/* The replacement of an import, or 0 when it may go on to the system. */
static inline uintptr_t disk_find_hook(const char *name)
{
    char word[64];
    for (size_t i = 0; i < sizeof disk_hooks / sizeof *disk_hooks; i++)
        if (strcmp(disk_hooks[i].name, name) == 0)
            return disk_hooks[i].to;
    snprintf(word, sizeof word, " %s ", name);
    if (strstr(disk_unknown, word) != NULL)
        fprintf(stderr, "liblmdb calls%sand disk_shim.h does not model that\n", word);
    CHECK(strstr(disk_unknown, word) == NULL);
    return 0;
}

/* The value of an entry of a library's dynamic section, where ELF says where its tables are; 0 = none. */
static inline uintptr_t disk_dynamic(const struct link_map *library, ElfW(Sxword) tag)
{
    const ElfW(Dyn) *entry = library->l_ld;
    while (entry->d_tag != DT_NULL && entry->d_tag != tag)
        entry++;
    return entry->d_tag == tag ? entry->d_un.d_ptr : 0;
}

/* Goes through one of its tables of places that hold addresses of other libraries. Returns how many it
 * replaced. */
static inline int disk_hook_table(const struct link_map *library, ElfW(Sxword) table,
                                  ElfW(Sxword) table_bytes)
{
    const ElfW(Rela) *places = (const ElfW(Rela) *)disk_dynamic(library, table);
    const ElfW(Sym) *symbols = (const ElfW(Sym) *)disk_dynamic(library, DT_SYMTAB);
    const char *names = (const char *)disk_dynamic(library, DT_STRTAB);
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    int replaced = 0;
    for (size_t i = 0; i < disk_dynamic(library, table_bytes) / sizeof *places; i++) {
        const ElfW(Sym) *symbol = &symbols[ELF64_R_SYM(places[i].r_info)];
        int is_import = symbol != symbols && symbol->st_shndx == SHN_UNDEF;
        uintptr_t to = is_import ? disk_find_hook(names + symbol->st_name) : 0;
        uintptr_t *place = (uintptr_t *)(library->l_addr + places[i].r_offset);
        if (to == 0)
            continue;
        void *page = (void *)((uintptr_t)place / page_bytes * page_bytes);
        CHECK_INT(mprotect(page, page_bytes, PROT_READ | PROT_WRITE), 0); /* read-only since it was loaded */
        *place = to;
        replaced++;
    }
    return replaced;
}

/* Puts the disk under the library, once in a program and before a store is open. Needs a shared library, and
 * a 64-bit system, whose ELF tables have addends. */
static inline void disk_install(void)
{
    struct link_map *library = dlopen("liblmdb.so.0", RTLD_NOW | RTLD_NOLOAD);
    CHECK(library != NULL);
    int replaced =
        disk_hook_table(library, DT_RELA, DT_RELASZ) + disk_hook_table(library, DT_JMPREL, DT_PLTRELSZ);
    CHECK(replaced >= 10);
    dlclose(library);
}

/* Watches the store in this folder, which is not open. */
static inline void disk_watch(const char *folder)
{
    CHECK((size_t)snprintf(disk.folder, sizeof disk.folder, "%s", folder) < sizeof disk.folder);
    disk_fail((struct disk_fault){.nth = 0});
}

/* --- the load ---------------------------------------------------------------------------------------- */

#define LOAD_KEPT      6     /* turns for which a result is kept */
#define LOAD_AGE_MAX   48    /* turns after which a message moves no more */
#define LOAD_NEW_MAX   3     /* messages accepted in one turn */
#define LOAD_BYTES     16384 /* from which variables are cut */
#define LOAD_TURNS_MAX 20000
#define LOAD_PEOPLE    5

#define LOAD_MS(turn) (FIXTURE_NOW_MS + 1000 * (int64_t)(turn))

/* Where a message stands after each turn from its acceptance on; the last place is for ever. Queued, Parked,
 * Held, Out, Settled, Dead, X: dead and discarded; the three of a result are LOAD_KEPT turns in all, unless
 * it stays dead. Gone: nothing is known of it, as before its acceptance. */
static const char *const load_paths[] = {
    "QOSSSSSSG", "OSSSSSSG",      "QPOQOSSSSSSG",   "QPPSSSSSSG",
    "QSSSSSSG",  "QHHQOSSSSSSG",  "QPHSSSSSSG",     "OQPOQOSSSSSSG",
    "ODXXXXXG",  "QODDQOSSSSSSG", "QHQODDDDDDDDDD", "QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQOSSSSSSG"};

struct load {
    uint64_t seed;
    int turns;
    uint64_t messages;                           /* of all turns; their seqs are 1 to this */
    int born[LOAD_TURNS_MAX * LOAD_NEW_MAX + 2]; /* by seq: the turn of its acceptance */
    char bytes[LOAD_BYTES];
};

/* A message with the texts that it points to. */
struct load_item {
    struct message m;
    char id[24], openid[24], task[24];
};

static inline uint64_t load_hash(const struct load *l, uint64_t what)
{
    uint64_t state = l->seed * 1000003 + what;
    return hex_random(&state);
}

/* `l` is all zero. */
static inline void load_begin(struct load *l, uint64_t seed, int turns)
{
    CHECK(turns > 0 && turns <= LOAD_TURNS_MAX);
    l->seed = seed;
    l->turns = turns;
    for (size_t i = 0; i < LOAD_BYTES; i++)
        l->bytes[i] = (char)load_hash(l, i);
    for (int turn = 1; turn <= turns; turn++)
        for (uint64_t left = load_hash(l, (uint64_t)turn) % (LOAD_NEW_MAX + 1); left > 0; left--)
            l->born[++l->messages] = turn;
}

static inline char load_place(const struct load *l, uint64_t seq, int turn, uint32_t *failures)
{
    const char *path = load_paths[load_hash(l, ~seq) % (sizeof load_paths / sizeof *load_paths)];
    if (turn < l->born[seq])
        return 'G';
    for (int left = turn - l->born[seq]; left > 0 && path[1] != '\0'; left--, path++)
        *failures += path[1] == 'Q' && (path[0] == 'O' || path[0] == 'D');
    return *path;
}

/* The message as the store must have it after that turn. Returns where it stands. */
static inline char load_fill(const struct load *l, uint64_t seq, int turn, struct load_item *item)
{
    uint64_t dice = load_hash(l, seq << 20);
    uint32_t failures = 0;
    char place = load_place(l, seq, turn, &failures);
    snprintf(item->id, sizeof item->id, "%" PRIu64, seq);
    snprintf(item->openid, sizeof item->openid, "o%" PRIu64, seq % LOAD_PEOPLE);
    snprintf(item->task, sizeof item->task, "t%" PRIu64, seq);
    item->m = fixture_message("a", item->id, item->openid);
    item->m.seq = seq;
    item->m.task = span_of(item->task);
    item->m.vars =
        (struct span){l->bytes + dice % 1000, dice % 8 ? dice % 200 : dice % 9000}; /* up to three pages */
    item->m.content = dice;
    item->m.lane = dice >> 8 & 1 ? LANE_EXPRESS : LANE_BULK;
    item->m.failures = item->m.turn = failures;
    item->m.timed = failures ? TIMED_ORDER : dice >> 9 & 1 ? TIMED_WALL : TIMED_NOW;
    item->m.due_ms = LOAD_MS(l->born[seq]) + 5000 * (int64_t)failures;
    item->m.expires_ms = dice >> 10 & 1 ? LOAD_MS(seq) : 0;
    item->m.give_up_ms = dice >> 11 & 1 ? LOAD_MS(seq) : 0;
    return place;
}

static inline void load_settle(struct store *s, const struct message *m, char to, int turn)
{
    struct final f = {.state = to == 'D' ? STATE_DEAD : STATE_SENT,
                      .code = CODE_OK,
                      .msgid = (int64_t)m->seq,
                      .settled_ms = LOAD_MS(turn),
                      .account = m->account,
                      .id = m->id,
                      .openid = m->openid,
                      .task = m->task};
    store_settle(s, m, &f);
}

/* Takes a message from its place after the turn before to that after this one. What the store answers is seen
 * by load_check, unless it has failed. */
static inline void load_move(struct store *s, const struct load *l, uint64_t seq, int turn)
{
    struct load_item item;
    struct message m;
    char from = load_fill(l, seq, turn - 1, &item), to = load_fill(l, seq, turn, &item);
    uint64_t hold = store_hold_name(HOLD_TASK, item.m.account, item.m.task);
    struct mark mark = {.generation = 7, .sender = 99, .out_ms = item.m.due_ms, .turn = item.m.turn + 1};
    if (from == to || to == 'G')
        return; /* what goes, goes by the purge */
    if (from == 'G')
        store_append(s, &item.m);
    if (store_read(s, seq, &m) != STORE_OK)
        m = item.m;
    if (to == 'O')
        store_take(s, &m, &mark);
    else if (to == 'P')
        store_park(s, &m);
    else if (to == 'H')
        store_hold(s, &m, hold);
    else if (to == 'S' || to == 'D')
        load_settle(s, &m, to, turn);
    else if (to == 'X')
        store_discard_dead(s, seq);
    else if (from == 'H')
        store_release(s, hold, 2);
    else if (from == 'O')
        store_put_back(s, &item.m);
    else if (from == 'D')
        store_requeue(s, &item.m);
}

/* All of one turn but its commit. Harmless when the store has failed. */
static inline void load_turn(struct store *s, const struct load *l, int turn)
{
    uint64_t number = (uint64_t)turn;
    for (uint64_t seq = 1; seq <= l->messages && l->born[seq] <= turn; seq++)
        if (l->born[seq] > turn - LOAD_AGE_MAX)
            load_move(s, l, seq, turn);
    store_purge(s, LOAD_MS(turn - LOAD_KEPT) + 1, 1000);
    store_index_step(s, 2);
    store_meta_write(s, "turn", (struct span){(const char *)&number, sizeof number});
}

/* The number of the last turn that the store holds; 0 = none. */
static inline int load_last_turn(struct store *s)
{
    struct span value;
    uint64_t number = 0;
    enum store_answer answer = store_meta_read(s, "turn", &value);
    CHECK(answer == STORE_NONE || (answer == STORE_OK && value.bytes == sizeof number));
    if (answer == STORE_OK)
        memcpy(&number, value.data, sizeof number);
    return (int)number;
}

/* One message is as it must be. */
static inline void load_check_one(struct store *s, const struct load *l, uint64_t seq, int turn)
{
    static const enum store_state states[128] = {
        ['Q'] = STATE_WAITING, ['P'] = STATE_WAITING, ['H'] = STATE_WAITING, ['O'] = STATE_OUT,
        ['S'] = STATE_SENT,    ['D'] = STATE_DEAD,    ['X'] = STATE_DEAD};
    static const char standings[] = {
        [STANDS_QUEUED] = 'Q', [STANDS_PARKED] = 'P', [STANDS_HELD] = 'H', [STANDS_OUT] = 'O'};
    struct load_item item;
    struct found found;
    uint64_t by_id;
    char place = load_fill(l, seq, turn, &item);
    int is_there = place != 'G';
    CHECK_INT(store_find_seq(s, item.m.account, item.m.id, &by_id), is_there ? STORE_OK : STORE_NONE);
    CHECK_INT(store_look(s, seq, &found), is_there ? STORE_OK : STORE_NONE);
    CHECK(!is_there || by_id == seq);
    CHECK_INT(found.state, states[(int)place]);
    CHECK_INT(standings[found.standing], strchr("QPHO", place) ? place : 0);
    CHECK_INT(found.has_message, strchr("QPHOD", place) != NULL);
    if (found.has_message)
        fixture_same_message(&found.m, &item.m);
    if (strchr("SDX", place))
        CHECK_U64((uint64_t)found.f.msgid, seq);
    if (place == 'O')
        CHECK_U64(found.mark.turn, item.m.turn + 1);
}

/* The store holds the turns up to this one, whole, and nothing else. */
static inline void load_check(struct store *s, const struct load *l, int turn)
{
    uint64_t count[128] = {0};
    struct store_counts counts = store_counts(s);
    uint32_t failures;
    CHECK_INT(load_last_turn(s), turn);
    for (uint64_t seq = 1; seq <= l->messages && l->born[seq] <= turn + 1; seq++) {
        count[(int)load_place(l, seq, turn, &failures)]++;
        if (l->born[seq] > turn - LOAD_AGE_MAX)
            load_check_one(s, l, seq, turn);
    }
    CHECK_U64(fixture_queued(s), count['Q']);
    CHECK_U64(counts.parked, count['P']);
    CHECK_U64(counts.held, count['H']);
    CHECK_U64(counts.out, count['O']);
    CHECK_U64(counts.settled, count['S'] + count['D'] + count['X']);
    CHECK_U64(counts.dead, count['D']);
    CHECK_U64(counts.damaged, 0);
}

#endif
