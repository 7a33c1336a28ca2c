/* What people and programs are sent: golden texts of subjects, bodies, JSON, robots' messages and mails; a robot's signature; what its
 * answer means. */
#include "console/alarm_mail.h"
#include "console/alarm_webhook.h"
#include "tests/unit/test.h"

#define NOW_MS 1795896000123LL /* 2026-11-28T20:00:00Z */

static struct alarm_notice one(enum alarm_event_type type, enum alarm_kind kind, const char *subject, const char *text)
{
    struct alarm_notice n = {.id = "0123456789abcdef0123456789abcdef", .at_ms = NOW_MS};
    struct alarm_event e = {.type = type, .kind = kind, .at_ms = NOW_MS, .since_ms = NOW_MS - 75000};
    snprintf(e.subject, sizeof e.subject, "%s", subject);
    snprintf(e.text, sizeof e.text, "%s", text);
    alarm_notice_add(&n, &e);
    return n;
}

static struct alarm_notice stage_gone(enum alarm_event_type type)
{
    return one(type, ALARM_STAGE_GONE, "sender-1", "the sender sender-1 is gone, and it said no goodbye");
}

static struct alarm_notice test_notice(void)
{
    return one(ALARM_EVENT_TEST, ALARM_KINDS, "", "a test of the way by which alarms come");
}

/* One of each, and so many that are not told one by one. */
static struct alarm_notice many(size_t more)
{
    struct alarm_notice n = stage_gone(ALARM_EVENT_RAISED);
    struct alarm_notice account = one(ALARM_EVENT_REMINDER, ALARM_ACCOUNT_STOPPED, "shop", "quota is used up (errcode 45009)");
    struct alarm_notice disk = one(ALARM_EVENT_RECOVERED, ALARM_DISK, "", "the disk of the store has 1.2G left");
    alarm_notice_add(&n, &account.events[0]);
    alarm_notice_add(&n, &disk.events[0]);
    n.more = more;
    return n;
}

static const char *text_of(void (*write)(const struct alarm_notice *, const char *, struct buf *), struct alarm_notice n,
                           const char *name)
{
    static struct buf out;
    buf_clear(&out);
    write(&n, name, &out);
    return buf_str(&out);
}

static void test_subjects(void)
{
    CHECK_STR(text_of(alarm_notice_subject, stage_gone(ALARM_EVENT_RAISED), "host1"), "[mega-wechat host1] ALARM stage-gone:sender-1");
    CHECK_STR(text_of(alarm_notice_subject, stage_gone(ALARM_EVENT_REMINDER), "host1"), "[mega-wechat host1] STILL stage-gone:sender-1");
    CHECK_STR(text_of(alarm_notice_subject, stage_gone(ALARM_EVENT_RECOVERED), "host1"), "[mega-wechat host1] OK stage-gone:sender-1");
    CHECK_STR(text_of(alarm_notice_subject, test_notice(), "a\nb"), "[mega-wechat a\xef\xbf\xbd" "b] TEST test");
    CHECK_STR(text_of(alarm_notice_subject, many(0), "host1"),
              "[mega-wechat host1] 1 alarm, 1 still raised, 1 recovered: stage-gone:sender-1, account-stopped:shop, disk");
    CHECK_STR(text_of(alarm_notice_subject, many(12), "host1"),
              "[mega-wechat host1] 1 alarm, 1 still raised, 1 recovered, 12 more: stage-gone:sender-1, account-stopped:shop, disk, …");
}

static const char many_text[] = "ALARM stage-gone:sender-1\n"
                                "  the sender sender-1 is gone, and it said no goodbye\n"
                                "  since 2026-11-28T19:58:45.123Z, for 1m15s\n"
                                "  what to do: docs/operations.md, Alarms, stage-gone\n"
                                "\n"
                                "STILL account-stopped:shop\n"
                                "  quota is used up (errcode 45009)\n"
                                "  since 2026-11-28T19:58:45.123Z, for 1m15s\n"
                                "  what to do: docs/operations.md, Alarms, account-stopped\n"
                                "\n"
                                "OK disk\n"
                                "  it is fine again; it was: the disk of the store has 1.2G left\n"
                                "  since 2026-11-28T19:58:45.123Z, for 1m15s\n"
                                "\n"
                                "and 12 more: mega alarm list shows what is raised now\n"
                                "\n"
                                "mega-wechat host1, 2026-11-28T20:00:00.123Z\n";

