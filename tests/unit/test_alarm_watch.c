/* From what is wrong to what people are told: holding times, recovery, reminders, silences, what outlives a restart. */
#include "console/alarm_watch.h"

#include "console/alarm_state.h"
#include "tests/unit/test.h"

#define S 1000

static struct conf_alarm conf = {.fine_ms = 30 * S, .repeat_ms = 3600 * S};
static struct buf told; /* "raised disk; " */

static void note(void *self, const struct alarm_event *e)
{
    static const char *const names[] = {"raised", "reminder", "recovered", "test"};
    char id[ALARM_ID_BYTES_MAX];
    (void)self;
    alarm_id(e->kind, e->subject, id);
    buf_printf(&told, "%s %s since %lld; ", names[e->type], id, (long long)e->since_ms / S);
}

static const struct alarm_listener listener = {.tell = note};

static void add(struct alarm_findings *found, enum alarm_kind kind, const char *subject, int64_t for_ms)
{
    struct alarm_finding *f = &found->list[found->count++];
    *f = (struct alarm_finding){.kind = kind, .for_ms = for_ms};
    snprintf(f->subject, sizeof f->subject, "%s", subject);
    snprintf(f->text, sizeof f->text, "wrong");
}

/* One look at that second. `wrong`: a letter each: d the disk (for 10 s), s a stopped account (at once), a another one, ? nobody can
 * tell. */
static const char *look(struct alarm_watch *w, int64_t second, const char *wrong)
{
    struct alarm_findings *found = mem_new(sizeof *found);
    for (; *wrong; wrong++)
        switch (*wrong) {
        case 'd':
            add(found, ALARM_DISK, "", 10 * S);
            break;
        case 's':
            add(found, ALARM_ACCOUNT_STOPPED, "shop", 0);
            break;
        case 'a':
            add(found, ALARM_ACCOUNT_STOPPED, "app", 0);
            break;
        default:
            found->unknown = ~0u;
        }
    buf_clear(&told);
    alarm_watch_take(w, found, second * S, second * S, &listener);
    free(found);
    return buf_str(&told);
}

static struct alarm_watch *watch_new(void)
{
    struct alarm_watch *w = mem_new(sizeof *w);
    w->conf = &conf;
    return w;
}

static void test_life(void)
{
    static const struct {
        int64_t second;
        const char *wrong, *told;
    } table[] = {
        {100, "", ""},
        {101, "d", ""},
        {110, "d", ""},
        {111, "", ""}, /* not for long enough: forgotten */
        {112, "d", ""},
        {121, "d", ""},
        {122, "d", "raised disk since 112; "},
        {123, "d", ""},
        {130, "", ""},
        {159, "", ""},
        {159, "d", ""}, /* it was not fine for long enough: nothing new */
        {160, "", ""},
        {190, "", "recovered disk since 112; "},
        {191, "", ""},
        {200, "sa", "raised account-stopped:shop since 200; raised account-stopped:app since 200; "},
        {201, "a", ""},
        {231, "a", "recovered account-stopped:shop since 200; "},
        {3799, "a", ""},
        {3800, "a", "reminder account-stopped:app since 200; "},
        {7399, "a", ""},
        {7400, "a", "reminder account-stopped:app since 200; "},
    };
    struct alarm_watch *w = watch_new();
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        CHECK_STR(look(w, table[i].second, table[i].wrong), table[i].told);
    free(w);
}

static void test_unknown(void)
{
    struct alarm_watch *w = watch_new();
    CHECK_STR(look(w, 100, "s"), "raised account-stopped:shop since 100; ");
    CHECK_STR(look(w, 101, "?"), "");
    CHECK_STR(look(w, 1000, "?"), "");
    CHECK_STR(look(w, 1001, ""), "");
    CHECK_STR(look(w, 1020, ""), "");
    CHECK_STR(look(w, 1029, "?"), ""); /* the time of being fine begins anew */
    CHECK_STR(look(w, 1031, ""), "");
    CHECK_STR(look(w, 1058, ""), "");
    CHECK_STR(look(w, 1059, ""), "recovered account-stopped:shop since 100; ");
    CHECK_STR(look(w, 2000, "d"), "");
    CHECK_STR(look(w, 2005, "?"), "");
    CHECK_STR(look(w, 2012, "d"), ""); /* so does that of being wrong */
    CHECK_STR(look(w, 2022, "d"), "raised disk since 2012; ");
    free(w);
}

static void test_no_reminders(void)
{
    struct alarm_watch *w = watch_new();
    conf.repeat_ms = 0;
    CHECK_STR(look(w, 100, "s"), "raised account-stopped:shop since 100; ");
    CHECK_STR(look(w, 10000000, "s"), "");
    conf.repeat_ms = 3600 * S;
    free(w);
}

