'use strict';
const assert = require('node:assert/strict');
const test = require('node:test');
const { encode } = require('@msgpack/msgpack');
const { readFrame, resultOf } = require('../lib/result.js');

const packed = (value) => Buffer.from(encode(value, { useBigInt64: true }));

test('64 bits: msgid is text, the epoch is exact', () => {
  const [raw] = readFrame(packed({ ref: 1, id: 'x', code: 200, epoch: 2n ** 64n - 1n, msgid: 9_007_199_254_740_993n, errcode: -1, state: 'sent' }));
  assert.equal(raw.epoch, 2n ** 64n - 1n);
  assert.deepEqual(resultOf(raw), { code: 200, ok: true, id: 'x', state: 'sent', errcode: -1, msgid: '9007199254740993' });
  JSON.stringify(resultOf(raw));
});

test('what was left out is missing; the id is known all the same', () => {
  assert.deepEqual(resultOf({ code: 404, message: 'id: unknown' }, 'y'), { code: 404, ok: false, id: 'y', message: 'id: unknown' });
  assert.deepEqual(resultOf({ code: 100, state: 'waiting' }).ok, false);
});

test('several results in a frame; damage ends it, strangers are skipped', () => {
  const frame = Buffer.concat([packed({ ref: 1, code: 200 }), packed(5), packed(null), packed({ ref: 2, code: 200, later: [1, { a: 1 }] })]);
  assert.deepEqual(readFrame(frame).map((raw) => raw.ref), [1, 2]);
  assert.deepEqual(readFrame(Buffer.concat([frame, Buffer.from([0xc1])])).map((raw) => raw.ref), [1, 2]);
  assert.deepEqual(readFrame(frame.subarray(0, frame.length - 2)).map((raw) => raw.ref), [1]);
  assert.deepEqual(readFrame(Buffer.alloc(0)), []);
});
