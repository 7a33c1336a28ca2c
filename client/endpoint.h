/* Where the broker, mega-task and mega-listener are, and with which keys they are reached: from the configuration, for every command of mega. */
#ifndef CLIENT_ENDPOINT_H
#define CLIENT_ENDPOINT_H

#include "base/curve.h"

enum endpoint { ENDPOINT_FRONTEND, ENDPOINT_CONTROL, ENDPOINT_TASK, ENDPOINT_TOKEN, ENDPOINT_LISTENER };

/* The file that is read when none is named, if it is there. */
#define CONFIG_DEFAULT "/etc/mega-wechat/mega.conf"

/* The addresses when there is no configuration. */
#define FRONTEND_DEFAULT "tcp://127.0.0.1:9502"
#define CONTROL_DEFAULT  "ipc:///run/mega-wechat/control.ipc"
#define TASK_DEFAULT     "ipc:///run/mega-wechat/task.ipc"
#define TOKEN_DEFAULT    "ipc:///run/mega-wechat/token.ipc"
#define LISTENER_DEFAULT "ipc:///run/mega-wechat/listener.ipc"

/* What the options say, NULL where they say nothing; and the keys that follow from it. */
struct access {
    const char *config;     /* --config */
    const char *key;        /* --curve-key: file of the own pair */
    const char *server_key; /* --server-key: 40 characters or a file */
    struct curve_keys keys; /* filled in by endpoint_find; all empty without CURVE. Secret */
};

/* For getopt: --curve-key and --server-key, and their letters, which are no characters. */
enum access_letter { ACCESS_CURVE_KEY = 1000, ACCESS_SERVER_KEY };
#define ACCESS_HELP(pad)                                                                                               \
    "      --curve-key FILE " pad "your pair of keys, for tcp under CURVE (default: [curve] key of the configuration)\n"    \
    "      --server-key KEY " pad "the installation's public key, or a file of it; with --curve-key\n"

/* Takes such an option. Returns 1, or 0 when the letter is another one. */
int access_take(struct access *a, int letter, const char *value);

/* Finds an address, unless *address is given already, and the keys. A named configuration must be right, the default one may be
 * missing; it is not looked at when the address is given and no configuration is named. Returns 0 with the address, to be freed by
 * the caller, or -1 with the reasons printed. */
int endpoint_find(struct access *a, enum endpoint which, char **address);

/* A zsock that is connected there. Returns 0, or -1 with the reason printed. */
int endpoint_connect(void *socket, const struct access *a, const char *address);

#endif
