/*
 * listing.c - calls for the list of followers; see listing.h.
 */
#include "tests/sim/listing.h"

#include <stdio.h>
#include <stdlib.h>
#include <utlist.h>

#include "tests/sim/control.h"
#include "tests/sim/errcode.h"
#include "tests/sim/memory.h"

struct listing {
    struct sim *sim;
    struct exchange *exchange;
    struct listing *prev; /* sim->listings */
    struct listing *next;
    struct timer timer;
    int64_t arrived_ms;                   /* wall clock */
    const struct tokens_account *account; /* NULL until the token was found valid */
    const char *after;                    /* next_openid; "" if absent */
    const char *result;                   /* in the journal */
    char fault[JOURNAL_FAULT_BYTES_MAX + 1];
    bool cut;   /* the client gets no answer */
    bool hangs; /* until the client leaves */
    int64_t slow_ms;
    bool has_errcode;
    int errcode;
    unsigned status;
    char rid[RID_BYTES]; /* what the answer carries; "" for none */
    struct text answer;
};

static void listing_decide(struct listing *listing);
static void listing_take_fault(struct listing *listing, const struct fault *fault);
static void listing_refuse(struct listing *listing, int errcode);
static void listing_due(void *argument);
static void listing_client_left(struct exchange *exchange);
static void listing_settle(struct listing *listing, bool ending);

void listing_begin(struct sim *sim, struct exchange *exchange)
{
    struct listing *listing = memory_new(sizeof *listing);
    const char *after = exchange_query(exchange, "next_openid");
    listing->sim = sim;
    listing->exchange = exchange;
    listing->arrived_ms = loop_wall_ms();
    listing->after = after != NULL ? after : "";
    listing->status = 200;
    listing->result = "ok";
    exchange->owner = listing;
    DL_APPEND(sim->listings, listing);
    sim->counters.values[COUNTER_LIST_CALLS]++;
    listing_decide(listing);
    int64_t delay_ms = latency_draw(&sim->latency, &sim->dice) + listing->slow_ms;
    if (listing->hangs)
        exchange_watch(exchange, listing_client_left);
    else if (delay_ms > 0)
        loop_start_timer(sim->loop, &listing->timer, delay_ms, listing_due, listing);
    else
        listing_settle(listing, false);
    control_counters_changed(sim);
}

void listing_settle_all(struct sim *sim)
{
    while (sim->listings != NULL)
        listing_settle(sim->listings, true);
}

/* Method, token, quota. 0, or the errcode. */
static int listing_check(struct listing *listing)
{
    struct sim *sim = listing->sim;
    if (listing->exchange->method != HTTP_GET)
        return ERRCODE_NOT_GET;
    int errcode = sim_check_token(sim, listing->exchange, &listing->account);
    if (errcode != 0)
        return errcode;
    return quotas_take(&sim->quotas, listing->account->number, QUOTA_FOLLOWERS, listing->arrived_ms);
}

static void listing_decide(struct listing *listing)
{
    struct sim *sim = listing->sim;
    int errcode = listing_check(listing);
    if (errcode == 0)
        errcode = followers_page(&sim->followers, listing->account->number, listing->after, &listing->answer);
    if (errcode != 0) {
        listing_refuse(listing, errcode);
        return;
    }
    const struct fault *fault =
        faults_find(sim->faults, listing->account->appid, listing->after, &sim->dice);
    if (fault != NULL)
        listing_take_fault(listing, fault);
}

static void listing_take_fault(struct listing *listing, const struct fault *fault)
{
    snprintf(listing->fault, sizeof listing->fault, "%s", fault->name);
    if (fault->kind == FAULT_SLOW) {
        listing->slow_ms = fault->number;
        return;
    }
    text_clear(&listing->answer);
    listing->result = "fault";
    listing->has_errcode = fault->has_errcode;
    listing->errcode = fault->has_errcode ? fault->number : 0;
    switch (fault->kind) {
    case FAULT_ERRCODE:
        sim_write_error(listing->sim, &listing->answer, fault->number, NULL, listing->rid);
        break;
    case FAULT_STATUS:
        listing->status = (unsigned)fault->number;
        text_printf(&listing->answer, "<html><body>%u</body></html>", listing->status);
        break;
    case FAULT_BODY:
        text_puts(&listing->answer, fault->text);
        break;
    case FAULT_CUT:
    case FAULT_CUT_AFTER:
        listing->cut = true;
        break;
    case FAULT_HANG:
        listing->cut = listing->hangs = true;
        break;
    case FAULT_SLOW:
        break;
    }
    if (listing->cut)
        listing->result = "cut";
}

static void listing_refuse(struct listing *listing, int errcode)
{
    listing->result = "refused";
    listing->has_errcode = true;
    listing->errcode = errcode;
    sim_write_error(listing->sim, &listing->answer, errcode, NULL, listing->rid);
}

/* The latency is over. */
static void listing_due(void *argument)
{
    listing_settle(argument, false);
}

/* The client of a hanging call has closed its connection. */
static void listing_client_left(struct exchange *exchange)
{
    listing_settle(exchange->owner, false);
}

static void listing_journal(const struct listing *listing, bool answered)
{
    struct journal_message line = {
        .arrived_ms = listing->arrived_ms,
        .done_ms = loop_wall_ms(),
        .path = listing->exchange->path,
        .app = listing->account != NULL ? listing->account->appid : NULL,
        .openid = listing->after[0] != '\0' ? listing->after : NULL,
        .result = listing->result,
        .fault = listing->fault[0] != '\0' ? listing->fault : NULL,
        .answered = answered,
        .has_errcode = listing->has_errcode,
        .errcode = listing->errcode,
        .status = listing->cut ? 0 : (int)listing->status,
    };
    journal_add_message(listing->sim->journal, &line);
}

/* Journals, answers and frees the call. `ending`: the simulator ends, so nothing is answered. */
static void listing_settle(struct listing *listing, bool ending)
{
    struct sim *sim = listing->sim;
    struct exchange *exchange = listing->exchange;
    bool cut = ending || listing->cut;
    bool is_json = listing->status == 200;
    listing_journal(listing, !cut && !exchange_client_left(exchange));
    loop_stop_timer(sim->loop, &listing->timer);
    DL_DELETE(sim->listings, listing);
    if (!cut && listing->rid[0] != '\0')
        rids_add(sim->rids, listing->rid, exchange, listing->account, listing->arrived_ms, &listing->answer);
    if (cut)
        exchange_cut(exchange);
    else
        exchange_answer(exchange, listing->status, is_json ? HTTP_JSON : HTTP_HTML, &listing->answer);
    text_clear(&listing->answer);
    free(listing);
}
