#include "sender/errcode_doc.h"

#include "sender/errcode.h"

static const char head[] =
    "# WeChat's error codes\n"
    "\n"
    "[简体中文](wechat-errors.zh-CN.md)\n"
    "\n"
    "What Mega-WeChat does with each errcode that WeChat can answer to a message. This page is written by\n"
    "`mega wechat errors --markdown` from the table that the senders use; `mega wechat errors CODE` tells of a single one.\n"
    "\n"
    "Only the number counts. WeChat's own words (`errmsg`), with the `rid` at their end, are kept with the message: of a refusal in its\n"
    "result, of other calls in `tries` (`mega queue show ID`). `mega wechat rid RID` asks WeChat what it knows of a call.\n"
    "\n"
    "WeChat publishes the meanings, not what to do about them: the classes follow from the meanings.\n"
    "\n"
    "## Classes\n"
    "\n"
    "| class | outcome | what happens |\n"
    "|---|---|---|\n";

static const char unknown[] =
    "\n"
    "A code that is not in the table counts as *request*: the message is refused and keeps WeChat's answer; it is never tried again behind\n"
    "the caller's back.\n"
    "\n"
    "What is no errcode:\n"
    "\n"
    "| answer | outcome | what happens |\n"
    "|---|---|---|\n"
    "| no connection, no TLS, nothing of the message written | retry | as *retry*; the next address of `api_base` is tried at once |\n"
    "| HTTP 300 to 499 | retry | something in front of WeChat refused it; as *retry* |\n"
    "| time-out, connection lost, HTTP 5xx, no JSON, no errcode | unknown | WeChat may have taken it: tried again with the same "
    "`client_msg_id` while WeChat remembers that; of kinds without one `[broker] on_unknown` decides |\n"
    "\n"
    "## Codes\n"
    "\n"
    "| errcode | class | meaning | what to do |\n"
    "|---|---|---|---|\n";

/* A cell: a bar would end it. */
static void put_cell(const char *text, struct buf *out)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '\\')
            buf_append_str(out, "\\");
        buf_append(out, text, 1);
    }
}

void errcode_doc_write(struct buf *out)
{
    buf_append_str(out, head);
    for (int class = 0; class < ERRCODE_CLASSES; class++) {
        const struct errcode_rule *rule = errcode_rule((enum errcode_class)class);
        buf_printf(out, "| %s | %s | ", rule->name, outcome_name(rule->outcome));
        put_cell(rule->happens, out);
        buf_append_str(out, " |\n");
    }
    buf_append_str(out, unknown);
    for (const struct errcode *row = errcode_next(NULL); row; row = errcode_next(row)) {
        buf_printf(out, "| %lld | %s | ", (long long)row->code, errcode_rule(row->class)->name);
        put_cell(row->meaning, out);
        buf_append_str(out, " | ");
        put_cell(row->advice ? row->advice : "", out);
        buf_append_str(out, row->advice ? " |\n" : "|\n");
    }
}
