/* The exchanges of tests/data/vectors.json, as far as one frame alone decides them: what the gateway makes of
 * the bytes before it asks the broker. Of several frames in one request the first one counts.
 */
#ifndef TESTS_UNIT_FRAME_VECTORS_H
#define TESTS_UNIT_FRAME_VECTORS_H

#include "gateway/frame.h"

struct frame_case {
    const char *name;
    struct span bytes;
    enum frame_status status;
    enum op op;
    uint32_t opaque;
    struct span openid, key, body;
    const char *body_error; /* the body is refused with a message that contains this; NULL = it is taken */
    enum code code;
    int closes;
    const char *message;
    int exact;              /* the message is this one; 0 = contains it */
};

#define BYTES(text) {text, sizeof text - 1}
#define SEND(opaque, openid, key, body, error) \
    FRAME_REQUEST, OP_SEND, opaque, BYTES(openid), BYTES(key), BYTES(body), error, 0, 0, NULL, 0
#define PUSH(opaque, openid, key, body, error) \
    FRAME_REQUEST, OP_PUSH, opaque, BYTES(openid), BYTES(key), BYTES(body), error, 0, 0, NULL, 0
#define TSET(opaque, key) \
    FRAME_REQUEST, OP_TSET, opaque, BYTES(""), BYTES(key), BYTES(""), NULL, 0, 0, NULL, 0
#define REFUSED(opaque, message, exact) \
    FRAME_REFUSED, OP_NONE, opaque, {0}, {0}, {0}, NULL, CODE_REFUSED, 0, message, exact
#define CLOSED(message, exact) FRAME_REFUSED, OP_NONE, 0, {0}, {0}, {0}, NULL, CODE_FAILED, 1, message, exact
#define PARTIAL FRAME_PARTIAL, OP_NONE, 0, {0}, {0}, {0}, NULL, 0, 0, NULL, 0
#define IGNORED FRAME_IGNORED, OP_NONE, 0, {0}, {0}, {0}, NULL, 0, 0, NULL, 0

