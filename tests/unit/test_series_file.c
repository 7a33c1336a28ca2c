/* Definition files of series: every key, every wrong line with its number and words, a folder of them read again. */
#include "listener/series_file.h"

#include "listener/series_set.h"
#include "proto/mp_json.h"
#include "tests/unit/test.h"

static struct series *read_text(const char *text, const struct conf *conf, struct buf *errors)
{
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    CHECK(file != NULL);
    struct series *s = series_file_read(file, "s/welcome.ini", "welcome", conf, errors);
    fclose(file);
    return s;
}

static void test_everything(void)
{
    struct buf errors = {0}, json = {0};
    struct series *s = read_text("\xEF\xBB\xBF; comment\n"
                                 "app = shop\n"
                                 "start[] = follow\nstart[] = scan:poster-7\nstart[] = \"keyword:; hello\"\nstart[] = click:MENU_1\n"
                                 "step[] = +10m welcome\n"
                                 "step[] = +1d@09:00  news   ttl=1h ; in the morning\n"
                                 "step[] = @20:30 最后机会\n"
                                 "step[] = +0 now\n"
                                 "timezone = Europe/Berlin\nquiet = 22:00-08:30\n"
                                 "end[] = keyword: 退订 \nend[] = series:buyers\nend[] = click:STOP\n"
                                 "again = 30d\nvar[] = shop=Tea=House\nvar[] = empty=\n",
                                 NULL, &errors);
    CHECK_STR(buf_str(&errors), "");
    CHECK(s != NULL);
    CHECK_STR(s->name, "welcome");
    CHECK_STR(s->app, "shop");
    CHECK_INT(s->start_count, 4);
    CHECK_INT(s->starts[1].trigger.kind, SERIES_SCAN);
    CHECK_SPAN(s->starts[1].trigger.text, "poster-7");
    CHECK_SPAN(s->starts[2].trigger.text, "; hello");
    CHECK_INT(s->step_count, 4);
    CHECK_INT(s->steps[0].after_ms, 600000);
    CHECK_INT(s->steps[0].clock_ms, -1);
    CHECK_STR(s->steps[0].key, "welcome");
    CHECK_INT(s->steps[1].after_ms, 86400000);
    CHECK_INT(s->steps[1].clock_ms, 9 * 3600000);
    CHECK_INT(s->steps[1].ttl_ms, 3600000);
    CHECK_INT(s->steps[2].after_ms, 0);
    CHECK_INT(s->steps[2].clock_ms, (20 * 60 + 30) * 60000);
    CHECK_STR(s->steps[2].key, "最后机会");
    CHECK_INT(s->steps[3].after_ms, 0);
    CHECK_STR(s->zone.name, "Europe/Berlin");
    CHECK_INT(s->quiet_from_ms, 22 * 3600000);
    CHECK_INT(s->quiet_to_ms, 8 * 3600000 + 1800000);
    CHECK_INT(s->end_count, 3);
    CHECK_SPAN(s->ends[0].trigger.text, "退订");
    CHECK_INT(s->ends[1].trigger.kind, SERIES_BY_SERIES);
    CHECK_INT(s->again_ms, 30LL * 86400000);
    CHECK_INT(mp_json(buf_span(&s->vars), &json), 0);
    CHECK_STR(buf_str(&json), "{\"shop\":\"Tea=House\",\"empty\":\"\"}");
    series_destroy(&s);
    buf_free(&errors);
    buf_free(&json);
}

static void test_defaults(void)
{
    struct buf errors = {0};
    struct series *s = read_text("start[] = follow\nstep[] = +1m a", NULL, &errors);
    CHECK_STR(buf_str(&errors), "");
    CHECK_STR(s->app, "default");
    CHECK_STR(s->zone.name, "Asia/Shanghai");
    CHECK_INT(s->quiet_from_ms, -1);
    CHECK_INT(s->again_ms, SERIES_AGAIN_ALWAYS);
    CHECK_INT(s->vars.bytes, 0);
    series_destroy(&s);
    s = read_text("start[] = follow\nstep[] = +1m a\nagain = never", NULL, &errors);
    CHECK_INT(s->again_ms, SERIES_AGAIN_NEVER);
    series_destroy(&s);
    buf_free(&errors);
}

