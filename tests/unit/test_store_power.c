/* Power is lost at every sync of a load in turn, before and after it, and so around every write of a meta
 * page. What the disk may then hold is put into a fresh folder, as several images: of what was written since
 * the last sync nothing, all, some of the writes, and some of their 512-byte sectors, each with the file's
 * old length or its new one. A store opened on any of them must hold every turn whose commit had returned,
 * the turn in progress wholly or not at all, and go on working.
 *
 * Then the same with a disk whose syncs and writes fail now and then, and a restart after each failed commit.
 *
 *   test_store_power [SEED [TURNS]]     at least 10 turns
 *
 * The model of data.mdb: `cache` is what a reader sees; `durable` is what is on the disk for certain;
 * `pieces` are the sectors written since, of which any may be on the disk and any may not. A sector reaches
 * the disk wholly or not at all, and a meta page is within one. A sync makes everything durable. A failed
 * sync or synchronous write leaves on the disk what chance wants, and no later sync makes up for it, as on
 * Linux, where the pages count as clean from then on.
 */
#include "base/log.h"
#include "tests/unit/disk_shim.h"

#define SEED   1
#define TURNS  120
#define SECTOR 512u
#define PAGE   4096u

/* What reaches the disk of the pieces, and whether the file's new length does. */
enum keep { KEEP_NOTHING, KEEP_ALL, KEEP_WRITES, KEEP_SECTORS };
enum length { LENGTH_OLD, LENGTH_NEW, LENGTH_RANDOM };

/* One sector as it was after one write. */
struct piece {
    uint64_t at; /* bytes from the file's begin */
    uint64_t write;
    char data[SECTOR];
};

struct power {
    struct buf cache, durable, image;
    struct piece *pieces;
    size_t count, room;
    uint64_t writes, random;
    const struct load *load;
    const char *name; /* of the store */
    int turns;
    int fails;                              /* 1: the disk fails now and then */
    int acknowledged;                       /* the last turn whose commit returned 0 */
    int latest;                             /* the last turn that may be there */
    uint64_t cuts, images, ahead, failures; /* ahead: images that held more than was acknowledged */
};

/* --- the model --------------------------------------------------------------------------------------- */

static void resize(struct buf *b, size_t bytes)
{
    if (bytes > b->bytes)
        memset(buf_reserve(b, bytes - b->bytes), 0, bytes - b->bytes);
    b->bytes = bytes;
}

/* Copies a sector into a file's bytes. What lies behind their end is left out. */
static void put_sector(struct buf *file, uint64_t at, const char *sector)
{
    if (at < file->bytes)
        memcpy(file->data + at, sector, file->bytes - at < SECTOR ? file->bytes - at : SECTOR);
}

static void add_piece(struct power *p, uint64_t at)
{
    if (p->count == p->room) {
        p->room = p->room ? p->room * 2 : 256;
        p->pieces = mem_resize(p->pieces, p->room * sizeof *p->pieces);
    }
    size_t left = p->cache.bytes - at;
    struct piece *piece = &p->pieces[p->count++];
    *piece = (struct piece){.at = at, .write = p->writes};
    memcpy(piece->data, p->cache.data + at, left < SECTOR ? left : SECTOR);
}

static void note_write(struct power *p, const struct disk_event *e)
{
    if (e->bytes == 0)
        return;
    p->writes++;
    if (e->at + e->bytes > p->cache.bytes)
        resize(&p->cache, e->at + e->bytes);
    memcpy(p->cache.data + e->at, e->data, e->bytes);
    for (uint64_t at = e->at / SECTOR * SECTOR; at < e->at + e->bytes; at += SECTOR)
        add_piece(p, at);
}

/* The pieces within [from, until) leave the list: they are on the disk now, or, after a failure, each one is
 * or is not. */
static void settle(struct power *p, uint64_t from, uint64_t until, int has_failed)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        struct piece *piece = &p->pieces[i];
        if (piece->at < from || piece->at >= until) {
            p->pieces[kept++] = *piece;
            continue;
        }
        if (has_failed && hex_random(&p->random) & 1)
            continue;
        if (!has_failed && p->durable.bytes < piece->at + SECTOR)
            resize(&p->durable, piece->at + SECTOR);
        put_sector(&p->durable, piece->at, piece->data);
    }
    p->count = kept;
}

static void settle_all(struct power *p, int has_failed)
{
    if (!has_failed || hex_random(&p->random) & 1)
        resize(&p->durable, p->cache.bytes);
    settle(p, 0, UINT64_MAX, has_failed);
}

