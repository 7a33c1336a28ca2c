/* Earlier calls of a message: order, bounds, texts cut between characters, damage. */
#include "broker/tries.h"
#include "tests/unit/pack.h"
#include "tests/unit/test.h"

static struct buf add_all(size_t count, struct span text)
{
    struct buf tries = {0}, next = {0};
    for (size_t i = 0; i < count; i++) {
        struct try t = {.at_ms = (int64_t)i, .outcome = OUTCOME_RETRY, .errcode = -1, .http_status = 200, .text = text};
        tries_add(buf_span(&tries), &t, &next);
        struct buf swap = tries;
        tries = next;
        next = swap;
    }
    buf_free(&next);
    return tries;
}

static void test_entries(void)
{
    struct buf tries = {0}, more = {0}, out = {0};
    tries_add((struct span){NULL, 0},
              &(struct try){.at_ms = 5, .outcome = OUTCOME_REFUSED, .errcode = 45015, .http_status = 200, .text = span_of("late")},
              &tries);
    tries_add(buf_span(&tries), &(struct try){.at_ms = 7, .key = span_of("plain")}, &more);
    tries_pack_entries(buf_span(&more), &out);
    struct buf expected = {0};
    buf_append(&expected, "\x92", 1); /* maps have headers of three bytes, which pack does not make */
    struct buf one = pack("[at 5 outcome refused errcode <cdafd7> http <ccc8> message late]");
    buf_append(&expected, "\xde\x00\x05", 3);
    buf_append(&expected, one.data + 1, one.bytes - 1);
    struct buf two = pack("[at 7 outcome lost key plain]");
    buf_append(&expected, "\xde\x00\x03", 3);
    buf_append(&expected, two.data + 1, two.bytes - 1);
    CHECK_BYTES(buf_span(&out), buf_span(&expected));
    buf_free(&tries);
    buf_free(&more);
    buf_free(&out);
    buf_free(&expected);
    buf_free(&one);
    buf_free(&two);
}

/* Whatever is added, the packed bytes stay bounded, and the first and the last one are there. */
static void test_bounds(void)
{
    struct buf text = {0};
    for (int i = 0; i < 400; i++)
        buf_append_str(&text, "中");
    static const size_t counts[] = {1, 2, 5, 6, 7, 50, 1000};
    for (size_t bytes = 0; bytes <= text.bytes; bytes += 3)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            if (bytes % 60 && counts[i] > 7)
                continue;
            struct buf tries = add_all(counts[i], (struct span){text.data, bytes}), out = {0};
            CHECK(tries.bytes <= TRIES_BYTES_MAX);
            struct mp_cursor c;
            mp_open(&c, buf_span(&tries));
            uint32_t kept = mp_read_array(&c);
            CHECK(kept >= (counts[i] < 5 ? counts[i] : 5));
            struct span first = mp_skip(&c), last = first;
            for (uint32_t k = 1; k < kept; k++)
                last = mp_skip(&c);
            CHECK(!c.failed && c.at == c.end);
            CHECK_INT(first.data[1], 0);
            CHECK_INT((unsigned char)last.data[1], counts[i] - 1 < 128 ? (int)counts[i] - 1 : 0xcd);
            mp_open(&c, last);
            mp_read_array(&c);
            for (int member = 0; member < 5; member++)
                mp_skip(&c);
            struct span kept_text = mp_read_str(&c);
            CHECK(span_is_utf8(kept_text) && kept_text.bytes <= TRY_TEXT_BYTES_MAX);
            tries_pack_entries(buf_span(&tries), &out);
            buf_free(&tries);
            buf_free(&out);
        }
    buf_free(&text);
}

static void test_damage(void)
{
    static const char *const cases[] = {"5", "[5]", "[[1 2]]", "[[1 nothing 0 0 '' '']]", "<dcffff>", "{a b}", "[[a b c d e f]]"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf damaged = pack(cases[i]), out = {0}, entries = {0};
        tries_add(buf_span(&damaged), &(struct try){.at_ms = 1, .outcome = OUTCOME_RETRY}, &out);
        tries_pack_entries(buf_span(&out), &entries);
        tries_pack_entries(buf_span(&damaged), &entries);
        CHECK(out.bytes && out.bytes <= TRIES_BYTES_MAX);
        buf_free(&damaged);
        buf_free(&out);
        buf_free(&entries);
    }
}

int main(void)
{
    test_entries();
    test_bounds();
    test_damage();
    return 0;
}
