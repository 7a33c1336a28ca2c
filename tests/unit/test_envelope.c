/* Signatures and encryption of callbacks: vectors that were made with other programs (sha1sum, openssl enc), all lengths there and back, and
 * everything that has to be refused, by one answer and without a word of what is secret. */
#include "listener/envelope.h"

#include "base/crypto.h"
#include "tests/unit/hex.h"

#define KEY43  "Kd83hTq0ZpVw7xYbNc5RgLs2MfAj9EuQo4HtXi6BvWz" /* its last digit has bits that are none of the key's */
#define APP_ID "wx5823bf96d3bd56c7"
#define TOKEN  "callbackToken1"
#define STAMP  "1409735669"
#define NONCE  "1320562132"
#define RANDOM "0123456789abcdef"

static const char MESSAGE[] = "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[oAbc]]></FromUserName>"
                              "<CreateTime>1700000000</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[你好]]></Content>"
                              "<MsgId>6054768590064713728</MsgId></xml>";
static const char SEALED[] =
    "OY9yZlLYcyBTOPponnzrDfbdYLvsIkoOtr7X4ag8lAw4N2ytjte6xaA4N22tRet+uVLaNcbWL65cXuF08OiEio/reTosdHdp2IoRO2Qfh9xQTpRLqel4QntwMPkKGn2xHvVa"
    "9KbFBWkfYgc/uikGaCrhUbLstv20+iKiNxWM7as2uSQEN7Gjhd0EDEsobqNOGtnJechYfNYwF/3uhg6V8xfRKFreICnz+vS9otyd77OOMZMeTkCExDZAQgasy8V6Bbrgpkce"
    "6Joml5LgPqV6xrbwWwCv903yq4KfecMhZMmYiYsEnAO1DoVKz+jLbIOu+jzgZG8TDfvX5H0qhn7SRtupao4CCcqOh6o2S1FEZZ1C4+Ftoyo/xbsbhrVx5u1F";
static const char SIGNATURE[] = "ae0127db3b78a952b3ebc586b5bfb908ed2a8172";
static const char MSG_SIGNATURE[] = "9392855c1d394ed284cbbde4a5965ba10d778be9";
static const struct span NOTHING = {NULL, 0};

static int is_signed(const char *token, const char *timestamp, const char *nonce, const char *signature)
{
    return envelope_is_signed(span_of(token), timestamp, nonce, NOTHING, signature);
}

static void test_signatures(void)
{
    CHECK(is_signed(TOKEN, STAMP, NONCE, SIGNATURE));
    CHECK(is_signed(TOKEN, NONCE, STAMP, SIGNATURE)); /* sorted, so nobody knows which is which */
    CHECK(envelope_is_signed(span_of(TOKEN), STAMP, NONCE, span_of(SEALED), MSG_SIGNATURE));
    CHECK(!envelope_is_signed(span_of(TOKEN), STAMP, NONCE, span_of(SEALED), SIGNATURE));
    CHECK(!is_signed(TOKEN, STAMP, NONCE, MSG_SIGNATURE));
    char made[ENVELOPE_SIGNATURE_CHARS + 1];
    envelope_sign(span_of(TOKEN), span_of(STAMP), span_of(NONCE), span_of(SEALED), made);
    CHECK_STR(made, MSG_SIGNATURE);
    envelope_sign(span_of("b"), span_of("ab"), span_of("a"), span_of("B"), made); /* B, a, ab, b */
    unsigned char hash[SHA1_BYTES];
    sha1(span_of("Baabb"), hash);
    for (size_t i = 0; i < sizeof hash; i++)
        CHECK_INT(hex_digit(made[2 * i]) << 4 | hex_digit(made[2 * i + 1]), hash[i]);
}

static void test_wrong_signatures(void)
{
    for (size_t i = 0; i < ENVELOPE_SIGNATURE_CHARS; i++) {
        char changed[ENVELOPE_SIGNATURE_CHARS + 1];
        memcpy(changed, SIGNATURE, sizeof changed);
        changed[i] ^= 1;
        CHECK(!is_signed(TOKEN, STAMP, NONCE, changed));
        changed[i] = '\0';
        CHECK(!is_signed(TOKEN, STAMP, NONCE, changed));
    }
    CHECK(!is_signed(TOKEN, STAMP, NONCE, "ae0127db3b78a952b3ebc586b5bfb908ed2a81720"));
    CHECK(!is_signed(TOKEN, STAMP, NONCE, "AE0127DB3B78A952B3EBC586B5BFB908ED2A8172"));
    CHECK(!is_signed(TOKEN, STAMP, NONCE, NULL));
    CHECK(!is_signed(TOKEN, NULL, NONCE, SIGNATURE));
    CHECK(!is_signed(TOKEN, STAMP, NULL, SIGNATURE));
    CHECK(!is_signed("callbackToken2", STAMP, NONCE, SIGNATURE));
}

