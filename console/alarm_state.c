#include "console/alarm_state.h"

#include "base/hash.h"
#include "proto/mp_view.h"

static const char magic[8] = "MEGAALM1"; /* the last one goes up when the rest is not understood any more */

#define HEAD_BYTES (sizeof magic + sizeof(uint64_t))

/* When people were told, as wall time; 0 = never. */
static int64_t told_wall_ms(const struct alarm *a, int64_t mono_ms, int64_t wall_ms)
{
    return a->told_ms == ALARM_UNTOLD ? 0 : wall_ms - (mono_ms - a->told_ms);
}

static void pack_alarms(const struct alarm_watch *w, int64_t mono_ms, int64_t wall_ms, struct buf *out)
{
    size_t raised = 0;
    for (size_t i = 0; i < w->count; i++)
        raised += w->list[i].state == ALARM_RAISED;
    mp_array(out, raised);
    for (size_t i = 0; i < w->count; i++) {
        const struct alarm *a = &w->list[i];
        if (a->state != ALARM_RAISED)
            continue;
        mp_map(out, 5);
        mp_put_str(out, "kind", alarm_kind_name(a->kind));
        mp_put_str(out, "subject", a->subject);
        mp_put_str(out, "text", a->text);
        mp_put_i64(out, "since", a->since_ms);
        mp_put_i64(out, "told", told_wall_ms(a, mono_ms, wall_ms));
    }
}

static void pack_silences(const struct alarm_watch *w, struct buf *out)
{
    mp_array(out, w->silence_count);
    for (size_t i = 0; i < w->silence_count; i++) {
        mp_map(out, 2);
        mp_put_str(out, "name", w->silences[i].name);
        mp_put_i64(out, "until", w->silences[i].until_ms);
    }
}

static void pack_stages(const struct alarm_stages *stages, struct buf *out)
{
    mp_array(out, stages->count);
    for (size_t i = 0; i < stages->count; i++) {
        mp_map(out, 2);
        mp_put_str(out, "name", stages->list[i].name);
        mp_put_str(out, "kind", stages->list[i].kind);
    }
}

void alarm_state_pack(const struct alarm_watch *w, const struct alarm_stages *stages, int64_t mono_ms, int64_t wall_ms,
                      struct buf *out)
{
    struct buf body = {0};
    mp_map(&body, 3);
    mp_str(&body, "alarms");
    pack_alarms(w, mono_ms, wall_ms, &body);
    mp_str(&body, "silences");
    pack_silences(w, &body);
    mp_str(&body, "stages");
    pack_stages(stages, &body);
    uint64_t hash = hash_64(body.data, body.bytes);
    buf_append(out, magic, sizeof magic);
    buf_append_u32be(out, (uint32_t)(hash >> 32));
    buf_append_u32be(out, (uint32_t)hash);
    buf_append(out, body.data, body.bytes);
    buf_free(&body);
}

static void unpack_alarm(struct span one, struct alarm_watch *w, int64_t mono_ms, int64_t wall_ms)
{
    enum alarm_kind kind = alarm_kind_find(mp_view_str(one, "kind"));
    if (kind == ALARM_KINDS || w->count == ALARM_FINDINGS_MAX)
        return; /* of a later version of the program */
    struct alarm *a = &w->list[w->count++];
    int64_t told_ms = mp_view_i64(one, "told"), ago_ms = wall_ms - told_ms;
    *a = (struct alarm){.state = ALARM_RAISED, .kind = kind, .since_ms = mp_view_i64(one, "since"), .wrong_ms = mono_ms, .fine_ms = -1};
    a->told_ms = told_ms == 0 ? ALARM_UNTOLD : mono_ms - (ago_ms > 0 ? ago_ms : 0); /* the clock may have gone back */
    span_to_text(a->subject, sizeof a->subject, mp_view_str(one, "subject"));
    span_to_text(a->text, sizeof a->text, mp_view_str(one, "text"));
}

static void unpack_body(struct span body, struct alarm_watch *w, struct alarm_stages *stages, int64_t mono_ms, int64_t wall_ms)
{
    struct mp_list list;
    struct span one;
    const char *error;
    mp_list_open(&list, mp_view(body, "alarms"));
    while (mp_list_next(&list, &one))
        unpack_alarm(one, w, mono_ms, wall_ms);
    mp_list_open(&list, mp_view(body, "silences"));
    while (mp_list_next(&list, &one))
        alarm_watch_silence(w, mp_view_str(one, "name"), mp_view_i64(one, "until"), wall_ms, &error);
    mp_list_open(&list, mp_view(body, "stages"));
    while (mp_list_next(&list, &one))
        alarm_stages_see(stages, mp_view_str(one, "kind"), mp_view_str(one, "name"), ALARM_THERE);
}

int alarm_state_unpack(struct span packed, struct alarm_watch *w, struct alarm_stages *stages, int64_t mono_ms, int64_t wall_ms)
{
    if (packed.bytes < HEAD_BYTES || memcmp(packed.data, magic, sizeof magic) != 0)
        return -1;
    struct span body = {packed.data + HEAD_BYTES, packed.bytes - HEAD_BYTES};
    uint64_t hash = (uint64_t)u32be_at(packed.data + sizeof magic) << 32 | u32be_at(packed.data + sizeof magic + 4);
    if (hash_64(body.data, body.bytes) != hash)
        return -1;
    unpack_body(body, w, stages, mono_ms, wall_ms);
    w->changed = 0;
    stages->changed = 0;
    return 0;
}
