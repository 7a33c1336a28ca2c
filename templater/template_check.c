/* Walks a body along the rules (rules.h). The walk ends at the first fault: a template with one is
 * not used. */
#include "templater/template_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "templater/placeholder.h"
#include "templater/rules.h"
#include "templater/walk.h"

#define SCENE_BYTES_MAX 5

static void check_members(struct walk *w, const struct rules *rules);
static void check_value(struct walk *w, const struct rule *rule, struct json_token t);

/* --- values -------------------------------------------------------------------------------------------- */

/* Judges a value of another type than `wanted`. */
static void check_wrong_type(struct walk *w, const struct rule *rule, struct json_token t, const char *wanted)
{
    struct buf what = {0};
    int says_nothing = walk_skip(w, t);
    buf_printf(&what, "must be %s", wanted);
    if (says_nothing || (t.type == JSON_NUMBER && rule->type != RULE_OBJECT && rule->type != RULE_DATA))
        walk_judge(w, rule, buf_str(&what));
    else
        walk_fault(w, buf_str(&what));
    buf_free(&what);
}

static void check_text(struct walk *w, const struct rule *rule, struct json_token t)
{
    if (t.type == JSON_STRING && t.raw.bytes == 2 && rule->need != NEED_NOT)
        walk_judge(w, rule, "must not be empty");
    else if (t.type == JSON_NUMBER && rule->type == RULE_SCALAR)
        return;
    else if (t.type != JSON_STRING)
        check_wrong_type(w, rule, t, "a string");
}

static void keep_limit(struct walk *w, const struct template_limit *limit)
{
    struct template_findings *out = w->out;
    if (out->limit_count == out->limit_room) {
        out->limit_room = out->limit_room == 0 ? 8 : out->limit_room * 2;
        out->limits = mem_resize(out->limits, out->limit_room * sizeof *out->limits);
    }
    out->limits[out->limit_count++] = *limit;
}

/* Measures a string against what WeChat shows of it; what has placeholders is measured again when it is
 * filled in. Raw placeholders have no escapes, so each takes as much of the content as of the text. */
static void check_shown(struct walk *w, struct template_limit *limit, struct json_token t)
{
    struct placeholder_scan scan = {0};
    struct placeholder p;
    struct span text = walk_content(w, t);
    uint32_t placeholders = 0;
    int has_some = 0;
    limit->at = walk_at(w, t);
    limit->end = limit->at + t.raw.bytes;
    while (placeholder_next(t.raw, &scan, &p)) {
        has_some = 1;
        placeholders += template_value_chars(limit, (struct span){t.raw.data + p.at, p.bytes});
    }
    limit->chars = template_value_chars(limit, text) - placeholders;
    if (limit->one_line && template_value_has_lines(text))
        walk_warn(w, "has several lines; WeChat cuts it");
    if (limit->chars_max > 0 && limit->chars > limit->chars_max) {
        struct buf what = {0};
        buf_printf(&what, "is longer than WeChat shows, %u of %u characters", limit->chars, limit->chars_max);
        walk_warn(w, buf_str(&what));
        buf_free(&what);
    }
    if (has_some)
        keep_limit(w, limit);
}

/* The same for a placeholder that is the whole value. */
static void check_shown_later(struct walk *w, struct json_token t)
{
    struct template_limit limit = {0};
    if (w->member.bytes == 0 || !template_value_rules(w->kind, w->member, &limit))
        return;
    limit.at = walk_at(w, t);
    limit.end = limit.at + 1;
    keep_limit(w, &limit);
}

static void check_data_value(struct walk *w, const struct rule *rule, struct json_token t)
{
    struct template_limit limit = {0};
    int has_rules = w->member.bytes > 0 && template_value_rules(w->kind, w->member, &limit);
    if (t.type == JSON_STRING && t.raw.bytes == 2 && strcmp(w->kind, "template") != 0)
        walk_warn(w, "is empty; WeChat refuses that in most templates");
    else if (t.type == JSON_STRING && has_rules)
        check_shown(w, &limit, t);
    else if (t.type == JSON_NUMBER)
        walk_warn(w, "is a number; WeChat documents a string");
    else if (t.type != JSON_STRING)
        check_wrong_type(w, rule, t, "a string");
}

static void check_title(struct walk *w, const struct rule *rule, struct json_token t)
{
    struct template_limit limit = {.member = span_of(rule->name), .chars_max = RULE_TITLE_CHARS_MAX};
    check_text(w, rule, t);
    if (t.type == JSON_STRING)
        check_shown(w, &limit, t);
}

static void check_state(struct walk *w, const struct rule *rule, struct json_token t)
{
    static const char *const states[] = {"developer", "trial", "formal"};
    if (t.type != JSON_STRING || walk_has_placeholder(t) || t.raw.bytes == 2) {
        check_text(w, rule, t);
        return;
    }
    struct span state = walk_content(w, t);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (span_is(state, states[i]))
            return;
    walk_fault(w, "must be developer, trial or formal");
}

