/* The table of errcodes, in the order of the codes (errcode_find looks them up by halves), and that of the classes. */
#include "sender/errcode.h"

#include <assert.h>
#include <stddef.h>

static const struct errcode table[] = {
    {-1, ERRCODE_RETRY, "system busy", NULL},
    {0, ERRCODE_SENT, "ok", NULL},
    {40001, ERRCODE_TOKEN, "access token is not the latest one (token call: wrong AppSecret)",
     "if a token call was answered so, check app_secret"},
    {40002, ERRCODE_CONFIG, "wrong grant_type", "check that api_base is WeChat's"},
    {40003, ERRCODE_RECIPIENT, "invalid openid, or one of another account",
     "check that the openid is one of this account, and that the body says touser"},
    {40004, ERRCODE_REQUEST, "invalid media type", NULL},
    {40007, ERRCODE_REQUEST, "invalid media_id", NULL},
    {40008, ERRCODE_REQUEST, "invalid message type", NULL},
    {40013, ERRCODE_CONFIG, "invalid AppID", "check app_id"},
    {40014, ERRCODE_TOKEN, "invalid access token", NULL},
    {40033, ERRCODE_REQUEST, "\\uXXXX escapes are not allowed", NULL},
    {40034, ERRCODE_REQUEST, "invalid template size", NULL},
    {40035, ERRCODE_REQUEST, "invalid parameter", NULL},
    {40036, ERRCODE_REQUEST, "invalid template_id size", NULL},
    {40037, ERRCODE_DOUBTFUL, "invalid template_id",
     "check template_id in the template, and that the account has it"},
    {40038, ERRCODE_REQUEST, "invalid request format", NULL},
    {40039, ERRCODE_REQUEST, "invalid URL size", NULL},
    {40048, ERRCODE_REQUEST, "invalid URL", NULL},
    {40066, ERRCODE_REQUEST, "invalid URL", NULL},
    {40097, ERRCODE_REQUEST, "invalid arguments", NULL},
    {40125, ERRCODE_CONFIG, "invalid AppSecret", "check app_secret"},
    {40164, ERRCODE_CONFIG, "the IP address of this host is not in the whitelist",
     "add the IP address of this host to the whitelist of the account on mp.weixin.qq.com"},
    {40165, ERRCODE_REQUEST, "invalid mini program pagepath", NULL},
    {40166, ERRCODE_REQUEST, "invalid mini program AppID", NULL},
    {40168, ERRCODE_REQUEST, "invalid card", NULL},
    {40222, ERRCODE_CONFIG, "invalid request domain",
     "check api_base: it must be an address of WeChat that the account may use"},
    {40241, ERRCODE_DUPLICATE, "the same message within 60 seconds", NULL},
    {40243, ERRCODE_CONFIG, "AppSecret is frozen",
     "unfreeze the AppSecret on mp.weixin.qq.com; it takes effect after 10 minutes"},
    {40249, ERRCODE_REQUEST, "content is blocked", NULL},
    {40252, ERRCODE_PENDING, "content is being reviewed", NULL},
    {41001, ERRCODE_CONFIG, "access token is missing",
     "look for a proxy in front of WeChat that takes the query out of addresses"},
    {41002, ERRCODE_CONFIG, "AppID is missing", "set app_id"},
    {41004, ERRCODE_CONFIG, "AppSecret is missing", "set app_secret"},
    {41006, ERRCODE_REQUEST, "media_id is missing", NULL},
    {41030, ERRCODE_REQUEST, "invalid page", NULL},
    {42001, ERRCODE_TOKEN, "access token has expired", NULL},
    {42006, ERRCODE_CONFIG, "component token has expired",
     "use an account that is not run by a third-party platform"},
    {42007, ERRCODE_CONFIG, "authorisation was withdrawn",
     "ask the administrator of the account to authorise it again"},
    {43002, ERRCODE_REQUEST, "POST is required", NULL},
    {43003, ERRCODE_REQUEST, "HTTPS is required", NULL},
    {43004, ERRCODE_RECIPIENT, "recipient does not follow the account", NULL},
    {43005, ERRCODE_RECIPIENT, "recipient is no friend", NULL},
    {43006, ERRCODE_RECIPIENT, "recipient blocks the account", NULL},
    {43019, ERRCODE_RECIPIENT, "recipient is on the blacklist", NULL},
    {43101, ERRCODE_RECIPIENT, "recipient refused, or used up the one-time consent", NULL},
    {43108, ERRCODE_RECIPIENT_LATER, "another call for this recipient is in flight", NULL},
    {43116, ERRCODE_TEMPLATE_STOP, "template is banned",
     "see the notice on mp.weixin.qq.com, change the template with tset, or resume it with mega queue resume"},
    {43117, ERRCODE_RECIPIENT_LATER, "too many messages to this recipient", "send this recipient less"},
    {44002, ERRCODE_REQUEST, "body is empty", NULL},
    {44003, ERRCODE_REQUEST, "news content is empty", NULL},
    {44004, ERRCODE_REQUEST, "text content is empty", NULL},
    {44007, ERRCODE_DUPLICATE, "the same message id again", NULL},
    {45002, ERRCODE_REQUEST, "content is too long", NULL},
    {45003, ERRCODE_REQUEST, "title is too long", NULL},
    {45004, ERRCODE_REQUEST, "description is too long", NULL},
    {45005, ERRCODE_REQUEST, "URL is too long", NULL},
    {45006, ERRCODE_REQUEST, "picture URL is too long", NULL},
    {45007, ERRCODE_REQUEST, "voice is too long", NULL},
    {45008, ERRCODE_REQUEST, "too many articles", NULL},
    {45009, ERRCODE_QUOTA, "daily quota of the call is used up",
     "wait for the next day, or clear the quota: mega wechat clear-quota"},
    {45011, ERRCODE_PACE, "too many calls a minute",
     "send more slowly ([wechat] rate) if this comes again and again"},
    {45012, ERRCODE_REQUEST, "template is too large", NULL},
    {45014, ERRCODE_REQUEST, "template message is too large", NULL},
    {45015, ERRCODE_RECIPIENT, "time for an answer to this recipient is over", NULL},
    {45028, ERRCODE_QUOTA, "mass-message quota is used up", "wait for the next day"},
    {45040, ERRCODE_QUOTA, "monthly quota is used up",
     "wait for the next month, or ask for a larger quota on mp.weixin.qq.com"},
    {45047, ERRCODE_RECIPIENT, "too many customer-service messages to this recipient", NULL},
    {45061, ERRCODE_PACE, "called too often",
     "send more slowly ([wechat] rate) if this comes again and again"},
    {45072, ERRCODE_REQUEST, "invalid command", NULL},
    {45080, ERRCODE_REQUEST, "needs a message of the recipient within the last 30 s", NULL},
    {45081, ERRCODE_REQUEST, "is typing already", NULL},
    {45087, ERRCODE_TEMPLATE_STOP, "customer-service messages of this account are blocked",
     "see the notice on mp.weixin.qq.com, then resume the template with mega queue resume"},
    {45102, ERRCODE_QUOTA, "call is blocked for a while", "send more slowly ([wechat] rate)"},
    {45103, ERRCODE_REQUEST, "call was withdrawn", NULL},
    {45104, ERRCODE_QUOTA, "quota of the domain is used up",
     "wait, or ask for a larger quota on mp.weixin.qq.com"},
    {45109, ERRCODE_REQUEST, "call was withdrawn", NULL},
    {45166, ERRCODE_REQUEST, "content is blocked", NULL},
    {45168, ERRCODE_REQUEST, "content holds a forbidden word", NULL},
    {46004, ERRCODE_RECIPIENT, "unknown user", NULL},
    {47001, ERRCODE_REQUEST, "body is no valid JSON", NULL},
    {47002, ERRCODE_REQUEST, "\\uXXXX escapes are not allowed", NULL},
    {47003, ERRCODE_REQUEST, "invalid argument", NULL},
    {48001, ERRCODE_TEMPLATE_STOP, "account may not use this call",
     "see on mp.weixin.qq.com which calls the account may use, then resume the template with mega queue resume"},
    {48002, ERRCODE_RECIPIENT, "recipient has switched messages off", NULL},
    {48003, ERRCODE_CONFIG, "terms of mass messages are not accepted",
     "accept the terms on mp.weixin.qq.com"},
    {48004, ERRCODE_CONFIG, "call is banned for this account",
     "see the notice about the call on mp.weixin.qq.com"},
    {48006, ERRCODE_CONFIG, "no more clear_quota calls this month",
     "wait for the next month, or for the next day"},
    {48008, ERRCODE_TEMPLATE_STOP, "account may not send this type of message",
     "see on mp.weixin.qq.com what the account may send, then resume the template with mega queue resume"},
    {48011, ERRCODE_TEMPLATE_STOP, "template is disabled",
     "enable the template on mp.weixin.qq.com, then resume it with mega queue resume"},
    {50001, ERRCODE_CONFIG, "call is not authorised",
     "see on mp.weixin.qq.com whether the account may use the call"},
    {50002, ERRCODE_CONFIG, "account or user is limited",
     "look for a notice about the account on mp.weixin.qq.com"},
    {50004, ERRCODE_CONFIG, "account is barred from access tokens",
     "look for a notice about the account on mp.weixin.qq.com"},
    {50005, ERRCODE_RECIPIENT, "recipient does not follow the account", NULL},
    {61003, ERRCODE_CONFIG, "component is not authorised",
     "use an account that is not run by a third-party platform"},
    {61004, ERRCODE_CONFIG, "the IP address of this host is not in the whitelist",
     "add the IP address of this host to the whitelist of the account on mp.weixin.qq.com"},
    {61007, ERRCODE_CONFIG, "call is not authorised to the component",
     "use an account that is not run by a third-party platform"},
    {61024, ERRCODE_CONFIG, "account belongs to a component, which must get its tokens",
     "use an account that is not run by a third-party platform"},
    {61450, ERRCODE_RETRY, "system error", NULL},
    {61451, ERRCODE_REQUEST, "invalid parameter", NULL},
    {61452, ERRCODE_REQUEST, "invalid customer-service account", NULL},
    {89501, ERRCODE_CONFIG, "the administrator's consent to this host's IP address is awaited",
     "ask the administrator of the account to confirm the message he got in WeChat"},
    {89503, ERRCODE_CONFIG, "this host's IP address needs the administrator's consent",
     "ask the administrator of the account to confirm the message he got in WeChat"},
    {89506, ERRCODE_CONFIG, "the administrator refused this host's IP address for 24 hours",
     "ask the administrator of the account, then wait 24 hours"},
    {89507, ERRCODE_CONFIG, "the administrator refused this host's IP address for 1 hour",
     "ask the administrator of the account, then wait 1 hour"},
};

