/* What WeChat's messages and events become, out of XML and JSON, in the forms that its documents show and in those that were seen. */
#include "tests/unit/event_case.h"

static struct event_case c;

static void test_text(void)
{
    event_case_taken(&c, "<xml>" EVENT_HEAD "<MsgType><![CDATA[text]]></MsgType>\n"
                         "<Content><![CDATA[ a < b &amp; ]]>&lt;&#x4F60;&#22909;\r\n</Content><MsgId>9223372036854775807</MsgId><MsgDataId>7</MsgDataId></xml>");
    CHECK_INT(c.event.kind, EVENT_MESSAGE);
    CHECK_SPAN(c.event.to_user, "gh_7f083739789a");
    CHECK_SPAN(c.event.openid, "oia2TjuEGTNoeX76QEjQNrcURxG8");
    CHECK_SPAN(c.event.type, "text");
    CHECK_SPAN(c.event.name, "");
    CHECK_SPAN(c.event.content, " a < b &amp; <你好\n");
    CHECK_INT(c.event.created_s, 1395658920);
    CHECK_INT(c.event.msg_id, INT64_MAX);
    CHECK_U64(c.event.receipt_count, 0);
    event_case_taken(&c, "\xef\xbb\xbf {" EVENT_JSON_HEAD ",\"MsgType\":\"text\",\"Content\":\"\\u4f60\\n\\ud83d\\ude00\",\"MsgId\":\"12\"}\n");
    CHECK_INT(c.event.kind, EVENT_MESSAGE);
    CHECK_SPAN(c.event.openid, "oJson");
    CHECK_SPAN(c.event.content, "你\n😀");
    CHECK_INT(c.event.msg_id, 12);
    CHECK_INT(c.event.created_s, 1620963428);
}

static void test_other_messages(void)
{
    event_case_taken(&c, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><!-- a comment --><xml>" EVENT_HEAD "<MsgType><![CDATA[location]]></MsgType>"
                         "<Location_X>23.1</Location_X><Content><b/></Content><MsgId>5</MsgId></xml>");
    CHECK_INT(c.event.kind, EVENT_MESSAGE);
    CHECK_SPAN(c.event.type, "location");
    CHECK_SPAN(c.event.content, ""); /* of texts only */
    CHECK_INT(c.event.msg_id, 5);
    event_case_taken(&c, "<xml>" EVENT_HEAD "<MsgType>image</MsgType></xml>");
    CHECK_INT(c.event.msg_id, 0);
    event_case_taken(&c, "<xml><FromUserName>o</FromUserName><CreateTime>0</CreateTime><MsgType>image</MsgType></xml>");
    CHECK_SPAN(c.event.to_user, "");
}

static void check_event(const char *body, enum event_kind kind, const char *name, const char *key)
{
    event_case_taken(&c, body);
    CHECK_INT(c.event.kind, kind);
    CHECK_SPAN(c.event.type, "event");
    CHECK_SPAN(c.event.name, name);
    CHECK_SPAN(c.event.key, key);
    CHECK_INT(c.event.msg_id, 0);
    CHECK_U64(c.event.receipt_count, 0);
}

static void test_events(void)
{
    check_event(EVENT_XML("subscribe", ""), EVENT_FOLLOW, "subscribe", "");
    check_event(EVENT_XML("subscribe", "<EventKey><![CDATA[]]></EventKey>"), EVENT_FOLLOW, "subscribe", "");
    check_event(EVENT_XML("subscribe", "<EventKey><![CDATA[qrscene_123123]]></EventKey><Ticket>t</Ticket>"), EVENT_FOLLOW, "subscribe", "123123");
    check_event(EVENT_XML("subscribe", "<EventKey>qrscene_</EventKey>"), EVENT_FOLLOW, "subscribe", "");
    check_event(EVENT_XML("subscribe", "<EventKey>qrscene</EventKey>"), EVENT_FOLLOW, "subscribe", "qrscene");
    check_event(EVENT_XML("subscribe", "<EventKey>qrscene_qrscene_a</EventKey>"), EVENT_FOLLOW, "subscribe", "qrscene_a");
    check_event(EVENT_XML("unsubscribe", "<EventKey/>"), EVENT_UNFOLLOW, "unsubscribe", "");
    check_event(EVENT_XML("SCAN", "<EventKey>qrscene_1</EventKey>"), EVENT_SCAN, "SCAN", "qrscene_1");
    check_event(EVENT_XML("scan", "<EventKey>1</EventKey>"), EVENT_SCAN, "scan", "1");
    check_event(EVENT_XML("CLICK", "<EventKey><![CDATA[MENU_1]]></EventKey>"), EVENT_CLICK, "CLICK", "MENU_1");
    check_event(EVENT_XML("scancode_waitmsg", "<EventKey>6</EventKey><ScanCodeInfo><ScanType>qrcode</ScanType></ScanCodeInfo>"), EVENT_CLICK,
                "scancode_waitmsg", "6");
    check_event(EVENT_XML("VIEW", "<EventKey>https://example.com/?a=1&amp;b=2</EventKey>"), EVENT_OTHER, "VIEW", "https://example.com/?a=1&b=2");
    check_event(EVENT_XML("LOCATION", "<Latitude>23.137466</Latitude>"), EVENT_OTHER, "LOCATION", "");
    check_event(EVENT_JSON("subscribe", ",\"EventKey\":\"qrscene_7\""), EVENT_FOLLOW, "subscribe", "7");
    check_event(EVENT_JSON("SCAN", ",\"EventKey\":7"), EVENT_SCAN, "SCAN", "7");
    check_event(EVENT_JSON("CLICK", ",\"EventKey\":null,\"Other\":[{\"EventKey\":1}]"), EVENT_CLICK, "CLICK", "");
}

