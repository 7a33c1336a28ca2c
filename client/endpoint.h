/* Where the broker and mega-task are: from the configuration, for every command of mega. */
#ifndef CLIENT_ENDPOINT_H
#define CLIENT_ENDPOINT_H

enum endpoint { ENDPOINT_FRONTEND, ENDPOINT_CONTROL, ENDPOINT_TASK };

/* The file that is read when none is named, if it is there. */
#define CONFIG_DEFAULT "/etc/mega-wechat/mega.conf"

/* The addresses when there is no configuration. */
#define FRONTEND_DEFAULT "tcp://127.0.0.1:9502"
#define CONTROL_DEFAULT  "ipc:///run/mega-wechat/control.ipc"
#define TASK_DEFAULT     "ipc:///run/mega-wechat/task.ipc"

/* A named configuration (`config` is not NULL) must be right, the default one may be missing. Returns 0 and the address, to be
 * freed by the caller, or -1 with the reasons printed. */
int endpoint_find(const char *config, enum endpoint which, char **address);

#endif
