/*
 * body.c - reads and checks JSON bodies with jansson; see body.h. The only file that includes jansson.
 */
#include "tests/sim/body.h"

#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/errcode.h"
#include "tests/sim/memory.h"
#include "tests/sim/number.h"
#include "tests/sim/text.h"

#define BODY_NAME_BYTES_SHOWN    100
#define BODY_KF_PREFIX_CHARS_MAX 10
#define BODY_KF_SUFFIX_CHARS_MAX 30

/* Numbers are not looked at, so huge ones may lose digits; a NUL within a string is legal JSON. */
#define BODY_FLAGS (JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL)

/* What a customer-service message of a type cannot do without: strings that are not empty, in the object that
 * has the type's name. Source: doc/service/api/customer/message/api_sendcustommessage. Which errcode WeChat
 * gives for each is not published. */
static const struct body_part {
    const char *msgtype;
    const char *member;
    int errcode; /* when it is missing */
} PARTS[] = {
    {"text", "content", ERRCODE_TEXT_EMPTY},
    {"image", "media_id", ERRCODE_MEDIA_MISSING},
    {"voice", "media_id", ERRCODE_MEDIA_MISSING},
    {"mpnews", "media_id", ERRCODE_MEDIA_MISSING},
    {"video", "media_id", ERRCODE_MEDIA_MISSING},
    {"video", "thumb_media_id", ERRCODE_MEDIA_MISSING},
    {"music", "musicurl", ERRCODE_PARAMETER},
    {"music", "hqmusicurl", ERRCODE_PARAMETER},
    {"music", "thumb_media_id", ERRCODE_MEDIA_MISSING},
    {"news", NULL, 0},    /* body_check_articles() */
    {"msgmenu", NULL, 0}, /* body_check_menu() */
    {"mpnewsarticle", "article_id", ERRCODE_PARAMETER},
    {"wxcard", "card_id", ERRCODE_PARAMETER},
    {"miniprogrampage", "appid", ERRCODE_PARAMETER},
    {"miniprogrampage", "pagepath", ERRCODE_PARAMETER},
    {"miniprogrampage", "thumb_media_id", ERRCODE_MEDIA_MISSING},
    {"link", "title", ERRCODE_PARAMETER},
    {"link", "url", ERRCODE_PARAMETER},
};

static int body_check_members(const json_t *root, enum body_kind kind, enum body_openid_policy policy,
                              struct body_message *message, char *error);
static int body_check_template(const json_t *root, char *error);
static int body_check_custom(const json_t *root);
static int body_check_subscribe(const json_t *root, char *error);
static int body_check_bizsubscribe(const json_t *root, char *error);
static int body_check_once(const json_t *root, struct body_message *message, char *error);
static int body_check_program(const json_t *root);
static int body_check_links(const json_t *root);
static int body_check_data(json_t *data, char *error);
static int body_check_client_id(const json_t *id, struct body_message *message, char *error);
static bool body_has_needless_escape(const char *bytes, size_t count);
static int body_take_member(const struct body_member *member, const json_t *value);
static int body_copy_string(const json_t *value, char *out, size_t max);

int body_read_message(const char *bytes, size_t count, enum body_kind kind, enum body_openid_policy policy,
                      struct body_message *message, char error[BODY_ERROR_BYTES_MAX])
{
    memset(message, 0, sizeof *message);
    error[0] = '\0';
    if (count == 0)
        return ERRCODE_BODY_EMPTY;
    json_t *root = json_loadb(bytes, count, BODY_FLAGS, NULL);
    int errcode = json_is_object(root) ? 0 : ERRCODE_JSON;
    if (errcode == 0 && body_has_needless_escape(bytes, count))
        errcode = ERRCODE_ESCAPES;
    if (errcode == 0)
        errcode = body_check_members(root, kind, policy, message, error);
    json_decref(root);
    return errcode;
}

int body_read_grant(const char *bytes, size_t count, struct body_grant *grant)
{
    memset(grant, 0, sizeof *grant);
    if (count == 0)
        return ERRCODE_BODY_EMPTY;
    json_t *root = json_loadb(bytes, count, BODY_FLAGS, NULL);
    const json_t *force = json_object_get(root, "force_refresh");
    bool valid = json_is_object(root) && (force == NULL || json_is_boolean(force));
    if (valid) {
        body_copy_string(json_object_get(root, "grant_type"), grant->grant_type, BODY_CREDENTIAL_BYTES_MAX);
        body_copy_string(json_object_get(root, "appid"), grant->appid, BODY_CREDENTIAL_BYTES_MAX);
        body_copy_string(json_object_get(root, "secret"), grant->secret, BODY_CREDENTIAL_BYTES_MAX);
        grant->force_refresh = json_is_true(force);
    }
    json_decref(root);
    return valid ? 0 : ERRCODE_JSON;
}