/* Fields of other events may be anything. */
static void test_others_keep_out(void)
{
    check_event(EVENT_XML("user_info_modified", "<Status><a>1</a></Status><EventKey><b/></EventKey><MsgID>x</MsgID><Content><c/></Content>"),
                EVENT_OTHER, "user_info_modified", "");
    check_event(EVENT_XML("MASSSENDJOBFINISH", "<MsgID>-1</MsgID><Status>err(10001)</Status><Status>twice</Status>"), EVENT_OTHER,
                "MASSSENDJOBFINISH", "");
    check_event(EVENT_JSON("subscribe_msg_popup_event", ",\"List\":[{\"TemplateId\":1},2,[3],null,{}],\"Status\":{},\"MsgID\":true"), EVENT_OTHER,
                "subscribe_msg_popup_event", "");
    struct buf many = {0};
    buf_append_str(&many, "{" EVENT_JSON_HEAD ",\"MsgType\":\"event\",\"List\":[{}");
    for (size_t i = 0; i < 1000; i++)
        buf_append_str(&many, ",{\"MsgID\":1}");
    buf_append_str(&many, "],\"Event\":\"subscribe_msg_popup_event\"}");
    check_event(buf_str(&many), EVENT_OTHER, "subscribe_msg_popup_event", "");
    buf_free(&many);
}

static void check_receipt(size_t i, int64_t msgid, const char *template_id, enum receipt_outcome outcome, const char *reason)
{
    CHECK(i < c.event.receipt_count);
    CHECK_INT(c.event.receipts[i].msgid, msgid);
    CHECK_SPAN(c.event.receipts[i].template_id, template_id);
    CHECK_INT(c.event.receipts[i].outcome, outcome);
    CHECK_SPAN(c.event.receipts[i].reason, reason);
}

