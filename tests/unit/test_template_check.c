/* The check of bodies, by tables: what is a fault, what a warning, and which values are measured when they are
 * filled in. */
#include "templater/render.h"
#include "templater/template.h"
#include "tests/unit/json_vars.h"
#include "tests/unit/test.h"

#define TO        "\"touser\":\"${OPENID}\","
#define ID        "\"template_id\":\"T\","
#define KIND(k)   ",\"$mega\":{\"kind\":\"" k "\"}}"
#define TEMPLATE(rest)  "{" TO ID rest "}"
#define DATA(members)   TEMPLATE("\"data\":{" members "}")
#define CUSTOM(rest)    "{" TO rest KIND("custom")
#define CONTENT(t, c)   CUSTOM("\"msgtype\":\"" t "\",\"" t "\":" c)
#define SUBSCRIBE(rest) "{" TO ID rest KIND("subscribe")
#define BIZ(rest)       "{" TO ID rest KIND("bizsubscribe")
#define VALUES          "\"data\":{\"thing1\":{\"value\":\"a\"}}"
#define ONETIME(rest)   "{" TO ID rest KIND("onetime")
#define ONCE_DATA       "\"data\":{\"content\":{\"value\":\"${x}\"}}"
#define TEN             "一二三四五六七八九十"

