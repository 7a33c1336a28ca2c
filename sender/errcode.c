/* The table of errcodes, in the order of the codes: errcode_find looks it up by halves. */
#include "sender/errcode.h"

#include <stddef.h>

static const struct errcode table[] = {
    {-1, ERRCODE_RETRY, "system busy"},
    {0, ERRCODE_SENT, "ok"},
    {40001, ERRCODE_TOKEN, "access token is not the latest one (token call: wrong AppSecret)"},
    {40002, ERRCODE_CONFIG, "wrong grant_type"},
    {40003, ERRCODE_RECIPIENT, "invalid openid, or one of another account"},
    {40004, ERRCODE_REQUEST, "invalid media type"},
    {40007, ERRCODE_REQUEST, "invalid media_id"},
    {40008, ERRCODE_REQUEST, "invalid message type"},
    {40013, ERRCODE_CONFIG, "invalid AppID"},
    {40014, ERRCODE_TOKEN, "invalid access token"},
    {40033, ERRCODE_REQUEST, "\\uXXXX escapes are not allowed"},
    {40034, ERRCODE_REQUEST, "invalid template size"},
    {40035, ERRCODE_REQUEST, "invalid parameter"},
    {40036, ERRCODE_REQUEST, "invalid template_id size"},
    {40037, ERRCODE_REQUEST, "invalid template_id"},
    {40038, ERRCODE_REQUEST, "invalid request format"},
    {40039, ERRCODE_REQUEST, "invalid URL size"},
    {40048, ERRCODE_REQUEST, "invalid URL"},
    {40066, ERRCODE_REQUEST, "invalid URL"},
    {40097, ERRCODE_REQUEST, "invalid arguments"},
    {40125, ERRCODE_CONFIG, "invalid AppSecret"},
    {40164, ERRCODE_CONFIG, "the IP address of this host is not in the whitelist"},
    {40165, ERRCODE_REQUEST, "invalid mini program pagepath"},
    {40166, ERRCODE_REQUEST, "invalid mini program AppID"},
    {40168, ERRCODE_REQUEST, "invalid card"},
    {40222, ERRCODE_CONFIG, "invalid request domain"},
    {40241, ERRCODE_DUPLICATE, "the same message within 60 seconds"},
    {40243, ERRCODE_CONFIG, "AppSecret is frozen"},
    {40249, ERRCODE_REQUEST, "content is blocked"},
    {40252, ERRCODE_PENDING, "content is being reviewed"},
    {41001, ERRCODE_TOKEN, "access token is missing"},
    {41002, ERRCODE_CONFIG, "AppID is missing"},
    {41004, ERRCODE_CONFIG, "AppSecret is missing"},
    {41006, ERRCODE_REQUEST, "media_id is missing"},
    {41030, ERRCODE_REQUEST, "invalid page"},
    {42001, ERRCODE_TOKEN, "access token has expired"},
    {42006, ERRCODE_CONFIG, "component token has expired"},
    {42007, ERRCODE_CONFIG, "authorisation was withdrawn"},
    {43002, ERRCODE_REQUEST, "POST is required"},
    {43003, ERRCODE_REQUEST, "HTTPS is required"},
    {43004, ERRCODE_RECIPIENT, "recipient does not follow the account"},
    {43005, ERRCODE_RECIPIENT, "recipient is no friend"},
    {43006, ERRCODE_RECIPIENT, "recipient blocks the account"},
    {43019, ERRCODE_RECIPIENT, "recipient is on the blacklist"},
    {43101, ERRCODE_RECIPIENT, "recipient refused, or used up the one-time consent"},
    {43108, ERRCODE_RETRY, "another call for this recipient is in flight"},
    {43116, ERRCODE_TEMPLATE_STOP, "template is banned"},
    {43117, ERRCODE_RETRY, "too many messages to this recipient"},
    {44002, ERRCODE_REQUEST, "body is empty"},
    {44003, ERRCODE_REQUEST, "news content is empty"},
    {44004, ERRCODE_REQUEST, "text content is empty"},
    {44007, ERRCODE_DUPLICATE, "the same message id again"},
    {45002, ERRCODE_REQUEST, "content is too long"},
    {45003, ERRCODE_REQUEST, "title is too long"},
    {45004, ERRCODE_REQUEST, "description is too long"},
    {45005, ERRCODE_REQUEST, "URL is too long"},
    {45006, ERRCODE_REQUEST, "picture URL is too long"},
    {45007, ERRCODE_REQUEST, "voice is too long"},
    {45008, ERRCODE_REQUEST, "too many articles"},
    {45009, ERRCODE_QUOTA, "daily quota of the call is used up"},
    {45011, ERRCODE_RETRY, "too many calls a minute"},
    {45012, ERRCODE_REQUEST, "template is too large"},
    {45014, ERRCODE_REQUEST, "template message is too large"},
    {45015, ERRCODE_RECIPIENT, "time for an answer to this recipient is over"},
    {45028, ERRCODE_QUOTA, "mass-message quota is used up"},
    {45040, ERRCODE_QUOTA, "monthly quota is used up"},
    {45047, ERRCODE_RECIPIENT, "too many customer-service messages to this recipient"},
    {45061, ERRCODE_RETRY, "called too often"},
    {45072, ERRCODE_REQUEST, "invalid command"},
    {45080, ERRCODE_REQUEST, "needs a message of the recipient within the last 30 s"},
    {45081, ERRCODE_REQUEST, "is typing already"},
    {45087, ERRCODE_CONFIG, "customer-service messages of this account are blocked"},
    {45102, ERRCODE_RETRY, "call is blocked for a while"},
    {45103, ERRCODE_REQUEST, "call was withdrawn"},
    {45104, ERRCODE_QUOTA, "quota of the domain is used up"},
    {45109, ERRCODE_REQUEST, "call was withdrawn"},
    {45166, ERRCODE_REQUEST, "content is blocked"},
    {45168, ERRCODE_REQUEST, "content holds a forbidden word"},
    {46004, ERRCODE_RECIPIENT, "unknown user"},
    {47001, ERRCODE_REQUEST, "body is no valid JSON"},
    {47002, ERRCODE_REQUEST, "\\uXXXX escapes are not allowed"},
    {47003, ERRCODE_REQUEST, "invalid argument"},
    {48001, ERRCODE_CONFIG, "account may not use this call"},
    {48002, ERRCODE_RECIPIENT, "recipient has switched messages off"},
    {48003, ERRCODE_CONFIG, "terms of mass messages are not accepted"},
    {48004, ERRCODE_CONFIG, "call is banned for this account"},
    {48006, ERRCODE_CONFIG, "no more clear_quota calls this month"},
    {48008, ERRCODE_CONFIG, "account may not send this type of message"},
    {48011, ERRCODE_TEMPLATE_STOP, "template is disabled"},
    {50001, ERRCODE_CONFIG, "call is not authorised"},
    {50002, ERRCODE_CONFIG, "account or user is limited"},
    {50004, ERRCODE_CONFIG, "account is barred from access tokens"},
    {50005, ERRCODE_RECIPIENT, "recipient does not follow the account"},
    {61003, ERRCODE_CONFIG, "component is not authorised"},
    {61004, ERRCODE_CONFIG, "the IP address of this host is not in the whitelist"},
    {61007, ERRCODE_CONFIG, "call is not authorised to the component"},
    {61024, ERRCODE_CONFIG, "account belongs to a component, which must get its tokens"},
    {61450, ERRCODE_RETRY, "system error"},
    {61451, ERRCODE_REQUEST, "invalid parameter"},
    {61452, ERRCODE_REQUEST, "invalid customer-service account"},
    {89501, ERRCODE_CONFIG, "the administrator's consent to this host's IP address is awaited"},
    {89503, ERRCODE_CONFIG, "this host's IP address needs the administrator's consent"},
    {89506, ERRCODE_CONFIG, "the administrator refused this host's IP address for 24 hours"},
    {89507, ERRCODE_CONFIG, "the administrator refused this host's IP address for 1 hour"},
};

