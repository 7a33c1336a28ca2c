'use strict';
/* Reads what the broker answers. Pure. */
const { decodeMulti } = require('@msgpack/msgpack');

/* An id of a user's must come back as it is; everything else of a result is short. */
const OPTIONS = { useBigInt64: true };
const TEXTS = ['id', 'state', 'message'];
const NUMBERS = ['errcode', 'count'];

/* The results in a frame, as they were sent: integers of 64 bits are bigints. Of bytes that are no msgpack, what stands before
 * them: a damaged result is asked for again like a lost one. */
function readFrame(frame) {
  const results = [];
  try {
    for (const result of decodeMulti(frame, OPTIONS)) if (result !== null && typeof result === 'object') results.push(result);
  } catch {
    return results;
  }
  return results;
}

/* What a caller gets: members that the broker left out are left out. `id` is that of the request. */
function resultOf(raw, id) {
  const result = { code: Number(raw.code), ok: Number(raw.code) === 200 };
  if (id !== undefined) result.id = id;
  for (const name of TEXTS) if (typeof raw[name] === 'string') result[name] = raw[name];
  for (const name of NUMBERS) if (raw[name] !== undefined) result[name] = Number(raw[name]);
  if (raw.msgid !== undefined) result.msgid = String(raw.msgid);
  return result;
}

module.exports = { readFrame, resultOf };
