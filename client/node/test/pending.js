'use strict';
/* Who is asked again, and when. */
const assert = require('node:assert/strict');
const test = require('node:test');
const { Pending } = require('../lib/pending.js');
const limits = require('../lib/limits.js');

const packed = new Uint8Array(10);
const refs = (entries) => entries.map((entry) => entry.ref);

function filled(count, patient = () => false) {
  const pending = new Pending();
  for (let ref = 1; ref <= count; ref++) pending.add({ ref, packed, isPatient: patient(ref) });
  return pending;
}

test('everything is sent once, in order', () => {
  const pending = filled(3);
  assert.deepEqual(refs(pending.take(0)), [1, 2, 3]);
  assert.deepEqual(pending.take(1), []);
  assert.equal(pending.size, 3);
});

test('a message has at most 4,096 frames and 16 MiB, and at least one frame', () => {
  assert.equal(filled(5000).take(0).length, 4096);
  const pending = new Pending();
  for (const [ref, mib] of [[1, 20], [2, 10], [3, 6], [4, 1]]) pending.add({ ref, packed: { length: mib * 1024 * 1024 } });
  assert.deepEqual([refs(pending.take(0)), refs(pending.take(0)), refs(pending.take(0))], [[1], [2, 3], [4]]);
});

test('what is overdue is asked again: at once answered after 3 s, waited for after 60 s', () => {
  const pending = filled(4, (ref) => ref > 2);
  pending.take(0);
  pending.overdueAgain(limits.AGAIN_MS - 1);
  assert.deepEqual(pending.take(limits.AGAIN_MS - 1), []);
  pending.remove(2);
  pending.overdueAgain(limits.AGAIN_MS);
  assert.deepEqual(refs(pending.take(limits.AGAIN_MS)), [1]);
  pending.overdueAgain(limits.AGAIN_MS + 1);
  assert.deepEqual(pending.take(limits.AGAIN_MS + 1), []);
  pending.overdueAgain(60_000);
  assert.deepEqual(refs(pending.take(60_000)), [1, 3, 4]);
});

test('all is asked again in the order of refs, before what is new', () => {
  const pending = filled(4, (ref) => ref % 2 === 0);
  pending.take(0);
  pending.remove(3);
  pending.add({ ref: 5, packed });
  pending.allAgain();
  assert.deepEqual(refs(pending.take(1)), [1, 2, 4, 5]);
});

test('what was answered while it was being sent is not asked again', () => {
  const pending = filled(3);
  const batch = pending.take(0);
  pending.remove(2);
  pending.again(batch);
  assert.deepEqual(refs(pending.take(1)), [1, 3]);
});

test('a result is taken once; a ref that nobody waits for is none', () => {
  const pending = filled(1);
  pending.take(0);
  assert.equal(pending.remove(1).ref, 1);
  for (const ref of [1, 2, undefined, null, 'x', 1n]) assert.equal(pending.remove(ref), undefined);
});

test('no more than so many are on their way; those that wait long do not count', () => {
  const pending = filled(limits.ASKED_MAX + 10, (ref) => ref <= 5);
  let sent = 0;
  for (let batch; (batch = pending.take(0)).length > 0; ) sent += batch.length;
  assert.equal(sent, limits.ASKED_MAX + 5);
  pending.remove(100);
  assert.equal(pending.take(0).length, 1);
});