static const struct errcode advice[] = {
    {40001, ERRCODE_TOKEN, "check app_secret"},
    {40002, ERRCODE_CONFIG, "check that api_base is WeChat's"},
    {40013, ERRCODE_CONFIG, "check app_id"},
    {40125, ERRCODE_CONFIG, "check app_secret"},
    {40164, ERRCODE_CONFIG,
     "add the IP address of this host to the whitelist of the account on mp.weixin.qq.com"},
    {40243, ERRCODE_CONFIG, "unfreeze the AppSecret on mp.weixin.qq.com; it takes effect after 10 minutes"},
    {41002, ERRCODE_CONFIG, "set app_id"},
    {41004, ERRCODE_CONFIG, "set app_secret"},
    {45009, ERRCODE_QUOTA, "wait for the next day, or clear the quota on mp.weixin.qq.com"},
    {50004, ERRCODE_CONFIG, "look for a notice about the account on mp.weixin.qq.com"},
    {61004, ERRCODE_CONFIG,
     "add the IP address of this host to the whitelist of the account on mp.weixin.qq.com"},
    {61024, ERRCODE_CONFIG, "use an account that is not run by a third-party platform"},
    {89501, ERRCODE_CONFIG, "ask the administrator of the account to confirm the message he got in WeChat"},
    {89503, ERRCODE_CONFIG, "ask the administrator of the account to confirm the message he got in WeChat"},
    {89506, ERRCODE_CONFIG, "ask the administrator of the account, then wait 24 hours"},
    {89507, ERRCODE_CONFIG, "ask the administrator of the account, then wait 1 hour"},
};

/* The row of a code in rows that are in the order of their codes, or NULL. */
static const struct errcode *find(const struct errcode *rows, size_t count, int64_t code)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rows[middle].code == code)
            return &rows[middle];
        if (rows[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct errcode *errcode_find(int64_t code)
{
    return find(table, sizeof table / sizeof *table, code);
}

enum errcode_class errcode_class(int64_t code)
{
    const struct errcode *row = errcode_find(code);
    return row ? row->class : ERRCODE_REQUEST;
}

const char *errcode_advice(int64_t code)
{
    const struct errcode *row = find(advice, sizeof advice / sizeof *advice, code);
    return row ? row->meaning : NULL;
}
