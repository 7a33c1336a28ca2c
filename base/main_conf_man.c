/* Prints mega.conf(5), the page of the configuration, as roff. Runs while the project is built; nobody installs it.
 *
 * Sections, keys, values, ranges, defaults and their meaning come from the one table of keys, so the page has what the programs
 * know and nothing else. Only what is said about a section as a whole stands here; a section without such words has its keys.
 */
#include <stdio.h>
#include <string.h>

#include "base/conf_keys.h"
#include "base/conf_value.h"

/* Of a section as a whole. The order is the table's. */
static const struct {
    const char *section, *text;
} abouts[] = {
    {"server", "The TCP port and the store."},
    {"setting", "Names of the original service that still mean something."},
    {"pdo", "MySQL or MariaDB, where templates and tokens may come from."},
    {"wechat", "The official account of messages that name none. Further ones have sections of their own, with a NAME of 1 to "
               "32 letters, digits, - _ or . and the same keys."},
    {"log", "What is logged and where to."},
    {"broker", "Of mega-broker: the sockets, the store's limits, retries."},
    {"gateway", "Of mega-gateway: how long is waited."},
    {"templater", "Of mega-templater: where templates come from."},
    {"sender", "Of mega-sender: the calls to WeChat."},
    {"token", "Of mega-token."},
    {"task", "Of mega-task."},
    {"curve", "Keys of tcp sockets, see mega-keygen(1): without them only this host comes in."},
    {"listener", "Of mega-listener: WeChat's callbacks."},
    {"console", "Of mega-console: figures, health and operation over HTTP."},
    {"alarm", "Of mega-console: what people are told of, by which ways."},
    {"run", "What all processes share on this machine."},
};

/* Appends text as roff: no character of it is a request, an escape or a typographic quote. */
static void append_roff(struct buf *out, const char *text)
{
    if (*text == '.' || *text == '\'')
        buf_append_str(out, "\\&");
    for (const char *at = text; *at != '\0'; at++) {
        switch (*at) {
        case '\\':
            buf_append_str(out, "\\e");
            break;
        case '-':
            buf_append_str(out, "\\-");
            break;
        case '\'':
            buf_append_str(out, "\\(aq");
            break;
        case '"':
            buf_append_str(out, "\\(dq");
            break;
        case '^':
            buf_append_str(out, "\\(ha");
            break;
        case '~':
            buf_append_str(out, "\\(ti");
            break;
        default:
            buf_append(out, at, 1);
        }
    }
}

/* A value of the key as it is written in a file. */
static void append_bound(struct buf *out, const struct conf_key *key, uint64_t value)
{
    if (key->type == CONF_TIME)
        conf_format_time((int64_t)value, out);
    else if (key->type == CONF_SIZE || key->type == CONF_SIZE32)
        conf_format_size(value, out);
    else
        buf_printf(out, "%llu", (unsigned long long)value);
}

