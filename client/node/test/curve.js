'use strict';
/* Keys for CURVE: files of mega keygen, and a broker that lets in nobody else. */
const assert = require('node:assert/strict');
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const test = require('node:test');
const { decode, encode } = require('@msgpack/msgpack');
const { curveKeyPair, Router } = require('zeromq');
const { Client, InvalidRequest } = require('../index.js');

const text = (pair, secret) => `metadata\n    name = "shop"\ncurve\n    public-key = "${pair.publicKey}"\n${secret ? `    secret-key = "${pair.secretKey}"\n` : ''}`;

test('the frontend under CURVE', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mega-curve-'));
  const [own, server] = [curveKeyPair(), curveKeyPair()];
  const [key, pub] = [join(folder, 'shop.key'), join(folder, 'broker.pub')];
  writeFileSync(key, text(own, true));
  writeFileSync(pub, text(server));
  const broker = new Router({ linger: 0, curveServer: true, curvePublicKey: server.publicKey, curveSecretKey: server.secretKey });
  await broker.bind('tcp://127.0.0.1:*');
  for (const serverKey of [server.publicKey, pub]) {
    const client = new Client(broker.lastEndpoint, { curve: { key, serverKey } });
    const asked = client.push({ openid: 'o', key: 'k', id: 'a' });
    const [peer, frame] = await broker.receive();
    await broker.send([peer, encode({ ref: decode(frame).ref, code: 200, epoch: 1n }, { useBigInt64: true })]);
    assert.equal((await asked).code, 200);
    await client.close();
  }
  broker.close();
  const wrong = (curve, field) =>
    assert.throws(() => new Client('tcp://127.0.0.1:1', { curve }), (error) => error instanceof InvalidRequest && error.field === field);
  wrong({ key: pub, serverKey: server.publicKey }, 'curve.key');
  wrong({ key: join(folder, 'none'), serverKey: server.publicKey }, 'curve.key');
  wrong({ key, serverKey: join(folder, 'none') }, 'curve.serverKey');
  wrong({ key }, 'curve.serverKey');
  wrong({ serverKey: pub }, 'curve.key');
  rmSync(folder, { recursive: true });
});
