/* The tables. NEED_SURE stands where WeChat documents a refusal, or cannot know what to send; where reports
 * and documents differ it is NEED_LIKELY, so that a template that works is never left out. */
#include "templater/rules.h"

#include <assert.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define RULES(array, what_)                                                                                  \
    {                                                                                                        \
        array, COUNT(array), what_                                                                           \
    }

static const struct rule miniprogram_rules[] = {{"appid", RULE_TEXT, NEED_LIKELY, NULL, 0},
                                                {"pagepath", RULE_TEXT, NEED_NOT, NULL, 0}};
static const struct rules miniprogram = RULES(miniprogram_rules, NULL);

static const struct rule kf_rules[] = {{"kf_account", RULE_TEXT, NEED_SURE, NULL, 0}};
static const struct rules kf = RULES(kf_rules, NULL);

static const struct rule value_rules[] = {{"value", RULE_VALUE, NEED_SURE, NULL, 0}};
static const struct rules value = RULES(value_rules, NULL);
static const struct rule old_value_rules[] = {{"value", RULE_VALUE, NEED_LIKELY, NULL, 0}};
static const struct rules old_value = RULES(old_value_rules, NULL);

/* Template messages are old: many were written when WeChat took them without "data" or a value, and no
 * document says that it does not. */
static const struct rule template_rules[] = {
    {"touser", RULE_TEXT, NEED_SURE, NULL, 0},       {"template_id", RULE_TEXT, NEED_SURE, NULL, 0},
    {"data", RULE_DATA, NEED_LIKELY, NULL, 0},       {"url", RULE_TEXT, NEED_NOT, NULL, 0},
    {"client_msg_id", RULE_TEXT, NEED_NOT, NULL, 0}, {"miniprogram", RULE_OBJECT, NEED_NOT, &miniprogram, 0},
};
static const struct rule custom_rules[] = {
    {"touser", RULE_TEXT, NEED_SURE, NULL, 0},
    {"msgtype", RULE_MSGTYPE, NEED_SURE, NULL, 0},
    {"customservice", RULE_OBJECT, NEED_NOT, &kf, 0},
};
static const struct rule subscribe_rules[] = {
    {"touser", RULE_TEXT, NEED_SURE, NULL, 0}, {"template_id", RULE_TEXT, NEED_SURE, NULL, 0},
    {"data", RULE_DATA, NEED_SURE, NULL, 0},   {"page", RULE_TEXT, NEED_NOT, NULL, 0},
    {"lang", RULE_TEXT, NEED_NOT, NULL, 0},    {"miniprogram_state", RULE_STATE, NEED_NOT, NULL, 0},
};
static const struct rule bizsubscribe_rules[] = {
    {"touser", RULE_TEXT, NEED_SURE, NULL, 0},
    {"template_id", RULE_TEXT, NEED_SURE, NULL, 0},
    {"data", RULE_DATA, NEED_SURE, NULL, 0},
    {"page", RULE_TEXT, NEED_NOT, NULL, 0},
    {"lang", RULE_TEXT, NEED_NOT, NULL, 0},
    {"miniprogram_state", RULE_STATE, NEED_NOT, NULL, 0},
    {"miniprogram", RULE_OBJECT, NEED_NOT, &miniprogram, 0},
};
static const struct rule onetime_rules[] = {
    {"touser", RULE_TEXT, NEED_SURE, NULL, 0},
    {"template_id", RULE_TEXT, NEED_SURE, NULL, 0},
    {"scene", RULE_SCENE, NEED_SURE, NULL, 0},
    {"title", RULE_TITLE, NEED_SURE, NULL, 0},
    {"data", RULE_DATA, NEED_SURE, NULL, 0},
    {"url", RULE_TEXT, NEED_NOT, NULL, 0},
    {"miniprogram", RULE_OBJECT, NEED_NOT, &miniprogram, 0},
};

static const struct {
    const char *kind;
    struct rules rules;
} kinds[] = {
    {"template", RULES(template_rules, "a template message")},
    {"custom", RULES(custom_rules, "a customer-service message")},
    {"subscribe", RULES(subscribe_rules, "a subscription message")},
    {"bizsubscribe", RULES(bizsubscribe_rules, "a subscription message")},
    {"onetime", RULES(onetime_rules, "a one-time subscription message")},
};

/* --- contents of customer-service messages ------------------------------------------------------------- */

