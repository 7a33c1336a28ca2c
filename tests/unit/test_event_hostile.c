/* Bodies that nobody at WeChat would send: refused with their reason, which holds nothing of them, in bounded time and memory. */
#include "tests/unit/event_case.h"

static struct event_case c;

static void test_entities(void)
{
    event_case_refused(&c,
                       "<?xml version=\"1.0\"?><!DOCTYPE xml [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">"
                       "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;\">]><xml>&c;</xml>",
                       "DOCTYPE is not allowed");
    event_case_refused(&c, "<!DOCTYPE xml [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><xml><FromUserName>&a;</FromUserName></xml>", "DOCTYPE");
    event_case_refused(&c, "<!DOCTYPE xml SYSTEM \"http://127.0.0.1:1/x.dtd\"><xml/>", "DOCTYPE");
    event_case_refused(&c, "<!DOCTYPE xml PUBLIC \"-//X\" \"http://127.0.0.1:1/x.dtd\"><xml/>", "DOCTYPE");
    event_case_refused(&c, "<!DOCTYPE xml><xml/>", "DOCTYPE");
    event_case_refused(&c, "<!DOCTYPE xml [<!ENTITY % p SYSTEM \"http://127.0.0.1:1/\"> %p;]><xml/>", "DOCTYPE");
    event_case_refused(&c, "<xml>" EVENT_HEAD "<MsgType>text</MsgType><Content>&a;</Content></xml>", "undefined entity");
    event_case_refused(&c, "<xml>" EVENT_HEAD "<MsgType a=\"&a;\">text</MsgType></xml>", "undefined entity");
    event_case_refused(&c, "<xml><!DOCTYPE xml></xml>", "XML: line 1: ");
}

static void test_instructions(void)
{
    event_case_refused(&c, "<?php echo 1 ?><xml/>", "processing instructions");
    event_case_refused(&c, "<xml><?x?></xml>", "processing instructions");
    event_case_refused(&c, "<xml/><?x?>", "processing instructions");
    event_case_refused(&c, "<xml>\n\n<?x?></xml>", "line 3");
}

/* `count` times <a> in each other inside <xml>, in place of any other content. */
static void nested(struct buf *body, size_t count)
{
    buf_clear(body);
    buf_append_str(body, "<xml>" EVENT_HEAD "<MsgType>image</MsgType>");
    for (size_t i = 0; i < count; i++)
        buf_append_str(body, "<a>");
    for (size_t i = 0; i < count; i++)
        buf_append_str(body, "</a>");
    buf_append_str(body, "</xml>");
}

static void test_depth(void)
{
    struct buf body = {0};
    nested(&body, 7);
    event_case_taken(&c, buf_str(&body));
    nested(&body, 8);
    event_case_refused(&c, buf_str(&body), "nested deeper than 8");
    nested(&body, 9000);
    event_case_refused(&c, buf_str(&body), "nested deeper than 8");
    buf_clear(&body);
    for (size_t i = 0; i < 20000; i++)
        buf_append_str(&body, "<a>");
    event_case_refused(&c, buf_str(&body), "nested deeper than 8");
    buf_clear(&body);
    buf_append_str(&body, "{\"a\":");
    for (size_t i = 0; i < 60000; i++)
        buf_append_str(&body, "[");
    event_case_refused(&c, buf_str(&body), "JSON: byte");
    buf_free(&body);
}

static void test_elements(void)
{
    struct buf body = {0};
    for (size_t more = 195; more <= 196; more++) { /* and xml, the three of the head, MsgType */
        buf_clear(&body);
        buf_append_str(&body, "<xml>" EVENT_HEAD "<MsgType>image</MsgType>");
        for (size_t i = 0; i < more; i++)
            buf_append_str(&body, "<a/>");
        buf_append_str(&body, "</xml>");
        if (more == 195)
            event_case_taken(&c, buf_str(&body));
        else
            event_case_refused(&c, buf_str(&body), "more than 200 elements");
    }
    buf_free(&body);
}

