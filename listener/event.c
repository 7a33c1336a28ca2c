/* What the fields of a callback's body mean. Sources: "接收普通消息", "接收事件推送", "模板消息" (事件推送) and "订阅通知事件推送" of WeChat's
 * documentation. */
#include "listener/event.h"

#include <strings.h>

#include "listener/event_fields.h"

#define ERROR_CODE_BYTES_MAX 20 /* digits and sign of 64 bits */

struct reading {
    struct event_fields fields;
    struct event *out;
    struct buf *error;
};

static int gather(struct event_fields *f, struct span body, struct buf *error);
static void give_reasons(struct event_fields *f);
static int read_common(struct reading *r);
static int read_message(struct reading *r);
static int read_named_event(struct reading *r);
static int read_key(struct reading *r);
static int read_job_receipt(struct reading *r);
static int read_item_receipts(struct reading *r);
static int read_item_receipt(struct reading *r, const struct field *item, struct event_receipt *receipt);
static int is_blocked(int64_t errcode, struct span words);
static int read_text(struct reading *r, const struct field *field, const char *name, int is_required, struct span *out);
static int read_count(struct reading *r, const struct field *field, const char *name, int is_required, int64_t *out);
static int parse_int64(struct span text, int64_t *out);
static int is_word(struct span text, const char *word);
static int has_word(struct span text, const char *word);
static int has_control(struct span text);
static int refuse(struct buf *error, const char *name, const char *reason);

int event_read(struct span body, struct event *out, struct buf *scratch, struct buf *error)
{
    struct reading r = {.fields = {.scratch = scratch}, .out = out, .error = error};
    *out = (struct event){.kind = EVENT_OTHER};
    if (gather(&r.fields, body, error) != 0)
        return -1;
    give_reasons(&r.fields); /* from here on scratch does not move */
    if (read_common(&r) != 0)
        return -1;
    return is_word(out->type, "event") ? read_named_event(&r) : read_message(&r);
}

int event_read_encrypted(struct span body, struct span *encrypt, struct buf *scratch, struct buf *error)
{
    struct reading r = {.fields = {.scratch = scratch}, .error = error};
    *encrypt = (struct span){NULL, 0};
    if (gather(&r.fields, body, error) != 0)
        return -1;
    return read_text(&r, &r.fields.of[FIELD_ENCRYPT], "Encrypt", 1, encrypt);
}

static int gather(struct event_fields *f, struct span body, struct buf *error)
{
    buf_clear(f->scratch);
    buf_reserve(f->scratch, 1); /* so that empty texts lie somewhere, too */
    if (body.bytes > EVENT_BODY_BYTES_MAX)
        return refuse(error, "body", "longer than 64 KiB");
    if (body.bytes >= 3 && memcmp(body.data, "\xef\xbb\xbf", 3) == 0) /* a byte order mark */
        body = (struct span){body.data + 3, body.bytes - 3};
    while (body.bytes > 0 && memchr(" \t\r\n", body.data[0], 4) != NULL)
        body = (struct span){body.data + 1, body.bytes - 1};
    if (body.bytes > 0 && body.data[0] == '<')
        return event_fields_xml(f, body, error);
    if (body.bytes > 0 && body.data[0] == '{')
        return event_fields_json(f, body, error);
    return refuse(error, "body", body.bytes ? "neither XML nor JSON" : "empty");
}

/* An item that has a code and no words gets words. */
static void give_reasons(struct event_fields *f)
{
    for (size_t i = 0; i < f->item_count && i < EVENT_RECEIPTS_MAX; i++) {
        struct field *code = &f->items[i][ITEM_ERROR_CODE], *words = &f->items[i][ITEM_ERROR_STATUS];
        if (words->seen > 1 || words->is_wrong || words->bytes > 0 || code->bytes == 0 || code->bytes > ERROR_CODE_BYTES_MAX)
            continue;
        char digits[ERROR_CODE_BYTES_MAX + 1];
        span_to_text(digits, sizeof digits, (struct span){f->scratch->data + code->at, code->bytes});
        *words = (struct field){.at = f->scratch->bytes, .seen = 1};
        buf_printf(f->scratch, "errcode %s", digits);
        words->bytes = f->scratch->bytes - words->at;
    }
}

