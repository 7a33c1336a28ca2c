/*
 * sim.c - makes the simulator's parts and routes requests to them; see sim.h.
 */
#include "tests/sim/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/sim/burst.h"
#include "tests/sim/call.h"
#include "tests/sim/callback.h"
#include "tests/sim/control.h"
#include "tests/sim/errcode.h"
#include "tests/sim/grant.h"
#include "tests/sim/kind.h"
#include "tests/sim/listing.h"
#include "tests/sim/memory.h"
#include "tests/sim/service.h"

#define RECEIPT_SALT UINT64_C(0x72656365697074) /* so that its dice are not those of faults */

static int sim_add_faults(struct sim *self);
static int sim_add_receipts(struct sim *self);
static int64_t sim_first_msgid(void);

struct sim *sim_new(const struct options *options, struct loop *loop)
{
    struct sim *self = memory_new(sizeof *self);
    self->options = options;
    self->loop = loop;
    self->latency = options->latency;
    self->msgid = sim_first_msgid();
    dice_seed(&self->dice, options->seed);
    dice_seed(&self->rid_dice, ~options->seed);
    self->tokens = tokens_new(options->token_lifetime_s, options->token_overlap_s);
    for (unsigned i = 0; i < options->accounts_used; i++)
        tokens_add_account(self->tokens, options->accounts[i].appid, options->accounts[i].secret);
    quotas_init(&self->quotas, options->quota, options->minute_quota, options->minute_s);
    self->whitelist = options->whitelist;
    self->rids = rids_new();
    self->users = users_new();
    self->followers.users = self->users;
    for (unsigned i = 0; i < options->accounts_used; i++)
        self->followers.made[i] = options->followers;
    self->dedupe = dedupe_new(options->dedupe_window_s * 1000);
    dice_seed(&self->receipt_dice, options->seed ^ RECEIPT_SALT);
    self->receipt_latency = options->receipt_latency;
    self->callbacks = callbacks_new(self);
    self->bursts = bursts_new(self);
    if (sim_add_faults(self) == 0 && sim_add_receipts(self) == 0)
        self->journal = journal_new(options->journal, loop);
    if (self->journal == NULL)
        sim_destroy(&self);
    return self;
}

void sim_destroy(struct sim **self)
{
    if (*self == NULL)
        return;
    bursts_destroy(&(*self)->bursts);
    callbacks_destroy(&(*self)->callbacks);
    journal_destroy(&(*self)->journal);
    receipts_destroy(&(*self)->receipts);
    tokens_destroy(&(*self)->tokens);
    faults_destroy(&(*self)->faults);
    dedupe_destroy(&(*self)->dedupe);
    rids_destroy(&(*self)->rids);
    users_destroy(&(*self)->users);
    free(*self);
    *self = NULL;
}

void sim_handle(void *sim, struct exchange *exchange)
{
    struct sim *self = sim;
    const char *path = exchange->path;
    const struct kind *kind = kind_find(path);
    if (kind != NULL) {
        call_begin(self, exchange, kind);
    } else if (strncmp(path, "/sim/", 5) == 0) {
        control_handle(self, exchange);
    } else if (strcmp(path, "/cgi-bin/token") == 0) {
        grant_classic(self, exchange);
    } else if (strcmp(path, "/cgi-bin/stable_token") == 0) {
        grant_stable(self, exchange);
    } else if (strcmp(path, LISTING_PATH) == 0) {
        listing_begin(self, exchange);
    } else if (service_has(path)) {
        service_handle(self, exchange);
    } else {
        struct text answer = {0};
        text_puts(&answer, "<html><body>404 Not Found</body></html>");
        exchange_answer(exchange, 404, HTTP_HTML, &answer);
    }
}

void sim_settle(struct sim *self)
{
    callbacks_destroy(&self->callbacks);
    call_settle_all(self);
    listing_settle_all(self);
    control_settle_all(self);
}

void sim_answer_error(struct sim *self, struct exchange *exchange, const struct tokens_account *account,
                      unsigned status, int errcode, const char *message)
{
    char rid[RID_BYTES];
    struct text answer = {0};
    sim_write_error(self, &answer, errcode, message, rid);
    if (rid[0] != '\0')
        rids_add(self->rids, rid, exchange, account, loop_wall_ms(), &answer);
    exchange_answer(exchange, status, HTTP_JSON, &answer);
}

void sim_write_error(struct sim *self, struct text *answer, int errcode, const char *message,
                     char rid[RID_BYTES])
{
    rid[0] = '\0';
    if (self->options->rid) {
        uint64_t bits = dice_roll(&self->rid_dice);
        snprintf(rid, RID_BYTES, "%08" PRIx32 "-%08" PRIx32 "-%08" PRIx32, (uint32_t)(loop_wall_ms() / 1000),
                 (uint32_t)(bits >> 32), (uint32_t)bits);
    }
    errcode_write(answer, errcode, message, rid[0] != '\0' ? rid : NULL);
}

int sim_check_token(struct sim *self, const struct exchange *exchange, const struct tokens_account **account)
{
    const char *token = exchange_query(exchange, "access_token");
    if (token == NULL || token[0] == '\0')
        return ERRCODE_TOKEN_MISSING;
    return tokens_check(self->tokens, token, sim_token_now_ms(self), account);
}

int64_t sim_token_now_ms(const struct sim *self)
{
    return loop_now_ms() + self->token_shift_ms;
}

/* The rules of the command line come first, so they can override the recorded ones. */
static int sim_add_faults(struct sim *self)
{
    char error[FAULTS_ERROR_BYTES_MAX];
    self->faults = faults_new();
    for (size_t i = 0; i < self->options->faults_used; i++)
        faults_add(self->faults, self->options->faults[i], error); /* options_read() has tried it */
    if (self->options->faults_as_recorded)
        faults_add_recorded(self->faults);
    const char *stranger = faults_stranger(self->faults, self->tokens);
    if (stranger != NULL)
        fprintf(stderr, "wechat-sim: --fault '%.60s/': no --account has this APPID\n", stranger);
    return stranger != NULL ? -1 : 0;
}

static int sim_add_receipts(struct sim *self)
{
    char error[RECEIPT_ERROR_BYTES_MAX];
    self->receipts = receipts_new();
    for (size_t i = 0; i < self->options->receipts_used; i++)
        receipts_add(self->receipts, self->options->receipts[i], error); /* options_read() has tried it */
    const char *stranger = receipts_stranger(self->receipts, self->tokens);
    if (stranger != NULL)
        fprintf(stderr, "wechat-sim: --receipt '%.60s/': no --account has this APPID\n", stranger);
    return stranger != NULL ? -1 : 0;
}

/* Nanoseconds since 1970: like WeChat's, above 2^53, and larger after a restart than before. */
static int64_t sim_first_msgid(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
