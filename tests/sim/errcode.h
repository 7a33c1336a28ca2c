/*
 * errcode.h - WeChat's error answers: {"errcode":N,"errmsg":"TEXT rid: …"}.
 */
#ifndef SIM_ERRCODE_H
#define SIM_ERRCODE_H

#include "tests/sim/text.h"

/* The codes that the simulator's own checks answer with. */
enum {
    ERRCODE_TOKEN_NOT_LATEST = 40001,
    ERRCODE_GRANT_TYPE = 40002,
    ERRCODE_OPENID = 40003,
    ERRCODE_MSGTYPE = 40008,
    ERRCODE_APPID = 40013,
    ERRCODE_TOKEN_UNKNOWN = 40014,
    ERRCODE_ESCAPES = 40033,
    ERRCODE_TEMPLATE_ID = 40037,
    ERRCODE_URL = 40066,
    ERRCODE_SECRET = 40125,
    ERRCODE_WHITELIST = 40164,
    ERRCODE_PROGRAM_PAGE = 40165,
    ERRCODE_PROGRAM_APPID = 40166,
    ERRCODE_REVIEW = 40252,
    ERRCODE_TOKEN_MISSING = 41001,
    ERRCODE_APPID_MISSING = 41002,
    ERRCODE_SECRET_MISSING = 41004,
    ERRCODE_MEDIA_MISSING = 41006,
    ERRCODE_PAGE = 41030,
    ERRCODE_TOKEN_EXPIRED = 42001,
    ERRCODE_NOT_GET = 43001,
    ERRCODE_NOT_POST = 43002,
    ERRCODE_NOT_FOLLOWING = 43004,
    ERRCODE_NO_CONSENT = 43101,
    ERRCODE_CONCURRENT = 43108,
    ERRCODE_BODY_EMPTY = 44002,
    ERRCODE_NEWS_EMPTY = 44003,
    ERRCODE_TEXT_EMPTY = 44004,
    ERRCODE_ARTICLES = 45008,
    ERRCODE_DAILY_QUOTA = 45009,
    ERRCODE_MINUTE_QUOTA = 45011,
    ERRCODE_NO_WINDOW = 45015,
    ERRCODE_WINDOW_USED = 45047,
    ERRCODE_JSON = 47001,
    ERRCODE_ARGUMENT = 47003,
    ERRCODE_CLEARS = 48006,
    ERRCODE_PARAMETER = 61451,
    ERRCODE_KF_ACCOUNT = 61452,
    ERRCODE_RID_UNKNOWN = 76001,
    ERRCODE_RID_FORM = 76002,
    ERRCODE_RID_BARRED = 76003,
    ERRCODE_PATH_UNKNOWN = 76021,
    ERRCODE_PATH_BARRED = 76022,
};

/* The text of a code, in WeChat's words where an original is published (errcode.c tells which); "simulated
 * error" for a code that the table lacks. */
const char *errcode_text(int errcode);

/* Adds the JSON answer. `message` NULL: errcode_text(). `rid` not NULL: the errmsg ends in " rid: RID". */
void errcode_write(struct text *answer, int errcode, const char *message, const char *rid);

#endif