static int read_common(struct reading *r)
{
    const struct field *of = r->fields.of;
    struct event *e = r->out;
    if (read_text(r, &of[FIELD_OPENID], "FromUserName", 1, &e->openid) != 0)
        return -1;
    if (e->openid.bytes > OPENID_BYTES_MAX)
        return refuse(r->error, "FromUserName", "longer than 128 bytes");
    if (has_control(e->openid))
        return refuse(r->error, "FromUserName", "has control characters");
    if (read_text(r, &of[FIELD_TO_USER], "ToUserName", 0, &e->to_user) != 0 || read_text(r, &of[FIELD_TYPE], "MsgType", 1, &e->type) != 0)
        return -1;
    return read_count(r, &of[FIELD_CREATED], "CreateTime", 1, &e->created_s);
}

static int read_message(struct reading *r)
{
    const struct field *of = r->fields.of;
    r->out->kind = EVENT_MESSAGE;
    if (read_count(r, &of[FIELD_MSG_ID], "MsgId", 0, &r->out->msg_id) != 0)
        return -1;
    return is_word(r->out->type, "text") ? read_text(r, &of[FIELD_CONTENT], "Content", 0, &r->out->content) : 0;
}

/* WeChat writes some names in capitals, and not the same ones everywhere. */
static int read_named_event(struct reading *r)
{
    static const struct {
        const char *name;
        enum event_kind kind;
        int (*read)(struct reading *r);
    } EVENTS[] = {
        {"subscribe", EVENT_FOLLOW, read_key},
        {"unsubscribe", EVENT_UNFOLLOW, NULL},
        {"SCAN", EVENT_SCAN, read_key},
        {"CLICK", EVENT_CLICK, read_key},
        {"scancode_push", EVENT_CLICK, read_key},
        {"scancode_waitmsg", EVENT_CLICK, read_key},
        {"VIEW", EVENT_OTHER, read_key},
        {"TEMPLATESENDJOBFINISH", EVENT_RECEIPT, read_job_receipt},
        {"subscribe_msg_sent_event", EVENT_RECEIPTS, read_item_receipts},
    };
    if (read_text(r, &r->fields.of[FIELD_NAME], "Event", 1, &r->out->name) != 0)
        return -1;
    for (size_t i = 0; i < sizeof EVENTS / sizeof *EVENTS; i++) {
        if (!is_word(r->out->name, EVENTS[i].name))
            continue;
        r->out->kind = EVENTS[i].kind;
        return EVENTS[i].read ? EVENTS[i].read(r) : 0;
    }
    return 0;
}

static int read_key(struct reading *r)
{
    static const char SCENE[] = "qrscene_";
    struct span *key = &r->out->key;
    if (read_text(r, &r->fields.of[FIELD_KEY], "EventKey", 0, key) != 0)
        return -1;
    if (r->out->kind == EVENT_FOLLOW && key->bytes >= sizeof SCENE - 1 && memcmp(key->data, SCENE, sizeof SCENE - 1) == 0)
        *key = (struct span){key->data + sizeof SCENE - 1, key->bytes - (sizeof SCENE - 1)};
    return 0;
}

/* Status: `success`, `failed:user block`, `failed: system failed`; others have been seen behind `failed:`. */
static int read_job_receipt(struct reading *r)
{
    struct event_receipt *receipt = &r->out->receipts[0];
    struct span status;
    if (read_count(r, &r->fields.of[FIELD_MSG_ID], "MsgID", 0, &receipt->msgid) != 0 ||
        read_text(r, &r->fields.of[FIELD_STATUS], "Status", 1, &status) != 0)
        return -1;
    r->out->receipt_count = 1;
    receipt->outcome = RECEIPT_DELIVERED;
    if (is_word(status, "success"))
        return 0;
    const size_t failed = strlen("failed");
    if (status.bytes < failed || !is_word((struct span){status.data, failed}, "failed"))
        return refuse(r->error, "Status", "neither success nor failed");
    size_t skip = failed;
    while (skip < status.bytes && memchr(": ", status.data[skip], 2) != NULL)
        skip++;
    receipt->reason = skip < status.bytes ? (struct span){status.data + skip, status.bytes - skip} : status;
    receipt->outcome = is_blocked(0, receipt->reason) ? RECEIPT_BLOCKED : RECEIPT_FAILED;
    return 0;
}

static int read_item_receipts(struct reading *r)
{
    if (r->fields.item_count == 0)
        return refuse(r->error, "List", "missing");
    if (r->fields.item_count > EVENT_RECEIPTS_MAX)
        return refuse(r->error, "List", "more than 16 receipts");
    for (size_t i = 0; i < r->fields.item_count; i++)
        if (read_item_receipt(r, r->fields.items[i], &r->out->receipts[i]) != 0)
            return -1;
    r->out->receipt_count = r->fields.item_count;
    return 0;
}

