#include "proto/entry_csv.h"

#include <inttypes.h>

#include "base/iso_time.h"
#include "proto/mp_view.h"

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_COUNT, FIELD_TIME };

/* The columns, in their order. A FIELD_COUNT that is left out is 0, everything else that is left out is empty. */
static const struct {
    const char *name;
    enum field_kind kind;
} fields[] = {{"app", FIELD_TEXT},      {"id", FIELD_TEXT},     {"state", FIELD_TEXT},
              {"openid", FIELD_TEXT},   {"key", FIELD_TEXT},    {"task", FIELD_TEXT},
              {"lane", FIELD_TEXT},     {"code", FIELD_NUMBER}, {"errcode", FIELD_NUMBER},
              {"msgid", FIELD_NUMBER},  {"calls", FIELD_COUNT}, {"failures", FIELD_COUNT},
              {"accepted", FIELD_TIME}, {"due", FIELD_TIME},    {"settled", FIELD_TIME},
              {"expires", FIELD_TIME},  {"seq", FIELD_NUMBER},  {"message", FIELD_TEXT},
              {"received", FIELD_TIME}};

#define FIELDS (sizeof fields / sizeof *fields)

static int needs_quotes(struct span text)
{
    for (size_t i = 0; i < text.bytes; i++)
        if (text.data[i] == ',' || text.data[i] == '"' || text.data[i] == '\r' || text.data[i] == '\n')
            return 1;
    return 0;
}

void entry_csv_field(struct span text, struct buf *out)
{
    if (!needs_quotes(text)) {
        buf_append(out, text.data, text.bytes);
        return;
    }
    buf_append_str(out, "\"");
    for (size_t i = 0; i < text.bytes; i++)
        buf_append(out, text.data[i] == '"' ? "\"\"" : text.data + i, text.data[i] == '"' ? 2 : 1);
    buf_append_str(out, "\"");
}

void entry_csv_names(struct buf *out)
{
    for (size_t i = 0; i < FIELDS; i++)
        buf_printf(out, "%s%s", fields[i].name, i + 1 < FIELDS ? "," : "\r\n");
}

/* Finds the columns in the entry, in one pass: members come in the order of the columns as a rule. */
static void find_fields(struct span entry, struct span values[FIELDS])
{
    struct mp_list members;
    struct span name, value;
    size_t next = 0;
    mp_list_open_map(&members, entry);
    while (mp_list_next(&members, &name) && mp_list_next(&members, &value)) {
        struct span text = mp_value_str(name);
        for (size_t i = 0; i < FIELDS; i++) {
            size_t k = (next + i) % FIELDS;
            if (!span_is(text, fields[k].name))
                continue;
            values[k] = value;
            next = k + 1;
            break;
        }
    }
}

static void append_field(struct span value, enum field_kind kind, struct buf *out)
{
    int64_t number = kind == FIELD_TEXT ? 0 : mp_value_i64(value);
    switch (kind) {
    case FIELD_TEXT:
        entry_csv_field(mp_value_str(value), out);
        break;
    case FIELD_TIME:
        if (number)
            iso_time_append(number, out);
        break;
    default:
        if (number || kind == FIELD_COUNT)
            buf_printf(out, "%" PRId64, number);
    }
}

void entry_csv_row(struct span entry, struct buf *out)
{
    struct span values[FIELDS] = {{0}};
    find_fields(entry, values);
    for (size_t i = 0; i < FIELDS; i++) {
        append_field(values[i], fields[i].kind, out);
        buf_append_str(out, i + 1 < FIELDS ? "," : "\r\n");
    }
}