static const struct frame_case frame_cases[] = {
    {"send_ok",
     BYTES("\000\000\000=\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\000\001\000\000\000\014{\"item\":\"x\"}"),
     SEND(1u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":\"x\"}", NULL)},
    {"send_ok_body_null",
     BYTES("\000\000\0005\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\000\002\000\000\000\004null"),
     SEND(2u, "oABCD1234567890abcdefghijkl", "test", "null", NULL)},
    {"send_errcode",
     BYTES("\000\000\000!\000\000\000\021send bad0001 test\000\000\000\003\000\000\000\004null"),
     SEND(3u, "bad0001", "test", "null", NULL)},
    {"send_errcode_unicode_errmsg",
     BYTES("\000\000\000 \000\000\000\020send badu01 test\000\000\000\004\000\000\000\004null"),
     SEND(4u, "badu01", "test", "null", NULL)},
    {"push_ok",
     BYTES("\000\000\000=\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000\005\000\000\000\014{\"item\":\"x\"}"),
     PUSH(5u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":\"x\"}", NULL)},
    {"push_errcode",
     BYTES("\000\000\000!\000\000\000\021push bad0002 test\000\000\000\006\000\000\000\004null"),
     PUSH(6u, "bad0002", "test", "null", NULL)},
    {"push_unknown_key",
     BYTES("\000\000\0006\000\000\000&push oABCD1234567890abcdefghijkl "
           "nokey\000\000\000\007\000\000\000\004null"),
     PUSH(7u, "oABCD1234567890abcdefghijkl", "nokey", "null", NULL)},
    {"send_unknown_key",
     BYTES("\000\000\0006\000\000\000&send oABCD1234567890abcdefghijkl "
           "nokey\000\000\000\010\000\000\000\004null"),
     SEND(8u, "oABCD1234567890abcdefghijkl", "nokey", "null", NULL)},
    {"tset_existing", BYTES("\000\000\000\021\000\000\000\011tset test\000\000\000\011"), TSET(9u, "test")},
    {"tset_existing_with_body",
     BYTES("\000\000\000\031\000\000\000\011tset test\000\000\000\012\000\000\000\004null"),
     TSET(10u, "test")},
    {"tset_unknown", BYTES("\000\000\000\022\000\000\000\012tset nokey\000\000\000\013"), TSET(11u, "nokey")},
    {"tset_no_key", BYTES("\000\000\000\014\000\000\000\004tset\000\000\000\015"),
     CLOSED("Unknown command", 1)},
    {"tset_empty_key", BYTES("\000\000\000\015\000\000\000\005tset \000\000\000\016"),
     REFUSED(14u, "template key not exists", 1)},
    {"tset_long_template", BYTES("\000\000\000\021\000\000\000\011tset long\000\000\000\017"),
     TSET(15u, "long")},
    {"send_long_template",
     BYTES("\000\000\0005\000\000\000%send oABCD1234567890abcdefghijkl "
           "long\000\000\000\020\000\000\000\004null"),
     SEND(16u, "oABCD1234567890abcdefghijkl", "long", "null", NULL)},
    {"unknown_command", BYTES("\000\000\000\027\000\000\000\007zzz a b\000\000\000\021\000\000\000\004null"),
     CLOSED("Unknown command", 1)},
    {"sxyz", BYTES("\000\000\000\024\000\000\000\004sxyz\000\000\000\022\000\000\000\004null"),
     CLOSED("Expect send but was sxyz", 1)},
    {"sxyz_params", BYTES("\000\000\000\030\000\000\000\010sxyz a b\000\000\000\023\000\000\000\004null"),
     CLOSED("Expect send but was sxyz", 1)},
    {"SEND_uppercase",
     BYTES("\000\000\000\033\000\000\000\013SEND a test\000\000\000\024\000\000\000\004null"),
     CLOSED("Unknown command", 1)},
    {"result_cmd", BYTES("\000\000\000\026\000\000\000\012result 200\000\000\000\030\000\000\000\000"),
     IGNORED},
    {"push_no_params", BYTES("\000\000\000\024\000\000\000\004push\000\000\000\035\000\000\000\004null"),
     CLOSED("Unknown command", 1)},
    {"push_one_param",
     BYTES("\000\000\0000\000\000\000 push oABCD1234567890abcdefghijkl\000\000\000\036\000\000\000\004null"),
     CLOSED("Unknown command", 1)},
    {"push_empty_key",
     BYTES("\000\000\0001\000\000\000!push oABCD1234567890abcdefghijkl \000\000\000\037\000\000\000\004null"),
     REFUSED(31u, "template key not exists", 1)},
    {"push_empty_openid",
     BYTES("\000\000\000\032\000\000\000\012push  test\000\000\000 \000\000\000\004null"),
     REFUSED(32u, "openid", 0)},
    {"send_no_params", BYTES("\000\000\000\024\000\000\000\004send\000\000\000\"\000\000\000\004null"),
     CLOSED("Unknown command", 1)},
    {"send_body_not_json",
     BYTES(
         "\000\000\0006\000\000\000%send oABCD1234567890abcdefghijkl test\000\000\000$\000\000\000\005hello"),
     SEND(36u, "oABCD1234567890abcdefghijkl", "test", "hello", "body")},
    {"send_body_empty",
     BYTES("\000\000\0001\000\000\000%send oABCD1234567890abcdefghijkl test\000\000\000%\000\000\000\000"),
     SEND(37u, "oABCD1234567890abcdefghijkl", "test", "", NULL)},
    {"push_body_missing",
     BYTES("\000\000\000-\000\000\000%push oABCD1234567890abcdefghijkl test\000\000\000&"),
     CLOSED("Unknown command", 1)},
    {"push_opaque_missing", BYTES("\000\000\000)\000\000\000%push oABCD1234567890abcdefghijkl test"),
     CLOSED("Unknown command", 1)},
    {"send_body_number",
     BYTES("\000\000\0004\000\000\000%send oABCD1234567890abcdefghijkl test\000\000\000'\000\000\000\003123"),
     SEND(39u, "oABCD1234567890abcdefghijkl", "test", "123", "body")},
    {"send_body_true",
     BYTES(
         "\000\000\0005\000\000\000%send oABCD1234567890abcdefghijkl test\000\000\000)\000\000\000\004true"),
     SEND(41u, "oABCD1234567890abcdefghijkl", "test", "true", "body")},
    {"push_body_number",
     BYTES("\000\000\0004\000\000\000%push oABCD1234567890abcdefghijkl test\000\000\000*\000\000\000\003123"),
     PUSH(42u, "oABCD1234567890abcdefghijkl", "test", "123", "body")},
    {"send_body_empty_array",
     BYTES("\000\000\0003\000\000\000%send oABCD1234567890abcdefghijkl test\000\000\000+\000\000\000\002[]"),
     SEND(43u, "oABCD1234567890abcdefghijkl", "test", "[]", NULL)},
    {"send_body_trailing_comma",
     BYTES("\000\000\000>\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\000-\000\000\000\015{\"item\":\"x\",}"),
     SEND(45u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":\"x\",}", "body")},
    {"send_body_upper_NULL",
     BYTES(
         "\000\000\0005\000\000\000%send oABCD1234567890abcdefghijkl test\000\000\000.\000\000\000\004NULL"),
     SEND(46u, "oABCD1234567890abcdefghijkl", "test", "NULL", "body")},
    {"send_body_whitespace",
     BYTES("\000\000\000B\000\000\000%send oABCD1234567890abcdefghijkl test\000\000\000/\000\000\000\021 "
           "{\"item\" : \"x\"} \012"),
     SEND(47u, "oABCD1234567890abcdefghijkl", "test", " {\"item\" : \"x\"} \012", NULL)},
    {"send_vars_utf8",
     BYTES("\000\000\000E\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\0002\000\000\000\024{\"item\":\"\345\267\247\345\205\213\345\212\233\"}"),
     SEND(50u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":\"\345\267\247\345\205\213\345\212\233\"}",
          NULL)},
    {"send_var_quote",
     BYTES("\000\000\000@\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\0004\000\000\000\017{\"item\":\"a\\\"b\"}"),
     SEND(52u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":\"a\\\"b\"}", NULL)},
    {"send_var_backslash",
     BYTES("\000\000\000@\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\0005\000\000\000\017{\"item\":\"a\\\\b\"}"),
     SEND(53u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":\"a\\\\b\"}", NULL)},
    {"send_var_dollar1",
     BYTES("\000\000\000v\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\0007\000\000\000E{\"item\":\"cost $1 and \\\\1 and ${1} and $0 and \\\\0 and $12 "
           "and $ x $$\"}"),
     SEND(55u, "oABCD1234567890abcdefghijkl", "test",
          "{\"item\":\"cost $1 and \\\\1 and ${1} and $0 and \\\\0 and $12 and $ x $$\"}", NULL)},
    {"send_var_newline",
     BYTES("\000\000\000C\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\0008\000\000\000\022{\"item\":\"a\\nb\\tc\"}"),
     SEND(56u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":\"a\\nb\\tc\"}", NULL)},
    {"send_var_int",
     BYTES("\000\000\000<\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\0009\000\000\000\013{\"item\":39}"),
     SEND(57u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":39}", NULL)},
    {"send_var_float",
     BYTES("\000\000\000?\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\000:\000\000\000\016{\"item\":39.80}"),
     SEND(58u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":39.80}", NULL)},
    {"send_var_float_big",
     BYTES("\000\000\000>\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\000;\000\000\000\015{\"item\":1e25}"),
     SEND(59u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":1e25}", NULL)},
    {"send_var_bigint",
     BYTES("\000\000\000N\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\000<\000\000\000\035{\"item\":12345678901234567890}"),
     SEND(60u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":12345678901234567890}", NULL)},
    {"send_var_neg",
     BYTES("\000\000\000>\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\000=\000\000\000\015{\"item\":-0.1}"),
     SEND(61u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":-0.1}", NULL)},
    {"send_var_third",
     BYTES("\000\000\000M\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\000>\000\000\000\034{\"item\":0.30000000000000004}"),
     SEND(62u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":0.30000000000000004}", NULL)},
    {"send_var_true",
     BYTES("\000\000\000>\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\000?\000\000\000\015{\"item\":true}"),
     SEND(63u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":true}", NULL)},
    {"send_var_null",
     BYTES("\000\000\000>\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\000A\000\000\000\015{\"item\":null}"),
     SEND(65u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":null}", NULL)},
    {"send_var_array",
     BYTES("\000\000\000?\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\000B\000\000\000\016{\"item\":[\"a\"]}"),
     SEND(66u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":[\"a\"]}", "item")},
    {"send_var_chain",
     BYTES("\000\000\000F\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000C\000\000\000\024{\"a\":\"${b}\",\"b\":\"B\"}"),
     SEND(67u, "oABCD1234567890abcdefghijkl", "plain", "{\"a\":\"${b}\",\"b\":\"B\"}", NULL)},
    {"send_var_openid_in_value",
     BYTES("\000\000\000C\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000E\000\000\000\021{\"a\":\"${OPENID}\"}"),
     SEND(69u, "oABCD1234567890abcdefghijkl", "plain", "{\"a\":\"${OPENID}\"}", NULL)},
    {"send_var_override_openid",
     BYTES("\000\000\000A\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000F\000\000\000\017{\"OPENID\":\"zz\"}"),
     SEND(70u, "oABCD1234567890abcdefghijkl", "plain", "{\"OPENID\":\"zz\"}", NULL)},
    {"send_var_unused",
     BYTES("\000\000\000<\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000G\000\000\000\012{\"q\":\"zz\"}"),
     SEND(71u, "oABCD1234567890abcdefghijkl", "plain", "{\"q\":\"zz\"}", NULL)},
    {"send_var_key_dot",
     BYTES("\000\000\000=\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000H\000\000\000\013{\".\":\"DOT\"}"),
     SEND(72u, "oABCD1234567890abcdefghijkl", "plain", "{\".\":\"DOT\"}", NULL)},
    {"send_var_key_regex",
     BYTES("\000\000\000?\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000I\000\000\000\015{\"[ab]\":\"RX\"}"),
     SEND(73u, "oABCD1234567890abcdefghijkl", "plain", "{\"[ab]\":\"RX\"}", NULL)},
    {"send_var_key_slash",
     BYTES("\000\000\000=\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000J\000\000\000\013{\"a/b\":\"x\"}"),
     SEND(74u, "oABCD1234567890abcdefghijkl", "plain", "{\"a/b\":\"x\"}", NULL)},
    {"send_var_key_paren",
     BYTES("\000\000\000;\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000K\000\000\000\011{\"(\":\"x\"}"),
     SEND(75u, "oABCD1234567890abcdefghijkl", "plain", "{\"(\":\"x\"}", NULL)},
    {"send_var_key_empty",
     BYTES("\000\000\000:\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000L\000\000\000\010{\"\":\"x\"}"),
     SEND(76u, "oABCD1234567890abcdefghijkl", "plain", "{\"\":\"x\"}", NULL)},
    {"send_openid_dollar",
     BYTES("\000\000\000\"\000\000\000\022send a$1b\\1c plain\000\000\000M\000\000\000\004null"),
     SEND(77u, "a$1b\\1c", "plain", "null", NULL)},
    {"send_openid_utf8",
     BYTES(
         "\000\000\000 \000\000\000\020send \347\224\250\346\210\267 test\000\000\000P\000\000\000\004null"),
     SEND(80u, "\347\224\250\346\210\267", "test", "null", NULL)},
    {"send_openid_utf8_bad",
     BYTES("\000\000\000#\000\000\000\023send bad\347\224\250\346\210\267 "
           "test\000\000\000Q\000\000\000\004null"),
     SEND(81u, "bad\347\224\250\346\210\267", "test", "null", NULL)},
    {"send_key_70",
     BYTES("\000\000\000w\000\000\000gsend oABCD1234567890abcdefghijkl "
           "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\000\000\000V\000\000\000"
           "\004null"),
     REFUSED(86u, "template key not exists", 1)},
    {"opaque_0",
     BYTES("\000\000\0005\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000\000\000\000\000\004null"),
     PUSH(0u, "oABCD1234567890abcdefghijkl", "test", "null", NULL)},
    {"opaque_ffffffff",
     BYTES("\000\000\0005\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\377\377\377\377\000\000\000\004null"),
     PUSH(4294967295u, "oABCD1234567890abcdefghijkl", "test", "null", NULL)},
    {"two_push_one_segment",
     BYTES("\000\000\0005\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000e\000\000\000\004null\000\000\0005\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000f\000\000\000\004null"),
     PUSH(101u, "oABCD1234567890abcdefghijkl", "test", "null", NULL)},
    {"send_push_tset_one_segment",
     BYTES("\000\000\0005\000\000\000%send oABCD1234567890abcdefghijkl "
           "test\000\000\000i\000\000\000\004null\000\000\0005\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000j\000\000\000\004null\000\000\000\021\000\000\000\011tset test\000\000\000k"),
     SEND(105u, "oABCD1234567890abcdefghijkl", "test", "null", NULL)},
    {"bad_then_push_one_segment",
     BYTES("\000\000\000\027\000\000\000\007zzz a "
           "b\000\000\000l\000\000\000\004null\000\000\0005\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000m\000\000\000\004null"),
     CLOSED("Unknown command", 1)},
    {"split_2",
     BYTES("\000\000\000=\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000p\000\000\000\014{\"item\":\"x\"}"),
     PUSH(112u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":\"x\"}", NULL)},
    {"split_in_length",
     BYTES("\000\000\000=\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000p\000\000\000\014{\"item\":\"x\"}"),
     PUSH(112u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":\"x\"}", NULL)},
    {"split_bytewise",
     BYTES("\000\000\000=\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000p\000\000\000\014{\"item\":\"x\"}"),
     PUSH(112u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":\"x\"}", NULL)},
    {"split_5_bytes_then_rest",
     BYTES("\000\000\000=\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000p\000\000\000\014{\"item\":\"x\"}"),
     PUSH(112u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":\"x\"}", NULL)},
    {"packlength_short",
     BYTES(
         "\000\000\0001\000\000\000%push oABCD1234567890abcdefghijkl test\000\000\000r\000\000\000\004null"),
     CLOSED("", 0)},
    {"packlength_short_in_header",
     BYTES("\000\000\000\012\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000s\000\000\000\004null"),
     CLOSED("", 0)},
    {"packlength_long",
     BYTES("\000\000\000\310\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000t\000\000\000\004null"),
     PARTIAL},
    {"packlength_long_then_filled",
     BYTES("\000\000\000;\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000u\000\000\000\004nullzzzzzz"),
     PUSH(117u, "oABCD1234567890abcdefghijkl", "test", "null", NULL)},
    {"headerlength_long",
     BYTES("\000\000\0005\000\000\001\364push oABCD1234567890abcdefghijkl "
           "test\000\000\000v\000\000\000\004null"),
     CLOSED("Unknown command", 1)},
    {"headerlength_ffffffff",
     BYTES("\000\000\0005\377\377\377\377push oABCD1234567890abcdefghijkl "
           "test\000\000\000w\000\000\000\004null"),
     CLOSED("Unknown command", 1)},
    {"bodylength_long",
     BYTES("\000\000\0005\000\000\000%push oABCD1234567890abcdefghijkl test\000\000\000y\000\000\000dnull"),
     CLOSED("body length", 0)},
    {"packlength_0", BYTES("\000\000\000\000"), CLOSED("Unknown command", 1)},
    {"packlength_1", BYTES("\000\000\000\001\000"), CLOSED("Unknown command", 1)},
    {"packlength_ffffffff", BYTES("\377\377\377\377abcd"), CLOSED("Package too big", 0)},
    {"packlength_80000000", BYTES("\200\000\000\000abcd"), CLOSED("Package too big", 0)},
    {"three_bytes_only", BYTES("\000\000\000"), PARTIAL},
    {"oversize_max_plus_1", BYTES("\000%\240\001abcd"), CLOSED("Package too big", 0)},
    {"oversize_len_eq_max", BYTES("\000%\240\000abcd"), CLOSED("Package too big", 0)},
    {"send_http500",
     BYTES("\000\000\000\037\000\000\000\017send h5001 test\000\000\000\214\000\000\000\004null"),
     SEND(140u, "h5001", "test", "null", NULL)},
    {"send_garbage",
     BYTES("\000\000\000\037\000\000\000\017send garb1 test\000\000\000\215\000\000\000\004null"),
     SEND(141u, "garb1", "test", "null", NULL)},
    {"send_drop",
     BYTES("\000\000\000\037\000\000\000\017send drop1 test\000\000\000\217\000\000\000\004null"),
     SEND(143u, "drop1", "test", "null", NULL)},
    {"push_http500",
     BYTES("\000\000\000\037\000\000\000\017push h5002 test\000\000\000\221\000\000\000\004null"),
     PUSH(145u, "h5002", "test", "null", NULL)},
    {"push_var_key_slash",
     BYTES("\000\000\000=\000\000\000&push oABCD1234567890abcdefghijkl "
           "plain\000\000\000\222\000\000\000\013{\"a/b\":\"x\"}"),
     PUSH(146u, "oABCD1234567890abcdefghijkl", "plain", "{\"a/b\":\"x\"}", NULL)},
    {"push_var_array",
     BYTES("\000\000\000?\000\000\000%push oABCD1234567890abcdefghijkl "
           "test\000\000\000\223\000\000\000\016{\"item\":[\"a\"]}"),
     PUSH(147u, "oABCD1234567890abcdefghijkl", "test", "{\"item\":[\"a\"]}", "item")},
    {"send_body_nested",
     BYTES("\000\000\000?\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000\232\000\000\000\015{\"a\":{\"b\":1}}"),
     SEND(154u, "oABCD1234567890abcdefghijkl", "plain", "{\"a\":{\"b\":1}}", "a")},
    {"send_var_nul",
     BYTES("\000\000\000B\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000\233\000\000\000\020{\"a\":\"x\\u0000y\"}"),
     SEND(155u, "oABCD1234567890abcdefghijkl", "plain", "{\"a\":\"x\\u0000y\"}", NULL)},
    {"send_var_key_pipe",
     BYTES("\000\000\000=\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000\234\000\000\000\013{\"a|b\":\"P\"}"),
     SEND(156u, "oABCD1234567890abcdefghijkl", "plain", "{\"a|b\":\"P\"}", NULL)},
    {"send_var_key_class",
     BYTES("\000\000\000>\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000\237\000\000\000\014{\"\\\\w\":\"RX\"}"),
     SEND(159u, "oABCD1234567890abcdefghijkl", "plain", "{\"\\\\w\":\"RX\"}", NULL)},
    {"send_var_unicode_sep",
     BYTES("\000\000\000L\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000\240\000\000\000\032{\"a\":\"\\u2028\\ud83d\\ude00\"}"),
     SEND(160u, "oABCD1234567890abcdefghijkl", "plain", "{\"a\":\"\\u2028\\ud83d\\ude00\"}", NULL)},
    {"send_body_bad_utf8",
     BYTES("\000\000\000;\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000\241\000\000\000\011{\"a\":\"\377\"}"),
     SEND(161u, "oABCD1234567890abcdefghijkl", "plain", "{\"a\":\"\377\"}", "body")},
    {"send_body_lone_surrogate",
     BYTES("\000\000\000@\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000\242\000\000\000\016{\"a\":\"\\ud800\"}"),
     SEND(162u, "oABCD1234567890abcdefghijkl", "plain", "{\"a\":\"\\ud800\"}", "body")},
    {"send_body_single_quotes",
     BYTES("\000\000\000;\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000\244\000\000\000\011{'a':'x'}"),
     SEND(164u, "oABCD1234567890abcdefghijkl", "plain", "{'a':'x'}", "body")},
    {"send_body_nonleading_zero",
     BYTES("\000\000\000;\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000\246\000\000\000\011{\"a\":007}"),
     SEND(166u, "oABCD1234567890abcdefghijkl", "plain", "{\"a\":007}", "body")},
    {"send_body_exp_int",
     BYTES("\000\000\000C\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000\247\000\000\000\021{\"a\":1e3,\"b\":1.0}"),
     SEND(167u, "oABCD1234567890abcdefghijkl", "plain", "{\"a\":1e3,\"b\":1.0}", NULL)},
    {"send_body_float_long",
     BYTES("\000\000\000U\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000\250\000\000\000#{\"a\":3.14159265358979323846,\"b\":-0}"),
     SEND(168u, "oABCD1234567890abcdefghijkl", "plain", "{\"a\":3.14159265358979323846,\"b\":-0}", NULL)},
    {"send_body_float_small",
     BYTES("\000\000\000V\000\000\000&send oABCD1234567890abcdefghijkl "
           "plain\000\000\000\251\000\000\000${\"a\":0.00001,\"b\":123456789012345678}"),
     SEND(169u, "oABCD1234567890abcdefghijkl", "plain", "{\"a\":0.00001,\"b\":123456789012345678}", NULL)},
};

#endif
