/* Hashes, HMAC, base64 and AES against the vectors of FIPS 180-4's examples, RFC 4231, RFC 4648 and SP 800-38A; and what is no base64. */
#include "base/crypto.h"

#include "tests/unit/hex.h"

static void check_hex(const unsigned char *got, const char *expected)
{
    char hex[2 * SHA256_BYTES + 1];
    for (size_t i = 0; i < strlen(expected) / 2; i++)
        snprintf(hex + 2 * i, 3, "%02x", got[i]);
    CHECK_STR(hex, expected);
}

static void test_hash(void)
{
    static const char *const vectors[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
         "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    };
    unsigned char out[SHA256_BYTES];
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        sha256(span_of(vectors[i][0]), out);
        check_hex(out, vectors[i][1]);
    }
    char *million = mem_new(1000000);
    memset(million, 'a', 1000000);
    sha256((struct span){million, 1000000}, out);
    check_hex(out, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

static void test_sha1(void)
{
    static const char *const vectors[][2] = {
        {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
    };
    unsigned char out[SHA1_BYTES];
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        sha1(span_of(vectors[i][0]), out);
        check_hex(out, vectors[i][1]);
    }
    char *million = mem_new(1000000);
    memset(million, 'a', 1000000);
    sha1((struct span){million, 1000000}, out);
    check_hex(out, "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    free(million);
    sha1((struct span){NULL, 0}, out);
    check_hex(out, vectors[0][1]);
}

/* RFC 4231, test cases 2, 6 (a key that is longer than a block) and, for the length of the text, 7. */
static void test_hmac(void)
{
    unsigned char out[SHA256_BYTES];
    char key[131];
    memset(key, 0xaa, sizeof key);
    sha256_hmac(span_of("Jefe"), span_of("what do ya want for nothing?"), out);
    check_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    sha256_hmac((struct span){key, sizeof key}, span_of("Test Using Larger Than Block-Size Key - Hash Key First"), out);
    check_hex(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    sha256_hmac((struct span){key, sizeof key},
                span_of("This is a test using a larger than block-size key and a larger than block-size data. The key needs to "
                        "be hashed before being used by the HMAC algorithm."),
                out);
    check_hex(out, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

static void test_base64(void)
{
    static const char *const vectors[][2] = {{"", ""},         {"f", "Zg=="},        {"fo", "Zm8="},        {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
                                             {"\xff\xef\xbe", "/+++"}};
    struct buf out = {0};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        buf_clear(&out);
        base64_append(span_of(vectors[i][0]), &out);
        CHECK_STR(buf_str(&out), vectors[i][1]);
        buf_clear(&out);
        struct span text = hex_exact_copy(span_of(vectors[i][1]));
        CHECK_INT(base64_read(text, &out), 0);
        CHECK_STR(buf_str(&out), vectors[i][0]);
        free((char *)text.data);
    }
    buf_free(&out);
}

/* Every byte value at every place comes back, and what stood there before is kept. */
static void test_base64_bytes(void)
{
    struct buf text = {0}, out = {0};
    for (size_t bytes = 1; bytes <= 3; bytes++)
        for (size_t place = 0; place < bytes; place++)
            for (int value = 0; value < 256; value++) {
                char data[3] = {0};
                data[place] = (char)value;
                buf_clear(&text);
                base64_append((struct span){data, bytes}, &text);
                buf_clear(&out);
                buf_append_str(&out, "before");
                CHECK_INT(base64_read(buf_span(&text), &out), 0);
                CHECK(out.bytes == 6 + bytes && memcmp(out.data, "before", 6) == 0 && memcmp(out.data + 6, data, bytes) == 0);
            }
    buf_free(&text);
    buf_free(&out);
}

static void test_no_base64(void)
{
    static const char *const wrong[] = {"A",     "AA",      "AAA",      "A===",     "====",     "=",         "AA=A",     "AAAA=",    "Zg==Zg==",
                                        "Zm9v ", "Zm9v\n", " Zm9vYm=", "Zm9v\nYm9", "Zm-_",     "Zm9\xc3",  "AAAA====", "=AAA",     "Zm9vYg=",
                                        "Zm9vYg", "Zm.v",   "Z@[`",     "Zm{v",     "Zm9vYmFy=="};
    struct buf out = {0};
    buf_append_str(&out, "kept");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_INT(base64_read(span_of(wrong[i]), &out), -1);
        CHECK_STR(buf_str(&out), "kept");
    }
    CHECK_INT(base64_read((struct span){"Zm\0v", 4}, &out), -1);
    CHECK_INT(base64_read((struct span){NULL, 0}, &out), 0);
    CHECK_INT(base64_read(span_of("Zh=="), &out), 0); /* a bit behind the last byte */
    CHECK_STR(buf_str(&out), "keptf");
    buf_free(&out);
}

/* SP 800-38A, F.2.5 and F.2.6. */
static void test_aes(void)
{
    struct buf key = hex_bytes("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
    struct buf iv = hex_bytes("000102030405060708090a0b0c0d0e0f");
    struct buf plain = hex_bytes("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52ef"
                                 "f69f2445df4f9b17ad2b417be66c3710");
    struct buf secret = hex_bytes("f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d39f23369a9d9bacfa530e26304231461"
                                  "b2eb05e2c39be9fcda6c19078c6a9d1b");
    const unsigned char *k = (const unsigned char *)key.data, *v = (const unsigned char *)iv.data;
    struct buf out = {0};
    aes_cbc_encrypt(k, v, buf_span(&plain), &out);
    CHECK_BYTES(buf_span(&out), buf_span(&secret));
    buf_clear(&out);
    aes_cbc_decrypt(k, v, buf_span(&secret), &out);
    CHECK_BYTES(buf_span(&out), buf_span(&plain));
    aes_cbc_decrypt(k, v, (struct span){NULL, 0}, &out);
    CHECK_U64(out.bytes, plain.bytes);
    struct buf *all[] = {&key, &iv, &plain, &secret, &out};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        buf_free(all[i]);
}

static void test_equal(void)
{
    CHECK(crypto_equal(span_of("abc"), span_of("abc")));
    CHECK(!crypto_equal(span_of("abc"), span_of("abd")));
    CHECK(!crypto_equal(span_of("abc"), span_of("abcd")));
    CHECK(!crypto_equal(span_of("abc"), (struct span){NULL, 0}));
    CHECK(crypto_equal((struct span){NULL, 0}, span_of("")));
}

int main(void)
{
    test_hash();
    test_sha1();
    test_hmac();
    test_base64();
    test_base64_bytes();
    test_no_base64();
    test_aes();
    test_equal();
    return 0;
}
