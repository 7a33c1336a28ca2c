/* Rules of an account's token keys. */
#include "base/conf_token.h"

#include <string.h>
#include <strings.h>

#define FETCHES_CLASSIC 60
#define FETCHES_OTHER   600

static const char *url_error(const char *url)
{
    static const char *const schemes[] = {"http://", "https://"};
    const char *host = NULL;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
            host = url + strlen(schemes[i]);
    if (host == NULL || strchr("/?#", *host) != NULL)
        return "token_url: is no address; give https://HOST/PATH or http://HOST:PORT/PATH";
    for (const char *at = url; *at; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at > '~')
            return "token_url: holds white space or a character beyond ASCII; write it as %XX";
    if (memchr(host, '@', strcspn(host, "/?#")) != NULL) /* hosts are named in the log */
        return "token_url: holds USER:PASSWORD@; give the secret in the path or the query";
    return NULL;
}

const char *conf_token_error(const struct conf_account *account, int has_dsn)
{
    int has_url = account->token_url[0] != '\0', has_sql = account->token_sql[0] != '\0';
    if (account->token_mode != TOKEN_EXTERNAL) {
        if (has_url)
            return "token_url: is for token_mode = external only; set that or remove this";
        if (has_sql)
            return "token_sql: is for token_mode = external only; set that or remove this";
        return NULL;
    }
    if (has_url && has_sql)
        return "token_url: is given together with token_sql; remove one of them";
    if (has_url)
        return url_error(account->token_url);
    if (!has_sql)
        return "token_mode: external needs token_url (an http address) or token_sql (a SELECT); give one of them";
    if (strncasecmp(account->token_sql, "select", 6) != 0 && strncasecmp(account->token_sql, "with", 4) != 0)
        return "token_sql: is no SELECT; give one that yields a row with the token";
    if (!has_dsn)
        return "token_sql: needs the database of [pdo] dsn; give that";
    return NULL;
}

uint32_t conf_token_fetches(enum conf_token_mode mode)
{
    return mode == TOKEN_CLASSIC ? FETCHES_CLASSIC : FETCHES_OTHER;
}