/* `fault` is all of it; the text of `warnings` with "|" for each line's end. */
static const struct {
    const char *text, *fault, *warnings;
} bodies[] = {
    /* template: what it needs */
    {DATA("\"a\":{\"value\":\"x\"}"), "", ""},
    {DATA("\"a\":{\"value\":\"${x}\",\"color\":\"#173177\"}"), "", ""},
    {"{" ID "\"data\":{\"a\":{\"value\":\"x\"}}}", "touser: missing; a template message needs it", ""},
    {"{" TO "\"data\":{\"a\":{\"value\":\"x\"}}}", "template_id: missing; a template message needs it", ""},
    {"{\"data\":{}}", "touser: missing; a template message needs it", "data: is empty; WeChat has nothing to show|"},
    {"{\"to\\u0075ser\":\"${OPENID}\"," ID VALUES "}", "", ""},
    {"{\"TOUSER\":\"o\"," ID VALUES "}", "touser: missing; a template message needs it", ""},
    {"{\"touser\":\"o\"," ID VALUES "}", "", "touser: is the same for every message; it should be ${OPENID}|"},
    {"{\"touser\":\"${who}\"," ID VALUES "}", "", ""},
    {"{\"touser\":\"\"," ID VALUES "}", "touser: must not be empty", ""},
    {"{\"touser\":1," ID VALUES "}", "touser: must be a string", ""},
    {"{\"touser\":null," ID VALUES "}", "touser: must be a string", ""},
    {"{\"touser\":[\"o\"]," ID VALUES "}", "touser: must be a string", ""},
    {"{\"touser\":{}," ID VALUES "}", "touser: must be a string", ""},
    {"{" TO "\"template_id\":true," VALUES "}", "template_id: must be a string", ""},
    {"{" TO "\"template_id\":7," VALUES "}", "template_id: must be a string", ""},
    {TEMPLATE("\"a\":1"), "", "data: missing; a template message needs it|"},
    {TEMPLATE("\"data\":{}"), "", "data: is empty; WeChat has nothing to show|"},
    {TEMPLATE("\"data\":[]"), "", "data: is empty; WeChat has nothing to show|"},
    {TEMPLATE("\"data\":null"), "", "data: must be an object|"},
    {TEMPLATE("\"data\":7"), "data: must be an object", ""},
    {TEMPLATE("\"data\":\"x\""), "data: must be an object", ""},
    {TEMPLATE("\"data\":[{\"value\":\"x\"}]"), "data: must be an object", ""},
    /* its data */
    {DATA("\"a\":{\"value\":\"\"}"), "", ""},
    {DATA("\"a\":{\"value\":7}"), "", "data.a.value: is a number; WeChat documents a string|"},
    {DATA("\"first\":{\"value\":[\"x\"]}"), "data.first.value: must be a string",
     "data.first: WeChat does not show it any more|"},
    {DATA("\"a\":{\"value\":true}"), "data.a.value: must be a string", ""},
    {DATA("\"a\":{\"value\":{\"value\":\"x\"}}"), "data.a.value: must be a string", ""},
    {DATA("\"a\":{\"value\":null}"), "", "data.a.value: must be a string|"},
    {DATA("\"a\":{}"), "", "data.a.value: missing; a template message needs it|"},
    {DATA("\"a\":\"x\""), "data.a: must be an object with a value", ""},
    {DATA("\"a\":[1]"), "data.a: must be an object with a value", ""},
    {DATA("\"a\":1"), "data.a: must be an object with a value", ""},
    {DATA("\"a\":null"), "", "data.a: must be an object with a value|"},
    {DATA("\"remark\":{\"value\":\"x\"}"), "", "data.remark: WeChat does not show it any more|"},
    {DATA("\"a\":{\"value\":\"x\",\"value\":1}"), "",
     "data.a.value: stands there twice|data.a.value: is a number; WeChat documents a string|"},
    {DATA("\"a\\nb\\u0001\\u007f\":{\"value\":{\"x\":1}}"), "data.a?b??.value: must be a string", ""},
    /* what may be there */
    {TEMPLATE("\"url\":\"\",\"miniprogram\":{}," VALUES), "", ""},
    {TEMPLATE("\"url\":null," VALUES), "", "url: must be a string|"},
    {TEMPLATE("\"url\":7," VALUES), "", "url: must be a string|"},
    {TEMPLATE("\"url\":[]," VALUES), "", "url: must be a string|"},
    {TEMPLATE("\"url\":[1]," VALUES), "url: must be a string", ""},
    {TEMPLATE("\"url\":false," VALUES), "url: must be a string", ""},
    {TEMPLATE("\"client_msg_id\":1," VALUES), "", "client_msg_id: must be a string|"},
    {TEMPLATE("\"client_msg_id\":\"${x}\"," VALUES), "", ""},
    {TEMPLATE("\"miniprogram\":[]," VALUES), "", "miniprogram: must be an object|"},
    {TEMPLATE("\"miniprogram\":\"x\"," VALUES), "miniprogram: must be an object", ""},
    {TEMPLATE("\"miniprogram\":7," VALUES), "miniprogram: must be an object", ""},
    {TEMPLATE("\"miniprogram\":{\"appid\":\"a\",\"pagepath\":\"p\"}," VALUES), "", ""},
    {TEMPLATE("\"miniprogram\":{\"pagepath\":\"p\"}," VALUES), "",
     "miniprogram.appid: missing; a template message needs it|"},
    {TEMPLATE("\"miniprogram\":{\"appid\":\"\"}," VALUES), "", "miniprogram.appid: must not be empty|"},
    {TEMPLATE("\"miniprogram\":{\"appid\":[1]}," VALUES), "miniprogram.appid: must be a string", ""},
    {TEMPLATE("\"topcolor\":{\"x\":[1,{\"y\":2}]},\"msgtype\":7," VALUES), "", ""},
    /* placeholders: any type, unknown content, unknown names */
    {"{\"touser\":${OPENID},\"template_id\":${id},\"data\":${data},\"url\":${u},\"miniprogram\":${m}}", "", ""},
    {"{\"touser\":\"${OPENID}\",\"template_id\":\"${id}\",\"data\":{\"a\":${x}}}", "", ""},
    {DATA("\"a\":{\"value\":${x}}"), "", ""},
    {"{\"${x}\":1,\"data\":{\"${y}\":{\"${z}\":1}}}", "", ""},
    {DATA("\"${y}\":{\"value\":[\"x\"]}"), "data.${y}.value: must be a string", ""},
    /* custom: what every message needs */
    {CONTENT("text", "{\"content\":\"x\"}"), "", ""},
    {CUSTOM("\"text\":{\"content\":\"x\"}"), "msgtype: missing; a customer-service message needs it", ""},
    {CUSTOM("\"msgtype\":\"text\""), "text: missing; a text message needs it", ""},
    {CUSTOM("\"text\":{\"content\":\"x\"},\"msgtype\":\"text\""), "", ""},
    {CUSTOM("\"msgtype\":\"text\",\"image\":{\"media_id\":\"x\"}"), "text: missing; a text message needs it", ""},
    {"{\"msgtype\":\"text\",\"text\":{\"content\":\"x\"}" KIND("custom"), "touser: missing; a text message needs it",
     ""},
    {CONTENT("foo", "{}"),
     "msgtype: \"foo\" is not known; known are text, image, voice, video, music, news, mpnews, mpnewsarticle, "
     "msgmenu, wxcard, miniprogrampage, link",
     ""},
    {CUSTOM("\"msgtype\":\"\""), "msgtype: must not be empty", ""},
    {CUSTOM("\"msgtype\":7"), "msgtype: must be a string", ""},
    {CUSTOM("\"msgtype\":[\"text\"]"), "msgtype: must be a string", ""},
    {CUSTOM("\"msgtype\":\"${t}\""), "", ""},
    {CUSTOM("\"msgtype\":${t}"), "", ""},
    {CUSTOM("\"${n}\":\"text\""), "", ""},
    {CONTENT("te\\u0078t", "{\"content\":\"x\"}"), "", ""},
    {CONTENT("text", "\"x\""), "text: must be an object", ""},
    {CONTENT("text", "null"), "text: must be an object", ""},
    {CONTENT("text", "${x}"), "", ""},
    {CONTENT("text", "{\"content\":\"x\"},\"customservice\":{\"kf_account\":\"a@b\"}"), "", ""},
    {CONTENT("text", "{\"content\":\"x\"},\"customservice\":{}"), "", ""},
    {CONTENT("text", "{\"content\":\"x\"},\"customservice\":{\"account\":\"a@b\"}"),
     "customservice.kf_account: missing; a text message needs it", ""},
    {CONTENT("text", "{\"content\":\"x\"},\"customservice\":{\"kf_account\":\"\"}"),
     "customservice.kf_account: must not be empty", ""},
    {CONTENT("text", "{\"content\":\"x\"},\"customservice\":\"a@b\""), "customservice: must be an object", ""},
    {CONTENT("text", "{\"content\":\"x\"},\"aimsgcontext\":{\"is_ai_msg\":1}"), "", ""},
    /* custom: the contents */
    {CONTENT("text", "{}"), "text.content: missing; a text message needs it", ""},
    {CONTENT("text", "{\"content\":\"\"}"), "text.content: must not be empty", ""},
    {CONTENT("text", "{\"content\":7}"), "text.content: must be a string", ""},
    {CONTENT("text", "{\"content\":${x}}"), "", ""},
    {CONTENT("text", "{\"content\":\"${x}\"}"), "", ""},
    {CONTENT("image", "{\"media_id\":\"m\"}"), "", ""},
    {CONTENT("image", "{\"media\":\"m\"}"), "image.media_id: missing; an image message needs it", ""},
    {CONTENT("voice", "{\"media_id\":\"m\"}"), "", ""},
    {CONTENT("voice", "{}"), "voice.media_id: missing; a voice message needs it", ""},
    {CONTENT("mpnews", "{\"media_id\":\"m\"}"), "", ""},
    {CONTENT("mpnews", "{}"), "mpnews.media_id: missing; a mpnews message needs it", ""},
    {CONTENT("video", "{\"media_id\":\"m\",\"thumb_media_id\":\"t\",\"title\":\"\",\"description\":\"d\"}"), "", ""},
    {CONTENT("video", "{\"media_id\":\"m\"}"), "", "video.thumb_media_id: missing; a video message needs it|"},
    {CONTENT("video", "{\"thumb_media_id\":\"m\"}"), "video.media_id: missing; a video message needs it", ""},
    {CONTENT("music", "{\"musicurl\":\"m\",\"hqmusicurl\":\"t\",\"thumb_media_id\":\"d\"}"), "", ""},
    {CONTENT("music", "{\"musicurl\":[1]}"), "music.musicurl: must be a string", ""},
    {CONTENT("music", "{}"), "",
     "music.musicurl: missing; a music message needs it|music.hqmusicurl: missing; a music message needs it|"
     "music.thumb_media_id: missing; a music message needs it|"},
    {CONTENT("news", "{\"articles\":[{\"title\":\"t\",\"url\":\"u\",\"picurl\":\"p\",\"description\":\"d\"}]}"), "", ""},
    {CONTENT("news", "{\"articles\":[{}]}"), "", "news.articles[0].title: missing; a news message needs it|"},
    {CONTENT("news", "{\"articles\":[]}"), "news.articles: must not be empty", ""},
    {CONTENT("news", "{}"), "news.articles: missing; a news message needs it", ""},
    {CONTENT("news", "{\"articles\":{}}"), "news.articles: must be an array", ""},
    {CONTENT("news", "{\"articles\":[7]}"), "news.articles[0]: must be an object", ""},
    {CONTENT("news", "{\"articles\":[${x}]}"), "", ""},
    {CONTENT("news", "{\"articles\":${x}}"), "", ""},
    {CONTENT("news", "{\"articles\":[{\"title\":\"a\"},{\"title\":\"b\"}]}"),
     "news.articles: must have exactly 1; WeChat refuses more", ""},
    {CONTENT("mpnewsarticle", "{\"article_id\":\"a\"}"), "", ""},
    {CONTENT("mpnewsarticle", "{}"), "mpnewsarticle.article_id: missing; a mpnewsarticle message needs it", ""},
    {CONTENT("msgmenu", "{\"head_content\":\"h\",\"list\":[{\"id\":\"1\",\"content\":\"a\"},{\"id\":2,\"content\":\"b\"}],"
                        "\"tail_content\":\"t\"}"),
     "", ""},
    {CONTENT("msgmenu", "{\"head_content\":\"h\"}"), "msgmenu.list: missing; a msgmenu message needs it", ""},
    {CONTENT("msgmenu", "{\"list\":[{\"id\":\"1\",\"content\":\"a\"},{\"id\":[2]}]}"),
     "msgmenu.list[1].id: must be a string", ""},
    {CONTENT("msgmenu", "{\"list\":[{}]}"), "",
     "msgmenu.list[0].id: missing; a msgmenu message needs it|msgmenu.list[0].content: missing; a msgmenu message "
     "needs it|"},
    {CONTENT("wxcard", "{\"card_id\":\"c\"}"), "", ""},
    {CONTENT("wxcard", "{\"card_id\":null}"), "wxcard.card_id: must be a string", ""},
    {CONTENT("miniprogrampage", "{\"appid\":\"a\",\"pagepath\":\"p\",\"thumb_media_id\":\"t\",\"title\":\"t\"}"), "", ""},
    {CONTENT("miniprogrampage", "{\"appid\":\"a\",\"thumb_media_id\":\"t\"}"),
     "miniprogrampage.pagepath: missing; a miniprogrampage message needs it", ""},
    {CONTENT("miniprogrampage", "{\"pagepath\":\"a\"}"),
     "miniprogrampage.appid: missing; a miniprogrampage message needs it",
     ""},
    {CONTENT("link", "{\"title\":\"t\",\"url\":\"u\",\"description\":\"d\",\"thumb_url\":\"x\"}"), "", ""},
    {CONTENT("link", "{\"title\":\"t\"}"), "link.url: missing; a link message needs it", ""},
    /* subscribe, bizsubscribe */
    {SUBSCRIBE(VALUES), "", ""},
    {SUBSCRIBE(VALUES ",\"page\":\"p\",\"miniprogram_state\":\"trial\",\"lang\":\"zh_CN\""), "", ""},
    {SUBSCRIBE("\"a\":1"), "data: missing; a subscription message needs it", ""},
    {SUBSCRIBE("\"data\":null"), "data: must be an object", ""},
    {SUBSCRIBE("\"data\":[]"), "", "data: is empty; WeChat has nothing to show|"},
    {SUBSCRIBE("\"data\":{\"thing1\":{\"value\":\"\"}}"), "",
     "data.thing1.value: is empty; WeChat refuses that in most templates|"},
    {SUBSCRIBE("\"data\":{\"thing1\":{}}"), "data.thing1.value: missing; a subscription message needs it", ""},
    {SUBSCRIBE("\"data\":{\"thing1\":null}"), "data.thing1: must be an object with a value", ""},
    {SUBSCRIBE("\"data\":{\"first\":{\"value\":\"x\"}}"), "", ""},
    {SUBSCRIBE(VALUES ",\"miniprogram_state\":\"release\""), "miniprogram_state: must be developer, trial or formal", ""},
    {SUBSCRIBE(VALUES ",\"miniprogram_state\":\"\""), "", ""},
    {SUBSCRIBE(VALUES ",\"miniprogram_state\":\"${s}\""), "", ""},
    {SUBSCRIBE(VALUES ",\"miniprogram_state\":true"), "miniprogram_state: must be a string", ""},
    {SUBSCRIBE(VALUES ",\"page\":7"), "", "page: must be a string|"},
    {"{" TO VALUES KIND("subscribe"), "template_id: missing; a subscription message needs it", ""},
    {BIZ(VALUES ",\"page\":\"p\",\"miniprogram\":{\"appid\":\"a\",\"pagepath\":\"p\"}"), "", ""},
    {BIZ("\"page\":\"p\""), "data: missing; a subscription message needs it", ""},
    {BIZ(VALUES ",\"miniprogram\":true"), "miniprogram: must be an object", ""},
    {BIZ(VALUES ",\"miniprogram_state\":\"x\""), "miniprogram_state: must be developer, trial or formal", ""},
    /* onetime */
    {ONETIME("\"scene\":\"0\",\"title\":\"t\"," ONCE_DATA), "", ""},
    {ONETIME("\"scene\":10000,\"title\":\"${t}\",\"url\":\"u\",\"miniprogram\":{\"appid\":\"a\"}," ONCE_DATA), "", ""},
    {ONETIME("\"scene\":${s},\"title\":${t},\"data\":{\"content\":{\"value\":${v},\"color\":\"\"}}"), "", ""},
    {ONETIME("\"scene\":\"${s}\",\"title\":\"t\",\"data\":{\"${n}\":{\"value\":\"\"}}"), "",
     "data.${n}.value: is empty; WeChat refuses that in most templates|"},
    {ONETIME("\"title\":\"t\"," ONCE_DATA), "scene: missing; a one-time subscription message needs it", ""},
    {ONETIME("\"scene\":\"1\"," ONCE_DATA), "title: missing; a one-time subscription message needs it", ""},
    {ONETIME("\"scene\":\"1\",\"title\":\"t\""), "data: missing; a one-time subscription message needs it", ""},
    {ONETIME("\"scene\":\"1\",\"title\":\"t\",\"data\":{\"x\":{\"value\":\"v\"}}"),
     "data.content: missing; a one-time subscription message needs it", ""},
    {ONETIME("\"scene\":10001,\"title\":\"t\"," ONCE_DATA), "scene: must be a whole number from 0 to 10000", ""},
    {ONETIME("\"scene\":\"100000\",\"title\":\"t\"," ONCE_DATA), "scene: must be a whole number from 0 to 10000", ""},
    {ONETIME("\"scene\":-1,\"title\":\"t\"," ONCE_DATA), "scene: must be a whole number from 0 to 10000", ""},
    {ONETIME("\"scene\":1.5,\"title\":\"t\"," ONCE_DATA), "scene: must be a whole number from 0 to 10000", ""},
    {ONETIME("\"scene\":\"\",\"title\":\"t\"," ONCE_DATA), "scene: must be a whole number from 0 to 10000", ""},
    {ONETIME("\"scene\":[1],\"title\":\"t\"," ONCE_DATA), "scene: must be a whole number from 0 to 10000", ""},
    {ONETIME("\"scene\":null,\"title\":\"t\"," ONCE_DATA), "scene: must be a whole number from 0 to 10000", ""},
    {ONETIME("\"scene\":1,\"title\":\"\"," ONCE_DATA), "title: must not be empty", ""},
    {ONETIME("\"scene\":1,\"title\":7," ONCE_DATA), "title: must be a string", ""},
    {ONETIME("\"scene\":1,\"title\":\"" TEN "一二三四五\"," ONCE_DATA), "", ""},
    {ONETIME("\"scene\":1,\"title\":\"" TEN "一二三四五六\"," ONCE_DATA), "",
     "title: is longer than WeChat shows, 16 of 15 characters|"},
    /* literal values that are cut: characters count, not bytes, and an escape is one */
    {DATA("\"thing1\":{\"value\":\"" TEN TEN "\"}"), "", ""},
    {DATA("\"thing1\":{\"value\":\"" TEN TEN "x\"}"), "",
     "data.thing1.value: is longer than WeChat shows, 21 of 20 characters|"},
    {DATA("\"thing1\":{\"value\":\"" TEN "一二三四五六七八九\\ud83d\\ude00\"}"), "", ""},
    {DATA("\"thing12\":{\"value\":\"" TEN TEN "\\u00e9\"}"), "",
     "data.thing12.value: is longer than WeChat shows, 21 of 20 characters|"},
    {DATA("\"thing1\":{\"value\":\"" TEN TEN "${x}\"}"), "", ""},
    {DATA("\"thing1\":{\"value\":\"" TEN TEN "\\u0024{x}\"}"), "",
     "data.thing1.value: is longer than WeChat shows, 24 of 20 characters|"},
    {DATA("\"thing\":{\"value\":\"" TEN TEN "x\"}"), "", ""},
    {DATA("\"thing1a\":{\"value\":\"" TEN TEN "x\"}"), "", ""},
    {DATA("\"something1\":{\"value\":\"" TEN TEN "x\"}"), "", ""},
    {DATA("\"character_string2\":{\"value\":\"123456789012345678901234567890123\"}"), "",
     "data.character_string2.value: is longer than WeChat shows, 33 of 32 characters|"},
    {DATA("\"phrase2\":{\"value\":\"一二三四五六\"}"), "",
     "data.phrase2.value: is longer than WeChat shows, 6 of 5 characters|"},
    {DATA("\"phone_number2\":{\"value\":\"123456789012345678\"}"), "",
     "data.phone_number2.value: is longer than WeChat shows, 18 of 17 characters|"},
    {DATA("\"car_number2\":{\"value\":\"粤A12345678\"}"), "",
     "data.car_number2.value: is longer than WeChat shows, 10 of 8 characters|"},
    {DATA("\"const2\":{\"value\":\"" TEN TEN "x\"}"), "",
     "data.const2.value: is longer than WeChat shows, 21 of 20 characters|"},
    {DATA("\"amount2\":{\"value\":\"￥123456789012.34元\"}"), "", ""},
    {DATA("\"amount2\":{\"value\":\"￥1234567890123.34元\"}"), "",
     "data.amount2.value: is longer than WeChat shows, 18 of 17 characters|"},
    {SUBSCRIBE("\"data\":{\"number1\":{\"value\":\"123456789012345678901234567890123\"}}"), "",
     "data.number1.value: is longer than WeChat shows, 33 of 32 characters|"},
    {SUBSCRIBE("\"data\":{\"letter1\":{\"value\":\"abcdefghijklmnopqrstuvwxyzabcdefg\"}}"), "",
     "data.letter1.value: is longer than WeChat shows, 33 of 32 characters|"},
    {BIZ("\"data\":{\"symbol1\":{\"value\":\"!!!!!!\"}}"), "",
     "data.symbol1.value: is longer than WeChat shows, 6 of 5 characters|"},
    {BIZ("\"data\":{\"name1\":{\"value\":\"" TEN "\"},\"name2\":{\"value\":\"abcdefghijklmnopqrst\"}}"), "", ""},
    {BIZ("\"data\":{\"name1\":{\"value\":\"" TEN "a\"}}"), "",
     "data.name1.value: is longer than WeChat shows, 21 of 20 characters|"},
    {BIZ("\"data\":{\"time1\":{\"value\":\"2019年10月1日 15:01~2019年10月2日 15:01\"}}"), "", ""},
    /* several lines */
    {DATA("\"a\":{\"value\":\"x\\ny\"}"), "", "data.a.value: has several lines; WeChat cuts it|"},
    {DATA("\"a\":{\"value\":\"x${y}\\r\"}"), "", "data.a.value: has several lines; WeChat cuts it|"},
    {DATA("\"first\":{\"value\":\"x\\ny\"}"), "", "data.first: WeChat does not show it any more|"},
    {SUBSCRIBE("\"data\":{\"a\":{\"value\":\"x\\ny\"}}"), "", ""},
    {CONTENT("text", "{\"content\":\"x\\ny\"}"), "", ""},
};

