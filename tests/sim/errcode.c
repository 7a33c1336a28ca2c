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
    {-1, "system error"},
    {0, "ok"},
    {40001, "invalid credential, access_token is invalid or not latest"},
    {40002, "invalid grant_type"},
    {40003, "invalid openid"},
    {40008, "invalid message type"},
    {40013, "invalid appid"},
    {40014, "invalid access_token"},
    {40033, "invalid charset. please check your request, if include \\uxxxx will create fail!"},
    {40036, "invalid template_id size"},
    {40037, "invalid template_id"},
    {40039, "invalid url size"},
    {40066, "invalid url"},
    {40125, "invalid appsecret"},
    {40164, "invalid ip, not in whitelist"},
    {40165, "invalid weapp pagepath"},
    {40166, "invalid weapp appid"},
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
    {43019, "require remove blacklist"},
    {43101, "user refuse to accept the msg"},
    {43108, "concurrent calls to the same openid"},
    {43117, "calls to the same openid too frequent"},
    {44002, "empty post data"},
    {44003, "empty news data"},
    {44004, "empty content"},
    {45002, "content size out of limit"},
    {45008, "article size out of limit"},
    {45009, "reach max api daily quota limit"},
    {45011, "api minute-quota reach limit, must slower, retry next minute"},
    {45015, "response out of time limit or subscription is canceled"},
    {45047, "out of response count limit"},
    {45109, "api withdrawn"},
    {47001, "data format error"},
    {47003, "argument invalid!"},
    {48001, "api unauthorized"},
    {48004, "api forbidden for irregularities, view detail on mp.weixin.qq.com"},
    {50002, "user limited"},
    {61004, "access clientip is not registered"},
    {61451, "invalid parameter"},
    {61452, "invalid kf_account"},
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
