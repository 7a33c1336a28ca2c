#include "broker/refusals.h"

#include "proto/mp.h"

static const struct {
    const char *word;
    enum code code;
} table[REFUSALS] = {[REFUSAL_REQUEST] = {"request", CODE_REFUSED},
                     [REFUSAL_ACCOUNT] = {"account", CODE_REFUSED},
                     [REFUSAL_TEMPLATE] = {"template", CODE_REFUSED},
                     [REFUSAL_VARIABLE] = {"variable", CODE_REFUSED},
                     [REFUSAL_TIME] = {"time", CODE_REFUSED},
                     [REFUSAL_ID_USED] = {"id_used", CODE_REFUSED},
                     [REFUSAL_UNKNOWN_ID] = {"unknown_id", CODE_NOT_FOUND},
                     [REFUSAL_UNMATCHED] = {"unmatched", CODE_NOT_FOUND},
                     [REFUSAL_DAMAGED] = {"damaged", CODE_FAILED},
                     [REFUSAL_STOPPED] = {"account_stopped", CODE_FAILED},
                     [REFUSAL_NO_TEMPLATES] = {"no_templates", CODE_BUSY},
                     [REFUSAL_DISK] = {"disk_full", CODE_BUSY},
                     [REFUSAL_STORE] = {"store_full", CODE_BUSY},
                     [REFUSAL_IN_PIECES] = {"store_in_pieces", CODE_BUSY},
                     [REFUSAL_WAITERS] = {"waiters", CODE_BUSY},
                     [REFUSAL_SWEEPS] = {"operations", CODE_BUSY},
                     [REFUSAL_SENDING] = {"being_sent", CODE_BUSY},
                     [REFUSAL_CLIENT_KEPT] = {"client_kept", CODE_BUSY},
                     [REFUSAL_CLIENT_RATE] = {"client_rate", CODE_BUSY},
                     [REFUSAL_CLIENT_SENDS] = {"client_sends", CODE_BUSY},
                     [REFUSAL_TSET] = {"tset", CODE_BUSY}};

enum code refusal_code(enum refusal why)
{
    return table[why].code;
}

size_t refusals_pack(const struct refusals *r, struct buf *out)
{
    mp_str(out, "requests");
    mp_map(out, OPS - 1);
    for (int op = OP_NONE + 1; op < OPS; op++)
        mp_put_u64(out, op_name((enum op)op), r->requests[op]);
    mp_str(out, "refusals");
    mp_array(out, REFUSALS);
    for (int why = 0; why < REFUSALS; why++) {
        mp_array(out, 3);
        mp_i64(out, (int64_t)table[why].code);
        mp_str(out, table[why].word);
        mp_u64(out, r->counts[why]);
    }
    return 2;
}
