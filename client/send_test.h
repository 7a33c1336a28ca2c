/* mega wechat send-test: one real message through the whole ring, and all that is known of it afterwards. */
#ifndef CLIENT_SEND_TEST_H
#define CLIENT_SEND_TEST_H

/* argv[0] is "send-test". Returns the exit status, which is that of mega send. */
int send_test_main(int argc, char **argv);

#endif
