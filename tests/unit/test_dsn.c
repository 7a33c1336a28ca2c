/* The dsn of [pdo]. */
#include "base/dsn.h"
#include "tests/unit/test.h"

static const struct {
    const char *text;
    const char *host;
    unsigned port;
    const char *dbname, *unix_socket;
} good[] = {
    {"mysql:host=127.0.0.1;dbname=mega", "127.0.0.1", 0, "mega", ""},
    {"mysql:host=db;port=3307;dbname=m;charset=utf8", "db", 3307, "m", ""},
    {"mysql:unix_socket=/run/x.sock;dbname=m", "", 0, "m", "/run/x.sock"},
    {"mysql: host=db; dbname=a=b;", "db", 0, "a=b", ""},
    {"mysql:dbname=m", "", 0, "m", ""},
};

static const struct {
    const char *text, *error;
} bad[] = {
    {"", "must begin with mysql:"},
    {"pgsql:dbname=m", "must begin with mysql:"},
    {"mysql:", "dbname is missing"},
    {"mysql:host=db", "dbname is missing"},
    {"mysql:dbname=", "dbname is missing"},
    {"mysql:host;dbname=m", "a part has no ="},
    {"mysql:host=db;dbname=m;port=0", "port: must be a number"},
    {"mysql:host=db;dbname=m;port=", "port: must be a number"},
    {"mysql:host=db;dbname=m;port=65536", "port: must be a number"},
    {"mysql:host=db;dbname=m;port=99999999999999", "port: must be a number"},
    {"mysql:host=db;dbname=m;port=33x", "port: must be a number"},
    {"mysql:host=db;dbname=m;user=root", "a part that is not known"},
};

int main(void)
{
    struct buf error = {0};
    struct dsn dsn;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK_INT(dsn_parse(good[i].text, &dsn, &error), 0);
        CHECK_STR(dsn.host, good[i].host);
        CHECK_INT(dsn.port, good[i].port);
        CHECK_STR(dsn.dbname, good[i].dbname);
        CHECK_STR(dsn.unix_socket, good[i].unix_socket);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        buf_clear(&error);
        CHECK_INT(dsn_parse(bad[i].text, &dsn, &error), -1);
        CHECK_HAS(buf_str(&error), "[pdo] dsn: ");
        CHECK_HAS(buf_str(&error), bad[i].error);
    }
    struct buf text = {0};
    buf_printf(&text, "mysql:dbname=m;host=%0256d", 1);
    CHECK_INT(dsn_parse(buf_str(&text), &dsn, &error), -1);
    buf_free(&text);
    buf_free(&error);
    return 0;
}
