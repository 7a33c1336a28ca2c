/* mega wechat: WeChat itself. The commands are those of other programs, but for send-test, which is a client's. */
#ifndef CLIENT_WECHAT_H
#define CLIENT_WECHAT_H

/* argv[0] is "wechat". Returns the exit status. */
int wechat_main(int argc, char **argv);

#endif
