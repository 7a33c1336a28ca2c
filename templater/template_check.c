/* Walks a body along the rules (template_rules.h). The walk ends at the first fault: a template with one is
 * not used. */
#include "templater/template_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "templater/placeholder.h"
#include "templater/template_mega.h"
#include "templater/template_rules.h"

#define WHAT_BYTES_MAX  64
#define SCENE_BYTES_MAX 5

struct check {
    struct template_findings *out;
    struct span text, masked;
    struct json_reader r;
    const char *kind;
    char what[WHAT_BYTES_MAX]; /* "a text message" */
    struct buf path;           /* of the value that is looked at: data.first.value */
    struct buf scratch;
    struct span member; /* of "data": its name as it is written, without quotes; empty when it is not known */
};

static void check_members(struct check *c, const struct rules *rules);
static void check_value(struct check *c, const struct rule *rule, struct json_token t);

/* --- findings ------------------------------------------------------------------------------------------ */

static int failed(const struct check *c)
{
    return c->out->fault.bytes > 0;
}

static void fault(struct check *c, const char *what)
{
    if (failed(c))
        return;
    buf_append(&c->out->fault, c->path.data, c->path.bytes);
    buf_printf(&c->out->fault, ": %s", what);
}

static void warn(struct check *c, const char *what)
{
    if (failed(c) || c->out->warning_count++ >= TEMPLATE_WARNINGS_MAX)
        return;
    buf_append(&c->out->warnings, c->path.data, c->path.bytes);
    buf_printf(&c->out->warnings, ": %s\n", what);
}

/* Something that WeChat refuses where it needs the member, and may overlook elsewhere. */
static void judge(struct check *c, const struct rule *rule, const char *what)
{
    if (rule->need == NEED_SURE)
        fault(c, what);
    else
        warn(c, what);
}

/* Appends a text of the template, fit for one line of a terminal. */
static void append_clean(struct buf *to, struct span text)
{
    size_t from = to->bytes;
    template_quote(text, to);
    for (size_t i = from; i < to->bytes; i++)
        if ((unsigned char)to->data[i] < ' ' || to->data[i] == 0x7f)
            to->data[i] = '?';
}

/* Goes into a member. Returns what leave() wants. */
static size_t enter(struct check *c, struct span name)
{
    size_t before = c->path.bytes;
    if (before > 0)
        buf_append_str(&c->path, ".");
    append_clean(&c->path, name);
    return before;
}

static void leave(struct check *c, size_t before)
{
    c->path.bytes = before;
}

/* --- tokens -------------------------------------------------------------------------------------------- */

static size_t at_of(const struct check *c, struct json_token t)
{
    return (size_t)(t.raw.data - c->masked.data);
}

/* 1 for a placeholder outside of strings: no JSON has a $ there. */
static int is_placeholder(const struct check *c, struct json_token t)
{
    return t.type == JSON_NULL && c->text.data[at_of(c, t)] == '$';
}

/* 1 when there is a placeholder inside a string or name. */
static int has_placeholder(struct json_token t)
{
    struct placeholder_scan scan = {0};
    struct placeholder p;
    return placeholder_next(t.raw, &scan, &p);
}

/* The content of a string or name, until the next call. */
static struct span content_of(struct check *c, struct json_token t)
{
    buf_clear(&c->scratch);
    json_unescape(t.raw, &c->scratch);
    return buf_span(&c->scratch);
}

/* Reads a value to its end. Returns 1 when it says nothing: null, "", [] or {}. */
static int skip_value(struct check *c, struct json_token t)
{
    if (t.type != JSON_OBJECT && t.type != JSON_ARRAY)
        return t.type == JSON_NULL || (t.type == JSON_STRING && t.raw.bytes == 2);
    unsigned outside = c->r.depth - 1;
    int tokens = 0;
    while (c->r.depth > outside && json_next(&c->r).type != JSON_ERROR)
        tokens++;
    return tokens == 1;
}

/* --- values -------------------------------------------------------------------------------------------- */

/* Judges a value of another type than `wanted`. */
static void check_wrong_type(struct check *c, const struct rule *rule, struct json_token t,
                             const char *wanted)
{
    struct buf what = {0};
    int says_nothing = skip_value(c, t);
    buf_printf(&what, "must be %s", wanted);
    if (says_nothing || (t.type == JSON_NUMBER && rule->type != RULE_OBJECT && rule->type != RULE_DATA))
        judge(c, rule, buf_str(&what));
    else
        fault(c, buf_str(&what));
    buf_free(&what);
}

