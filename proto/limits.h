/* Every limit of a message that crosses processes, with its unit and reason. The README says what happens on reaching each. */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

#define OPENID_BYTES_MAX  128 /* WeChat shows 28; keys of the store end at 511 bytes */
#define ACCOUNT_BYTES_MAX 32
#define ID_BYTES_MAX      64
#define TASK_BYTES_MAX    64
#define KEY_BYTES_MAX     32 /* characters of a template key: tmpl_key is char(32). A longer key just does not exist */
#define KEY_TEXT_BYTES_MAX (KEY_BYTES_MAX * 4) /* the same in bytes: utf8mb4 */
#define VARS_MAX          1024 /* variables of one message */
#define VAR_NAME_BYTES_MAX 256
#define REF_BYTES_MAX     64   /* of a packed ref, which the broker keeps while a caller waits */

/* A frontend request may have package_max_length and so much more: what a package of that size becomes must fit. */
#define REQUEST_BYTES_EXTRA 16384

/* What libzmq refuses by itself, closing the connection: bounds what a peer can make a process hold. Larger than the largest
 * package_max_length (64 MiB) with its extra. */
#define MESSAGE_BYTES_MAX (65 * 1024 * 1024)
#define REQUEST_BYTES_MAX MESSAGE_BYTES_MAX

#define RECEIPT_TEXT_BYTES_MAX 512 /* `message` of a receipt: WeChat's are some 30 bytes */

#define AT_AHEAD_MS_MAX (400LL * 86400 * 1000) /* at, in, ttl: 400 days */

#define MESSAGE_TEXT_BYTES_MAX 8192 /* `message` of a result; WeChat's answer is cut to fit */
#define NAME_BYTES_MAX         32   /* of a stage */
#define ENDPOINT_BYTES_MAX     255

#define RATE_MAX     1000000 /* messages a second that an operator may set; as of `rate` in the configuration */
#define KEY_RATE_MAX 1000000 /* $mega.rate: messages a second */
#define KIND_BYTES_MAX 32    /* of the name of a kind; the longest is bizsubscribe */

#endif