/* The code says how it went; where there is none, the words do. */
static int read_item_receipt(struct reading *r, const struct field *item, struct event_receipt *receipt)
{
    struct span code, words;
    if (read_count(r, &item[ITEM_MSG_ID], "MsgID", 0, &receipt->msgid) != 0 ||
        read_text(r, &item[ITEM_TEMPLATE_ID], "TemplateId", 0, &receipt->template_id) != 0 ||
        read_text(r, &item[ITEM_ERROR_CODE], "ErrorCode", 0, &code) != 0 ||
        read_text(r, &item[ITEM_ERROR_STATUS], "ErrorStatus", 0, &words) != 0)
        return -1;
    int64_t errcode = is_word(words, "success") ? 0 : -1;
    if (code.bytes > 0 && parse_int64(code, &errcode) != 0)
        return refuse(r->error, "ErrorCode", "not a whole number of 64 bits");
    if (code.bytes == 0 && words.bytes == 0)
        return refuse(r->error, "ErrorCode", "missing, and no ErrorStatus says how it went");
    receipt->outcome = errcode == 0 ? RECEIPT_DELIVERED : is_blocked(errcode, words) ? RECEIPT_BLOCKED : RECEIPT_FAILED;
    if (errcode != 0)
        receipt->reason = words;
    return 0;
}

/* By the recipient: 43101 has refused messages of this template, 43006 has blocked the account, 48002 receives nothing of it. */
static int is_blocked(int64_t errcode, struct span words)
{
    if (errcode == 43101 || errcode == 43006 || errcode == 48002)
        return 1;
    return has_word(words, "user") && (has_word(words, "block") || has_word(words, "refuse") || has_word(words, "reject"));
}

/* The text lies in scratch, which has all of them by now. */
static int read_text(struct reading *r, const struct field *field, const char *name, int is_required, struct span *out)
{
    *out = (struct span){r->fields.scratch->data + field->at, field->bytes};
    if (field->seen > 1)
        return refuse(r->error, name, "stands there more than once");
    if (field->is_wrong)
        return refuse(r->error, name, "neither a text nor a number");
    if (memchr(out->data, '\0', out->bytes) != NULL)
        return refuse(r->error, name, "has a NUL");
    if (is_required && out->bytes == 0)
        return refuse(r->error, name, field->seen ? "empty" : "missing");
    return 0;
}

/* An empty one that is not required is 0. */
static int read_count(struct reading *r, const struct field *field, const char *name, int is_required, int64_t *out)
{
    struct span text;
    *out = 0;
    if (read_text(r, field, name, is_required, &text) != 0)
        return -1;
    if (text.bytes > 0 && (parse_int64(text, out) != 0 || *out < 0))
        return refuse(r->error, name, "not a whole number from 0 to 9223372036854775807");
    return 0;
}

/* Digits, perhaps with a minus before them, and nothing else. */
static int parse_int64(struct span text, int64_t *out)
{
    int is_negative = text.bytes > 0 && text.data[0] == '-';
    size_t i = is_negative ? 1 : 0;
    int64_t value = 0;
    if (i == text.bytes)
        return -1;
    for (; i < text.bytes; i++) {
        int digit = text.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, digit, &value))
            return -1;
    }
    if (!is_negative && value == INT64_MIN)
        return -1;
    *out = is_negative ? value : -value; /* counted downwards: INT64_MIN has no positive */
    return 0;
}

static int is_word(struct span text, const char *word)
{
    return text.bytes == strlen(word) && strncasecmp(text.data, word, text.bytes) == 0;
}

static int has_word(struct span text, const char *word)
{
    size_t bytes = strlen(word);
    for (size_t i = 0; i + bytes <= text.bytes; i++)
        if (strncasecmp(text.data + i, word, bytes) == 0)
            return 1;
    return 0;
}

/* U+0000 to U+001F, U+007F, and U+0080 to U+009F, which are C2 80 to C2 9F. */
static int has_control(struct span text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        unsigned char c = (unsigned char)text.data[i], next = i + 1 < text.bytes ? (unsigned char)text.data[i + 1] : 0;
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0))
            return 1;
    }
    return 0;
}

static int refuse(struct buf *error, const char *name, const char *reason)
{
    buf_printf(error, "%s: %s", name, reason);
    return -1;
}
