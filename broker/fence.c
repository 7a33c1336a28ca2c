#include "broker/fence.h"

#include <string.h>

void fence_init(struct fence *f, uint64_t generation)
{
    memset(f, 0, sizeof *f);
    f->generation = generation;
}

static struct fence_member *find(struct fence *f, uint64_t epoch)
{
    for (size_t i = 0; i < f->count; i++)
        if (f->members[i].epoch == epoch)
            return &f->members[i];
    return NULL;
}

void fence_raise(struct fence *f)
{
    f->generation++;
    f->open = 1;
}

static struct fence_member *add(struct fence *f, uint64_t epoch, int64_t now_ms)
{
    if (f->count == FENCE_MEMBERS_MAX)
        return NULL;
    struct fence_member *m = &f->members[f->count++];
    *m = (struct fence_member){.epoch = epoch, .heard_ms = now_ms};
    return m;
}

void fence_expect(struct fence *f, uint64_t epoch, int64_t now_ms)
{
    if (find(f, epoch) == NULL)
        add(f, epoch, now_ms);
}

int fence_join(struct fence *f, uint64_t epoch, int64_t now_ms)
{
    struct fence_member *m = find(f, epoch);
    if (m == NULL)
        m = add(f, epoch, now_ms);
    if (m == NULL)
        return -1;
    m->living = 1;
    m->heard_ms = now_ms;
    return 0;
}

int fence_leave(struct fence *f, uint64_t epoch)
{
    struct fence_member *m = find(f, epoch);
    if (m == NULL)
        return 0;
    *m = f->members[--f->count];
    return 1;
}

int fence_hear(struct fence *f, uint64_t epoch, int64_t now_ms)
{
    struct fence_member *m = find(f, epoch);
    if (m == NULL || !m->living)
        return -1;
    m->heard_ms = now_ms;
    return 0;
}

int fence_answer(struct fence *f, uint64_t epoch, uint64_t generation)
{
    struct fence_member *m = find(f, epoch);
    if (m == NULL || !m->living || generation != f->generation)
        return 0;
    m->answered = generation;
    return 1;
}

int fence_try_close(struct fence *f)
{
    if (!f->open)
        return 0;
    for (size_t i = 0; i < f->count; i++)
        if (!f->members[i].living || f->members[i].answered != f->generation)
            return 0;
    f->open = 0;
    return 1;
}

int fence_owes(const struct fence *f, uint64_t epoch)
{
    const struct fence_member *m = find((struct fence *)f, epoch);
    return f->open && m && m->answered != f->generation;
}

int64_t fence_silence_ms(const struct fence *f, uint64_t epoch, int64_t now_ms)
{
    const struct fence_member *m = find((struct fence *)f, epoch);
    return m ? now_ms - m->heard_ms : -1;
}

uint64_t fence_find_silent(const struct fence *f, int64_t now_ms, int64_t limit_ms)
{
    for (size_t i = 0; i < f->count; i++)
        if (now_ms - f->members[i].heard_ms > limit_ms)
            return f->members[i].epoch;
    return 0;
}

void fence_excuse(struct fence *f, int64_t stall_ms)
{
    for (size_t i = 0; i < f->count; i++)
        f->members[i].heard_ms += stall_ms;
}

int fence_is_living(const struct fence *f, uint64_t epoch)
{
    const struct fence_member *m = find((struct fence *)f, epoch);
    return m && m->living;
}

enum fence_fate fence_fate(const struct fence *f, uint64_t job_generation, uint64_t job_sender, uint64_t held)
{
    if (job_generation >= f->generation)
        return FATE_STAYS;
    if (!fence_is_living(f, job_sender))
        return FATE_UNKNOWN;
    return held == f->generation ? FATE_STAYS : FATE_BACK;
}
