/*
 * body.h - reads and checks the JSON bodies of WeChat calls. Strict, like WeChat: what is sent must be JSON
 * (RFC 8259) in UTF-8. Duplicate and unknown members are taken without complaint.
 *
 * Pure: bytes in, a verdict out. Any bytes are allowed; nothing here ends the process.
 */
#ifndef SIM_BODY_H
#define SIM_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BODY_OPENID_BYTES_MAX      128
#define BODY_CLIENT_ID_CHARS_MAX   64 /* our choice: WeChat publishes no limit for client_msg_id */
#define BODY_CLIENT_ID_BYTES_MAX   (4 * BODY_CLIENT_ID_CHARS_MAX)
#define BODY_TEMPLATE_ID_BYTES_MAX 128 /* of those that are told; 43 have been seen */
#define BODY_SCENE_MAX             10000
#define BODY_TITLE_CHARS_MAX       15
#define BODY_CONTENT_CHARS_MAX     200
#define BODY_ERROR_BYTES_MAX       256
#define BODY_CREDENTIAL_BYTES_MAX  128
#define BODY_ARGUMENT_BYTES_MAX    256
#define BODY_MEMBER_BYTES_MAX      65536 /* of a string of a control call */

enum body_openid_policy {
    BODY_OPENID_ANY,  /* 1 to 128 bytes */
    BODY_OPENID_REAL, /* 28 characters, the first an 'o': as all published ones are */
};

/* What is to be sent. */
enum body_kind {
    BODY_TEMPLATE,     /* template/send */
    BODY_CUSTOM,       /* custom/send */
    BODY_SUBSCRIBE,    /* subscribe/send */
    BODY_BIZSUBSCRIBE, /* subscribe/bizsend */
    BODY_ONCE,         /* template/subscribe */
};

/* What the body of a message call says. */
struct body_message {
    char openid[BODY_OPENID_BYTES_MAX + 1];           /* "" until it was found valid */
    char client_msg_id[BODY_CLIENT_ID_BYTES_MAX + 1]; /* "" if absent; only template messages have one */
    char template_id[BODY_TEMPLATE_ID_BYTES_MAX + 1]; /* "" if absent or longer */
    int64_t scene;                                    /* of a one-time subscription, else 0 */
};

/* What a stable_token body says; "" for a member that is missing, too long or no string. */
struct body_grant {
    char grant_type[BODY_CREDENTIAL_BYTES_MAX + 1];
    char appid[BODY_CREDENTIAL_BYTES_MAX + 1];
    char secret[BODY_CREDENTIAL_BYTES_MAX + 1];
    bool force_refresh;
};

/* Checks the body of a message call in WeChat's order. 0, or the errcode to answer; then `error` holds an
 * errmsg, or is "" where the usual text of the code says it all. */
int body_read_message(const char *bytes, size_t count, enum body_kind kind, enum body_openid_policy policy,
                      struct body_message *message, char error[BODY_ERROR_BYTES_MAX]);

/* Reads a stable_token body. 0, 44002 (empty) or 47001 (not JSON, or force_refresh no boolean). */
int body_read_grant(const char *bytes, size_t count, struct body_grant *grant);

/* Reads a body of one string member; "" if that is missing, too long or no string. 0, 44002 or 47001. */
int body_read_argument(const char *bytes, size_t count, const char *member,
                       char argument[BODY_ARGUMENT_BYTES_MAX + 1]);

/* A member of a control call's body: a string, to be freed by the caller, or a whole number (false 0, true 1). */
struct body_member {
    const char *name;
    char **string;
    int64_t *number;
};

/* Reads an object that has some of these members, and no others. 0, or -1 and in `error` what is wrong; what was read before
 * is set then, too. */
int body_read_members(const char *bytes, size_t count, const struct body_member *members, size_t members_count,
                      char error[BODY_ERROR_BYTES_MAX]);

/* The errcode that an answer carries. 0 and *errcode, or -1: not a JSON object with such a number. */
int body_read_errcode(const char *bytes, size_t count, int *errcode);

#endif