int body_read_argument(const char *bytes, size_t count, const char *member,
                       char argument[BODY_ARGUMENT_BYTES_MAX + 1])
{
    argument[0] = '\0';
    if (count == 0)
        return ERRCODE_BODY_EMPTY;
    json_t *root = json_loadb(bytes, count, BODY_FLAGS, NULL);
    bool valid = json_is_object(root);
    body_copy_string(json_object_get(root, member), argument, BODY_ARGUMENT_BYTES_MAX);
    json_decref(root);
    return valid ? 0 : ERRCODE_JSON;
}

int body_read_errcode(const char *bytes, size_t count, int *errcode)
{
    json_t *root = json_loadb(bytes, count, BODY_FLAGS, NULL);
    const json_t *value = json_object_get(root, "errcode");
    double number = json_number_value(value);
    int found = json_is_number(value) && number >= INT_MIN && number <= INT_MAX ? 0 : -1;
    if (found == 0)
        *errcode = (int)number;
    json_decref(root);
    return found;
}

static bool body_openid_valid(const char *openid, enum body_openid_policy policy)
{
    if (policy == BODY_OPENID_REAL)
        return strlen(openid) == 28 && openid[0] == 'o';
    return openid[0] != '\0';
}

int body_read_members(const char *bytes, size_t count, const struct body_member *members, size_t members_count,
                      char error[BODY_ERROR_BYTES_MAX])
{
    const char *name;
    json_t *value;
    json_t *root = json_loadb(count > 0 ? bytes : "", count, 0, NULL);
    int result = json_is_object(root) ? 0 : -1;
    if (result != 0)
        snprintf(error, BODY_ERROR_BYTES_MAX, "the body must be a JSON object");
    json_object_foreach(root, name, value) {
        const struct body_member *member = members;
        while (member < members + members_count && strcmp(member->name, name) != 0)
            member++;
        bool known = member < members + members_count;
        if (known && body_take_member(member, value) == 0)
            continue;
        snprintf(error, BODY_ERROR_BYTES_MAX, "%.60s: %s", name,
                 !known                   ? "no such member; see the simulator's README"
                 : member->string != NULL ? "must be a string of up to 65536 bytes"
                                          : "must be a whole number");
        result = -1;
        break;
    }
    json_decref(root);
    return result;
}

static int body_check_members(const json_t *root, enum body_kind kind, enum body_openid_policy policy,
                              struct body_message *message, char *error)
{
    char openid[BODY_OPENID_BYTES_MAX + 1] = "";
    int errcode = 0;
    body_copy_string(json_object_get(root, "touser"), openid, BODY_OPENID_BYTES_MAX);
    if (!body_openid_valid(openid, policy))
        return ERRCODE_OPENID;
    memcpy(message->openid, openid, sizeof openid);
    body_copy_string(json_object_get(root, "template_id"), message->template_id, BODY_TEMPLATE_ID_BYTES_MAX);
    switch (kind) {
    case BODY_TEMPLATE:
        errcode = body_check_template(root, error);
        if (errcode == 0)
            errcode = body_check_links(root);
        if (errcode == 0)
            errcode = body_check_client_id(json_object_get(root, "client_msg_id"), message, error);
        return errcode;
    case BODY_CUSTOM:
        return body_check_custom(root);
    case BODY_SUBSCRIBE:
        return body_check_subscribe(root, error);
    case BODY_BIZSUBSCRIBE:
        return body_check_bizsubscribe(root, error);
    case BODY_ONCE:
        return body_check_once(root, message, error);
    }
    return ERRCODE_JSON;
}

static size_t body_chars(const char *text)
{
    size_t chars = 0;
    for (; *text != '\0'; text++)
        chars += ((unsigned char)*text & 0xc0) != 0x80;
    return chars;
}

static bool body_has_text(const json_t *object, const char *name)
{
    return json_string_length(json_object_get(object, name)) > 0;
}