static void test_texts(void)
{
    CHECK_STR(text_of(alarm_notice_text, many(12), "host1"), many_text);
    CHECK_STR(text_of(alarm_notice_text, test_notice(), "host1"),
              "TEST test\n  a test of the way by which alarms come\n\nmega-wechat host1, 2026-11-28T20:00:00.123Z\n");
    struct alarm_notice n = many(0);
    for (int i = 0; i < 40; i++)
        alarm_notice_add(&n, &n.events[0]);
    CHECK_U64(n.count, ALARM_NOTICE_EVENTS_MAX);
    CHECK_U64(n.more, 23);
}

static void test_json(void)
{
    CHECK_STR(text_of(alarm_notice_json, one(ALARM_EVENT_RAISED, ALARM_TOKEN, "shop", "\"\\"), "host1"),
              "{\"version\":1,\"id\":\"0123456789abcdef0123456789abcdef\",\"at\":1795896000123,\"name\":\"host1\","
              "\"subject\":\"[mega-wechat host1] ALARM token:shop\",\"more\":0,\"events\":[{\"event\":\"raised\",\"alarm\":\"token\","
              "\"subject\":\"shop\",\"severity\":\"critical\",\"text\":\"\\\"\\\\\",\"at\":1795896000123,\"since\":1795895925123,"
              "\"help\":\"docs/operations.md, Alarms\"}]}");
}

static const char *robot(enum conf_webhook type, struct alarm_notice n)
{
    static struct buf out;
    buf_clear(&out);
    alarm_webhook_body(type, &n, "host1", &out);
    return buf_str(&out);
}

static void test_robots(void)
{
    CHECK_STR(robot(WEBHOOK_WECOM, stage_gone(ALARM_EVENT_RAISED)),
              "{\"msgtype\":\"markdown\",\"markdown\":{\"content\":\"**'mega-wechat host1' ALARM stage-gone:sender-1**\\n"
              "<font color=\\\"warning\\\">ALARM stage-gone:sender-1</font>\\n"
              ">the sender sender-1 is gone, and it said no goodbye\\n>since 2026-11-28T19:58:45.123Z, for 1m15s\\n\\n"
              "what to do: docs/operations.md, Alarms\"}}");
    CHECK_STR(robot(WEBHOOK_DINGTALK, stage_gone(ALARM_EVENT_RECOVERED)),
              "{\"msgtype\":\"markdown\",\"markdown\":{\"title\":\"'mega-wechat host1' OK stage-gone:sender-1\","
              "\"text\":\"#### 'mega-wechat host1' OK stage-gone:sender-1\\n\\n**OK stage-gone:sender-1**\\n\\n"
              "> the sender sender-1 is gone, and it said no goodbye\\n>\\n> since 2026-11-28T19:58:45.123Z, for 1m15s\\n\\n"
              "what to do: docs/operations.md, Alarms\"}}");
    CHECK_HAS(robot(WEBHOOK_WECOM, one(ALARM_EVENT_RAISED, ALARM_TOKEN, "", "<@all> *_`[x](y)#")), ">(@all) '-''x'(y)'\\n");
    CHECK_HAS(robot(WEBHOOK_WECOM, many(5)), "and 5 more: mega alarm list");
}

/* WeCom refuses content of more than 4,096 bytes: what has no room is counted. */
static void test_robot_limit(void)
{
    struct alarm_notice n = stage_gone(ALARM_EVENT_RAISED);
    memset(n.events[0].text, 'x', ALARM_TEXT_BYTES_MAX - 1);
    for (int i = 0; i < 30; i++)
        alarm_notice_add(&n, &n.events[0]);
    const char *body = robot(WEBHOOK_WECOM, n);
    size_t told = 0;
    for (const char *at = strstr(body, "<font"); at; at = strstr(at + 1, "<font"))
        told++;
    const char *more = strstr(body, "and ");
    CHECK(more != NULL);
    CHECK_U64(told + strtoul(more + 4, NULL, 10), 31);
    CHECK(told >= 8);
    CHECK(strlen(body) < ALARM_WECOM_BYTES_MAX + 200);
    CHECK(strlen(robot(WEBHOOK_DINGTALK, n)) > ALARM_WECOM_BYTES_MAX * 2);
}

