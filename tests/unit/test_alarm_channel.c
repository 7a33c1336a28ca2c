/* One way of notices: grouping, rate, retries, what is summed up, what is lost. Over simulated time. */
#include "console/alarm_channel.h"

#include "tests/unit/test.h"

static struct conf_alarm conf = {.group_ms = 2000, .notices = 3, .notices_window_ms = 60000, .tries = 3, .retry_ms = 5000};
static struct alarm_channel c;

static void add(int64_t at_ms, const char *subject)
{
    struct alarm_event e = {.type = ALARM_EVENT_RAISED, .kind = ALARM_STAGE_GONE};
    snprintf(e.subject, sizeof e.subject, "%s", subject);
    alarm_channel_add(&c, &e, at_ms);
}

/* What begins at that time: the subjects of its events and how many more; "-" when nothing does. */
static const char *next(int64_t at_ms)
{
    static struct buf text;
    const struct alarm_notice *n = alarm_channel_next(&c, at_ms, 1000000 + at_ms);
    buf_clear(&text);
    if (n == NULL)
        return "-";
    for (size_t i = 0; i < n->count; i++)
        buf_printf(&text, "%s ", n->events[i].subject);
    if (n->more)
        buf_printf(&text, "+%zu ", n->more);
    CHECK(strlen(n->id) == 32);
    return buf_str(&text);
}

static void test_group(void)
{
    alarm_channel_open(&c, &conf);
    CHECK_INT(alarm_channel_wait_ms(&c, 0, 777), 777);
    CHECK(alarm_channel_is_idle(&c));
    add(10000, "a");
    CHECK_INT(alarm_channel_wait_ms(&c, 10500, 9000), 1500);
    CHECK_STR(next(11999), "-");
    add(11999, "b");
    CHECK_STR(next(12000), "a b ");
    CHECK_STR(next(12000), "-"); /* one at once */
    CHECK(!alarm_channel_is_idle(&c));
    add(12001, "c");
    CHECK_STR(next(20000), "-");
    CHECK_INT(alarm_channel_wait_ms(&c, 20000, 777), 777);
    CHECK_INT(alarm_channel_done(&c, NULL, 20000), 0);
    CHECK_STR(next(20000), "c ");
    CHECK_INT(alarm_channel_done(&c, NULL, 20000), 0);
    CHECK_STR(next(30000), "-");
    CHECK_U64(c.taken, 2);
    CHECK(alarm_channel_is_idle(&c));
}

static void test_retries(void)
{
    char id[33];
    alarm_channel_open(&c, &conf);
    add(0, "a");
    CHECK_STR(next(2000), "a ");
    memcpy(id, c.going.id, sizeof id);
    CHECK_INT(alarm_channel_done(&c, "refused", 2100), 0);
    CHECK_STR(c.error, "refused");
    add(2200, "b"); /* comes in a notice of its own */
    CHECK_STR(next(7099), "-");
    CHECK_INT(alarm_channel_wait_ms(&c, 7000, 777), 100);
    CHECK_STR(next(7100), "a ");
    CHECK_STR(c.going.id, id); /* the same: a mail that came twice is seen to be one */
    CHECK_INT(alarm_channel_done(&c, "refused", 7100), 0);
    CHECK_STR(next(17099), "-");
    CHECK_STR(next(17100), "a ");
    CHECK_INT(alarm_channel_done(&c, "refused", 17200), 1); /* lost */
    CHECK_U64(c.lost, 1);
    CHECK_STR(next(17200), "b ");
    CHECK_INT(alarm_channel_done(&c, NULL, 17300), 0);
    CHECK_STR(c.error, "");
}

/* However often it fails, no wait is longer than five minutes. */
static void test_longest_wait(void)
{
    struct conf_alarm patient = conf;
    int64_t at_ms = 2000;
    patient.tries = 20;
    alarm_channel_open(&c, &patient);
    add(0, "a");
    for (int i = 1; i < 20; i++) {
        CHECK_STR(next(at_ms), "a ");
        CHECK_INT(alarm_channel_done(&c, "no", at_ms), 0);
        int64_t wait_ms = alarm_channel_wait_ms(&c, at_ms, INT64_MAX);
        CHECK_INT(wait_ms, i < 7 ? 5000 << (i - 1) : ALARM_RETRY_MS_MAX);
        at_ms += wait_ms;
    }
    CHECK_STR(next(at_ms), "a ");
    CHECK_INT(alarm_channel_done(&c, "no", at_ms), 1);
}

static void test_rate(void)
{
    alarm_channel_open(&c, &conf);
    for (int i = 0; i < 3; i++) {
        add(i * 3000, "a");
        CHECK_STR(next(i * 3000 + 2000), "a ");
        CHECK_INT(alarm_channel_done(&c, NULL, i * 3000 + 2001), 0);
    }
    for (int i = 0; i < 32; i++)
        add(20000 + i, "x");
    CHECK_STR(next(61999), "-"); /* the first of the three began at 2000 */
    CHECK_STR(next(62000), "x x x x x x x x x x x x x x x x x x x x +12 ");
    CHECK_INT(alarm_channel_done(&c, NULL, 62000), 0);
    add(62000, "y");
    CHECK_STR(next(64999), "-");
    CHECK_STR(next(65000), "y ");
}

/* A flood over an hour: never more notices than the rate allows, and every event is in one of them. */
static void test_flood(void)
{
    int64_t began_ms[10000];
    size_t notices = 0, told = 0, added = 0;
    alarm_channel_open(&c, &conf);
    for (int64_t at_ms = 0; at_ms < 3600000; at_ms += 100) {
        if (at_ms < 3400000) {
            add(at_ms, "x");
            added++;
        }
        const struct alarm_notice *n = alarm_channel_next(&c, at_ms, at_ms);
        if (n == NULL)
            continue;
        began_ms[notices++] = at_ms;
        told += n->count + n->more;
        alarm_channel_done(&c, NULL, at_ms);
    }
    CHECK_U64(told, added);
    CHECK(notices > 160);
    for (size_t i = 3; i < notices; i++)
        CHECK(began_ms[i] - began_ms[i - 3] >= 60000);
}

int main(void)
{
    test_group();
    test_retries();
    test_longest_wait();
    test_rate();
    test_flood();
    return 0;
}
