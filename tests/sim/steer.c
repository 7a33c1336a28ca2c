/*
 * steer.c - control calls about token refusals; see steer.h.
 */
#include "tests/sim/steer.h"

#include "tests/sim/control.h"

#define ERRCODE_MIN    -1
#define ERRCODE_MAX    9999999
#define COUNT_MAX      1000000000
#define STATUS_OK      200
#define STATUS_BAD_MIN 400
#define STATUS_BAD_MAX 599

void steer_token_refuse(struct sim *sim, struct exchange *exchange)
{
    const struct tokens_account *account = NULL;
    int64_t errcode = 0;
    int64_t status = STATUS_OK;
    int64_t count = -1;
    int has_errcode = control_number(exchange, "errcode", ERRCODE_MIN, ERRCODE_MAX, &errcode);
    if (has_errcode < 0 || control_account(sim, exchange, &account) != 0 ||
        control_number(exchange, "count", 1, COUNT_MAX, &count) < 0)
        return;
    int has_status = control_number(exchange, "http", STATUS_OK, STATUS_BAD_MAX, &status);
    if (has_status < 0)
        return;
    if (status != STATUS_OK && status < STATUS_BAD_MIN) {
        control_error(exchange, 400, "http: must be 200 or 400 to 599");
        return;
    }
    if (has_errcode == 0 && has_status == 0) {
        control_error(exchange, 400, "give errcode=N (-1 to 9999999; 0 is normal service) or http=STATUS");
        return;
    }
    struct refusal refusal = {
        .errcode = (int)errcode, .status = status != STATUS_OK ? (unsigned)status : 0, .left = count};
    refusals_set(&sim->refusals, account, refusal);
    control_ok(exchange);
}