static void test_bodies(void)
{
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct buf error = {0}, warnings = {0};
        struct template *t = template_compile(span_of(bodies[i].text), &error);
        if (t == NULL)
            fprintf(stderr, "%s: %s\n", bodies[i].text, buf_str(&error));
        CHECK(t != NULL);
        buf_append(&warnings, t->findings.warnings.data, t->findings.warnings.bytes);
        for (size_t k = 0; k < warnings.bytes; k++)
            if (warnings.data[k] == '\n')
                warnings.data[k] = '|';
        if (!span_is(buf_span(&t->findings.fault), bodies[i].fault) ||
            !span_is(buf_span(&warnings), bodies[i].warnings))
            fprintf(stderr, "body %s\n", bodies[i].text);
        CHECK_SPAN(buf_span(&t->findings.fault), bodies[i].fault);
        CHECK_SPAN(buf_span(&warnings), bodies[i].warnings);
        template_destroy(&t);
        buf_free(&warnings);
        t = template_load(span_of("key"), span_of(bodies[i].text), &error);
        CHECK_STR(buf_str(&error), bodies[i].fault);
        CHECK_INT(t == NULL, bodies[i].fault[0] != '\0');
        template_destroy(&t);
        buf_free(&error);
    }
}

static void test_fallback_to_itself(void)
{
    struct buf error = {0};
    struct span text = span_of("{" TO ID VALUES ",\"$mega\":{\"fallback\":\"\\u006bey\"}}");
    CHECK(template_load(span_of("key"), text, &error) == NULL);
    CHECK_STR(buf_str(&error), "$mega.fallback: is this template itself; name another one or take it out");
    buf_clear(&error);
    struct template *t = template_load(span_of("Key"), text, &error);
    CHECK(t != NULL && error.bytes == 0);
    template_destroy(&t);
    buf_free(&error);
}

