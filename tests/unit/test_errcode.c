/* The table of errcodes: order, classes of the codes that matter most, and what is not known. */
#include "sender/errcode.h"
#include "sender/errcode_doc.h"
#include "tests/unit/test.h"

static const struct {
    int64_t code;
    enum errcode_class class;
} cases[] = {
    {0, ERRCODE_SENT},           {40252, ERRCODE_PENDING},       {-1, ERRCODE_RETRY},
    {45011, ERRCODE_PACE},       {43108, ERRCODE_RECIPIENT_LATER}, {43117, ERRCODE_RECIPIENT_LATER},
    {45061, ERRCODE_PACE},       {45102, ERRCODE_QUOTA},         {61450, ERRCODE_RETRY},
    {40001, ERRCODE_TOKEN},      {40014, ERRCODE_TOKEN},         {42001, ERRCODE_TOKEN},
    {41001, ERRCODE_CONFIG},     {43004, ERRCODE_RECIPIENT},     {40003, ERRCODE_RECIPIENT},
    {45015, ERRCODE_RECIPIENT},  {45047, ERRCODE_RECIPIENT},     {40037, ERRCODE_DOUBTFUL},
    {47003, ERRCODE_REQUEST},    {40241, ERRCODE_DUPLICATE},     {43116, ERRCODE_TEMPLATE_STOP},
    {48011, ERRCODE_TEMPLATE_STOP}, {45009, ERRCODE_QUOTA},      {45104, ERRCODE_QUOTA},
    {40013, ERRCODE_CONFIG},     {40125, ERRCODE_CONFIG},        {40164, ERRCODE_CONFIG},
    {61004, ERRCODE_CONFIG},     {40243, ERRCODE_CONFIG},        {50004, ERRCODE_CONFIG},
    {48001, ERRCODE_TEMPLATE_STOP}, {48008, ERRCODE_TEMPLATE_STOP}, {45087, ERRCODE_TEMPLATE_STOP},
    {48004, ERRCODE_CONFIG},     {89503, ERRCODE_CONFIG},
    /* not known: kept as refused, never tried again */
    {50007, ERRCODE_REQUEST},    {-2, ERRCODE_REQUEST},          {1, ERRCODE_REQUEST},
    {INT64_MAX, ERRCODE_REQUEST}, {INT64_MIN, ERRCODE_REQUEST},
};

/* A row out of order would never be found by halves. */
static void test_every_row_is_found(void)
{
    int found = 0;
    for (int64_t code = -10; code < 100000; code++) {
        const struct errcode *row = errcode_find(code);
        if (row == NULL)
            continue;
        CHECK_INT(row->code, code);
        CHECK(row->meaning[0]);
        found++;
    }
    CHECK_INT(found, 104);
}

/* Going through the rows meets each once, and each class has its rule. */
static void test_rules(void)
{
    int64_t before = INT64_MIN;
    int rows = 0;
    for (const struct errcode *row = errcode_next(NULL); row; row = errcode_next(row)) {
        CHECK(row->code > before);
        before = row->code;
        rows++;
    }
    CHECK_INT(rows, 104);
    for (int i = 0; i < ERRCODE_CLASSES; i++) {
        const struct errcode_rule *rule = errcode_rule((enum errcode_class)i);
        CHECK(rule->name[0] && rule->happens[0] && rule->outcome != OUTCOME_NONE);
        CHECK(rule->outcome != OUTCOME_RETRY || rule->cause != CAUSE_NONE);
    }
}

static void test_advice(void)
{
    CHECK_HAS(errcode_advice(40164), "whitelist");
    CHECK_HAS(errcode_advice(40125), "app_secret");
    CHECK_HAS(errcode_advice(89507), "1 hour");
    CHECK(errcode_advice(0) == NULL);
    CHECK(errcode_advice(43004) == NULL);
}

/* The page is what the table says. Written anew by: mega wechat errors --markdown > docs/wechat-errors.md */
static void test_page(void)
{
    struct buf page = {0}, file = test_read("docs/wechat-errors.md");
    errcode_doc_write(&page);
    CHECK(span_equal(buf_span(&file), buf_span(&page)));
    buf_free(&page);
    buf_free(&file);
}

int main(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_INT(errcode_class(cases[i].code), cases[i].class);
    test_every_row_is_found();
    test_rules();
    test_advice();
    test_page();
    return 0;
}
