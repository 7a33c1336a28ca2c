// What test_node_client.py runs: program.mjs WHAT ENDPOINT [ARGUMENT]. Prints JSON lines.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { Client, InvalidRequest, NoAnswer } from 'mega-wechat';

const [what, endpoint, argument] = process.argv.slice(2);
const client = new Client(endpoint);
const message = (id) => ({ openid: `o${id}`, key: 'test', id, vars: { n: id } });
const say = (value) => console.log(JSON.stringify(value));

const programs = {
  async methods() {
    assert.equal(createRequire(import.meta.url)('mega-wechat').Client, Client);
    assert.equal((await client.ping()).state, 'ready');
    assert.equal((await client.check(message('c'))).code, 200);
    assert.equal((await client.status('c')).code, 404);
    const pushed = await client.push({ openid: 'om', key: 'test', vars: { n: 2n ** 70n } });
    assert.deepEqual([pushed.code, pushed.ok, pushed.state], [200, true, 'waiting']);
    const sent = await client.wait(pushed.id);
    assert.equal(sent.state, 'sent');
    assert.match(sent.msgid, /^[0-9]+$/);
    assert.equal((await client.send(message('s'))).state, 'sent');
    for (const id of ['l1', 'l2', 'l3']) await client.push({ ...message(id), at: new Date(Date.now() + 3_600_000), task: 't', lane: 'express', ttl: 1000 });
    assert.equal((await client.status('l1')).code, 100);
    assert.equal((await client.cancel({ id: 'l1' })).state, 'cancelled');
    assert.equal((await client.cancel({ task: 't' })).count, 2);
    assert.equal((await client.status('l2', { wait: true })).code, 409);
    assert.equal((await client.tset('test')).code, 200);
    assert.equal((await client.push({ openid: 'o', key: 'none' })).code, 400);
    await assert.rejects(client.push({ openid: '', key: 'test' }), InvalidRequest);
    say('done');
  },
  async load() {
    let answered = 0;
    const messages = Array.from({ length: Number(argument) }, (_, i) => message(`n${i}`));
    for await (const result of client.pushMany(messages, { outstanding: 300 })) {
      assert.equal(result.code, 200, JSON.stringify(result));
      if (++answered % 500 === 0) say(answered);
    }
  },
  async wait() {
    await client.push({ ...message('w'), in: Number(argument) });
    const waits = client.wait('w');
    say('waiting');
    say((await waits).state);
  },
  async away() {
    await assert.rejects(client.push(message('a'), { timeout: 300 }), (error) => error instanceof NoAnswer && error.id === 'a');
    say('done');
  },
};

await programs[what]();
await client.close();