static void test_many_warnings(void)
{
    struct buf text = {0}, error = {0};
    buf_append_str(&text, "{" TO ID "\"data\":{");
    for (int i = 0; i < 40; i++)
        buf_printf(&text, "%s\"a%d\":{\"value\":%d}", i == 0 ? "" : ",", i, i);
    buf_append_str(&text, "}}");
    struct template *t = template_load(span_of("key"), buf_span(&text), &error);
    CHECK(t != NULL);
    CHECK_U64(t->findings.warning_count, 40);
    size_t lines = 0;
    for (size_t i = 0; i < t->findings.warnings.bytes; i++)
        lines += t->findings.warnings.data[i] == '\n';
    CHECK_U64(lines, TEMPLATE_WARNINGS_MAX);
    template_destroy(&t);
    buf_free(&text);
    buf_free(&error);
}

/* What is cut when it is filled in: "member limit length" for each, "member lines" for several lines. */
static const struct {
    const char *text, *vars, *cuts;
} renderings[] = {
    {DATA("\"thing1\":{\"value\":\"${x}\"}"), "{\"x\":\"" TEN TEN "\"}", ""},
    {DATA("\"thing1\":{\"value\":\"${x}\"}"), "{\"x\":\"" TEN TEN "x\"}", "thing1 20 21|"},
    {DATA("\"thing1\":{\"value\":\"${x}\"}"), "{\"x\":\"" TEN TEN "\\\"\"}", "thing1 20 21|"},
    {DATA("\"thing1\":{\"value\":\"" TEN "${x}一二三${y}\"}"), "{\"x\":\"1234\",\"y\":\"567\"}", ""},
    {DATA("\"thing1\":{\"value\":\"" TEN "${x}一二三${y}\"}"), "{\"x\":\"1234\",\"y\":\"5678\"}", "thing1 20 21|"},
    {DATA("\"thing1\":{\"value\":\"${x}\"},\"b\":{\"value\":\"${x}\"},\"phrase2\":{\"value\":\"${x}${x}\"}"),
     "{\"x\":\"abc\"}", "phrase2 5 6|"},
    {DATA("\"thing1\":{\"value\":${x}}"), "{\"x\":\"" TEN TEN "x\"}", "thing1 20 21|"},
    {DATA("\"thing1\":{\"value\":${x}}"), "{\"x\":\"" TEN TEN "\"}", ""},
    {DATA("\"phrase1\":{\"value\":\"${x}\"}"), "{\"x\":123456}", "phrase1 5 6|"},
    {DATA("\"phrase1\":{\"value\":\"${x}\"}"), "{\"x\":-12.5}", ""},
    {DATA("\"phrase1\":{\"value\":\"${OPENID}oo\"}"), "", ""},
    {DATA("\"phrase1\":{\"value\":\"${OPENID}ooo\"}"), "", "phrase1 5 6|"},
    {DATA("\"phrase1\":{\"value\":\"${xy}\"}"), "", ""}, /* stays as it is: five characters */
    {DATA("\"phrase1\":{\"value\":\"${xyz}\"}"), "", "phrase1 5 6|"},
    {DATA("\"name1\":{\"value\":\"${x}\"}"), "{\"x\":\"" TEN "a\"}", "name1 20 21|"},
    {DATA("\"keyword1\":{\"value\":\"${x}\"}"), "{\"x\":\"" TEN TEN TEN "\"}", ""},
    {DATA("\"keyword1\":{\"value\":\"${x}\"}"), "{\"x\":\"a\\nb\"}", "keyword1 lines|"},
    {DATA("\"keyword1\":{\"value\":\"a ${x}\"}"), "{\"x\":\"b\\r\"}", "keyword1 lines|"},
    {DATA("\"keyword1\":{\"value\":${x}}"), "{\"x\":\"a\\nb\"}", "keyword1 lines|"},
    {DATA("\"phrase1\":{\"value\":\"${x}\"}"), "{\"x\":\"a\\nbcdef\"}", "phrase1 5 7|"},
    {DATA("\"first\":{\"value\":\"${x}\"}"), "{\"x\":\"a\\nb\"}", ""},
    {DATA("\"${n}\":{\"value\":\"${x}\"}"), "{\"n\":\"phrase1\",\"x\":\"abcdefg\"}", ""},
    {SUBSCRIBE("\"data\":{\"a\":{\"value\":\"${x}\"},\"symbol1\":{\"value\":\"${x}\"}}"), "{\"x\":\"a\\nbcde\"}",
     "symbol1 5 6|"},
    {CONTENT("text", "{\"content\":\"${x}\"}"), "{\"x\":\"a\\nb\"}", ""},
    {ONETIME("\"scene\":1,\"title\":\"${t}\"," ONCE_DATA), "{\"t\":\"" TEN "123456\",\"x\":\"a\\nb\"}",
     "title 15 16|"},
    {ONETIME("\"scene\":1,\"title\":\"t\"," ONCE_DATA),
     "{\"x\":\"" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "1\"}",
     "content 200 201|"},
    {"{\"$mega\":{\"ttl\":\"5m\"}," TO "\"x\":\"${x}\"," ID "\"data\":{\"phrase1\":{\"value\":\"${x}\"}},\"y\":\"${x}\"}",
     "{\"x\":\"abcdef\"}", "phrase1 5 6|"},
};