static void test_silence(void)
{
    const char *error = NULL;
    struct alarm_watch *w = watch_new();
    CHECK_INT(alarm_watch_silence(w, span_of("nonsense"), 1 * S, 0, &error), -1);
    CHECK_HAS(error, "mega alarm list");
    CHECK_INT(alarm_watch_silence(w, span_of("account-stopped:shop"), 200 * S, 0, &error), 0);
    CHECK_STR(look(w, 100, "sa"), "raised account-stopped:app since 100; ");
    CHECK_STR(look(w, 199, "s"), "");
    CHECK_STR(look(w, 200, "s"), "raised account-stopped:shop since 100; "); /* it still holds when the silence ends */
    CHECK_INT(alarm_watch_silence(w, span_of("account-stopped"), 900 * S, 200 * S, &error), 0);
    CHECK_STR(look(w, 201, ""), "");
    CHECK_STR(look(w, 231, ""), ""); /* recovered without a word */
    CHECK_STR(look(w, 300, "s"), "");
    CHECK_INT(alarm_watch_silence(w, span_of("account-stopped"), 0, 300 * S, &error), 0);
    CHECK_STR(look(w, 301, "s"), "raised account-stopped:shop since 300; ");
    CHECK_INT(alarm_watch_silence(w, span_of("all"), 400 * S, 301 * S, &error), 0);
    CHECK_STR(look(w, 302, "d"), "");
    CHECK_STR(look(w, 312, "d"), "");
    CHECK_STR(look(w, 399, "d"), "");
    CHECK_STR(look(w, 400, "d"), "raised disk since 302; ");
    for (int i = 0; i < ALARM_SILENCES_MAX; i++) {
        char name[ALARM_ID_BYTES_MAX];
        snprintf(name, sizeof name, "stage-gone:s%d", i);
        CHECK_INT(alarm_watch_silence(w, span_of(name), 5000 * S, 400 * S, &error), 0);
    }
    CHECK_INT(alarm_watch_silence(w, span_of("disk"), 5000 * S, 400 * S, &error), -1);
    CHECK_INT(alarm_watch_silence(w, span_of("disk"), 9000 * S, 5000 * S, &error), 0); /* those have ended */
    free(w);
}

/* As a restart does it; the monotonic clock may be any other afterwards. */
static struct alarm_watch *restart(struct alarm_watch *w, int64_t mono_s, int64_t wall_s, int64_t new_mono_s, int64_t new_wall_s)
{
    struct buf state = {0};
    struct alarm_stages stages = {0}, read = {0};
    struct alarm_watch *next = watch_new();
    alarm_stages_see(&stages, span_of("sender"), span_of("sender-1"), ALARM_THERE);
    alarm_state_pack(w, &stages, mono_s * S, wall_s * S, &state);
    CHECK_INT(alarm_state_unpack(buf_span(&state), next, &read, new_mono_s * S, new_wall_s * S), 0);
    CHECK_INT(read.count, 1);
    CHECK_STR(read.list[0].name, "sender-1");
    CHECK_STR(read.list[0].kind, "sender");
    buf_free(&state);
    free(w);
    return next;
}

static void test_restart(void)
{
    const char *error;
    struct alarm_watch *w = watch_new();
    CHECK_STR(look(w, 5000, "sd"), "raised account-stopped:shop since 5000; ");
    CHECK_INT(alarm_watch_silence(w, span_of("disk"), 20000 * S, 5000 * S, &error), 0);
    w = restart(w, 5000, 5000, 70, 5100); /* "d" was only pending: not kept; the silence is */
    CHECK_STR(look(w, 70 + 100, "s"), "");
    w->list[0].told_ms = 70 * S - 100 * S; /* as it was read: told 100 s before */
    CHECK_STR(look(w, 70 + 3499, "s"), "");
    CHECK_STR(look(w, 70 + 3500, "s"), "reminder account-stopped:shop since 5000; ");
    CHECK_STR(look(w, 70 + 3501, "d"), "");
    CHECK_STR(look(w, 70 + 3600, "d"), "recovered account-stopped:shop since 5000; ");
    w = restart(w, 70 + 3600, 9000, 70 + 3600, 1000); /* the wall clock went back */
    CHECK_STR(look(w, 70 + 3601, "d"), "");
    free(w);
}

/* Cut anywhere, with any bit turned: damaged, and nothing of it is taken. */
static void test_damage(void)
{
    struct alarm_watch *w = watch_new(), *next = watch_new();
    struct alarm_stages stages = {0};
    struct buf state = {0};
    look(w, 1, "sa");
    alarm_state_pack(w, &stages, S, S, &state);
    for (size_t i = 0; i < state.bytes; i++) {
        CHECK_INT(alarm_state_unpack((struct span){state.data, i}, next, &stages, 0, 0), -1);
        for (int bit = 0; bit < 8; bit++) {
            state.data[i] ^= (char)(1 << bit);
            CHECK_INT(alarm_state_unpack(buf_span(&state), next, &stages, 0, 0), -1);
            state.data[i] ^= (char)(1 << bit);
        }
    }
    CHECK(next->count == 0 && next->silence_count == 0 && stages.count == 0);
    buf_free(&state);
    free(w);
    free(next);
}

int main(void)
{
    test_life();
    test_unknown();
    test_no_reminders();
    test_silence();
    test_restart();
    test_damage();
    buf_free(&told);
    return 0;
}
