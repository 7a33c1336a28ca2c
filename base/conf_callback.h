/* Rules of an account's keys about WeChat's callbacks. Used by conf.c only. */
#ifndef BASE_CONF_CALLBACK_H
#define BASE_CONF_CALLBACK_H

#include "base/conf.h"

#define CONF_AES_KEY_CHARACTERS 43 /* 32 bytes in base64 without the "=" at the end, as WeChat's console gives them */

/* NULL, or what is wrong and what to do: "KEY: …". Never holds a value: these are secrets. */
const char *conf_callback_error(const struct conf_account *account);

#endif