static const struct rule text_rules[] = {{"content", RULE_TEXT, NEED_SURE, NULL, 0}};
static const struct rule media_rules[] = {{"media_id", RULE_TEXT, NEED_SURE, NULL, 0}};
static const struct rule video_rules[] = {{"media_id", RULE_TEXT, NEED_SURE, NULL, 0},
                                          {"thumb_media_id", RULE_TEXT, NEED_LIKELY, NULL, 0},
                                          {"title", RULE_TEXT, NEED_NOT, NULL, 0},
                                          {"description", RULE_TEXT, NEED_NOT, NULL, 0}};
static const struct rule music_rules[] = {{"musicurl", RULE_TEXT, NEED_LIKELY, NULL, 0},
                                          {"hqmusicurl", RULE_TEXT, NEED_LIKELY, NULL, 0},
                                          {"thumb_media_id", RULE_TEXT, NEED_LIKELY, NULL, 0},
                                          {"title", RULE_TEXT, NEED_NOT, NULL, 0},
                                          {"description", RULE_TEXT, NEED_NOT, NULL, 0}};
static const struct rule article_rules[] = {{"title", RULE_TEXT, NEED_LIKELY, NULL, 0},
                                            {"description", RULE_TEXT, NEED_NOT, NULL, 0},
                                            {"url", RULE_TEXT, NEED_NOT, NULL, 0},
                                            {"picurl", RULE_TEXT, NEED_NOT, NULL, 0}};
static const struct rules article = RULES(article_rules, NULL);
static const struct rule news_rules[] = {{"articles", RULE_LIST, NEED_SURE, &article, 1}};
static const struct rule mpnewsarticle_rules[] = {{"article_id", RULE_TEXT, NEED_SURE, NULL, 0}};
static const struct rule menu_item_rules[] = {{"id", RULE_SCALAR, NEED_LIKELY, NULL, 0},
                                              {"content", RULE_TEXT, NEED_LIKELY, NULL, 0}};
static const struct rules menu_item = RULES(menu_item_rules, NULL);
static const struct rule menu_rules[] = {{"list", RULE_LIST, NEED_SURE, &menu_item, 0},
                                         {"head_content", RULE_TEXT, NEED_NOT, NULL, 0},
                                         {"tail_content", RULE_TEXT, NEED_NOT, NULL, 0}};
static const struct rule card_rules[] = {{"card_id", RULE_TEXT, NEED_SURE, NULL, 0}};
static const struct rule page_rules[] = {{"appid", RULE_TEXT, NEED_SURE, NULL, 0},
                                         {"pagepath", RULE_TEXT, NEED_SURE, NULL, 0},
                                         {"thumb_media_id", RULE_TEXT, NEED_LIKELY, NULL, 0},
                                         {"title", RULE_TEXT, NEED_NOT, NULL, 0}};
static const struct rule link_rules[] = {{"title", RULE_TEXT, NEED_SURE, NULL, 0},
                                         {"url", RULE_TEXT, NEED_SURE, NULL, 0},
                                         {"description", RULE_TEXT, NEED_LIKELY, NULL, 0},
                                         {"thumb_url", RULE_TEXT, NEED_LIKELY, NULL, 0}};

static const struct rules contents[] = {
    RULES(text_rules, "text"),
    RULES(media_rules, "image"),
    RULES(media_rules, "voice"),
    RULES(video_rules, "video"),
    RULES(music_rules, "music"),
    RULES(news_rules, "news"),
    RULES(media_rules, "mpnews"),
    RULES(mpnewsarticle_rules, "mpnewsarticle"),
    RULES(menu_rules, "msgmenu"),
    RULES(card_rules, "wxcard"),
    RULES(page_rules, "miniprogrampage"),
    RULES(link_rules, "link"),
};

const struct rules *rules_kind(const char *kind)
{
    size_t i = 0;
    while (i < COUNT(kinds) && strcmp(kind, kinds[i].kind) != 0)
        i++;
    assert(i < COUNT(kinds)); /* every kind has rules */
    return &kinds[i].rules;
}

const struct rules *rules_content(struct span msgtype)
{
    for (size_t i = 0; i < COUNT(contents); i++)
        if (span_is(msgtype, contents[i].what))
            return &contents[i];
    return NULL;
}

void rules_list_contents(struct buf *out)
{
    for (size_t i = 0; i < COUNT(contents); i++)
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", contents[i].what);
}

const struct rules *rules_value(enum rule_need need)
{
    return need == NEED_SURE ? &value : &old_value;
}