static void check_scene(struct walk *w, struct json_token t)
{
    if (t.type == JSON_STRING && walk_has_placeholder(t))
        return;
    struct span text = t.type == JSON_STRING ? walk_content(w, t) : t.raw;
    uint32_t scene = 0;
    int is_whole =
        (t.type == JSON_STRING || t.type == JSON_NUMBER) && text.bytes > 0 && text.bytes <= SCENE_BYTES_MAX;
    for (size_t i = 0; i < text.bytes && is_whole; i++) {
        is_whole = text.data[i] >= '0' && text.data[i] <= '9';
        scene = scene * 10 + (uint32_t)(text.data[i] - '0');
    }
    if (!is_whole || scene > RULE_SCENE_MAX)
        walk_fault(w, "must be a whole number from 0 to 10000");
}

static void check_msgtype(struct walk *w, const struct rule *rule, struct json_token t)
{
    struct buf what = {0};
    if (t.type != JSON_STRING || t.raw.bytes == 2) {
        check_text(w, rule, t);
    } else if (!walk_has_placeholder(t) && rules_content(walk_content(w, t)) == NULL) {
        buf_append_str(&what, "\"");
        walk_append_clean(&what, buf_span(&w->scratch));
        buf_append_str(&what, "\" is not known; known are ");
        rules_list_contents(&what);
        walk_fault(w, buf_str(&what));
    }
    buf_free(&what);
}

/* --- containers ---------------------------------------------------------------------------------------- */

static void check_object(struct walk *w, const struct rule *rule, struct json_token t)
{
    if (t.type != JSON_OBJECT) {
        check_wrong_type(w, rule, t, "an object");
        return;
    }
    if (rule->need == NEED_NOT) { /* empty, as programs write what they do not use */
        struct json_reader start = w->r;
        if (walk_skip(w, t))
            return;
        w->r = start;
    }
    check_members(w, rule->inside);
}

static void check_list(struct walk *w, const struct rule *rule, struct json_token t)
{
    struct buf what = {0};
    const struct rule item = {.type = RULE_OBJECT, .need = NEED_SURE, .inside = rule->inside};
    size_t count = 0, before = w->path.bytes;
    if (t.type != JSON_ARRAY) {
        check_wrong_type(w, rule, t, "an array");
        return;
    }
    for (t = json_next(&w->r); t.type != JSON_ARRAY_END && !walk_failed(w); t = json_next(&w->r), count++) {
        buf_printf(&w->path, "[%zu]", count);
        check_value(w, &item, t);
        walk_leave(w, before);
    }
    if (count == 0)
        walk_fault(w, "must not be empty");
    else if (rule->items_max > 0 && count > rule->items_max)
        buf_printf(&what, "must have exactly %zu; WeChat refuses more", rule->items_max);
    if (what.bytes > 0)
        walk_fault(w, buf_str(&what));
    buf_free(&what);
}

/* One member of "data". */
static void check_data_member(struct walk *w, const struct rule *rule, struct json_token name,
                              struct json_token t)
{
    const struct rule member = {.type = RULE_OBJECT, .need = rule->need, .inside = rules_value(rule->need)};
    struct span content = walk_content(w, name);
    int is_filtered =
        strcmp(w->kind, "template") == 0 && (span_is(content, "first") || span_is(content, "remark"));
    w->member = (struct span){NULL, 0};
    if (is_filtered)
        walk_warn(w, "WeChat does not show it any more");
    else if (!walk_has_placeholder(name))
        w->member = (struct span){w->text.data + walk_at(w, name) + 1, name.raw.bytes - 2};
    if (t.type == JSON_OBJECT || walk_is_placeholder(w, t))
        check_value(w, &member, t);
    else
        check_wrong_type(w, &member, t, "an object with a value");
}

static void fault_missing(struct walk *w, const char *name, enum rule_need need)
{
    const struct rule rule = {.need = need};
    struct buf what = {0};
    size_t before = walk_enter(w, span_of(name));
    buf_printf(&what, "missing; %s needs it", w->what);
    walk_judge(w, &rule, buf_str(&what));
    walk_leave(w, before);
    buf_free(&what);
}

static void check_data(struct walk *w, const struct rule *rule, struct json_token t)
{
    size_t count = 0;
    int has_content = strcmp(w->kind, "onetime") != 0; /* the one kind whose data has a member for sure */
    if (t.type == JSON_ARRAY) {
        if (walk_skip(w, t)) /* PHP writes an empty array so, whatever was to be in it */
            walk_warn(w, "is empty; WeChat has nothing to show");
        else
            walk_fault(w, "must be an object");
        return;
    }
    if (t.type != JSON_OBJECT) {
        check_wrong_type(w, rule, t, "an object");
        return;
    }
    for (t = json_next(&w->r); t.type == JSON_NAME && !walk_failed(w); t = json_next(&w->r), count++) {
        struct span name = walk_content(w, t);
        has_content |= span_is(name, "content") || walk_has_placeholder(t);
        size_t before = walk_enter(w, name);
        check_data_member(w, rule, t, json_next(&w->r));
        walk_leave(w, before);
    }
    if (!has_content)
        fault_missing(w, "content", NEED_SURE);
    else if (count == 0)
        walk_warn(w, "is empty; WeChat has nothing to show");
}

