/* For the tests of events: bodies as WeChat writes them, read from a copy that ends where the bytes end. */
#ifndef TESTS_UNIT_EVENT_CASE_H
#define TESTS_UNIT_EVENT_CASE_H

#include "listener/event.h"
#include "tests/unit/hex.h"

#define EVENT_HEAD \
    "<ToUserName><![CDATA[gh_7f083739789a]]></ToUserName><FromUserName><![CDATA[oia2TjuEGTNoeX76QEjQNrcURxG8]]></FromUserName>" \
    "<CreateTime>1395658920</CreateTime>"
#define EVENT_XML(name, more) "<xml>" EVENT_HEAD "<MsgType><![CDATA[event]]></MsgType><Event><![CDATA[" name "]]></Event>" more "</xml>"
#define EVENT_JSON_HEAD "\"ToUserName\":\"gh_1\",\"FromUserName\":\"oJson\",\"CreateTime\":1620963428"
#define EVENT_JSON(name, more) "{" EVENT_JSON_HEAD ",\"MsgType\":\"event\",\"Event\":\"" name "\"" more "}"

struct event_case {
    struct event event;
    struct buf scratch, error;
};

static inline int event_case_read_span(struct event_case *c, struct span body)
{
    struct span exact = hex_exact_copy(body);
    buf_clear(&c->error);
    int result = event_read(exact, &c->event, &c->scratch, &c->error);
    free((char *)exact.data);
    CHECK_INT(result == 0, c->error.bytes == 0);
    return result;
}

static inline void event_case_taken(struct event_case *c, const char *body)
{
    if (event_case_read_span(c, span_of(body)) != 0)
        fprintf(stderr, "%s\n  of %s\n", buf_str(&c->error), body);
    CHECK_U64(c->error.bytes, 0);
}

static inline void event_case_refused(struct event_case *c, const char *body, const char *reason)
{
    CHECK_INT(event_case_read_span(c, span_of(body)), -1);
    CHECK_HAS(buf_str(&c->error), reason);
}

static inline void event_case_free(struct event_case *c)
{
    buf_free(&c->scratch);
    buf_free(&c->error);
}

#endif
