/* The stages that left, as the broker's status tells of them. */
#include "broker/departed.h"

#include "tests/unit/test.h"

static void test_list(void)
{
    struct departed d = {0};
    departed_add(&d, "sender-1", STAGE_SENDER, 0, 100);
    departed_add(&d, "sender-2", STAGE_SENDER, 1, 200);
    departed_add(&d, "sender-1", STAGE_SENDER, 1, 300); /* it was there again in between */
    CHECK_U64(d.count, 2);
    CHECK_STR(d.list[0].name, "sender-2");
    CHECK_STR(d.list[1].name, "sender-1");
    CHECK_INT(d.list[1].said_goodbye, 1);
    CHECK_INT(d.list[1].left_ms, 300);
    departed_remove(&d, "sender-2");
    departed_remove(&d, "sender-9");
    CHECK_U64(d.count, 1);
    CHECK_STR(d.list[0].name, "sender-1");
}

static void test_limit(void)
{
    struct departed d = {0};
    for (int i = 0; i < DEPARTED_MAX + 3; i++) {
        char name[NAME_BYTES_MAX + 1];
        snprintf(name, sizeof name, "s%d", i);
        departed_add(&d, name, STAGE_SENDER, 0, i);
    }
    CHECK_U64(d.count, DEPARTED_MAX);
    CHECK_STR(d.list[0].name, "s3");
    CHECK_STR(d.list[DEPARTED_MAX - 1].name, "s66");
}

int main(void)
{
    test_list();
    test_limit();
    return 0;
}
