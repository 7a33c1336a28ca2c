/* Lists of networks: what is in them, and what is no list. */
#include "base/networks.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/unit/test.h"

static struct ip_address address_of(const char *text)
{
    struct ip_address out;
    struct sockaddr_in four = {.sin_family = AF_INET};
    struct sockaddr_in6 six = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
        CHECK_INT(ip_address_of((struct sockaddr *)&four, &out), 0);
    else if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1)
        CHECK_INT(ip_address_of((struct sockaddr *)&six, &out), 0);
    else
        CHECK(!"an address");
    return out;
}

static void test_in_and_out(void)
{
    static const struct {
        const char *list, *address;
        int is_in;
    } cases[] = {
        {"", "1.2.3.4", 1},
        {" , ", "::1", 1},
        {"10.0.0.0/8", "10.255.0.1", 1},
        {"10.0.0.0/8", "11.0.0.1", 0},
        {"10.0.0.0/8", "::ffff:10.1.1.1", 1}, /* IPv4 on a socket of IPv6 */
        {"192.168.1.7", "192.168.1.7", 1},
        {"192.168.1.7", "192.168.1.6", 0},
        {"192.168.1.4/30", "192.168.1.7", 1},
        {"192.168.1.4/30", "192.168.1.8", 0},
        {"10.0.0.0/8,192.168.0.0/16 , fd00::/8", "fdab::1", 1},
        {"10.0.0.0/8,192.168.0.0/16 , fd00::/8", "192.168.200.1", 1},
        {"10.0.0.0/8,192.168.0.0/16 , fd00::/8", "fe80::1", 0},
        {"0.0.0.0/0", "8.8.8.8", 1},
        {"0.0.0.0/0", "2001:db8::1", 0},
        {"::/0", "8.8.8.8", 1},
        {"::1", "::1", 1},
        {"10.0.0.0/8", "127.0.0.1", 0}, /* this host is not an exception */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct networks n;
        struct ip_address address = address_of(cases[i].address);
        CHECK(networks_parse(cases[i].list, &n) == NULL);
        CHECK_INT(networks_have(&n, &address), cases[i].is_in);
    }
}

static void test_wrong(void)
{
    static const char *const cases[] = {"10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "10.1.2.3/24", "fd00::/129", "host",
                                        "10.0.0.0/8;11.0.0.0/8", "/8", "fd00::1/64"};
    struct networks n;
    struct buf many = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(networks_parse(cases[i], &n) != NULL);
    for (int i = 0; i <= NETWORKS_MAX; i++)
        buf_printf(&many, "10.0.0.%d,", i);
    CHECK_HAS(networks_parse(buf_str(&many), &n), "more than 64");
    buf_free(&many);
}

static void test_text(void)
{
    char text[IP_ADDRESS_TEXT_BYTES];
    struct ip_address four = address_of("::ffff:10.1.1.1"), six = address_of("2001:db8::1");
    struct sockaddr other = {.sa_family = AF_UNIX};
    CHECK_STR(ip_address_text(&four, text), "10.1.1.1");
    CHECK_STR(ip_address_text(&six, text), "2001:db8::1");
    CHECK_INT(ip_address_of(&other, &four), -1);
}

int main(void)
{
    test_in_and_out();
    test_wrong();
    test_text();
    return 0;
}
