/*
 * errcode.c - WeChat's error answers; see errcode.h.
 */
#include "tests/sim/errcode.h"

#include <stddef.h>
#include <string.h>

struct errcode_row {
    int errcode;
    const char *text;
};

static const struct errcode_row ROWS[] = {
    /* as published: WeChat's table of return codes, answers that users showed */
    {-1, "system error"},
    {0, "ok"},
    {40001, "invalid credential, access_token is invalid or not latest"},
    {40002, "invalid grant_type"},
    {40003, "invalid openid"},
    {40004, "invalid media type"},
    {40007, "invalid media_id"},
    {40008, "invalid message type"},
    {40013, "invalid appid"},
    {40014, "invalid access_token"},
    {40033, "invalid charset. please check your request, if include \\uxxxx will create fail!"},
    {40035, "invalid parameter"},
    {40036, "invalid template_id size"},
    {40037, "invalid template_id"},
    {40039, "invalid url size"},
    {40048, "invalid url domain"},
    {40066, "invalid url"},
    {40097, "invalid args"},
    {40125, "invalid appsecret"},
    {40164, "invalid ip, not in whitelist"},
    {40165, "invalid weapp pagepath"},
    {40166, "invalid weapp appid"},
    {40241, "The message is duplicate in 60 seconds"},
    {41001, "access_token missing"},
    {41002, "appid missing"},
    {41004, "appsecret missing"},
    {41006, "media_id missing"},
    {41030, "invalid page"},
    {42001, "access_token expired"},
    {43001, "require GET method"},
    {43002, "require POST method"},
    {43003, "require https"},
    {43004, "require subscribe"},
    {43005, "require friend relations"},
    {43006, "require not block"},
    {43019, "require remove blacklist"},
    {43101, "user refuse to accept the msg"},
    {44002, "empty post data"},
    {44003, "empty news data"},
    {44004, "empty content"},
    {45002, "content size out of limit"},
    {45003, "title size out of limit"},
    {45004, "description size out of limit"},
    {45005, "url size out of limit"},
    {45006, "picurl size out of limit"},
    {45007, "playtime out of limit"},
    {45008, "article size out of limit"},
    {45009, "reach max api daily quota limit"},
    {45011, "api minute-quota reach limit, must slower, retry next minute"},
    {45015, "response out of time limit or subscription is canceled"},
    {45028, "has no masssend quota"},
    {45047, "out of response count limit"},
    {46004, "user no exist"},
    {47001, "data format error"},
    {47003, "argument invalid!"},
    {48001, "api unauthorized"},
    {48002, "user block receive message"},
    {48004, "api forbidden for irregularities, view detail on mp.weixin.qq.com"},
    {48006, "forbid to clear quota because of reaching the limit"},
    {50001, "user unauthorized"},
    {50002, "user limited"},
    {50005, "user is unsubscribed"},
    {61003, "component is not authorized by this account"},
    {61004, "access clientip is not registered"},
    {61007, "api is unauthorized to component"},
    {61450, "system error"},
    {61451, "invalid parameter"},
    {61452, "invalid kf_account"},
    {76001, "rid not found"},
    {76002, "rid is error"},
    {76003, "could not query this rid,no permission"},
    {76021, "cgi_path not found, please check"},
    {76022, "could not use this cgi_path,no permission"},
    /* worded here: only the meaning is published */
    {40034, "invalid template size"},
    {40038, "invalid request format"},
    {40168, "weapp card is not linked to this account"},
    {40222, "invalid request idc domain"},
    {40243, "appsecret is frozen"},
    {40249, "message content is blocked"},
    {40252, "part of the template content is under review"},
    {42006, "component authorization expired"},
    {42007, "user authorization expired, authorize again"},
    {43108, "concurrent calls to the same openid"},
    {43116, "this template is banned"},
    {43117, "calls to the same openid too frequent"},
    {44007, "repeated msg id"},
    {45012, "template size out of limit"},
    {45014, "template message size out of limit"},
    {45040, "reach max api monthly quota limit"},
    {45061, "api calls too frequent"},
    {45072, "invalid typing command"},
    {45080, "typing needs a message of the user within 30 seconds"},
    {45081, "typing is shown already"},
    {45087, "customer service messages of this account are blocked"},
    {45102, "api calls too frequent, api blocked for a while"},
    {45103, "api withdrawn, see the announcement"},
    {45104, "reach max quota of this domain"},
    {45109, "api withdrawn"},
    {45166, "message content is not allowed"},
    {45168, "message content hits the keyword blacklist"},
    {47002, "do not use \\uxxxx escapes"},
    {48003, "mass-send terms are not accepted"},
    {48008, "no permission for this msgtype"},
    {48011, "this template is disabled"},
    {50004, "barred from access_token"},
    {61024, "use component_access_token instead"},
    {89501, "this ip awaits the administrator's confirmation"},
    {89503, "this ip needs the administrator's confirmation"},
    {89506, "this ip was refused by the administrator, retry after 24 hours"},
    {89507, "this ip was refused by the administrator, retry after 1 hour"},
};

const char *errcode_text(int errcode)
{
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        if (ROWS[i].errcode == errcode)
            return ROWS[i].text;
    return "simulated error";
}

void errcode_write(struct text *answer, int errcode, const char *message, const char *rid)
{
    struct text line = {0};
    text_puts(&line, message != NULL ? message : errcode_text(errcode));
    if (rid != NULL)
        text_printf(&line, " rid: %s", rid);
    text_printf(answer, "{\"errcode\":%d,\"errmsg\":", errcode);
    text_json(answer, line.bytes, line.used);
    text_puts(answer, "}");
    text_clear(&line);
}
