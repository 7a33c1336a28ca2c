/* How the store's values look on disk: a checksum of 8 bytes (XXH3 of the rest, little end first) and a msgpack array whose
 * first element is the format's number. Pure; used by the engine. Every released format stays readable. */
#ifndef BROKER_STORE_RECORD_H
#define BROKER_STORE_RECORD_H

#include "broker/store.h"

/* Replace what is in `out`. */
void record_pack_message(const struct message *m, struct buf *out);
void record_pack_mark(const struct mark *m, struct buf *out);
void record_pack_final(const struct final *f, struct buf *out);
void record_pack_id(uint64_t seq, uint64_t content, struct buf *out);
void record_pack_windows(const struct windows *w, struct buf *out);
void record_pack_blob(struct span value, struct buf *out);

/* 0, or -1 when the checksum or the format is wrong. seq comes from the key and is not set here. */
int record_unpack_message(struct span value, struct message *m);
int record_unpack_mark(struct span value, struct mark *m);
int record_unpack_final(struct span value, struct final *f);
int record_unpack_id(struct span value, uint64_t *seq, uint64_t *content);
int record_unpack_windows(struct span value, struct windows *w);
int record_unpack_blob(struct span value, struct span *out);

#endif