static const struct errcode_rule rules[] = {
    [ERRCODE_SENT] = {"sent", OUTCOME_SENT, CAUSE_NONE, "The message is sent."},
    [ERRCODE_PENDING] = {"pending", OUTCOME_PENDING, CAUSE_NONE,
                         "WeChat has taken the message, reviews it and delivers it by itself if it passes. It is not sent again; WeChat's receipt "
                         "makes it `delivered`, `blocked` or `failed`."},
    [ERRCODE_RETRY] = {"retry", OUTCOME_RETRY, CAUSE_BUSY,
                       "The message waits for its back-off and is tried again, up to max_attempts and max_age. When most answers "
                       "are of this class, the account slows down."},
    [ERRCODE_RECIPIENT_LATER] = {"recipient later", OUTCOME_RETRY, CAUSE_RECIPIENT,
                                 "As retry; until then nothing else goes to this recipient."},
    [ERRCODE_TOKEN] = {"token", OUTCOME_RETRY, CAUSE_TOKEN,
                       "The token keeper replaces the access token and the call is made again at once. The message does not count "
                       "it as a failure."},
    [ERRCODE_RECIPIENT] = {"recipient", OUTCOME_REFUSED, CAUSE_NONE,
                           "The message is refused, with WeChat's answer; or its fallback is tried. It can work once the recipient "
                           "has done something."},
    [ERRCODE_REQUEST] = {"request", OUTCOME_REFUSED, CAUSE_NONE,
                         "The message is refused, with WeChat's answer; or its fallback is tried. The message or its template has "
                         "to be changed."},
    [ERRCODE_DOUBTFUL] = {"doubtful", OUTCOME_REFUSED, CAUSE_DOUBTFUL,
                          "As request; but since WeChat gives this code by mistake now and then, a Push is tried once more after "
                          "its back-off."},
    [ERRCODE_DUPLICATE] = {"duplicate", OUTCOME_REFUSED, CAUSE_NONE,
                           "WeChat has the message already. After a call whose outcome was not known it counts as sent, else as "
                           "refused."},
    [ERRCODE_TEMPLATE_STOP] = {"template stopped", OUTCOME_RETRY, CAUSE_TEMPLATE,
                               "The template is paused in this account and its messages wait, this one too, until a person resumes "
                               "it or it is read again with tset."},
    [ERRCODE_PACE] = {"slower", OUTCOME_RETRY, CAUSE_PACE,
                      "The account stops until WeChat's next minute and goes on more slowly. The message keeps its place."},
    [ERRCODE_QUOTA] = {"quota", OUTCOME_RETRY, CAUSE_QUOTA,
                       "The account stops. One message at a time is tried as a probe, after [broker] probe and then less often, "
                       "until one gets through. All keep waiting; a Send is answered 500 at once."},
    [ERRCODE_CONFIG] = {"account stopped", OUTCOME_RETRY, CAUSE_ACCOUNT,
                        "A person has to act. The account stops, and probes, as for quota."},
};

const struct errcode *errcode_find(int64_t code)
{
    size_t low = 0, high = sizeof table / sizeof *table;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (table[middle].code == code)
            return &table[middle];
        if (table[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct errcode *errcode_next(const struct errcode *before)
{
    const struct errcode *next = before ? before + 1 : table;
    return next < table + sizeof table / sizeof *table ? next : NULL;
}

enum errcode_class errcode_class(int64_t code)
{
    const struct errcode *row = errcode_find(code);
    return row ? row->class : ERRCODE_REQUEST;
}

const struct errcode_rule *errcode_rule(enum errcode_class class)
{
    assert((size_t)class < sizeof rules / sizeof *rules);
    return &rules[class];
}

const char *errcode_advice(int64_t code)
{
    const struct errcode *row = errcode_find(code);
    return row ? row->advice : NULL;
}