static void check_text(struct check *c, const struct rule *rule, struct json_token t)
{
    if (t.type == JSON_STRING && t.raw.bytes == 2 && rule->need != NEED_NOT)
        judge(c, rule, "must not be empty");
    else if (t.type == JSON_NUMBER && rule->type == RULE_SCALAR)
        return;
    else if (t.type != JSON_STRING)
        check_wrong_type(c, rule, t, "a string");
}

static void keep_limit(struct check *c, const struct template_limit *limit)
{
    struct template_findings *out = c->out;
    if (out->limit_count == out->limit_room) {
        out->limit_room = out->limit_room == 0 ? 8 : out->limit_room * 2;
        out->limits = mem_resize(out->limits, out->limit_room * sizeof *out->limits);
    }
    out->limits[out->limit_count++] = *limit;
}

/* Measures a string against what WeChat shows of it; what has placeholders is measured again when it is
 * filled in. Raw placeholders have no escapes, so each takes as much of the content as of the text. */
static void check_shown(struct check *c, struct template_limit *limit, struct json_token t)
{
    struct placeholder_scan scan = {0};
    struct placeholder p;
    struct span text = content_of(c, t);
    uint32_t placeholders = 0;
    int has_some = 0;
    limit->at = at_of(c, t);
    limit->end = limit->at + t.raw.bytes;
    while (placeholder_next(t.raw, &scan, &p)) {
        has_some = 1;
        placeholders += template_value_chars(limit, (struct span){t.raw.data + p.at, p.bytes});
    }
    limit->chars = template_value_chars(limit, text) - placeholders;
    if (limit->one_line && template_value_has_lines(text))
        warn(c, "has several lines; WeChat cuts it");
    if (limit->chars_max > 0 && limit->chars > limit->chars_max) {
        struct buf what = {0};
        buf_printf(&what, "is longer than WeChat shows, %u of %u characters", limit->chars, limit->chars_max);
        warn(c, buf_str(&what));
        buf_free(&what);
    }
    if (has_some)
        keep_limit(c, limit);
}

/* The same for a placeholder that is the whole value. */
static void check_shown_later(struct check *c, struct json_token t)
{
    struct template_limit limit = {0};
    if (c->member.bytes == 0 || !template_value_rules(c->kind, c->member, &limit))
        return;
    limit.at = at_of(c, t);
    limit.end = limit.at + 1;
    keep_limit(c, &limit);
}

static void check_data_value(struct check *c, const struct rule *rule, struct json_token t)
{
    struct template_limit limit = {0};
    int has_rules = c->member.bytes > 0 && template_value_rules(c->kind, c->member, &limit);
    if (t.type == JSON_STRING && t.raw.bytes == 2 && strcmp(c->kind, "template") != 0)
        warn(c, "is empty; WeChat refuses that in most templates");
    else if (t.type == JSON_STRING && has_rules)
        check_shown(c, &limit, t);
    else if (t.type == JSON_NUMBER)
        warn(c, "is a number; WeChat documents a string");
    else if (t.type != JSON_STRING)
        check_wrong_type(c, rule, t, "a string");
}

static void check_title(struct check *c, const struct rule *rule, struct json_token t)
{
    struct template_limit limit = {.member = span_of(rule->name), .chars_max = RULE_TITLE_CHARS_MAX};
    check_text(c, rule, t);
    if (t.type == JSON_STRING)
        check_shown(c, &limit, t);
}

static void check_state(struct check *c, const struct rule *rule, struct json_token t)
{
    static const char *const states[] = {"developer", "trial", "formal"};
    if (t.type != JSON_STRING || has_placeholder(t) || t.raw.bytes == 2) {
        check_text(c, rule, t);
        return;
    }
    struct span state = content_of(c, t);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (span_is(state, states[i]))
            return;
    fault(c, "must be developer, trial or formal");
}

static void check_scene(struct check *c, struct json_token t)
{
    if (t.type == JSON_STRING && has_placeholder(t))
        return;
    struct span text = t.type == JSON_STRING ? content_of(c, t) : t.raw;
    uint32_t scene = 0;
    int is_whole =
        (t.type == JSON_STRING || t.type == JSON_NUMBER) && text.bytes > 0 && text.bytes <= SCENE_BYTES_MAX;
    for (size_t i = 0; i < text.bytes && is_whole; i++) {
        is_whole = text.data[i] >= '0' && text.data[i] <= '9';
        scene = scene * 10 + (uint32_t)(text.data[i] - '0');
    }
    if (!is_whole || scene > RULE_SCENE_MAX)
        fault(c, "must be a whole number from 0 to 10000");
}