static void test_job_receipts(void)
{
    static const struct {
        const char *status;
        enum receipt_outcome outcome;
        const char *reason;
    } CASES[] = {
        {"success", RECEIPT_DELIVERED, ""},
        {"Success", RECEIPT_DELIVERED, ""},
        {"failed:user block", RECEIPT_BLOCKED, "user block"},
        {"failed: user block", RECEIPT_BLOCKED, "user block"},
        {"failed: system failed", RECEIPT_FAILED, "system failed"},
        {"failed:system failed", RECEIPT_FAILED, "system failed"},
        {"failed:freq limit", RECEIPT_FAILED, "freq limit"},
        {"failed:template block", RECEIPT_FAILED, "template block"}, /* not by the user */
        {"failed", RECEIPT_FAILED, "failed"},
        {"failed: ", RECEIPT_FAILED, "failed: "},
        {"FAILED:User Block", RECEIPT_BLOCKED, "User Block"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct buf body = {0};
        buf_printf(&body, EVENT_XML("TEMPLATESENDJOBFINISH", "<MsgID>200163836</MsgID><Status><![CDATA[%s]]></Status>"), CASES[i].status);
        event_case_taken(&c, buf_str(&body));
        CHECK_INT(c.event.kind, EVENT_RECEIPT);
        CHECK_U64(c.event.receipt_count, 1);
        CHECK_INT(c.event.msg_id, 0);
        check_receipt(0, 200163836, "", CASES[i].outcome, CASES[i].reason);
        buf_free(&body);
    }
    event_case_taken(&c, EVENT_XML("TEMPLATESENDJOBFINISH", "<MsgID>0</MsgID><Status>success</Status>"));
    check_receipt(0, 0, "", RECEIPT_DELIVERED, "");
    event_case_taken(&c, EVENT_XML("TEMPLATESENDJOBFINISH", "<Status>success</Status>"));
    check_receipt(0, 0, "", RECEIPT_DELIVERED, "");
    event_case_taken(&c, EVENT_JSON("TEMPLATESENDJOBFINISH", ",\"MsgID\":\"2401503051486781441\",\"Status\":\"failed:user block\""));
    check_receipt(0, 2401503051486781441, "", RECEIPT_BLOCKED, "user block");
    event_case_refused(&c, EVENT_XML("TEMPLATESENDJOBFINISH", "<MsgID>1</MsgID><Status>sent</Status>"), "Status: neither success nor failed");
    event_case_refused(&c, EVENT_XML("TEMPLATESENDJOBFINISH", "<MsgID>1</MsgID>"), "Status: missing");
}

#define ITEM_XML(msgid, code, words) \
    "<List><TemplateId><![CDATA[VRR0]]></TemplateId><MsgID>" msgid "</MsgID><ErrorCode>" code "</ErrorCode><ErrorStatus><![CDATA[" words \
    "]]></ErrorStatus></List>"
#define ITEM_JSON(msgid, code, words) \
    "{\"TemplateId\":\"VRR0\",\"MsgID\":\"" msgid "\",\"ErrorCode\":\"" code "\",\"ErrorStatus\":\"" words "\"}"

static void test_item_receipts_xml(void)
{
    event_case_taken(&c, EVENT_XML("subscribe_msg_sent_event", "<SubscribeMsgSentEvent>\n " ITEM_XML("1700827132819554304", "0", "success") "\n"
                                   ITEM_XML("2", "43101", "user refuse to accept the msg") ITEM_XML("3", "-1", "system error")
                                   ITEM_XML("4", "20003", "") "</SubscribeMsgSentEvent>"));
    CHECK_INT(c.event.kind, EVENT_RECEIPTS);
    CHECK_U64(c.event.receipt_count, 4);
    check_receipt(0, 1700827132819554304, "VRR0", RECEIPT_DELIVERED, "");
    check_receipt(1, 2, "VRR0", RECEIPT_BLOCKED, "user refuse to accept the msg");
    check_receipt(2, 3, "VRR0", RECEIPT_FAILED, "system error");
    check_receipt(3, 4, "VRR0", RECEIPT_FAILED, "errcode 20003");
    event_case_taken(&c, EVENT_XML("subscribe_msg_sent_event", ITEM_XML("1", "0", "success") ITEM_XML("2", "7", "user reject")));
    CHECK_U64(c.event.receipt_count, 2);
    check_receipt(1, 2, "VRR0", RECEIPT_BLOCKED, "user reject");
    event_case_taken(&c, EVENT_XML("subscribe_msg_sent_event",
                                   "<Other>" ITEM_XML("9", "0", "") "</Other><SubscribeMsgSentEvent><X>" ITEM_XML("9", "0", "") "</X><List>"
                                   "<MsgID>1</MsgID><ErrorStatus>success</ErrorStatus><List><MsgID>8</MsgID></List></List></SubscribeMsgSentEvent>"));
    CHECK_U64(c.event.receipt_count, 1); /* nothing at other places */
    check_receipt(0, 1, "", RECEIPT_DELIVERED, "");
}

static void test_item_receipts_json(void)
{
    event_case_taken(&c, EVENT_JSON("subscribe_msg_sent_event", ",\"List\":" ITEM_JSON("1700827132819554304", "0", "success")));
    CHECK_U64(c.event.receipt_count, 1);
    check_receipt(0, 1700827132819554304, "VRR0", RECEIPT_DELIVERED, "");
    event_case_taken(&c, EVENT_JSON("subscribe_msg_sent_event", ",\"List\":[" ITEM_JSON("1", "43101", "") "," ITEM_JSON("2", "0", "ok") "]"));
    CHECK_U64(c.event.receipt_count, 2);
    check_receipt(0, 1, "VRR0", RECEIPT_BLOCKED, "errcode 43101");
    check_receipt(1, 2, "VRR0", RECEIPT_DELIVERED, "");
    event_case_taken(&c, EVENT_JSON("subscribe_msg_sent_event", ",\"SubscribeMsgSentEvent\":{\"a\":[],\"List\":[{\"MsgId\":3,\"ErrorCode\":0}]}"));
    check_receipt(0, 3, "", RECEIPT_DELIVERED, "");
    event_case_taken(&c, EVENT_JSON("subscribe_msg_sent_event", ",\"SubscribeMsgSentEvent\":[" ITEM_JSON("4", "48002", "") "]"));
    check_receipt(0, 4, "VRR0", RECEIPT_BLOCKED, "errcode 48002");
    event_case_taken(&c, EVENT_JSON("subscribe_msg_sent_event", ",\"List\":{\"ErrorStatus\":\"something else\"}"));
    check_receipt(0, 0, "", RECEIPT_FAILED, "something else");
}

static void test_wrong_items(void)
{
    event_case_refused(&c, EVENT_XML("subscribe_msg_sent_event", ""), "List: missing");
    event_case_refused(&c, EVENT_JSON("subscribe_msg_sent_event", ",\"List\":[]"), "List: missing");
    event_case_refused(&c, EVENT_XML("subscribe_msg_sent_event", "<List/>"), "ErrorCode: missing");
    event_case_refused(&c, EVENT_XML("subscribe_msg_sent_event", ITEM_XML("1", "zero", "")), "ErrorCode: not a whole number");
    event_case_refused(&c, EVENT_XML("subscribe_msg_sent_event", ITEM_XML("1", "9223372036854775808", "")), "ErrorCode: not a whole number");
    event_case_refused(&c, EVENT_XML("subscribe_msg_sent_event", ITEM_XML("-1", "0", "")), "MsgID: not a whole number");
    event_case_refused(&c, EVENT_XML("subscribe_msg_sent_event", "<List><MsgID>1</MsgID><MsgId>2</MsgId><ErrorCode>0</ErrorCode></List>"),
                       "MsgID: stands there more than once");
    struct buf body = {0};
    for (int count = EVENT_RECEIPTS_MAX; count <= EVENT_RECEIPTS_MAX + 1; count++) {
        buf_clear(&body);
        buf_append_str(&body, "{" EVENT_JSON_HEAD ",\"MsgType\":\"event\",\"Event\":\"subscribe_msg_sent_event\",\"List\":[" ITEM_JSON("1", "0", ""));
        for (int i = 1; i < count; i++)
            buf_append_str(&body, "," ITEM_JSON("2", "0", ""));
        buf_append_str(&body, "]}");
        if (count <= EVENT_RECEIPTS_MAX)
            event_case_taken(&c, buf_str(&body));
        else
            event_case_refused(&c, buf_str(&body), "List: more than 16");
    }
    buf_free(&body);
}

static void test_encrypted(void)
{
    struct buf scratch = {0}, error = {0};
    struct span encrypt;
    const char *body = "<xml><ToUserName>gh</ToUserName><Encrypt><![CDATA[AAAA+/=]]></Encrypt></xml>";
    CHECK_INT(event_read_encrypted(span_of(body), &encrypt, &scratch, &error), 0);
    CHECK_SPAN(encrypt, "AAAA+/=");
    CHECK_INT(event_read_encrypted(span_of("{\"ToUserName\":\"gh\",\"Encrypt\":\"BBBB\\/\"}"), &encrypt, &scratch, &error), 0);
    CHECK_SPAN(encrypt, "BBBB/");
    body = EVENT_XML("CLICK", "<EventKey><a/></EventKey><Encrypt>C</Encrypt>"); /* compatible mode: what stands beside it is not looked at */
    CHECK_INT(event_read_encrypted(span_of(body), &encrypt, &scratch, &error), 0);
    CHECK_SPAN(encrypt, "C");
    CHECK_U64(error.bytes, 0);
    static const char *const WRONG[] = {"<xml/>", "<xml><Encrypt/></xml>", "<xml><a><Encrypt>A</Encrypt></a></xml>",
                                        "<xml><Encrypt>A</Encrypt><Encrypt>A</Encrypt></xml>", "{}", "{\"Encrypt\":null}", "{\"Encrypt\":[]}",
                                        "{\"Encrypt\":\"\\u0000\"}"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        buf_clear(&error);
        CHECK_INT(event_read_encrypted(span_of(WRONG[i]), &encrypt, &scratch, &error), -1);
        CHECK_HAS(buf_str(&error), "Encrypt: ");
    }
    buf_free(&scratch);
    buf_free(&error);
}

int main(void)
{
    test_text();
    test_other_messages();
    test_events();
    test_others_keep_out();
    test_job_receipts();
    test_item_receipts_xml();
    test_item_receipts_json();
    test_wrong_items();
    test_encrypted();
    event_case_free(&c);
    return 0;
}