/* What all messages with a template have. */
static int body_check_template(const json_t *root, char *error)
{
    if (!body_has_text(root, "template_id"))
        return ERRCODE_TEMPLATE_ID;
    return body_check_data(json_object_get(root, "data"), error);
}

/* "news" may have one article only. */
static int body_check_articles(const json_t *news)
{
    const json_t *articles = json_object_get(news, "articles");
    if (json_array_size(articles) == 0)
        return ERRCODE_NEWS_EMPTY;
    return json_array_size(articles) == 1 ? 0 : ERRCODE_ARTICLES;
}

static int body_check_menu(const json_t *menu)
{
    return json_array_size(json_object_get(menu, "list")) > 0 ? 0 : ERRCODE_PARAMETER;
}

static int body_check_part(const json_t *content, const struct body_part *part)
{
    if (part->member != NULL)
        return body_has_text(content, part->member) ? 0 : part->errcode;
    return strcmp(part->msgtype, "news") == 0 ? body_check_articles(content) : body_check_menu(content);
}

/* PREFIX@ACCOUNT: a prefix of 1 to 10 letters, digits or '_', an account of up to 30 characters; as
 * doc/service/api/customer/servicermanage/api_addkfaccount says. */
static bool body_kf_account_valid(const json_t *value)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const char *account = json_string_value(value);
    size_t prefix = account != NULL ? strspn(account, letters) : 0;
    return prefix >= 1 && prefix <= BODY_KF_PREFIX_CHARS_MAX && account[prefix] == '@' &&
           account[prefix + 1] != '\0' && body_chars(account + prefix + 1) <= BODY_KF_SUFFIX_CHARS_MAX;
}

static int body_check_custom(const json_t *root)
{
    const char *msgtype = json_string_value(json_object_get(root, "msgtype"));
    const json_t *service = json_object_get(root, "customservice");
    int errcode = ERRCODE_MSGTYPE; /* until the type is found */
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        if (msgtype == NULL || strcmp(msgtype, PARTS[i].msgtype) != 0)
            continue;
        errcode = body_check_part(json_object_get(root, msgtype), &PARTS[i]);
        if (errcode != 0)
            return errcode;
    }
    if (errcode == 0 && service != NULL && !body_kf_account_valid(json_object_get(service, "kf_account")))
        return ERRCODE_KF_ACCOUNT;
    return errcode;
}

static bool body_text_or_absent(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return value == NULL || json_is_string(value);
}

static int body_check_subscribe(const json_t *root, char *error)
{
    const json_t *state = json_object_get(root, "miniprogram_state");
    const char *text = json_string_value(state);
    int errcode = body_check_template(root, error);
    if (errcode != 0)
        return errcode;
    if (!body_text_or_absent(root, "page"))
        return ERRCODE_PAGE;
    if (state == NULL || (text != NULL && (strcmp(text, "developer") == 0 || strcmp(text, "trial") == 0 ||
                                           strcmp(text, "formal") == 0)))
        return 0;
    snprintf(error, BODY_ERROR_BYTES_MAX, "argument invalid! miniprogram_state invalid");
    return ERRCODE_ARGUMENT;
}

static int body_check_bizsubscribe(const json_t *root, char *error)
{
    int errcode = body_check_template(root, error);
    if (errcode != 0)
        return errcode;
    return body_text_or_absent(root, "page") ? body_check_program(root) : ERRCODE_PAGE;
}

static int body_check_program(const json_t *root)
{
    const json_t *program = json_object_get(root, "miniprogram");
    if (program != NULL && !body_has_text(program, "appid"))
        return ERRCODE_PROGRAM_APPID;
    return body_text_or_absent(program, "pagepath") ? 0 : ERRCODE_PROGRAM_PAGE;
}

/* Where a click on a message of template/send or template/subscribe leads. */
static int body_check_links(const json_t *root)
{
    return body_text_or_absent(root, "url") ? body_check_program(root) : ERRCODE_URL;
}

/* WeChat's example has the scene as a string, its table as a number. 0 and *scene, or -1. */
static int body_read_scene(const json_t *value, int64_t *scene)
{
    const char *text = json_string_value(value);
    double number = json_number_value(value);
    if (text != NULL)
        return number_read(text, 0, BODY_SCENE_MAX, scene);
    if (!json_is_number(value) || number < 0 || number > BODY_SCENE_MAX || number != (double)(int64_t)number)
        return -1;
    *scene = (int64_t)number;
    return 0;
}