static void test_size(void)
{
    struct buf body = {0};
    const char *head = "<xml>" EVENT_HEAD "<MsgType>text</MsgType><Content>", *tail = "</Content></xml>";
    for (size_t bytes = EVENT_BODY_BYTES_MAX; bytes <= EVENT_BODY_BYTES_MAX + 1; bytes++) {
        size_t fill = bytes - strlen(head) - strlen(tail);
        buf_clear(&body);
        buf_append_str(&body, head);
        memset(buf_reserve(&body, fill), 'x', fill);
        body.bytes += fill;
        buf_append_str(&body, tail);
        if (bytes == EVENT_BODY_BYTES_MAX) {
            event_case_taken(&c, buf_str(&body));
            CHECK_U64(c.event.content.bytes, fill);
        } else {
            event_case_refused(&c, buf_str(&body), "body: longer than 64 KiB");
        }
    }
    buf_free(&body);
}

/* Names and attributes as long, and attributes as many, as a body can have. */
static void test_huge_parts(void)
{
    struct buf body = {0};
    buf_append_str(&body, "<xml>" EVENT_HEAD "<MsgType a=\"");
    memset(buf_reserve(&body, 65000), 'x', 65000);
    body.bytes += 65000;
    buf_append_str(&body, "\">image</MsgType></xml>");
    event_case_taken(&c, buf_str(&body));
    CHECK_SPAN(c.event.type, "image");
    buf_clear(&body);
    buf_append_str(&body, "<xml>" EVENT_HEAD "<MsgType");
    for (int i = 0; i < 6000; i++)
        buf_printf(&body, " a%d=''", i);
    buf_append_str(&body, ">image</MsgType></xml>");
    event_case_taken(&c, buf_str(&body));
    buf_clear(&body);
    buf_append_str(&body, "<");
    memset(buf_reserve(&body, 65000), 'x', 65000);
    body.bytes += 65000;
    event_case_refused(&c, buf_str(&body), "XML: line 1: ");
    CHECK(c.error.bytes < 200);
    event_case_refused(&c, "<xml a='1' a='2'/>", "duplicate attribute");
    buf_free(&body);
}

/* Cut off anywhere; and with a NUL, a control character and bytes that are no UTF-8 anywhere. */
static void test_damaged(void)
{
    static const char *const BODIES[] = {
        EVENT_XML("subscribe_msg_sent_event", "<SubscribeMsgSentEvent><List><MsgID>1</MsgID><ErrorCode>0</ErrorCode></List></SubscribeMsgSentEvent>"),
        EVENT_JSON("subscribe_msg_sent_event", ",\"List\":[{\"MsgID\":1,\"ErrorCode\":0}]")};
    static const char BAD[] = "\xff\xc0\x80\x01"; /* and its NUL */
    for (size_t b = 0; b < 2; b++) {
        event_case_taken(&c, BODIES[b]);
        size_t bytes = strlen(BODIES[b]);
        for (size_t cut = 0; cut < bytes; cut++)
            CHECK_INT(event_case_read_span(&c, (struct span){BODIES[b], cut}), -1);
        for (size_t at = 0; at < bytes; at++)
            for (size_t i = 0; i < sizeof BAD; i++) {
                char *copy = mem_dup(BODIES[b]);
                copy[at] = BAD[i];
                CHECK_INT(event_case_read_span(&c, (struct span){copy, bytes}), -1);
                free(copy);
            }
    }
}

static void test_text_of_bytes(void)
{
    static const char *const WRONG[] = {"\xed\xa0\x80", "\xc0\xaf", "\xf4\x90\x80\x80", "\x80", "\xe4\xbd", "&#0;", "&#xD800;", "&#x1;",
                                        "]]>", "\x01", "&", "&#99999999999;"};
    struct buf body = {0};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        buf_clear(&body);
        buf_printf(&body, "<xml>" EVENT_HEAD "<MsgType>text</MsgType><Content>%s</Content></xml>", WRONG[i]);
        event_case_refused(&c, buf_str(&body), "XML: line 1: ");
    }
    buf_free(&body);
    event_case_refused(&c, "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><xml>\xe4</xml>", "XML: ");
    event_case_refused(&c, "{" EVENT_JSON_HEAD ",\"MsgType\":\"text\",\"Content\":\"\xff\"}", "JSON: ");
    event_case_refused(&c, "{" EVENT_JSON_HEAD ",\"MsgType\":\"text\",\"Content\":\"\\ud800\"}", "JSON: ");
    event_case_refused(&c, "{" EVENT_JSON_HEAD ",\"MsgType\":\"text\",\"Content\":\"\\u0000\"}", "Content: has a NUL");
    CHECK_INT(event_case_read_span(&c, (struct span){"\xff\xfe<\0x\0/\0>\0", 10}), -1); /* UTF-16 */
}