static void check_value(struct walk *w, const struct rule *rule, struct json_token t)
{
    if (walk_is_placeholder(w, t)) {
        if (rule->type == RULE_VALUE)
            check_shown_later(w, t);
        return;
    }
    switch (rule->type) {
    case RULE_TEXT:
    case RULE_SCALAR:
        check_text(w, rule, t);
        return;
    case RULE_VALUE:
        check_data_value(w, rule, t);
        return;
    case RULE_OBJECT:
        check_object(w, rule, t);
        return;
    case RULE_LIST:
        check_list(w, rule, t);
        return;
    case RULE_DATA:
        check_data(w, rule, t);
        return;
    case RULE_MSGTYPE:
        check_msgtype(w, rule, t);
        return;
    case RULE_STATE:
        check_state(w, rule, t);
        return;
    case RULE_SCENE:
        check_scene(w, t);
        return;
    case RULE_TITLE:
        check_title(w, rule, t);
        return;
    }
}

/* WeChat takes it, and all messages of the template go to one person. */
static void check_recipient(struct walk *w, const struct rule *rule, struct json_token t)
{
    if (strcmp(rule->name, "touser") == 0 && t.type == JSON_STRING && !walk_has_placeholder(t))
        walk_warn(w, "is the same for every message; it should be ${OPENID}");
}

static size_t find_rule(const struct rules *rules, struct span name)
{
    size_t i = 0;
    while (i < rules->count && !span_is(name, rules->rule[i].name))
        i++;
    return i;
}

/* Reads the members of an object whose { was read, to its }. */
static void check_members(struct walk *w, const struct rules *rules)
{
    char seen[RULES_MAX] = {0};
    int names_unknown = 0;
    struct json_token t = json_next(&w->r);
    for (; t.type == JSON_NAME && !walk_failed(w); t = json_next(&w->r)) {
        struct span name = walk_content(w, t);
        size_t i = find_rule(rules, name), before = walk_enter(w, name);
        struct json_token value = json_next(&w->r);
        names_unknown |= walk_has_placeholder(t);
        if (i == rules->count) {
            walk_skip(w, value);
        } else {
            if (seen[i]++)
                walk_warn(w, "stands there twice");
            seen[i] = 1;
            check_value(w, &rules->rule[i], value);
            check_recipient(w, &rules->rule[i], value);
        }
        walk_leave(w, before);
    }
    for (size_t i = 0; i < rules->count && !names_unknown; i++)
        if (!seen[i] && rules->rule[i].need != NEED_NOT)
            fault_missing(w, rules->rule[i].name, rules->rule[i].need);
}

/* --- the top ------------------------------------------------------------------------------------------- */

/* The rules of the content that "msgtype" names; NULL when that cannot be told. */
static const struct rules *find_content(struct walk *w)
{
    const struct rules *found = NULL;
    json_next(&w->r);
    for (struct json_token t = json_next(&w->r); t.type == JSON_NAME; t = json_next(&w->r)) {
        int is_msgtype = span_is(walk_content(w, t), "msgtype");
        t = json_next(&w->r);
        if (is_msgtype)
            found = t.type == JSON_STRING ? rules_content(walk_content(w, t)) : NULL;
        walk_skip(w, t);
    }
    return found;
}

/* The rules of a customer-service message and its content as one list. */
static struct rules join_content(struct walk *w, const struct rules *base, const struct rules *content,
                                 struct rule joined[RULES_MAX])
{
    const char *article = strchr("aeiou", content->what[0]) != NULL ? "an" : "a";
    memcpy(joined, base->rule, base->count * sizeof *joined);
    joined[base->count] = (struct rule){content->what, RULE_OBJECT, NEED_SURE, content, 0};
    snprintf(w->what, sizeof w->what, "%s %s message", article, content->what);
    return (struct rules){joined, base->count + 1, w->what};
}

void template_check(struct span text, struct span masked, const char *kind,
                    struct template_findings *findings)
{
    struct walk w = {.out = findings, .text = text, .masked = masked, .kind = kind};
    struct rule joined[RULES_MAX];
    struct rules rules = *rules_kind(kind);
    snprintf(w.what, sizeof w.what, "%s", rules.what);
    if (strcmp(kind, "custom") == 0) {
        json_open(&w.r, masked);
        const struct rules *content = find_content(&w);
        if (content != NULL)
            rules = join_content(&w, &rules, content, joined);
    }
    json_open(&w.r, masked);
    json_next(&w.r);
    check_members(&w, &rules);
    buf_free(&w.path);
    buf_free(&w.scratch);
}

void template_findings_free(struct template_findings *findings)
{
    buf_free(&findings->fault);
    buf_free(&findings->warnings);
    free(findings->limits);
}
