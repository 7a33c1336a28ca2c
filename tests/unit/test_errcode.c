/* The table of errcodes: order, classes of the codes that matter most, and what is not known. */
#include "sender/errcode.h"
#include "tests/unit/test.h"

static const struct {
    int64_t code;
    enum errcode_class class;
} cases[] = {
    {0, ERRCODE_SENT},           {40252, ERRCODE_PENDING},       {-1, ERRCODE_RETRY},
    {45011, ERRCODE_RETRY},      {43108, ERRCODE_RETRY},         {43117, ERRCODE_RETRY},
    {45061, ERRCODE_RETRY},      {45102, ERRCODE_RETRY},         {61450, ERRCODE_RETRY},
    {40001, ERRCODE_TOKEN},      {40014, ERRCODE_TOKEN},         {42001, ERRCODE_TOKEN},
    {41001, ERRCODE_TOKEN},      {43004, ERRCODE_RECIPIENT},     {40003, ERRCODE_RECIPIENT},
    {45015, ERRCODE_RECIPIENT},  {45047, ERRCODE_RECIPIENT},     {40037, ERRCODE_REQUEST},
    {47003, ERRCODE_REQUEST},    {40241, ERRCODE_DUPLICATE},     {43116, ERRCODE_TEMPLATE_STOP},
    {48011, ERRCODE_TEMPLATE_STOP}, {45009, ERRCODE_QUOTA},      {45104, ERRCODE_QUOTA},
    {40013, ERRCODE_CONFIG},     {40125, ERRCODE_CONFIG},        {40164, ERRCODE_CONFIG},
    {61004, ERRCODE_CONFIG},     {40243, ERRCODE_CONFIG},        {50004, ERRCODE_CONFIG},
    {48001, ERRCODE_CONFIG},     {89503, ERRCODE_CONFIG},
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

static void test_advice(void)
{
    CHECK_HAS(errcode_advice(40164), "whitelist");
    CHECK_HAS(errcode_advice(40125), "app_secret");
    CHECK_HAS(errcode_advice(89507), "1 hour");
    CHECK(errcode_advice(0) == NULL);
    CHECK(errcode_advice(43004) == NULL);
}

int main(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_INT(errcode_class(cases[i].code), cases[i].class);
    test_every_row_is_found();
    test_advice();
    return 0;
}
