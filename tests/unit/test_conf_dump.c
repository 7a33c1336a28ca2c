/* The dump reads back the same, and the sample configuration is complete and true. */
#include "base/conf.h"
#include "base/conf_keys.h"
#include "tests/unit/conf_load.h"

#define SAMPLE   "etc/mega.conf"
#define ORIGINAL "tests/data/wechat.ini"

static void check_dump_reads_back(struct conf *conf)
{
    struct buf text = dump(conf);
    char *path = test_file("dump.conf", buf_span(&text));
    struct loaded again = load_file(path);
    CHECK_STR(again.errors.data, "");
    CHECK_STR(again.warnings.data, "");
    make_comparable(conf);
    make_comparable(again.conf);
    struct buf texts[2] = {dump(conf), dump(again.conf)}; /* tells more than a comparison of the structs */
    CHECK_STR(buf_str(&texts[1]), buf_str(&texts[0]));
    CHECK(memcmp(conf, again.conf, sizeof *conf) == 0);
    for (size_t i = 0; i < 2; i++)
        buf_free(&texts[i]);
    free(path);
    buf_free(&text);
    unload(&again);
}

static void test_dump_of_everything(void)
{
    struct conf *conf = load_clean(
        "[server]\nlisten[] = a:1\nlisten[] = b:2\ntable_size = 7\ntemplate_size = 1M\nqueue_file_path = "
        "\"/q;x\"\n"
        "[setting]\npackage_max_length = 64\ntask_worker_num = 3\n"
        "[pdo]\ndsn = \"mysql:host=h;dbname=d\"\nusername = ' \"both\" '\npassword = p\ntable_prefix = it's\n"
        "connect_timeout = 1500ms\nquery_timeout = 90s\n"
        "[wechat:b]\napp_id = b\napp_secret = s\nrate = 10\n[wechat]\ntoken = t\ntoken_mode = classic\n"
        "[log]\nlog_file = l\nlog_level = critical\nlog_prefix = \"; \"\nlog_format = json\n"
        "[broker]\nmin_free_space = 0\nstore_size = 1073741825\nbackoff = 1s,1s,2s*2,1000ms\non_unknown = "
        "retry\nlease = 24m\n"
        "[gateway]\nidle_timeout = 0\n[templater]\nsource = dir:t\ncache_file = c\nmissing_variable = "
        "reject\n"
        "[sender]\nendpoint = tcp://*:*\nca_file = ca\n[token]\nendpoint = tcp://h:1\n[run]\ndir = /r\n");
    CHECK(conf->log.level == LEVEL_ERROR);
    struct buf text = dump(conf);
    CHECK_HAS(buf_str(&text), "backoff = 1s*2,2s*2,1s\n");
    CHECK_HAS(buf_str(&text), "idle_timeout = 0\n");
    CHECK_HAS(buf_str(&text), "connect_timeout = 1500ms\n");
    CHECK_HAS(buf_str(&text), "min_free_space = 0\n");
    CHECK_HAS(buf_str(&text), "store_size = 1073741825\n");
    CHECK_HAS(buf_str(&text), "slots = 3\n");
    CHECK_HAS(buf_str(&text), "username = ' \"both\" '\n");
    CHECK_HAS(buf_str(&text), "[wechat:b]\n");
    buf_free(&text);
    check_dump_reads_back(conf);
    conf_destroy(&conf);
}

static void test_dump_of_original(void)
{
    struct loaded l = load_file(ORIGINAL);
    check_dump_reads_back(l.conf);
    unload(&l);
}

static void test_sample(void)
{
    struct loaded l = load_file(SAMPLE);
    CHECK_STR(l.errors.data, "");
    CHECK_STR(l.warnings.data, "");
    struct conf *defaults =
        load_clean("[pdo]\ndsn = \"mysql:host=127.0.0.1;port=3306;dbname=mega\"\nusername = mega\n"
                   "[wechat]\napp_id = wx0000000000000000\n[templater]\nmissing_variable = reject\n");
    make_comparable(defaults);
    make_comparable(l.conf);
    struct buf sample = dump(l.conf), plain = dump(defaults);
    CHECK_STR(buf_str(&sample), buf_str(&plain)); /* so the defaults that it states are right */
    buf_free(&sample);
    buf_free(&plain);
    conf_destroy(&defaults);
    check_dump_reads_back(l.conf);
    unload(&l);
}

/* 1 when the sample gives the key in its section; as a comment is enough where a default is not there to be
 * given. */
static int sample_has(const char *sample, const struct conf_key *key)
{
    struct buf header = {0}, line = {0};
    buf_printf(&header, "\n[%s]\n", key->section);
    buf_printf(&line, "\n%s%s =", key->type == CONF_WORKERS ? "; " : "", key->name);
    const char *start = strstr(sample, buf_str(&header));
    const char *end = start == NULL ? NULL : strstr(start + 1, "\n[");
    const char *found = start == NULL ? NULL : strstr(start, buf_str(&line));
    buf_free(&header);
    buf_free(&line);
    return found != NULL && (end == NULL || found < end);
}

static void test_sample_has_every_key(void)
{
    struct buf sample = test_read(SAMPLE);
    for (size_t i = 0; i < conf_key_count; i++) {
        if (!sample_has(buf_str(&sample), &conf_keys[i]))
            fprintf(stderr, "missing in " SAMPLE ": [%s] %s\n", conf_keys[i].section, conf_keys[i].name);
        CHECK(sample_has(buf_str(&sample), &conf_keys[i]));
    }
    buf_free(&sample);
}

int main(void)
{
    test_dump_of_everything();
    test_dump_of_original();
    test_sample();
    test_sample_has_every_key();
    return 0;
}
