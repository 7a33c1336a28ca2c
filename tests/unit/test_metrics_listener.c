/* What /metrics tells of mega-listener, and what /readyz says while it is away. */
#include "base/clock.h"
#include "console/metrics.h"
#include "console/ready.h"
#include "tests/unit/pack.h"

static void check_line(struct buf *text, const char *line)
{
    struct buf with = {0};
    buf_printf(&with, "\n%s\n", line);
    if (strstr(buf_str(text), buf_str(&with)) == NULL)
        CHECK_STR(buf_str(text), line);
    buf_free(&with);
}

static void test_figures(void)
{
    static const char *const lines[] = {
        "megawechat_listener_events_total{kind=\"follow\"} 3",
        "megawechat_listener_events_total{kind=\"receipt\"} 73000",
        "megawechat_listener_repeats_total 4",
        "megawechat_listener_echoes_total 1",
        "megawechat_listener_refused_total{reason=\"busy\"} 2",
        "megawechat_listener_refused_total{reason=\"signature\"} 5",
        "megawechat_listener_held_calls 6",
        "megawechat_listener_outbox_requests 12",
        "megawechat_listener_outbox_oldest_age_seconds 1.5",
        "megawechat_listener_outbox_away 1",
        "megawechat_listener_requests_total{outcome=\"done\"} 100",
        "megawechat_listener_requests_total{outcome=\"refused\"} 7",
        "megawechat_listener_requests_total{outcome=\"unmatched\"} 8",
        "megawechat_listener_requests_repeated_total 9",
        "megawechat_listener_forward_waiting_events 10",
        "megawechat_listener_forwards_total{outcome=\"taken\"} 11",
        "megawechat_listener_forwards_total{outcome=\"failed\"} 12",
        "megawechat_listener_forwards_total{outcome=\"dropped\"} 13",
        "megawechat_listener_series 2",
        "megawechat_listener_series_people 14",
        "megawechat_listener_series_started_total 20",
        "megawechat_listener_series_finished_total{outcome=\"done\"} 5",
        "megawechat_listener_series_finished_total{outcome=\"ended\"} 1"};
    struct buf out = {0};
    struct exposition e = {.out = &out};
    struct buf status = pack("{events {follow 3 receipt 73000} repeats 4 echoes 1 refused {busy 2 signature 5} held 6"
         " outbox {rows 12 oldest_ms 1500 away true done 100 refused 7 unmatched 8 again 9}"
         " forward {rows 10 taken 11 failed 12 dropped 13} series 2 in 14 started 20 done 5 ended 1}");
    metrics_listener(&e, buf_span(&status));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        check_line(&out, lines[i]);
    size_t samples = 0;
    for (const char *at = buf_str(&out); (at = strstr(at, "\nmegawechat_")) != NULL; at++)
        samples++;
    CHECK_U64(samples, sizeof lines / sizeof *lines);
    buf_free(&status);
    buf_free(&out);
}

/* Whatever it says, or says not, nothing is told twice and nothing breaks. */
static void test_nothing(void)
{
    static const char *const statuses[] = {"{}", "[]", "5", "{events 5 refused [ 1 ] outbox nil forward x}"};
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct buf status = pack(statuses[i]), out = {0};
        struct exposition e = {.out = &out};
        metrics_listener(&e, buf_span(&status));
        CHECK(strstr(buf_str(&out), "events_total{") == NULL);
        check_line(&out, "megawechat_listener_repeats_total 0");
        buf_free(&status);
        buf_free(&out);
    }
}

static const char *ready(const struct heard heard[PARTIES], int64_t mono_ms)
{
    static struct buf out;
    buf_clear(&out);
    CHECK_INT(ready_write(heard, mono_ms, &out), 1);
    return buf_str(&out);
}

/* It counts only where somebody misses it, and messages go out all the same. */
static void test_ready(void)
{
    struct heard heard[PARTIES] = {0};
    struct buf status = pack("{accepting true ready true}");
    int64_t now_ms = clock_mono_ms() + 1;
    for (int party = 0; party < PARTY_LISTENER; party++)
        heard_take(&heard[party], buf_span(&status), now_ms, 1);
    heard[PARTY_LISTENER].is_optional = 1;
    CHECK_STR(ready(heard, now_ms), "{\"ready\":true,\"reasons\":[]}\n");
    heard[PARTY_LISTENER].is_optional = 0;
    CHECK_STR(ready(heard, now_ms), "{\"ready\":true,\"reasons\":[{\"name\":\"listener\",\"message\":"
                                    "\"the listener does not answer; only callbacks and series are concerned\"}]}\n");
    heard_take(&heard[PARTY_LISTENER], buf_span(&status), now_ms, 1);
    CHECK_STR(ready(heard, now_ms), "{\"ready\":true,\"reasons\":[]}\n");
    for (int party = 0; party < PARTIES; party++)
        heard_free(&heard[party]);
    buf_free(&status);
}

int main(void)
{
    test_figures();
    test_nothing();
    test_ready();
    return 0;
}
