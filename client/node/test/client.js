'use strict';
/* A client against a broker that the test plays: a ROUTER that answers what and when it is told. */
const assert = require('node:assert/strict');
const test = require('node:test');
const { decode, encode } = require('@msgpack/msgpack');
const { Router } = require('zeromq');
const { Client, InvalidRequest, NoAnswer } = require('../index.js');

class Broker {
  constructor(epoch = 1n) {
    Object.assign(this, { epoch, endpoint: 'tcp://127.0.0.1:*', messages: 0 });
  }

  /* A port of a socket that was closed just now is free once libzmq's own thread has closed it too; nothing tells when that is. */
  async open() {
    for (;;) {
      this.socket = new Router({ linger: 0 });
      try {
        await this.socket.bind(this.endpoint);
        break;
      } catch (error) {
        this.socket.close();
        if (error.code !== 'EADDRINUSE') throw error;
        await new Promise(setImmediate);
      }
    }
    this.endpoint = this.socket.lastEndpoint;
    return this;
  }

  /* The next message's requests, each with its bytes as `packed`. */
  async read() {
    const [peer, ...frames] = await this.socket.receive();
    this.peer = peer;
    this.messages++;
    return frames.map((packed) => ({ ...decode(packed), packed }));
  }

  async answer(ref, members = {}) {
    await this.socket.send([this.peer, encode({ ref, code: 200, epoch: this.epoch, ...members }, { useBigInt64: true })]);
  }
}

/* Runs `what` with a broker and a client of it, and closes both. */
async function withBroker(what) {
  const broker = await new Broker().open();
  const client = new Client(broker.endpoint);
  try {
    await what(broker, client);
  } finally {
    await client.close();
    broker.socket.close();
  }
}

const message = (id) => ({ openid: 'o', key: 'k', id });

test('what is asked in one turn goes in one message; results match by ref, in any order', () => withBroker(async (broker, client) => {
  const asked = ['a', 'b', 'c'].map((id) => client.push(message(id)));
  const requests = await broker.read();
  assert.deepEqual(requests.map((r) => [r.op, r.id]), [['push', 'a'], ['push', 'b'], ['push', 'c']]);
  await broker.answer(99_999, { id: 'stranger' });
  await broker.answer(undefined, { code: 400 });
  for (const { ref, id } of requests.reverse()) await broker.answer(ref, { id, state: 'waiting' });
  assert.deepEqual((await Promise.all(asked)).map((r) => r.id), ['a', 'b', 'c']);
}));

test('ids are made, differ and ascend', () => withBroker(async (broker, client) => {
  const asked = Array.from({ length: 300 }, () => client.push({ openid: 'o', key: 'k' }));
  const requests = await broker.read();
  const ids = requests.map((r) => r.id);
  assert.equal(new Set(ids).size, 300);
  assert.deepEqual(ids, [...ids].sort());
  assert.match(ids[0], /^[0-9a-f]{32}$/);
  for (const { ref } of requests) await broker.answer(ref);
  assert.deepEqual((await Promise.all(asked)).map((r) => r.id), ids);
}));

test('after 3 s the same bytes are asked again', () => withBroker(async (broker, client) => {
  const asked = client.push({ openid: 'o', key: 'k', vars: { b: 1, a: 2n ** 70n } });
  const [first] = await broker.read();
  const [second] = await broker.read();
  assert.deepEqual(second.packed, first.packed);
  await broker.answer(second.ref);
  await broker.answer(second.ref, { code: 400 }); /* the first one's answer, late */
  assert.equal((await asked).code, 200);
}));

test('a new epoch: everything unanswered is asked again at once, those that wait too', () => withBroker(async (broker, client) => {
  const waits = [client.send(message('s')), client.wait('w')];
  const before = await broker.read();
  assert.deepEqual(before.map((r) => [r.op, r.wait]), [['send', undefined], ['status', true]]);
  const ping = client.ping();
  await broker.answer((await broker.read())[0].ref, { state: 'ready' });
  await ping;
  broker.epoch = 2n;
  const again = client.ping();
  await broker.answer((await broker.read())[0].ref, { state: 'ready' });
  await again;
  const after = await broker.read();
  assert.deepEqual(after.map((r) => r.packed), before.map((r) => r.packed));
  for (const { ref } of after) await broker.answer(ref, { state: 'sent' });
  assert.deepEqual((await Promise.all(waits)).map((r) => r.state), ['sent', 'sent']);
}));

test('while somebody waits and the broker is silent it is pinged, and the waiting request is not repeated', () => withBroker(async (broker, client) => {
  const wait = client.wait('w');
  const [asked] = await broker.read();
  for (let i = 0; i < 2; i++) {
    const requests = await broker.read();
    assert.deepEqual(requests.map((r) => r.op), ['ping']);
    await broker.answer(requests[0].ref);
  }
  await broker.answer(asked.ref, { state: 'sent' });
  assert.equal((await wait).state, 'sent');
}));