static void check_msgtype(struct check *c, const struct rule *rule, struct json_token t)
{
    struct buf what = {0};
    if (t.type != JSON_STRING || t.raw.bytes == 2) {
        check_text(c, rule, t);
    } else if (!has_placeholder(t) && rules_content(content_of(c, t)) == NULL) {
        buf_append_str(&what, "\"");
        append_clean(&what, buf_span(&c->scratch));
        buf_append_str(&what, "\" is not known; known are ");
        rules_list_contents(&what);
        fault(c, buf_str(&what));
    }
    buf_free(&what);
}

/* --- containers ---------------------------------------------------------------------------------------- */

static void check_object(struct check *c, const struct rule *rule, struct json_token t)
{
    if (t.type != JSON_OBJECT) {
        check_wrong_type(c, rule, t, "an object");
        return;
    }
    if (rule->need == NEED_NOT) { /* empty, as programs write what they do not use */
        struct json_reader start = c->r;
        if (skip_value(c, t))
            return;
        c->r = start;
    }
    check_members(c, rule->inside);
}

static void check_list(struct check *c, const struct rule *rule, struct json_token t)
{
    struct buf what = {0};
    const struct rule item = {.type = RULE_OBJECT, .need = NEED_SURE, .inside = rule->inside};
    size_t count = 0, before = c->path.bytes;
    if (t.type != JSON_ARRAY) {
        check_wrong_type(c, rule, t, "an array");
        return;
    }
    for (t = json_next(&c->r); t.type != JSON_ARRAY_END && !failed(c); t = json_next(&c->r), count++) {
        buf_printf(&c->path, "[%zu]", count);
        check_value(c, &item, t);
        leave(c, before);
    }
    if (count == 0)
        fault(c, "must not be empty");
    else if (rule->items_max > 0 && count > rule->items_max)
        buf_printf(&what, "must have exactly %zu; WeChat refuses more", rule->items_max);
    if (what.bytes > 0)
        fault(c, buf_str(&what));
    buf_free(&what);
}

/* One member of "data". */
static void check_data_member(struct check *c, const struct rule *rule, struct json_token name,
                              struct json_token t)
{
    const struct rule member = {.type = RULE_OBJECT, .need = rule->need, .inside = rules_value(rule->need)};
    struct span content = content_of(c, name);
    int is_filtered =
        strcmp(c->kind, "template") == 0 && (span_is(content, "first") || span_is(content, "remark"));
    c->member = (struct span){NULL, 0};
    if (is_filtered)
        warn(c, "WeChat does not show it any more");
    else if (!has_placeholder(name))
        c->member = (struct span){c->text.data + at_of(c, name) + 1, name.raw.bytes - 2};
    if (t.type == JSON_OBJECT || is_placeholder(c, t))
        check_value(c, &member, t);
    else
        check_wrong_type(c, &member, t, "an object with a value");
}

static void fault_missing(struct check *c, const char *name, enum rule_need need)
{
    const struct rule rule = {.need = need};
    struct buf what = {0};
    size_t before = enter(c, span_of(name));
    buf_printf(&what, "missing; %s needs it", c->what);
    judge(c, &rule, buf_str(&what));
    leave(c, before);
    buf_free(&what);
}

static void check_data(struct check *c, const struct rule *rule, struct json_token t)
{
    size_t count = 0;
    int has_content = strcmp(c->kind, "onetime") != 0; /* the one kind whose data has a member for sure */
    if (t.type == JSON_ARRAY) {
        if (skip_value(c, t)) /* PHP writes an empty array so, whatever was to be in it */
            warn(c, "is empty; WeChat has nothing to show");
        else
            fault(c, "must be an object");
        return;
    }
    if (t.type != JSON_OBJECT) {
        check_wrong_type(c, rule, t, "an object");
        return;
    }
    for (t = json_next(&c->r); t.type == JSON_NAME && !failed(c); t = json_next(&c->r), count++) {
        struct span name = content_of(c, t);
        has_content |= span_is(name, "content") || has_placeholder(t);
        size_t before = enter(c, name);
        check_data_member(c, rule, t, json_next(&c->r));
        leave(c, before);
    }
    if (!has_content)
        fault_missing(c, "content", NEED_SURE);
    else if (count == 0)
        warn(c, "is empty; WeChat has nothing to show");
}