/* One-time subscription; doc/service/api/notify/subscribe/api_templatesubscribe. */
static int body_check_once(const json_t *root, struct body_message *message, char *error)
{
    const char *title = json_string_value(json_object_get(root, "title"));
    json_t *data = json_object_get(root, "data");
    const char *content = json_string_value(json_object_get(json_object_get(data, "content"), "value"));
    const char *wrong = NULL;
    int errcode = body_has_text(root, "template_id") ? body_check_links(root) : ERRCODE_TEMPLATE_ID;
    if (errcode != 0)
        return errcode;
    if (body_read_scene(json_object_get(root, "scene"), &message->scene) != 0)
        wrong = "scene must be 0 to 10000";
    else if (title == NULL || title[0] == '\0' || body_chars(title) > BODY_TITLE_CHARS_MAX)
        wrong = "title must have 1 to 15 characters";
    else if (content == NULL || body_chars(content) > BODY_CONTENT_CHARS_MAX)
        wrong = "data.content.value must have up to 200 characters";
    if (wrong == NULL)
        return body_check_data(data, error);
    snprintf(error, BODY_ERROR_BYTES_MAX, "argument invalid! %s", wrong);
    return ERRCODE_ARGUMENT;
}

/* Every member of data must be an object with a string "value". */
static int body_check_data(json_t *data, char *error)
{
    if (!json_is_object(data)) {
        snprintf(error, BODY_ERROR_BYTES_MAX, "argument invalid! data is missing or no object");
        return ERRCODE_ARGUMENT;
    }
    for (void *at = json_object_iter(data); at != NULL; at = json_object_iter_next(data, at)) {
        const char *name = json_object_iter_key(at);
        if (json_is_string(json_object_get(json_object_iter_value(at), "value")))
            continue;
        int shown = (int)text_fit(name, strlen(name), BODY_NAME_BYTES_SHOWN);
        snprintf(error, BODY_ERROR_BYTES_MAX, "argument invalid! data.%.*s.value invalid", shown, name);
        return ERRCODE_ARGUMENT;
    }
    return 0;
}

static int body_check_client_id(const json_t *id, struct body_message *message, char *error)
{
    if (id == NULL)
        return 0;
    char *out = message->client_msg_id;
    if (body_copy_string(id, out, BODY_CLIENT_ID_BYTES_MAX) == 0 && out[0] != '\0' &&
        body_chars(out) <= BODY_CLIENT_ID_CHARS_MAX)
        return 0;
    out[0] = '\0';
    snprintf(error, BODY_ERROR_BYTES_MAX,
             "argument invalid! client_msg_id must be a string of 1 to %d characters",
             BODY_CLIENT_ID_CHARS_MAX);
    return ERRCODE_ARGUMENT;
}

/*
 * Whether a \uXXXX stands for something other than a control character. WeChat wants such characters raw
 * (error 40033). The bytes are known to be JSON, so a backslash stands only in a string and is complete.
 */
static bool body_has_needless_escape(const char *bytes, size_t count)
{
    const char *end = bytes + count;
    const char *at = bytes;
    while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL) {
        if (at[1] == 'u') {
            char digits[5] = {at[2], at[3], at[4], at[5], '\0'};
            unsigned long code = strtoul(digits, NULL, 16);
            bool control = code < 0x20 || (code >= 0x7f && code <= 0x9f);
            if (!control)
                return true;
        }
        at += 2;
    }
    return false;
}

static int body_take_member(const struct body_member *member, const json_t *value)
{
    if (member->string != NULL) {
        if (!json_is_string(value) || json_string_length(value) > BODY_MEMBER_BYTES_MAX)
            return -1;
        free(*member->string);
        *member->string = memory_copy(json_string_value(value));
        return 0;
    }
    if (!json_is_integer(value) && !json_is_boolean(value))
        return -1;
    *member->number = json_is_integer(value) ? json_integer_value(value) : json_is_true(value);
    return 0;
}

/* Copies a string of at most `max` bytes without a NUL in it; anything else gives -1 and "". */
static int body_copy_string(const json_t *value, char *out, size_t max)
{
    const char *text = json_string_value(value);
    size_t bytes = json_string_length(value);
    out[0] = '\0';
    if (text == NULL || bytes > max || memchr(text, '\0', bytes) != NULL)
        return -1;
    memcpy(out, text, bytes + 1);
    return 0;
}