/* Each line is the third one, behind a start and a step. */
static void test_wrong_lines(void)
{
    static const struct {
        const char *line, *error;
    } cases[] = {
        {"step[] = ", "step[]: is empty; give a time and a template's key, such as +10m welcome"},
        {"step[] = 10m a", "step[]: begins with no time; give +10m, @20:30 or +1d@09:00"},
        {"step[] = +10 a", "step[]: \"+10\" is no time up to 400 days; give one such as +300ms"},
        {"step[] = +401d a", "is no time up to 400 days"},
        {"step[] = +398d@09:00 a", "step[]: is later than 397 days; with a time of day or quiet hours give at most +397d"},
        {"step[] = @24:00 a", "step[]: no time of day behind the @; give one such as @09:00"},
        {"step[] = @9:00 a", "no time of day behind the @"},
        {"step[] = +1d@09:00", "step[]: no template's key stands behind the time"},
        {"step[] = +1d a b", "something stands behind the key; only ttl=TIME may"},
        {"step[] = +1d a ttl=0", "ttl is no time of 1ms to 400d"},
        {"step[] = +1d a ttl=1", "ttl is no time of 1ms to 400d"},
        {"step[] = +1d abcdefghijabcdefghijabcdefghijabc", "the template's key has more than 32 characters"},
        {"start[] = unfollow", "start[]: is no event that starts a series; give follow, scan:SCENE, click:KEY or keyword:TEXT"},
        {"start[] = series:x", "is no event that starts a series"},
        {"start[] = scan:", "start[]: \"scan:\" needs 1 to 128 bytes of UTF-8 behind it"},
        {"end[] = follow", "end[]: is no event that ends a series; give keyword:TEXT, click:KEY or series:NAME"},
        {"end[] = scan:1", "is no event that ends a series"},
        {"end[] = series:a b", "end[]: \"series:\" needs the name of a series behind it"},
        {"end[] = series:welcome", "end[]: names itself; name another series"},
        {"quiet = 22:00", "quiet: is no span of a day; give two different times of day, such as 22:00-08:00"},
        {"quiet = 22:00-22:00", "is no span of a day"},
        {"quiet = 22:00-25:00", "is no span of a day"},
        {"timezone = Mars", "timezone: there is no such time zone in"},
        {"again = sometimes", "again: is neither always, never nor a time of 1ms to 400d"},
        {"again = 0", "again: is neither"},
        {"var[] = =a", "var[]: give NAME=VALUE, the name with 1 to 256 bytes"},
        {"var[] = a", "var[]: give NAME=VALUE"},
        {"var[] = a=\xff", "var[]: is no UTF-8"},
        {"app = nobody", "app: there is no account \"nobody\"; give NAME of a section [wechat:NAME]"},
        {"step = +1d a", "step: there may be several of these; write step[]"},
        {"steps[] = +1d a", "steps[]: unknown key; give app, start[], step[], timezone, quiet, end[], again or var[]"},
        {"quiet = '22:00", "quiet: the value has no closing quote"},
        {"nonsense", "is neither [section] nor key = value"},
        {"[series]\nagain = never", "s/welcome.ini:4: stands in a section; a series has none: remove the [series] line"},
    };
    struct conf *conf = mem_new(sizeof *conf);
    snprintf(conf->accounts[conf->account_count++].name, CONF_ACCOUNT_BYTES_MAX, "default");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf text = {0}, errors = {0};
        buf_printf(&text, "start[] = follow\nstep[] = +1m a\n%s\n", cases[i].line);
        CHECK(read_text(buf_str(&text), conf, &errors) == NULL);
        CHECK_HAS(buf_str(&errors), cases[i].line[0] == '[' ? "welcome.ini:4: " : "s/welcome.ini:3: ");
        CHECK_HAS(buf_str(&errors), cases[i].error);
        CHECK(errors.data[errors.bytes - 1] == '\n' && strchr(buf_str(&errors), '\n') == errors.data + errors.bytes - 1); /* one error */
        buf_free(&text);
        buf_free(&errors);
    }
    free(conf);
}

