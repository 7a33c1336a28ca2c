/* What a sender's beats carry of WeChat's answers: by account and kind, only with figures; and what a process takes. */
#include "sender/latency.h"

#include <unistd.h>

#include "base/usage.h"
#include "tests/unit/pack.h"

static void test_beats(void)
{
    struct conf *conf = mem_new(sizeof *conf);
    conf->account_count = 2;
    memcpy(conf->accounts[0].name, "default", 8);
    memcpy(conf->accounts[1].name, "shop", 5);
    struct latency *l = latency_new(conf);
    struct control beat = {.type = CONTROL_BEAT, .cpu_us = 1};
    const struct kind *template = kind_find(span_of("template")), *custom = kind_find(span_of("custom"));
    latency_on_beat(l, &beat);
    CHECK_U64(beat.latency.bytes, 0); /* no call yet */
    latency_note(l, 1, template, 10);
    latency_note(l, 1, custom, 10001);
    latency_note(l, 1, template, 11);
    latency_note(l, 1, template, -1); /* a clock that went back */
    latency_note(l, -1, template, 10); /* an account that is not in the configuration */
    struct buf expected = pack("{le [10000 25000 50000 100000 200000 350000 500000 750000 1000000 2000000 5000000 10000000]"
                               " of [[shop template [2 1 0 0 0 0 0 0 0 0 0 0 0] 21000] [shop custom [0 0 0 0 0 0 0 0 0 0 0 0 1] 10001000]]}");
    latency_on_beat(l, &beat);
    CHECK_BYTES(beat.latency, buf_span(&expected));
    beat = (struct control){.type = CONTROL_BEAT};
    latency_on_beat(l, &beat);
    CHECK_U64(beat.latency.bytes, 0); /* a beat without figures */
    buf_free(&expected);
    latency_destroy(&l);
    free(conf);
}

static void test_usage(void)
{
    struct usage mine = usage_now(), same = {0};
    CHECK(mine.cpu_us > 0 && mine.rss_bytes > 100000);
    CHECK_INT(usage_of(getpid(), "test_latency", &same), 0);
    CHECK(same.rss_bytes > 100000);
    CHECK_INT(usage_of(getpid(), "mega-gateway", &same), -1);
    CHECK_INT(usage_of(getpid(), "test_latenc", &same), -1);
    CHECK_INT(usage_of(0x7fffffff, "test_latency", &same), -1);
}

int main(void)
{
    test_beats();
    test_usage();
    return 0;
}