/* Without a token, or with words that are empty or too long, nothing is signed, though it could be calculated. */
static void test_unusable_words(void)
{
    char made[ENVELOPE_SIGNATURE_CHARS + 1], nonce[ENVELOPE_WORD_BYTES_MAX + 2];
    envelope_sign(NOTHING, span_of(STAMP), span_of(NONCE), NOTHING, made);
    CHECK(!is_signed("", STAMP, NONCE, made));
    envelope_sign(span_of(TOKEN), span_of(STAMP), NOTHING, NOTHING, made);
    CHECK(!is_signed(TOKEN, STAMP, "", made));
    memset(nonce, '7', sizeof nonce);
    nonce[ENVELOPE_WORD_BYTES_MAX] = '\0';
    envelope_sign(span_of(TOKEN), span_of(STAMP), span_of(nonce), NOTHING, made);
    CHECK(is_signed(TOKEN, STAMP, nonce, made));
    nonce[ENVELOPE_WORD_BYTES_MAX] = '7';
    nonce[ENVELOPE_WORD_BYTES_MAX + 1] = '\0';
    envelope_sign(span_of(TOKEN), span_of(STAMP), span_of(nonce), NOTHING, made);
    CHECK(!is_signed(TOKEN, STAMP, nonce, made));
}

static void test_vector(void)
{
    struct buf plain = {0}, sealed = {0}, error = {0};
    buf_append_str(&plain, "what was there before");
    CHECK_INT(envelope_open(span_of(KEY43), span_of(APP_ID), span_of(SEALED), &plain, &error), 0);
    CHECK_SPAN(buf_span(&plain), MESSAGE);
    CHECK_INT(envelope_seal(span_of(KEY43), span_of(APP_ID), (const unsigned char *)RANDOM, span_of(MESSAGE), &sealed, &error), 0);
    CHECK_SPAN(buf_span(&sealed), SEALED);
    CHECK_U64(error.bytes, 0);
    buf_free(&plain);
    buf_free(&sealed);
}

static void test_all_lengths(void)
{
    struct buf text = {0}, plain = {0}, sealed = {0}, error = {0};
    for (size_t bytes = 0; bytes < 150; bytes++) {
        buf_clear(&sealed);
        CHECK_INT(envelope_seal(span_of(KEY43), span_of(APP_ID), (const unsigned char *)RANDOM, buf_span(&text), &sealed, &error), 0);
        CHECK_U64(sealed.bytes, ((16 + 4 + bytes + strlen(APP_ID)) / 32 * 32 + 32 + 2) / 3 * 4);
        CHECK_INT(envelope_open(span_of(KEY43), span_of(APP_ID), buf_span(&sealed), &plain, &error), 0);
        CHECK_BYTES(buf_span(&plain), buf_span(&text));
        buf_append(&text, &(char){(char)bytes}, 1); /* NULs and all */
    }
    buf_free(&text);
    buf_free(&plain);
    buf_free(&sealed);
}

/* Refused, nothing comes out, and the reason tells nothing that is secret. */
static void check_refused(const char *key, const char *app_id, struct span sealed, const char *reason)
{
    struct buf plain = {0}, error = {0};
    struct span exact = hex_exact_copy(sealed);
    buf_append_str(&plain, "what was there before");
    CHECK_INT(envelope_open(span_of(key), span_of(app_id), exact, &plain, &error), -1);
    CHECK_U64(plain.bytes, 0);
    CHECK_HAS(buf_str(&error), reason);
    CHECK(strstr(buf_str(&error), "Kd83") == NULL && strstr(buf_str(&error), "wx58") == NULL && strstr(buf_str(&error), "xml") == NULL);
    free((char *)exact.data);
    buf_free(&plain);
    buf_free(&error);
}

static void test_wrong_keys(void)
{
    const struct span sealed = span_of(SEALED);
    check_refused("Kd83hTq0ZpVw7xYbNc5RgLs2MfAj9EuQo4HtXi6BvWA", APP_ID, sealed, "does not open");
    check_refused("Zd83hTq0ZpVw7xYbNc5RgLs2MfAj9EuQo4HtXi6BvWz", APP_ID, sealed, "does not open");
    check_refused("", APP_ID, sealed, "encoding_aes_key");
    check_refused("Kd83hTq0ZpVw7xYbNc5RgLs2MfAj9EuQo4HtXi6BvW", APP_ID, sealed, "encoding_aes_key");
    check_refused("Kd83hTq0ZpVw7xYbNc5RgLs2MfAj9EuQo4HtXi6BvW=", APP_ID, sealed, "encoding_aes_key");
    check_refused("Kd83hTq0ZpVw7xYbNc5RgLs2MfAj9EuQo4HtXi6BvWzz", APP_ID, sealed, "encoding_aes_key");
    check_refused("Kd83hTq0ZpVw7xYbNc5RgLs2MfAj9EuQo4HtXi6Bv z", APP_ID, sealed, "encoding_aes_key");
    check_refused(KEY43, "wx5823bf96d3bd56c8", sealed, "another appid");
    check_refused(KEY43, "wx5823bf96d3bd56c", sealed, "another appid");
    check_refused(KEY43, "wx5823bf96d3bd56c7a", sealed, "another appid");
    check_refused(KEY43, "", sealed, "app_id: empty");
}

