#include "base/conf_callback.h"

#include <string.h>

static int is_letter_or_digit(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static const char *key_error(const struct conf_account *account)
{
    const char *key = account->encoding_aes_key;
    if (*key == '\0')
        return NULL;
    for (const char *at = key; *at; at++)
        if (!is_letter_or_digit(*at))
            return "encoding_aes_key: holds something else than letters and digits; give the EncodingAESKey of WeChat's console";
    if (strlen(key) != CONF_AES_KEY_CHARACTERS)
        return "encoding_aes_key: has not 43 characters; give the EncodingAESKey of WeChat's console";
    if (account->token[0] == '\0')
        return "encoding_aes_key: needs token, which signs the callbacks; give that too";
    if (account->app_id[0] == '\0')
        return "encoding_aes_key: needs app_id, for which encrypted callbacks are; give that too";
    return NULL;
}

static const char *forward_error(const struct conf_account *account)
{
    const char *url = account->forward, *host = NULL;
    if (*url == '\0')
        return NULL;
    if (strncmp(url, "http://", 7) == 0)
        host = url + 7;
    else if (strncmp(url, "https://", 8) == 0)
        host = url + 8;
    if (host == NULL || strchr("/?#", *host) != NULL)
        return "forward: is no address; give https://HOST/PATH or http://HOST:PORT/PATH";
    for (const char *at = url; *at; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at > '~')
            return "forward: holds white space or a character beyond ASCII; write it as %XX";
    if (account->token[0] == '\0')
        return "forward: needs token, which signs the callbacks; give that too";
    return NULL;
}

const char *conf_callback_error(const struct conf_account *account)
{
    const char *error = key_error(account);
    return error ? error : forward_error(account);
}
