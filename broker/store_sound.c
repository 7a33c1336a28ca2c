#include "broker/store_sound.h"

#include <string.h>

#include "broker/store_record.h"
#include "proto/limits.h"

static int are_texts_sound(struct span account, struct span id, struct span openid, struct span task)
{
    return account.bytes <= ACCOUNT_BYTES_MAX && id.bytes <= ID_BYTES_MAX && openid.bytes <= OPENID_BYTES_MAX &&
           task.bytes <= TASK_BYTES_MAX;
}

int sound_message(struct span value, uint64_t seq, struct message *m)
{
    if (record_unpack_message(value, m))
        return -1;
    m->seq = seq;
    return are_texts_sound(m->account, m->id, m->openid, m->task) ? 0 : -1;
}

int sound_final(struct span value, uint64_t seq, struct final *f)
{
    if (record_unpack_final(value, f))
        return -1;
    f->seq = seq;
    return are_texts_sound(f->account, f->id, f->openid, f->task) ? 0 : -1;
}

int sound_id_key(struct span key)
{
    size_t account_bytes = key.bytes ? (unsigned char)key.data[0] : 0;
    return key.bytes >= 1 + account_bytes && account_bytes <= ACCOUNT_BYTES_MAX && key.bytes <= 1 + account_bytes + ID_BYTES_MAX;
}

int sound_name_key(struct span key, struct span *name)
{
    if (key.bytes == 0 || key.bytes != 1u + (unsigned char)key.data[0])
        return 0;
    *name = (struct span){key.data + 1, key.bytes - 1};
    return 1;
}

int sound_free_pages(struct span value, uint64_t *count)
{
    if (value.bytes < sizeof *count || value.bytes % sizeof *count)
        return 0;
    memcpy(count, value.data, sizeof *count);
    return *count == value.bytes / sizeof *count - 1;
}