/* The choices of a key, without second names of a value: "stable, classic or external". */
static void append_choices(struct buf *out, const struct conf_choice *choices)
{
    const struct conf_choice *shown[32];
    size_t count = 0;
    for (const struct conf_choice *c = choices; c->name != NULL; c++) {
        size_t i = 0;
        while (i < count && shown[i]->value != c->value)
            i++;
        if (i == count && count < sizeof shown / sizeof *shown)
            shown[count++] = c;
    }
    for (size_t i = 0; i < count; i++)
        buf_printf(out, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", shown[i]->name);
}

/* What kind of value it takes, with its range. */
static void append_value(struct buf *out, const struct conf_key *key)
{
    static const char *const names[] = {
        [CONF_TEXT] = "text",
        [CONF_SECRET] = "secret text",
        [CONF_PATH] = "path",
        [CONF_URLS] = "addresses, http:// or https://",
        [CONF_ENDPOINT] = "tcp://HOST:PORT or ipc://PATH",
        [CONF_SOURCE] = "mysql or dir:PATH",
        [CONF_LISTEN] = "HOST:PORT",
        [CONF_ADDRESS] = "HOST:PORT",
        [CONF_NETWORKS] = "networks, ADDRESS or ADDRESS/BITS",
        [CONF_U32] = "number",
        [CONF_SIZE32] = "size",
        [CONF_SIZE] = "size",
        [CONF_TIME] = "time",
        [CONF_BACKOFF] = "times, each TIME or TIME*N",
        [CONF_WINDOW] = "COUNT/TIME",
        [CONF_WORKERS] = "number",
    };
    if (key->type == CONF_CHOICE) {
        append_choices(out, key->choices);
        return;
    }
    const char *name = (size_t)key->type < sizeof names / sizeof *names ? names[key->type] : NULL;
    buf_append_str(out, name != NULL ? name : "text");
    if (key->max == 0)
        return;
    buf_append_str(out, ", ");
    append_bound(out, key, key->min);
    buf_append_str(out, " to ");
    append_bound(out, key, key->max);
}

static void append_key(struct buf *out, const struct conf_key *key)
{
    struct buf value = {0};
    append_value(&value, key);
    buf_append_str(out, ".TP\n.BR ");
    append_roff(out, key->name);
    buf_append_str(out, " \" (");
    append_roff(out, buf_str(&value));
    if (key->default_text != NULL) {
        buf_append_str(out, "; default ");
        append_roff(out, key->default_text);
    }
    buf_append_str(out, ")\"\n");
    append_roff(out, key->help);
    buf_append_str(out, "\n");
    buf_free(&value);
}

static void append_heading(struct buf *out, const char *section)
{
    buf_append_str(out, ".SS [");
    append_roff(out, section);
    buf_append_str(out, strcmp(section, CONF_SECTION_ACCOUNT) == 0 ? "], [" CONF_SECTION_ACCOUNT ":NAME]\n" : "]\n");
    for (size_t i = 0; i < sizeof abouts / sizeof *abouts; i++) {
        if (strcmp(abouts[i].section, section) != 0)
            continue;
        append_roff(out, abouts[i].text);
        buf_append_str(out, "\n");
    }
}

static void append_keys(struct buf *out)
{
    const char *section = "";
    for (size_t k = 0; k < conf_key_count; k++) {
        const struct conf_key *key = &conf_keys[k];
        if (strcmp(section, key->section) != 0)
            append_heading(out, key->section);
        section = key->section;
        append_key(out, key);
    }
}

int main(void)
{
    struct buf out = {0};
    buf_append_str(&out,
                   ".\\\" Made by base/main_conf_man.c of base/conf_keys.c.\n"
                   ".TH MEGA.CONF 5 2026-11-28 \"Mega\\-WeChat " MEGA_VERSION "\" \"Mega\\-WeChat\"\n"
                   ".SH NAME\nmega.conf \\- the configuration of Mega\\-WeChat\n"
                   ".SH SYNOPSIS\n.I /etc/mega\\-wechat/mega.conf\n"
                   ".SH DESCRIPTION\n"
                   "One file for all programs: sections in brackets, a line\n.IB key \" = \" value\nfor each setting,\n"
                   "comments behind a semicolon.\n"
                   "A key that is left out has its default.\n"
                   "An unknown key is an error; those that the wechat.ini of the original service has for Swoole are named in one warning\n"
                   "and ignored.\n"
                   ".PP\n"
                   "A value ends before the first semicolon and loses the white space around it.\n"
                   "A value that needs either stands in quotes, double or single ones, in which nothing is escaped.\n"
                   "Times need a unit: ms, s, m, h or d.\nSizes take K, M or G, of 1024 bytes.\n"
                   "Relative paths begin in the folder of the file.\n"
                   "A secret may stand in a file of its own, whose first line it is:\n.IR key _file\nin the place of the key.\n"
                   ".PP\n"
                   "Every program has\n.B \\-\\-check\\-config\nand\n.BR \\-\\-dump\\-config .\n"
                   ".SH SECTIONS\n");
    append_keys(&out);
    buf_append_str(&out, ".SH SEE ALSO\n.BR mega (1),\n.BR mega\\-broker (8),\n.BR mega\\-gateway (8),\n.BR mega\\-sender (8),\n"
                         ".BR mega\\-task (8),\n.BR mega\\-templater (8),\n.BR mega\\-token (8)\n");
    size_t written = fwrite(out.data, 1, out.bytes, stdout);
    int failed = written != out.bytes || fflush(stdout) != 0;
    buf_free(&out);
    return failed;
}