static void check_value(struct check *c, const struct rule *rule, struct json_token t)
{
    if (is_placeholder(c, t)) {
        if (rule->type == RULE_VALUE)
            check_shown_later(c, t);
        return;
    }
    switch (rule->type) {
    case RULE_TEXT:
    case RULE_SCALAR:
        check_text(c, rule, t);
        return;
    case RULE_VALUE:
        check_data_value(c, rule, t);
        return;
    case RULE_OBJECT:
        check_object(c, rule, t);
        return;
    case RULE_LIST:
        check_list(c, rule, t);
        return;
    case RULE_DATA:
        check_data(c, rule, t);
        return;
    case RULE_MSGTYPE:
        check_msgtype(c, rule, t);
        return;
    case RULE_STATE:
        check_state(c, rule, t);
        return;
    case RULE_SCENE:
        check_scene(c, t);
        return;
    case RULE_TITLE:
        check_title(c, rule, t);
        return;
    }
}

static size_t find_rule(const struct rules *rules, struct span name)
{
    size_t i = 0;
    while (i < rules->count && !span_is(name, rules->rule[i].name))
        i++;
    return i;
}

/* Reads the members of an object whose { was read, to its }. */
static void check_members(struct check *c, const struct rules *rules)
{
    char seen[RULES_MAX] = {0};
    int names_unknown = 0;
    struct json_token t = json_next(&c->r);
    for (; t.type == JSON_NAME && !failed(c); t = json_next(&c->r)) {
        struct span name = content_of(c, t);
        size_t i = find_rule(rules, name), before = enter(c, name);
        struct json_token value = json_next(&c->r);
        names_unknown |= has_placeholder(t);
        if (i == rules->count) {
            skip_value(c, value);
        } else {
            if (seen[i]++)
                warn(c, "stands there twice");
            seen[i] = 1;
            check_value(c, &rules->rule[i], value);
        }
        leave(c, before);
    }
    for (size_t i = 0; i < rules->count && !names_unknown; i++)
        if (!seen[i] && rules->rule[i].need != NEED_NOT)
            fault_missing(c, rules->rule[i].name, rules->rule[i].need);
}

/* --- the top ------------------------------------------------------------------------------------------- */

/* The rules of the content that "msgtype" names; NULL when that cannot be told. */
static const struct rules *find_content(struct check *c)
{
    const struct rules *found = NULL;
    json_next(&c->r);
    for (struct json_token t = json_next(&c->r); t.type == JSON_NAME; t = json_next(&c->r)) {
        int is_msgtype = span_is(content_of(c, t), "msgtype");
        t = json_next(&c->r);
        if (is_msgtype)
            found = t.type == JSON_STRING ? rules_content(content_of(c, t)) : NULL;
        skip_value(c, t);
    }
    return found;
}

/* The rules of a customer-service message and its content as one list. */
static struct rules join_content(struct check *c, const struct rules *base, const struct rules *content,
                                 struct rule joined[RULES_MAX])
{
    const char *article = strchr("aeiou", content->what[0]) != NULL ? "an" : "a";
    memcpy(joined, base->rule, base->count * sizeof *joined);
    joined[base->count] = (struct rule){content->what, RULE_OBJECT, NEED_SURE, content, 0};
    snprintf(c->what, sizeof c->what, "%s %s message", article, content->what);
    return (struct rules){joined, base->count + 1, c->what};
}

void template_check(struct span text, struct span masked, const char *kind,
                    struct template_findings *findings)
{
    struct check c = {.out = findings, .text = text, .masked = masked, .kind = kind};
    struct rule joined[RULES_MAX];
    struct rules rules = *rules_kind(kind);
    snprintf(c.what, sizeof c.what, "%s", rules.what);
    if (strcmp(kind, "custom") == 0) {
        json_open(&c.r, masked);
        const struct rules *content = find_content(&c);
        if (content != NULL)
            rules = join_content(&c, &rules, content, joined);
    }
    json_open(&c.r, masked);
    json_next(&c.r);
    check_members(&c, &rules);
    buf_free(&c.path);
    buf_free(&c.scratch);
}

void template_findings_free(struct template_findings *findings)
{
    buf_free(&findings->fault);
    buf_free(&findings->warnings);
    free(findings->limits);
}
