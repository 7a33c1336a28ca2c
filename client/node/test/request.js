'use strict';
/* What is packed, and what is refused before anything is sent. */
const assert = require('node:assert/strict');
const test = require('node:test');
const { decode, ExtData } = require('@msgpack/msgpack');
const { InvalidRequest } = require('../lib/errors.js');
const { checkCancel, checkMessage, checkStatus, checkTset, pack } = require('../lib/request.js');

const unpack = (bytes) => decode(bytes, { useBigInt64: true });
const packedVars = (vars) => unpack(pack('push', 1, checkMessage({ openid: 'o', key: 'k', vars }))).vars;
const hexOf = (value) => {
  const bytes = Buffer.from(pack('push', 1, checkMessage({ openid: 'o', key: 'k', vars: { v: value } })));
  return bytes.subarray(bytes.indexOf('vars') + 7).toString('hex'); /* behind "vars", the map's head and "v" */
};

test('a message is packed with what was given, in the order of its members', () => {
  const message = { openid: 'oABCD', key: 'order', vars: { item: '绿茶', n: 2 }, id: 'x-1', app: 'shop', in: 60_000, ttl: 0, lane: 'express', task: 't', at: undefined };
  assert.deepEqual(unpack(pack('push', 7, checkMessage(message))), {
    op: 'push', ref: 7, openid: 'oABCD', key: 'order', vars: { item: '绿茶', n: 2 }, id: 'x-1', app: 'shop', in: 60_000, ttl: 0, lane: 'express', task: 't',
  });
  assert.deepEqual(pack('push', 7, checkMessage(message)), pack('push', 7, checkMessage(message)));
});

test('times beyond 32 bits are integers, not floats', () => {
  const at = new Date(1_795_000_000_123);
  assert.equal(unpack(pack('push', 1, checkMessage({ openid: 'o', key: 'k', at }))).at, 1_795_000_000_123n);
  assert.equal(unpack(pack('push', 1, checkMessage({ openid: 'o', key: 'k', at: at.getTime() }))).at, 1_795_000_000_123n);
  assert.equal(unpack(pack('push', 1, checkMessage({ openid: 'o', key: 'k', in: 34_560_000_000 }))).in, 34_560_000_000n);
});

test('integers: as short as they go to 32 bits, then 64 bits, then ext type 1 with their digits', () => {
  for (const [value, hex] of [
    [5, '05'], [5n, '05'], [-1, 'ff'], [0xffffffff, 'ceffffffff'], [0x100000000, 'cf0000000100000000'], [-0x80000001, 'd3ffffffff7fffffff'],
    [2n ** 64n - 1n, 'cfffffffffffffffff'], [-(2n ** 63n), 'd38000000000000000'],
    [2n ** 64n, `c71401${Buffer.from('18446744073709551616').toString('hex')}`], [-(2n ** 63n) - 1n, `c71401${Buffer.from('-9223372036854775809').toString('hex')}`],
    [1.5, 'cb3ff8000000000000'], [1e300, 'cb7e37e43c8800759c'], [true, 'c3'], [null, 'c0'], ['', 'a0'],
  ]) assert.equal(hexOf(value), hex, String(value));
  assert.ok(packedVars({ v: 10n ** 255n }).v instanceof ExtData);
});

test('limits are those of proto/MESSAGES.md: at the limit it passes, beyond it names field and limit', () => {
  const many = (count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`v${i}`, i]));
  for (const [field, good, bad, limit] of [
    ['openid', 'o'.repeat(128), '绿'.repeat(43), /128 bytes/], ['openid', 'a b', '', /1 to 128/], ['openid', 'o', 5, /128/],
    ['key', '绿'.repeat(32), 'k'.repeat(33), /32 characters/], ['key', 'k', '', /32 characters/],
    ['id', 'i'.repeat(64), 'i'.repeat(65), /64 bytes/], ['id', '编号', 'a b', /without spaces/], ['id', 'i', '', /1 to 64/], ['id', 'i', 'a\u007f', /control/],
    ['app', 'a'.repeat(32), 'a'.repeat(33), /32 bytes/], ['task', 't'.repeat(64), 't'.repeat(65), /64 bytes/],
    ['at', 0, -1, /1970/], ['at', new Date(0), new Date(NaN), /Date/], ['at', 1, '2026-01-01', /Date/], ['at', 1, 1.5, /integer/],
    ['in', 34_560_000_000, 34_560_000_001, /34560000000 ms/], ['ttl', 0, -1, /34560000000 ms/], ['lane', 'bulk', 'fast', /express/],
    ['vars', many(1024), many(1025), /1024/], ['vars', {}, [], /object/], ['vars', {}, 'x', /object/], ['vars', {}, new Map(), /object/],
  ]) {
    checkMessage({ openid: 'o', key: 'k', [field]: good });
    assert.throws(() => checkMessage({ openid: 'o', key: 'k', [field]: bad }), (error) => {
      assert.ok(error instanceof InvalidRequest && error instanceof Error, error.stack);
      assert.equal(error.field, field);
      assert.match(error.limit, limit);
      assert.equal(error.message.startsWith(`${field}: `), true);
      return true;
    });
  }
});

test('variables that no template can take', () => {
  for (const value of [undefined, NaN, Infinity, {}, [], () => 0, Symbol('s'), 10n ** 256n, '\ud800', new Date()])
    assert.throws(() => packedVars({ price: value }), { name: 'InvalidRequest', field: 'vars.price' });
  assert.throws(() => packedVars({ ['n'.repeat(257)]: 1 }), { name: 'InvalidRequest', limit: /256 bytes/ });
  assert.throws(() => packedVars({ '\udc00': 1 }), { name: 'InvalidRequest' });
});

test('what is missing, unknown or contradicts itself', () => {
  for (const [message, field] of [
    [{ key: 'k' }, 'openid'], [{ openid: 'o' }, 'key'], [{ openid: 'o', key: 'k', opneid: 'x' }, 'opneid'], [{ openid: 'o', key: 'k', at: 1, in: 1 }, 'at'],
    [undefined, 'a message'], [null, 'a message'], ['text', 'a message'],
  ]) assert.throws(() => checkMessage(message), { name: 'InvalidRequest', field });
  for (const what of [{}, { key: 'k' }, { id: 'a', openid: 'o' }, { id: 'a', task: 't' }]) assert.throws(() => checkCancel(what), { name: 'InvalidRequest', field: 'id' });
  assert.throws(() => checkCancel({ openid: '' }), { name: 'InvalidRequest', field: 'openid' });
  assert.deepEqual(checkCancel({ openid: 'o', key: 'k', task: undefined }), { openid: 'o', key: 'k' });
  assert.throws(() => checkStatus(undefined), { name: 'InvalidRequest', field: 'id' });
  assert.throws(() => checkTset(''), { name: 'InvalidRequest', field: 'key' });
});

test('a request that no broker reads', () => {
  const vars = { v: 'x'.repeat(65 * 1024 * 1024) };
  assert.throws(() => pack('push', 1, checkMessage({ openid: 'o', key: 'k', vars })), { name: 'InvalidRequest', field: 'request' });
});
