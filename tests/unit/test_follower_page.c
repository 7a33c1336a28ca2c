/* A page of followers out of WeChat's answers: what it holds, and what is no page. */
#include "sender/follower_page.h"
#include "tests/unit/test.h"

static void check_page(const char *body, const char *lines, const char *next, int64_t total, uint64_t count)
{
    struct follower_page page = {0};
    const char *error = follower_page_read(span_of(body), &page);
    CHECK(error == NULL);
    CHECK_SPAN(buf_span(&page.lines), lines);
    CHECK_SPAN(buf_span(&page.next), next);
    CHECK_INT(page.total, total);
    CHECK_U64(page.count, count);
    follower_page_free(&page);
}

static void check_wrong(const char *body, const char *error)
{
    struct follower_page page = {0};
    const char *told = follower_page_read(span_of(body), &page);
    CHECK(told != NULL && strstr(told, error) != NULL);
    CHECK_U64(page.count, 0);
    follower_page_free(&page);
}

static void test_pages(void)
{
    check_page("{\"total\":3,\"count\":2,\"data\":{\"openid\":[\"o1\",\"o2\"]},\"next_openid\":\"o2\"}", "o1\no2\n", "o2", 3, 2);
    check_page("{\"total\":2,\"count\":2,\"data\":{\"openid\":[\"\",\"o1\",\"o2\"]},\"next_openid\":\"\"}", "o1\no2\n", "", 2, 2);
    check_page("{\"total\":3,\"count\":0,\"next_openid\":\"\"}", "", "", 3, 0);
    check_page("{\"total\":3,\"count\":0,\"data\":{\"openid\":[]}}", "", "", 3, 0);
    check_page("{\"next_openid\":\"o\\u0031\",\"data\":{\"x\":[{}],\"openid\":[\"o\\u0031\"]},\"count\":1,\"more\":[1]}", "o1\n", "o1",
               -1, 1);
    check_page("{\"total\":\"3\",\"count\":0}", "", "", -1, 0);
    check_page("{\"total\":-3,\"count\":0}", "", "", -1, 0);
}

static void test_used_page(void)
{
    struct follower_page page = {0};
    CHECK(follower_page_read(span_of("{\"total\":1,\"count\":1,\"data\":{\"openid\":[\"o1\"]},\"next_openid\":\"o1\"}"), &page) == NULL);
    CHECK(follower_page_read(span_of("{\"total\":1,\"count\":0}"), &page) == NULL);
    CHECK_U64(page.lines.bytes + page.next.bytes + page.count, 0);
    follower_page_free(&page);
}

static void test_wrong(void)
{
    check_wrong("", "no count");
    check_wrong("[]", "no count");
    check_wrong("{\"total\":3}", "no count");
    check_wrong("{\"count\":\"3\"}", "no count");
    check_wrong("{\"count\":1}", "lists none");
    check_wrong("{\"count\":1,\"data\":[\"o1\"]}", "lists none");
    check_wrong("{\"count\":1,\"data\":{\"openid\":\"o1\"}}", "no list");
    check_wrong("{\"count\":1,\"data\":{\"openid\":[1]}}", "no openid");
    check_wrong("{\"count\":1,\"data\":{\"openid\":[[]]}}", "no openid");
    check_wrong("{\"count\":2,\"data\":{\"openid\":[\"o1\",\"o 2\"]}}", "no openid");
    check_wrong("{\"count\":1,\"data\":{\"openid\":[\"o\\n1\"]}}", "no openid");
    check_wrong("{\"count\":1,\"data\":{\"openid\":[\"中\"]}}", "no openid");
    check_wrong("{\"count\":0,\"next_openid\":1}", "next_openid");
    check_wrong("{\"count\":0,\"next_openid\":\"o 1\"}", "next_openid");
}

int main(void)
{
    test_pages();
    test_used_page();
    test_wrong();
    return 0;
}
