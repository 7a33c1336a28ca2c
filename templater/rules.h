/* The rules for bodies: which members each kind of message has. One table, read by template_check.c.
 *
 * Sources: doc/service/api/notify/template/api_sendtemplatemessage,
 * doc/service/api/customer/message/api_sendcustommessage,
 * doc/service/api/notify/notify/api_sendnewsubscribemsg,
 * miniprogram/dev/api-backend/open-api/subscribe-message/subscribeMessage.send,
 * doc/service/api/notify/subscribe/api_templatesubscribe (all of developers.weixin.qq.com).
 */
#ifndef TEMPLATER_RULES_H
#define TEMPLATER_RULES_H

#include <stddef.h>

#include "base/buf.h"

enum rule_type {
    RULE_TEXT,    /* a string */
    RULE_SCALAR,  /* a string or a number */
    RULE_VALUE,   /* the value of a member of "data" */
    RULE_OBJECT,  /* an object with the members `inside` */
    RULE_LIST,    /* an array of such objects, at least one */
    RULE_DATA,    /* an object of objects, each with a value */
    RULE_MSGTYPE, /* the name of a content, see rules_content */
    RULE_STATE,   /* developer, trial or formal */
    RULE_SCENE,   /* a whole number from 0 to 10000, or a string of one */
    RULE_TITLE    /* a string that WeChat shows RULE_TITLE_CHARS_MAX characters of */
};

#define RULE_TITLE_CHARS_MAX 15
#define RULE_SCENE_MAX       10000

/* Whether WeChat refuses a message without it. */
enum rule_need {
    NEED_NOT,
    NEED_LIKELY, /* documented, but it may take the message: a warning */
    NEED_SURE    /* a fault */
};

struct rule {
    const char *name;
    enum rule_type type;
    enum rule_need need;
    const struct rules *inside; /* of objects and lists */
    size_t items_max;           /* of a list; 0 = no limit */
};

struct rules {
    const struct rule *rule;
    size_t count;
    const char *what; /* "a template message"; of a content its msgtype */
};

#define RULES_MAX 16 /* of one object */

/* The members at the top for a kind; kinds are those of template_mega.c. */
const struct rules *rules_kind(const char *kind);

/* The members of a customer-service message's content, by its msgtype; NULL when it is not known. */
const struct rules *rules_content(struct span msgtype);

/* Appends the known msgtypes with ", " between them. */
void rules_list_contents(struct buf *out);

/* The one member of a member of "data", in a message that needs "data" so much. */
const struct rules *rules_value(enum rule_need need);

#endif