static void test_no_body(void)
{
    event_case_refused(&c, "", "body: empty");
    CHECK_INT(event_case_read_span(&c, (struct span){NULL, 0}), -1);
    event_case_refused(&c, " \r\n\t", "body: empty");
    event_case_refused(&c, "a=b", "neither XML nor JSON");
    event_case_refused(&c, "[]", "neither XML nor JSON");
    event_case_refused(&c, "<html/>", "root element is not <xml>");
    event_case_refused(&c, "<xml/><xml/>", "XML: line 1: ");
    event_case_refused(&c, "{}{}", "JSON: byte ");
    event_case_refused(&c, "{} x", "JSON: byte ");
    event_case_refused(&c, "{\"a\":1,}", "JSON: byte ");
    event_case_refused(&c, "<xml/>", "FromUserName: missing");
    event_case_refused(&c, "{}", "FromUserName: missing");
}

static void check_field(const char *openid, const char *created, const char *type, const char *reason)
{
    struct buf body = {0};
    buf_printf(&body, "<xml><FromUserName>%s</FromUserName><CreateTime>%s</CreateTime><MsgType>%s</MsgType><MsgId>1</MsgId></xml>", openid,
               created, type);
    if (reason)
        event_case_refused(&c, buf_str(&body), reason);
    else
        event_case_taken(&c, buf_str(&body));
    buf_free(&body);
}

static void test_fields(void)
{
    char long_openid[OPENID_BYTES_MAX + 2];
    memset(long_openid, 'o', sizeof long_openid);
    long_openid[OPENID_BYTES_MAX] = '\0';
    check_field(long_openid, "1", "text", NULL);
    long_openid[OPENID_BYTES_MAX] = 'o';
    long_openid[OPENID_BYTES_MAX + 1] = '\0';
    check_field(long_openid, "1", "text", "FromUserName: longer than 128 bytes");
    check_field("", "1", "text", "FromUserName: empty");
    check_field("a\nb", "1", "text", "FromUserName: has control characters");
    check_field("a\x7f", "1", "text", "FromUserName: has control characters");
    check_field("a&#x85;", "1", "text", "FromUserName: has control characters");
    check_field("é中", "1", "text", NULL);
    check_field("<a>o</a>", "1", "text", "FromUserName: neither a text nor a number");
    check_field("o</FromUserName><FromUserName>p", "1", "text", "FromUserName: stands there more than once");
    check_field("o", "1", "", "MsgType: empty");
    check_field("o", "1", "event", "Event: missing");
    static const char *const NUMBERS[] = {"-1", "+1", " 1", "1 ", "1.0", "1e3", "0x10", "9223372036854775808", "99999999999999999999999",
                                          "a", "１", "-"};
    for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++)
        check_field("o", NUMBERS[i], "text", "CreateTime: not a whole number");
    check_field("o", "", "text", "CreateTime: empty");
    check_field("o", "9223372036854775807", "text", NULL);
    event_case_refused(&c, "{\"FromUserName\":{},\"CreateTime\":1,\"MsgType\":\"text\"}", "FromUserName: neither");
    event_case_refused(&c, "{\"FromUserName\":\"o\",\"CreateTime\":1.5,\"MsgType\":\"text\"}", "CreateTime: not");
    event_case_refused(&c, "{\"FromUserName\":\"o\",\"CreateTime\":1,\"MsgType\":true}", "MsgType: neither");
    event_case_refused(&c, "{\"FromUserName\":\"o\",\"FromUserName\":\"p\",\"CreateTime\":1,\"MsgType\":\"text\"}", "FromUserName: stands");
}

int main(void)
{
    test_entities();
    test_instructions();
    test_depth();
    test_elements();
    test_size();
    test_huge_parts();
    test_damaged();
    test_text_of_bytes();
    test_no_body();
    test_fields();
    event_case_free(&c);
    return 0;
}