/* A synchronous write is done with the page that it touches, and with no other. */
static void settle_page(struct power *p, uint64_t at, int has_failed)
{
    settle(p, at / PAGE * PAGE, at / PAGE * PAGE + PAGE, has_failed);
}

static size_t image_bytes(struct power *p, enum length length)
{
    size_t old = p->durable.bytes, new = p->cache.bytes;
    if (length == LENGTH_RANDOM && new > old)
        return old + hex_random(&p->random) % ((new - old) / SECTOR + 1) * SECTOR;
    return length == LENGTH_OLD ? old : new;
}

/* Makes p->image: what is on the disk when power is lost now. */
static void make_image(struct power *p, enum keep keep, enum length length)
{
    uint64_t write = 0;
    int is_kept = 0;
    buf_clear(&p->image);
    buf_append(&p->image, p->durable.data, p->durable.bytes);
    resize(&p->image, image_bytes(p, length));
    for (size_t i = 0; i < p->count && keep != KEEP_NOTHING; i++) {
        if (keep == KEEP_SECTORS || p->pieces[i].write != write)
            is_kept = (int)(hex_random(&p->random) & 1);
        write = p->pieces[i].write;
        if (is_kept || keep == KEEP_ALL)
            put_sector(&p->image, p->pieces[i].at, p->pieces[i].data);
    }
}

static struct buf read_file(const struct power *p)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%s/data.mdb", test_folder(), p->name);
    struct buf content = test_read(buf_str(&path));
    buf_free(&path);
    return content;
}

/* --- images ------------------------------------------------------------------------------------------ */

/* A file of its own, not the old one cut: some file systems would write that out at once. */
static void write_file(const char *name, const char *data, size_t bytes)
{
    char *path = fixture_path(name);
    CHECK(unlink(path) == 0 || errno == ENOENT);
    free(path);
    free(test_file(name, bytes > 0 ? (struct span){data, bytes} : span_of("")));
}

/* A folder as a start after the loss finds it. The engine's lock file holds nothing that counts, so anything
 * may be in it. */
static void write_image(struct power *p)
{
    char noise[8192];
    char *folder = fixture_path("image");
    CHECK(mkdir(folder, 0770) == 0 || errno == EEXIST);
    write_file("image/data.mdb", p->image.data, p->image.bytes);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)hex_random(&p->random);
    write_file("image/lock.mdb", noise, hex_random(&p->random) % (sizeof noise + 1));
    free(folder);
}

/* The store goes on: it takes a message under a new number and commits. */
static void check_goes_on(struct store **s, int turn)
{
    uint64_t seq = fixture_add(*s, "c", "next", "o");
    CHECK_INT(store_commit(*s), 0);
    fixture_reopen(s, "image");
    CHECK_INT(fixture_state(*s, "c", "next"), STATE_WAITING);
    CHECK_U64(fixture_read(*s, seq).seq, seq);
    CHECK_INT(load_last_turn(*s), turn);
}

static void check_image(struct power *p)
{
    p->images++;
    write_image(p);
    struct store *s = fixture_open("image");
    int turn = load_last_turn(s);
    CHECK(turn >= p->acknowledged && turn <= p->latest);
    load_check(s, p->load, turn);
    if (p->images % 8 == 0)
        check_goes_on(&s, turn);
    p->ahead += turn > p->acknowledged;
    store_close(&s);
}

static void lose_power(struct power *p)
{
    static const struct {
        enum keep keep;
        enum length length;
    } losses[] = {{KEEP_NOTHING, LENGTH_OLD},   {KEEP_NOTHING, LENGTH_NEW},   {KEEP_ALL, LENGTH_NEW},
                  {KEEP_ALL, LENGTH_OLD},       {KEEP_WRITES, LENGTH_RANDOM}, {KEEP_SECTORS, LENGTH_NEW},
                  {KEEP_SECTORS, LENGTH_RANDOM}};
    int grows = p->cache.bytes > p->durable.bytes;
    p->cuts++;
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        int is_random = losses[i].keep == KEEP_WRITES || losses[i].keep == KEEP_SECTORS;
        if ((p->count == 0 && losses[i].keep != KEEP_NOTHING) ||
            (!grows && !is_random && losses[i].length == LENGTH_OLD))
            continue; /* the same as another one */
        make_image(p, losses[i].keep, losses[i].length);
        check_image(p);
    }
}

/* What the file holds before its first write counts as durable. */
static void load_file(struct power *p)
{
    buf_free(&p->cache);
    p->cache = read_file(p);
    buf_append(&p->durable, p->cache.data, p->cache.bytes);
}