static void test_cut(void)
{
    for (size_t bytes = 0; bytes < strlen(SEALED); bytes++)
        check_refused(KEY43, APP_ID, (struct span){SEALED, bytes}, "Encrypt: ");
    check_refused(KEY43, APP_ID, span_of("not base64, is it"), "no base64");
    check_refused(KEY43, APP_ID, span_of("AAAA"), "blocks of 16");
}

/* Encrypts what the test has made, whatever it is. */
static void check_inside(const struct buf *inside, const char *reason)
{
    struct buf key_text = {0}, key = {0}, blocks = {0}, sealed = {0};
    buf_append_str(&key_text, KEY43 "=");
    CHECK_INT(base64_read(buf_span(&key_text), &key), 0);
    const unsigned char *k = (const unsigned char *)key.data;
    aes_cbc_encrypt(k, k, buf_span(inside), &blocks);
    base64_append(buf_span(&blocks), &sealed);
    if (reason) {
        check_refused(KEY43, APP_ID, buf_span(&sealed), reason);
    } else {
        struct buf plain = {0}, error = {0};
        CHECK_INT(envelope_open(span_of(KEY43), span_of(APP_ID), buf_span(&sealed), &plain, &error), 0);
        CHECK_SPAN(buf_span(&plain), "hello");
        buf_free(&plain);
    }
    struct buf *all[] = {&key_text, &key, &blocks, &sealed};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_free(all[i]);
}

/* hello, said to be `says` bytes long, for the appid; padded with `pad` bytes of `value`. */
static struct buf inside_of(uint32_t says, size_t pad, int value)
{
    struct buf inside = {0};
    buf_append_str(&inside, RANDOM);
    buf_append_u32be(&inside, says);
    buf_append_str(&inside, "hello" APP_ID);
    memset(buf_reserve(&inside, pad), value, pad);
    inside.bytes += pad;
    return inside;
}

/* 16 + 4 + 5 + 18 bytes are 43: 21 of padding make 64, 5 make 48. */
static void test_lengths_and_padding(void)
{
    static const struct {
        uint32_t says;
        size_t pad;
        int value;
        const char *reason;
    } CASES[] = {
        {5, 21, 21, NULL},           {5, 5, 5, NULL},           {4, 21, 21, "another appid"}, {6, 21, 21, "another appid"},
        {0, 21, 21, "another appid"}, {23, 21, 21, "another appid"}, {24, 21, 21, "not open"}, {UINT32_MAX, 21, 21, "not open"},
        {0x80000000u, 21, 21, "not open"}, {UINT32_MAX - 23, 21, 21, "not open"}, {5, 21, 0, "not open"}, {5, 21, 33, "not open"},
        {5, 21, 255, "not open"},    {5, 21, 22, "not open"},   {5, 21, 20, "another appid"}, {5, 37, 37, "not open"},
        {5, 21, 1, "another appid"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct buf inside = inside_of(CASES[i].says, CASES[i].pad, CASES[i].value);
        check_inside(&inside, CASES[i].reason);
        buf_free(&inside);
    }
    for (size_t at = 43; at < 64; at++) { /* each byte of the padding counts */
        struct buf inside = inside_of(5, 21, 21);
        inside.data[at] ^= 1;
        check_inside(&inside, "Encrypt: ");
        buf_free(&inside);
    }
}

/* Nothing but padding, and less than a head. */
static void test_short_inside(void)
{
    for (size_t blocks = 1; blocks <= 2; blocks++)
        for (int pad = 0; pad <= 33; pad++) {
            struct buf inside = {0};
            memset(buf_reserve(&inside, blocks * 16), pad, blocks * 16);
            inside.bytes = blocks * 16;
            check_inside(&inside, "does not open");
            buf_free(&inside);
        }
}

static void test_seal_refuses(void)
{
    struct buf sealed = {0}, error = {0};
    CHECK_INT(envelope_seal(span_of("short"), span_of(APP_ID), (const unsigned char *)RANDOM, span_of("m"), &sealed, &error), -1);
    CHECK_HAS(buf_str(&error), "encoding_aes_key");
    CHECK_INT(envelope_seal(span_of(KEY43), NOTHING, (const unsigned char *)RANDOM, span_of("m"), &sealed, &error), -1);
    CHECK_HAS(buf_str(&error), "app_id");
    struct span huge = {MESSAGE, ENVELOPE_PLAIN_BYTES_MAX + 1}; /* is refused before it is looked at */
    CHECK_INT(envelope_seal(span_of(KEY43), span_of(APP_ID), (const unsigned char *)RANDOM, huge, &sealed, &error), -1);
    CHECK_HAS(buf_str(&error), "16 MiB");
    CHECK_U64(sealed.bytes, 0);
    buf_free(&error);
}

int main(void)
{
    test_signatures();
    test_wrong_signatures();
    test_unusable_words();
    test_vector();
    test_all_lengths();
    test_wrong_keys();
    test_cut();
    test_lengths_and_padding();
    test_short_inside();
    test_seal_refuses();
    return 0;
}