static void note_cut(void *to, const struct render_cut *cut)
{
    buf_printf(to, "%.*s ", (int)cut->member.bytes, cut->member.data);
    if (cut->chars_max > 0)
        buf_printf(to, "%u %u|", cut->chars_max, cut->chars);
    else
        buf_append_str(to, "lines|");
}

static void test_renderings(void)
{
    for (size_t i = 0; i < sizeof renderings / sizeof *renderings; i++) {
        struct buf error = {0}, vars = {0}, cuts = {0}, out = {0}, same = {0};
        struct template *t = template_load(span_of("key"), span_of(renderings[i].text), &error);
        CHECK_STR(buf_str(&error), "");
        vars_pack(span_of(renderings[i].vars), &vars);
        struct render_input in = {.openid = span_of("oAB"),
                                  .vars = buf_span(&vars),
                                  .client_msg_id = "0123456789abcdef0123456789abcdef",
                                  .on_cut = note_cut,
                                  .to = &cuts};
        CHECK_INT(render_body(t, &in, &out, &error), 0);
        CHECK_STR(buf_str(&cuts), renderings[i].cuts);
        in.on_cut = NULL;
        CHECK_INT(render_body(t, &in, &same, &error), 0);
        CHECK_BYTES(buf_span(&same), buf_span(&out));
        template_destroy(&t);
        buf_free(&error);
        buf_free(&vars);
        buf_free(&cuts);
        buf_free(&out);
        buf_free(&same);
    }
}

int main(void)
{
    test_bodies();
    test_fallback_to_itself();
    test_many_warnings();
    test_renderings();
    return 0;
}
