/* The configuration as an ini file. Goes by the same table as loading, so no key is left out. */
#include <string.h>

#include "base/conf_keys.h"
#include "base/conf_value.h"

static void dump_key(const struct conf_key *key, const void *base, int with_help, struct buf *out)
{
    if (key->type == CONF_WORKERS)
        return; /* is in [sender] slots */
    if (with_help)
        buf_printf(out, "; %s\n", key->help);
    if (key->type == CONF_LISTEN) {
        const struct conf *conf = base;
        for (size_t i = 0; i < conf->server.listen_count; i++) {
            buf_printf(out, "%s = ", key->name);
            conf_format_text(conf->server.listen[i], out);
            buf_append_str(out, "\n");
        }
        return;
    }
    buf_printf(out, "%s = ", key->name);
    conf_key_format(key, base, out);
    buf_append_str(out, "\n");
}

static void dump_accounts(const struct conf *conf, struct buf *out)
{
    for (size_t i = 0; i < conf->account_count; i++) {
        const struct conf_account *account = &conf->accounts[i];
        if (strcmp(account->name, CONF_ACCOUNT_DEFAULT) == 0)
            buf_append_str(out, "\n[" CONF_SECTION_ACCOUNT "]\n");
        else
            buf_printf(out, "\n[" CONF_SECTION_ACCOUNT ":%s]\n", account->name);
        for (size_t k = 0; k < conf_key_count; k++)
            if (strcmp(conf_keys[k].section, CONF_SECTION_ACCOUNT) == 0)
                dump_key(&conf_keys[k], account, i == 0, out);
    }
}

void conf_dump(const struct conf *conf, FILE *file)
{
    struct buf out = {0};
    const char *section = "";
    buf_printf(&out, "; from %s; secrets are masked\n", conf->path);
    for (size_t k = 0; k < conf_key_count; k++) {
        const struct conf_key *key = &conf_keys[k];
        int is_new = strcmp(section, key->section) != 0;
        int of_account = strcmp(key->section, CONF_SECTION_ACCOUNT) == 0;
        section = key->section;
        if (of_account && is_new)
            dump_accounts(conf, &out);
        if (of_account)
            continue;
        if (is_new)
            buf_printf(&out, "\n[%s]\n", section);
        dump_key(key, conf, 1, &out);
    }
    fwrite(out.data, 1, out.bytes, file);
    buf_free(&out);
}
