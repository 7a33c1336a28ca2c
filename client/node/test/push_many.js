'use strict';
/* pushMany with a client that answers when it is told to. */
const assert = require('node:assert/strict');
const test = require('node:test');
const { InvalidRequest, NoAnswer } = require('../lib/errors.js');
const { pushMany } = require('../lib/push_many.js');

const message = (n) => ({ openid: 'o', key: 'k', id: `m${n}` });

/* Keeps what was pushed until `answer` or `fail`. */
class Peer {
  constructor() {
    this.waiting = new Map();
    this.most = 0;
  }

  pushChecked(checked, options) {
    this.options = options;
    return new Promise((resolve, reject) => {
      this.waiting.set(checked.id, { resolve, reject });
      this.most = Math.max(this.most, this.waiting.size);
      if (this.isQuick) setImmediate(() => this.answer(checked.id));
    });
  }

  answer(id) {
    this.waiting.get(id).resolve({ code: 200, id });
    this.waiting.delete(id);
  }

  fail(id, error) {
    this.waiting.get(id).reject(error);
    this.waiting.delete(id);
  }
}

async function collect(generator) {
  const ids = [];
  try {
    for await (const result of generator) ids.push(result.id);
  } catch (error) {
    return { ids, error };
  }
  return { ids };
}

function* numbered(count, read = []) {
  for (let n = 0; n < count; n++) {
    read.push(n);
    yield message(n);
  }
}

async function* slowly(count) {
  for (let n = 0; n < count; n++) {
    await new Promise(setImmediate);
    yield message(n);
  }
}

test('every message is answered once, never more than so many at a time', async () => {
  for (const source of [numbered(100), slowly(100), [...numbered(100)]]) {
    const peer = new Peer();
    peer.isQuick = true;
    const { ids, error } = await collect(pushMany(peer, source, { outstanding: 7, timeout: 5 }));
    assert.equal(error, undefined);
    assert.deepEqual(ids.sort(), [...numbered(100)].map((m) => m.id).sort());
    assert.ok(peer.most <= 7 && peer.most > 0, `${peer.most}`);
    assert.deepEqual(peer.options, { timeout: 5 });
  }
  assert.deepEqual(await collect(pushMany(new Peer(), [])), { ids: [] });
});

test('results come while an async source is silent', async () => {
  const peer = new Peer();
  let goOn;
  const generator = pushMany(peer, (async function* () {
    yield message(0);
    await new Promise((resolve) => (goOn = resolve));
  })());
  const first = generator.next();
  while (!goOn) await new Promise(setImmediate);
  peer.answer('m0');
  assert.equal((await first).value.id, 'm0');
  goOn();
  assert.equal((await generator.next()).done, true);
});

test('a wrong message ends the reading; what is on its way is yielded first', async () => {
  const peer = new Peer();
  peer.isQuick = true;
  const read = [];
  const source = (function* () {
    yield* numbered(3, read);
    yield { key: 'k' };
    read.push('behind');
  })();
  const { ids, error } = await collect(pushMany(peer, source));
  assert.deepEqual(ids, ['m0', 'm1', 'm2']);
  assert.ok(error instanceof InvalidRequest && error.field === 'openid');
  assert.deepEqual(read, [0, 1, 2]);
});

test('without an answer: the error names all of them', async () => {
  const peer = new Peer();
  const collected = collect(pushMany(peer, numbered(10), { outstanding: 3 }));
  await new Promise(setImmediate);
  peer.fail('m1', new NoAnswer('late', 'm1'));
  await new Promise(setImmediate);
  peer.answer('m0');
  peer.fail('m2', new NoAnswer('late', 'm2'));
  const { ids, error } = await collected;
  assert.deepEqual(ids, ['m0']);
  assert.ok(error instanceof NoAnswer);
  assert.deepEqual([error.id, error.ids], ['m1', ['m1', 'm2']]);
});

test('a source that throws, and a caller that leaves', async () => {
  const peer = new Peer();
  peer.isQuick = true;
  for (const isAsync of [false, true]) {
    const source = isAsync
      ? (async function* () { yield message(0); throw new Error('source'); })()
      : (function* () { yield message(0); throw new Error('source'); })();
    const { ids, error } = await collect(pushMany(peer, source));
    assert.deepEqual([ids, error.message], [['m0'], 'source']);
  }
  let isClosed = false;
  const source = (function* () {
    try { yield* numbered(100); } finally { isClosed = true; }
  })();
  for await (const result of pushMany(peer, source, { outstanding: 2 })) if (result) break;
  assert.equal(isClosed, true);
});

test('wrong arguments', async () => {
  for (const [messages, options, field] of [[5, {}, 'messages'], ['ab', {}, 'messages'], [undefined, {}, 'messages'], [[], { outstanding: 0 }, 'outstanding'], [[], { outstanding: 16385 }, 'outstanding']])
    assert.equal((await collect(pushMany(new Peer(), messages, options))).error.field, field);
});