/* The sign is what Python's hmac, base64 and urllib make of it. */
static void test_signature(void)
{
    struct conf_alarm conf = {.webhook = "https://oapi.dingtalk.com/robot/send?access_token=T", .webhook_type = WEBHOOK_DINGTALK};
    struct buf url = {0};
    alarm_webhook_url(&conf, 1577262236757, &url);
    CHECK_STR(buf_str(&url), conf.webhook);
    snprintf(conf.webhook_secret, sizeof conf.webhook_secret, "this is secret");
    buf_clear(&url);
    alarm_webhook_url(&conf, 1577262236757, &url);
    CHECK_STR(buf_str(&url), "https://oapi.dingtalk.com/robot/send?access_token=T&timestamp=1577262236757&sign=hmPWwU%2B7lVdm3ZZz0r9tSfx0L4Q26jWOZr9%2BGs6EZQM%3D");
    buf_free(&url);
}

static void test_answers(void)
{
    static const struct {
        enum conf_webhook type;
        int status;
        const char *body, *error;
    } table[] = {
        {WEBHOOK_JSON, 200, "", ""},
        {WEBHOOK_JSON, 204, "anything", ""},
        {WEBHOOK_JSON, 302, "", "HTTP status 302"},
        {WEBHOOK_WECOM, 200, "{\"errcode\":0,\"errmsg\":\"ok\"}", ""},
        {WEBHOOK_WECOM, 200, "{\"errcode\":45009,\"errmsg\":\"api freq out of limit\"}", "errcode 45009: api freq out of limit"},
        {WEBHOOK_DINGTALK, 200, "{\"errmsg\":\"keywords not in content\",\"errcode\":310000,\"x\":[{}]}",
         "errcode 310000: keywords not in content"},
        {WEBHOOK_WECOM, 502, "{\"errcode\":0}", "HTTP status 502"},
        {WEBHOOK_WECOM, 200, "<html>", "the answer has no errcode; is this the address of a robot?"},
        {WEBHOOK_WECOM, 200, "[]", "the answer has no errcode; is this the address of a robot?"},
        {WEBHOOK_WECOM, 200, "{\"errcode\":0", ""},
        {WEBHOOK_WECOM, 200, "", "the answer has no errcode; is this the address of a robot?"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct buf error = {0};
        int is_taken = alarm_webhook_taken(table[i].type, table[i].status, span_of(table[i].body), &error);
        CHECK_STR(buf_str(&error), table[i].error);
        CHECK_INT(is_taken, error.bytes == 0);
        buf_free(&error);
    }
}

static void test_mail(void)
{
    struct conf_alarm conf = {.mail_from = "mega@example.com", .mail_to = "ann@example.com, bob@example.org"};
    struct buf out = {0};
    struct alarm_notice n = test_notice();
    alarm_mail(&conf, &n, "host1", &out);
    CHECK_STR(buf_str(&out), "Date: Sat, 28 Nov 2026 20:00:00 +0000\r\n"
                             "From: <mega@example.com>\r\n"
                             "To: <ann@example.com>,\r\n"
                             " <bob@example.org>\r\n"
                             "Message-ID: <0123456789abcdef0123456789abcdef@example.com>\r\n"
                             "Subject: [mega-wechat host1] TEST test\r\n"
                             "Auto-Submitted: auto-generated\r\n"
                             "MIME-Version: 1.0\r\n"
                             "Content-Type: text/plain; charset=utf-8\r\n"
                             "Content-Transfer-Encoding: base64\r\n"
                             "\r\n"
                             "VEVTVCB0ZXN0DQogIGEgdGVzdCBvZiB0aGUgd2F5IGJ5IHdoaWNoIGFsYXJtcyBjb21lDQoNCm1l\r\n"
                             "Z2Etd2VjaGF0IGhvc3QxLCAyMDI2LTExLTI4VDIwOjAwOjAwLjEyM1oNCg==\r\n");
    /* A name beyond ASCII: encoded words of whole characters, none longer than 75. */
    buf_clear(&out);
    alarm_mail(&conf, &n, "广州机房一号主机生产环境消息系统", &out);
    CHECK_HAS(buf_str(&out), "Subject: =?UTF-8?B?W21lZ2Etd2VjaGF0IOW5v+W3nuacuuaIv+S4gOWPt+S4u+acuueUn+S6pw==?=\r\n"
                             " =?UTF-8?B?546v5aKD5raI5oGv57O757ufXSBURVNUIHRlc3Q=?=\r\nAuto-Submitted:");
    buf_free(&out);
}

int main(void)
{
    test_subjects();
    test_texts();
    test_json();
    test_robots();
    test_robot_limit();
    test_signature();
    test_answers();
    test_mail();
    return 0;
}
