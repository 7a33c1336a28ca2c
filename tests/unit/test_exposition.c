/* The text format of Prometheus: escapes, numbers, histograms that add up. */
#include "console/exposition.h"

#include "proto/histogram.h"
#include "proto/mp_view.h"
#include "tests/unit/pack.h"

static void check_text(struct buf *out, const char *expected)
{
    CHECK_STR(buf_str(out), expected);
    buf_free(out);
}

static void test_samples(void)
{
    struct buf out = {0};
    struct exposition e = {.out = &out};
    family(&e, "megawechat_none", "gauge", "Nothing.");
    family(&e, "megawechat_x", "gauge", "Something.");
    sample(&e, NO_LABELS, 0.5);
    sample(&e, LABELS(LABEL("a", span_of("b\"c\\d\ne")), LABEL("f", ((struct span){"\xff", 1}))), 1e21);
    family(&e, "megawechat_y_total", "counter", "Counted.");
    sample_u64(&e, LABELS(LABEL("a", span_of("\xe5\xbc\xa0"))), UINT64_MAX);
    check_text(&out, "# HELP megawechat_x Something.\n# TYPE megawechat_x gauge\nmegawechat_x 0.5\n"
                     "megawechat_x{a=\"b\\\"c\\\\d\\ne\",f=\"\xef\xbf\xbd\"} 1e+21\n"
                     "# HELP megawechat_y_total Counted.\n# TYPE megawechat_y_total counter\n"
                     "megawechat_y_total{a=\"\xe5\xbc\xa0\"} 18446744073709551615\n");
}

static void test_histogram(void)
{
    static const struct histogram_bounds bounds = {2, {1000, 2500000}};
    struct histogram h = {.bounds = &bounds};
    struct buf out = {0}, packed = {0};
    struct exposition e = {.out = &out};
    const int64_t us[] = {-5, 1000, 1001, 2500000, 2500001, 9000000};
    for (size_t i = 0; i < sizeof us / sizeof *us; i++)
        histogram_note(&h, us[i]);
    histogram_pack(&h, &packed);
    struct span map = buf_span(&packed);
    family(&e, "megawechat_t_seconds", "histogram", "Taken.");
    sample_histogram(&e, LABELS(LABEL("k", span_of("v"))), mp_view(map, "le"), mp_view(map, "n"), mp_view_number(map, "sum"));
    sample_histogram(&e, NO_LABELS, mp_view(map, "nix"), mp_view(map, "n"), 0); /* what is none is left out */
    check_text(&out, "# HELP megawechat_t_seconds Taken.\n# TYPE megawechat_t_seconds histogram\n"
                     "megawechat_t_seconds_bucket{k=\"v\",le=\"0.001\"} 2\nmegawechat_t_seconds_bucket{k=\"v\",le=\"2.5\"} 4\n"
                     "megawechat_t_seconds_bucket{k=\"v\",le=\"+Inf\"} 6\nmegawechat_t_seconds_sum{k=\"v\"} 14.002002\n"
                     "megawechat_t_seconds_count{k=\"v\"} 6\n");
    buf_free(&packed);
}

int main(void)
{
    test_samples();
    test_histogram();
    return 0;
}
