/* SHA-256, its HMAC and base64 against the vectors of FIPS 180-4's examples, RFC 4231 and RFC 4648. */
#include "base/sha256.h"

#include "tests/unit/test.h"

static void check_hex(const unsigned char got[SHA256_BYTES], const char *expected)
{
    char hex[2 * SHA256_BYTES + 1];
    for (size_t i = 0; i < SHA256_BYTES; i++)
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
    }
    buf_free(&out);
}

int main(void)
{
    test_hash();
    test_hmac();
    test_base64();
    return 0;
}