static void on_event(void *self, const struct disk_event *e)
{
    struct power *p = self;
    int has_failed = e->what == DISK_SYNC_FAILED || e->what == DISK_META_FAILED;
    if (e->what == DISK_OPENED) {
        if (p->cache.bytes == 0)
            load_file(p);
        return;
    }
    if (e->what == DISK_WROTE) {
        note_write(p, e);
        return;
    }
    if (e->what == DISK_SYNCED || e->what == DISK_SYNC_FAILED)
        settle_all(p, has_failed);
    if (e->what == DISK_META_WRITING)
        CHECK(e->at % PAGE + e->bytes <= SECTOR); /* never torn */
    if (e->what == DISK_META_WRITTEN || e->what == DISK_META_FAILED)
        settle_page(p, e->at, has_failed);
    lose_power(p);
}

/* --- the test ---------------------------------------------------------------------------------------- */

/* The model knows all that was written. */
static void check_model(const struct power *p)
{
    struct buf file = read_file(p);
    CHECK_U64(file.bytes, p->cache.bytes);
    CHECK(memcmp(file.data, p->cache.data, file.bytes) == 0);
    buf_free(&file);
}

/* Runs one turn. Returns -1 when its commit failed. */
static int run_turn(struct power *p, struct store *s, int turn)
{
    if (p->latest < turn)
        p->latest = turn;
    load_turn(s, p->load, turn);
    if (store_commit(s))
        return -1;
    p->acknowledged = turn;
    lose_power(p);
    return 0;
}

/* A failure for the next turns: of a sync, or of one of the writes, the meta page's among them. */
static void arm(struct power *p)
{
    uint64_t dice = hex_random(&p->random);
    static const enum disk_call calls[] = {DISK_SYNC, DISK_WRITE, DISK_META, DISK_META};
    disk_fail((struct disk_fault){.call = calls[dice >> 16 & 3],
                                  .nth = 1 + (dice >> 8) % 3,
                                  .for_ever = dice >> 1 & 1,
                                  .error = EIO,
                                  .harm = (enum disk_harm)((dice >> 2) % (HARM_SHORT + 1))});
}

/* What is written first after a restart is not what was to be written before it. */
static void begin_anew(struct power *p, struct store *s)
{
    uint64_t dice = hex_random(&p->random);
    store_meta_write(s, "start", (struct span){p->load->bytes + dice % 1000, dice % 9000});
    CHECK_INT(store_commit(s), 0);
}

static void run(struct power *p)
{
    char *folder = fixture_path(p->name);
    disk_watch(folder);
    disk.tell = on_event;
    disk.tell_self = p;
    struct store *s = fixture_open(p->name);
    for (int turn = 1; turn <= p->turns; turn++) {
        if (p->fails && disk.fault.nth == 0)
            arm(p);
        if (run_turn(p, s, turn) == 0)
            continue;
        p->failures++;
        disk_fail((struct disk_fault){.nth = 0});
        fixture_reopen(&s, p->name);
        turn = load_last_turn(s);
        CHECK(turn >= p->acknowledged && turn <= p->latest);
        load_check(s, p->load, turn);
        begin_anew(p, s);
        p->acknowledged = turn; /* what was seen may be answered from now on */
        lose_power(p);
    }
    load_check(s, p->load, p->turns);
    store_close(&s);
    check_model(p);
    free(folder);
}

static void finish(struct power *p)
{
    printf("cuts=%" PRIu64 " images=%" PRIu64 " ahead=%" PRIu64 " failures=%" PRIu64 "\n", p->cuts, p->images,
           p->ahead, p->failures);
    CHECK(p->ahead > 0); /* otherwise nothing was cut between a sync and its answer */
    buf_free(&p->cache);
    buf_free(&p->durable);
    buf_free(&p->image);
    free(p->pieces);
}

/* A number of the command line, which is the caller's own. */
static uint64_t number(int count, char **args, int i, uint64_t otherwise)
{
    return i < count ? strtoull(args[i], NULL, 10) : otherwise;
}

int main(int count, char **args)
{
    static struct load load;
    uint64_t seed = number(count, args, 1, SEED);
    int turns = (int)number(count, args, 2, TURNS);
    struct power sound = {.name = "sound", .turns = turns, .random = seed, .load = &load};
    struct power failing = {.name = "failing", .turns = turns / 2, .fails = 1, .random = seed, .load = &load};
    load_begin(&load, seed, turns);
    CHECK_INT(log_open(&(struct log_options){.program = "test", .path = "/dev/null"}), 0);
    disk_install();
    run(&sound);
    finish(&sound);
    run(&failing);
    finish(&failing);
    CHECK(count > 1 || (sound.cuts >= 300 && sound.images >= 3 * sound.cuts / 2));
    return 0;
}
