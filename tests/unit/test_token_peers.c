/* Who is told of a token: those who asked lately, as many as there are places for. */
#include "proto/token.h"
#include "sender/token_peers.h"
#include "tests/unit/test.h"

#define T0 1000000LL

struct told {
    size_t count;
    char last[TOKEN_PEER_ID_BYTES_MAX + 1];
};

static void tell(void *self, struct span id)
{
    struct told *told = self;
    told->count++;
    span_to_text(told->last, sizeof told->last, id);
}

static struct told told_of(struct token_peers *peers, size_t account, int64_t now_ms)
{
    struct told told = {0};
    token_peers_each(peers, account, now_ms, tell, &told);
    return told;
}

static void hear(struct token_peers *peers, int number, size_t account, int64_t now_ms)
{
    char id[24];
    snprintf(id, sizeof id, "peer-%d", number);
    token_peers_hear(peers, span_of(id), account, now_ms);
}

static void test_accounts(void)
{
    struct token_peers *peers = token_peers_new();
    CHECK_INT(told_of(peers, 0, T0).count, 0);
    hear(peers, 1, 0, T0);
    hear(peers, 1, 0, T0 + 1);
    hear(peers, 1, 1, T0);
    hear(peers, 2, 1, T0);
    CHECK_INT(told_of(peers, 0, T0 + 1).count, 1);
    CHECK_STR(told_of(peers, 0, T0 + 1).last, "peer-1");
    CHECK_INT(told_of(peers, 1, T0 + 1).count, 2);
    CHECK_INT(told_of(peers, 2, T0 + 1).count, 0);
    token_peers_destroy(&peers);
}

static void test_silent_are_forgotten(void)
{
    struct token_peers *peers = token_peers_new();
    hear(peers, 1, 0, T0);
    hear(peers, 2, 0, T0 + 5);
    CHECK_INT(told_of(peers, 0, T0 + TOKEN_PEER_MS).count, 2);
    CHECK_INT(told_of(peers, 0, T0 + TOKEN_PEER_MS + 1).count, 1);
    CHECK_INT(told_of(peers, 0, T0 + TOKEN_PEER_MS + 6).count, 0);
    token_peers_destroy(&peers);
}

/* A flood of those who ask once pushes out each other, not a sender, which asks every few seconds. */
static void test_bounded(void)
{
    struct token_peers *peers = token_peers_new();
    hear(peers, 0, 0, T0);
    for (int i = 1; i < 3 * TOKEN_PEERS_MAX; i++) {
        hear(peers, i, 1, T0 + i);
        if (i % 1000 == 0)
            hear(peers, 0, 0, T0 + i);
    }
    int64_t now_ms = T0 + 3 * TOKEN_PEERS_MAX;
    CHECK_INT(told_of(peers, 0, now_ms).count, 1);
    CHECK_INT(told_of(peers, 1, now_ms).count, TOKEN_PEERS_MAX - 1);
    token_peers_destroy(&peers);
}

int main(void)
{
    test_accounts();
    test_silent_are_forgotten();
    test_bounded();
    return 0;
}
