// Must compile: what a user of the types writes.
import { Client, InvalidRequest, NoAnswer, type Message, type Result } from 'mega-wechat';

const client = new Client('tcp://127.0.0.1:9502', { timeout: 1000 });
const order: Message = { openid: 'o', key: 'order', vars: { item: 'tea', n: 2n ** 70n, paid: true, note: null }, at: new Date() };

export async function use(signal: AbortSignal): Promise<string | undefined> {
  for await (const result of client.pushMany([order], { outstanding: 10 })) console.log(result.code);
  const result: Result = await client.send(order, { signal });
  await client.cancel({ task: 't', key: 'order' });
  // @ts-expect-error an id and a task together
  await client.cancel({ id: 'a', task: 't' });
  // @ts-expect-error no key
  await client.push({ openid: 'o' }).catch((error) => error instanceof NoAnswer || error instanceof InvalidRequest);
  await client.close();
  return (await client.wait('x', { app: 'shop' })).msgid ?? result.msgid;
}