test('a lost connection: asked again at once when the broker is back', () => withBroker(async (broker, client) => {
  const asked = client.push(message('a'));
  const [first] = await broker.read();
  broker.socket.close();
  const late = client.push(message('b'));
  await broker.open();
  const requests = new Map();
  while (requests.size < 2) for (const request of await broker.read()) requests.set(request.id, request);
  assert.deepEqual([...requests.keys()].sort(), ['a', 'b']);
  assert.deepEqual(requests.get('a').packed, first.packed);
  for (const { ref } of requests.values()) await broker.answer(ref);
  await Promise.all([asked, late]);
}));

test('no answer: after the time limit, and by close; the error has the id', () => withBroker(async (broker, client) => {
  await assert.rejects(client.push(message('late'), { timeout: 50 }), (error) => error instanceof NoAnswer && error.id === 'late');
  await assert.rejects(client.push({ openid: 'o', key: 'k' }, { timeout: 50 }), (error) => /^[0-9a-f]{32}$/.test(error.id));
  const waits = client.wait('w');
  const closed = assert.rejects(waits, (error) => error instanceof NoAnswer && error.id === 'w');
  await client.close();
  await closed;
  await client.close();
  await assert.rejects(client.push(message('x')), { name: 'NoAnswer', id: 'x' });
}));

test('a broker that is away: nothing piles up', () => withBroker(async (broker, client) => {
  broker.socket.close();
  await assert.rejects(client.push(message('gone'), { timeout: 2000 }), { name: 'NoAnswer', id: 'gone' });
  const asked = client.push(message('here'));
  await broker.open();
  const requests = await broker.read();
  assert.ok(requests.length <= 2); /* 'gone' may have been in the socket's hands, for a moment */
  for (const { ref } of requests) await broker.answer(ref);
  if (!requests.some(({ id }) => id === 'here')) await broker.answer((await broker.read())[0].ref);
  await asked;
}));

test('abort: before it nothing is sent, after it the waiting ends with the reason', () => withBroker(async (broker, client) => {
  await assert.rejects(client.push(message('a'), { signal: AbortSignal.abort(new Error('before')) }), { message: 'before' });
  const controller = new AbortController();
  const aborted = assert.rejects(client.push(message('b'), { signal: controller.signal }), { message: 'after' });
  assert.deepEqual((await broker.read()).map((r) => r.id), ['b']);
  controller.abort(new Error('after'));
  await aborted;
}));

test('wrong arguments are rejected and nothing is sent', () => withBroker(async (broker, client) => {
  for (const [ask, field] of [
    [() => client.push({ key: 'k' }), 'openid'], [() => client.send(), 'a message'], [() => client.check({ openid: 'o' }), 'key'],
    [() => client.status(''), 'id'], [() => client.wait(5), 'id'], [() => client.status('a', { wait: 1 }), 'wait'], [() => client.cancel({}), 'id'],
    [() => client.tset(), 'key'], [() => client.ping({ timeout: 0 }), 'timeout'], [() => client.ping({ timeuot: 5 }), 'timeuot'],
  ]) await assert.rejects(ask(), (error) => error instanceof InvalidRequest && error.field === field);
  const ping = client.ping();
  const requests = await broker.read();
  assert.deepEqual(requests.map((r) => r.op), ['ping']);
  await broker.answer(requests[0].ref);
  await ping;
  for (const endpoint of ['nonsense', 'xyz://1', 5]) assert.throws(() => new Client(endpoint), { name: 'InvalidRequest', field: 'endpoint' });
  assert.throws(() => new Client(undefined, { timeout: -1 }), { name: 'InvalidRequest', field: 'timeout' });
}));

test('20,000 at once: all answered, at most so many on their way', () => withBroker(async (broker, client) => {
  const asked = Promise.all(Array.from({ length: 20_000 }, (_, i) => client.push(message(`m${i}`))));
  let unanswered = [];
  for (let seen = 0; seen < 20_000; ) {
    const requests = await broker.read();
    assert.ok(requests.length <= 4096);
    seen += requests.length;
    unanswered.push(...requests);
    if (unanswered.length < 16_384 && seen < 20_000) continue;
    assert.ok(unanswered.length <= 16_384);
    /* In one message: a ROUTER drops messages beyond its high-water mark. */
    await broker.socket.send([broker.peer, ...unanswered.map(({ ref }) => encode({ ref, code: 200 }))]);
    unanswered = [];
  }
  assert.equal((await asked).length, 20_000);
}));