static void test_wrong_files(void)
{
    static const struct {
        const char *text, *error;
    } cases[] = {
        {"step[] = +1m a", "s/welcome.ini: start[]: missing; say which event starts it"},
        {"start[] = follow", "s/welcome.ini: step[]: missing; say what is sent when"},
        {"start[] = keyword:Stop\nstep[] = +1m a\nend[] = keyword:sTOP", "s/welcome.ini: end[]: \"sTOP\" starts it as well"},
        {"start[] = follow\nstep[] = +1m a\nagain = never\nagain = always", "s/welcome.ini:4: again: is given already in line 3; remove one"},
        {"start[] = follow\nquiet = 1:00\nstep[] = x", "s/welcome.ini:2: quiet: "}, /* both are told */
        {"start[] = follow\nquiet = 1:00\nstep[] = x", "s/welcome.ini:3: step[]: "},
        {"start[] = follow\nstep[] = +398d a\nquiet = 22:00-08:00", "s/welcome.ini:2: step[]: is later than 397 days"},
    };
    struct buf errors = {0}, many = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_clear(&errors);
        CHECK(read_text(cases[i].text, NULL, &errors) == NULL);
        CHECK_HAS(buf_str(&errors), cases[i].error);
    }
    buf_append_str(&many, "start[] = follow\n");
    for (int i = 0; i < 65; i++)
        buf_printf(&many, "step[] = +%dm a\n", i);
    buf_clear(&errors);
    CHECK(read_text(buf_str(&many), NULL, &errors) == NULL);
    CHECK_STR(buf_str(&errors), "s/welcome.ini:66: step[]: one too many; give at most 64\n");
    buf_free(&errors);
    buf_free(&many);
}

/* --- a folder -------------------------------------------------------------------------------------------------------------- */

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    fputs(text, file);
    fclose(file);
}

static void test_set(void)
{
    const char *folder = test_folder();
    char path[512];
    struct buf errors = {0}, warnings = {0};
    struct series_set *set = series_set_new();
    write_file(folder, "b.ini", "start[] = follow\nstep[] = +1m b\nend[] = series:a\nend[] = series:gone\n");
    write_file(folder, "a.ini", "start[] = follow\nstep[] = +1m a\n");
    write_file(folder, "a.ini~", "nonsense\n");
    write_file(folder, ".hidden.ini", "nonsense\n");
    CHECK_INT(series_set_load(set, folder, NULL, &errors, &warnings), 0);
    CHECK_STR(buf_str(&errors), "");
    CHECK_HAS(buf_str(&warnings), "b.ini: end[]: there is no series \"gone\" of the same account; this never ends it");
    CHECK(strstr(buf_str(&warnings), "\"a\"") == NULL);
    CHECK_INT(set->count, 2);
    CHECK_STR(set->all[0]->name, "a");
    CHECK_STR(series_set_find(set, span_of("b"))->steps[0].key, "b");

    /* A wrong file keeps what there was, a new one comes, one that is removed goes. */
    write_file(folder, "a.ini", "start[] = follow\nstep[] = a\n");
    write_file(folder, "c.ini", "start[] = follow\nstep[] = +1m c\n");
    write_file(folder, "wrong name.ini", "start[] = follow\nstep[] = +1m c\n");
    snprintf(path, sizeof path, "%s/b.ini", folder);
    CHECK_INT(unlink(path), 0);
    CHECK_INT(series_set_load(set, folder, NULL, &errors, &warnings), -1);
    CHECK_HAS(buf_str(&errors), "a.ini:2: step[]: begins with no time");
    CHECK_HAS(buf_str(&errors), "wrong name.ini: a series' name has 1 to 32 letters");
    CHECK_INT(set->count, 2);
    CHECK_STR(series_set_find(set, span_of("a"))->steps[0].key, "a");
    CHECK(series_set_find(set, span_of("b")) == NULL);
    CHECK(series_set_find(set, span_of("c")) != NULL);

    buf_clear(&errors);
    CHECK_INT(series_set_load(set, "/nowhere/at/all", NULL, &errors, &warnings), -1);
    CHECK_HAS(buf_str(&errors), "[listener] series: cannot read the folder /nowhere/at/all: No such file or directory; make it");
    CHECK_INT(set->count, 2);
    CHECK_INT(series_set_load(set, "", NULL, &errors, &warnings), 0);
    CHECK_INT(set->count, 0);
    series_set_destroy(&set);
    buf_free(&errors);
    buf_free(&warnings);
}

int main(void)
{
    test_everything();
    test_defaults();
    test_wrong_lines();
    test_wrong_files();
    test_set();
    return 0;
}
