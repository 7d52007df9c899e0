import { encodeSent } from '../engine/binary-protocol.ts';
import { BinaryClient } from './binary-client.ts';
import { OrderStream } from './order-stream.ts';
import { TradingWorld, untilReleasing } from './trading-world.ts';
import { waitUntil } from './wait-until.ts';

/**
 * One take-over between two engines under load, in a temporary directory, after which both end in order: with NODE_COMPILE_CACHE
 * set, Node leaves behind what they compiled, and the first take-over of an engine started later does not begin by compiling. The
 * one that has been standby and primary ends last, because the last one's code is what is kept.
 */
async function rehearse(): Promise<void> {
  const world = await TradingWorld.open();
  try {
    const [a, b] = await Promise.all([world.engine('a'), world.engine('b')]);
    await a.promote(1, ['b']);
    await b.follow(1, a);
    await untilReleasing(a);
    const flow = async (engine: typeof a, prefix: string) => {
      const stream = new OrderStream(await engine.client(prefix), { prefix, ordersPerSecond: 500 });
      await waitUntil('orders are acknowledged', () => stream.acknowledged.size > 200);
      stream.stop();
      await binaryOrder(engine.process.port('orders'), prefix);
    };
    await flow(a, 'before');
    await b.must('fence', { epoch: 2 });
    await b.promote(2, []);
    await untilReleasing(b);
    await b.must('test-order', { epoch: 2 });
    await flow(b, 'after');
    for (const process of [world.venue, a.process, b.process]) {
      process.signal('SIGTERM');
      await process.exited;
    }
  } finally {
    await world.close();
  }
}

async function binaryOrder(port: number, prefix: string): Promise<void> {
  const client = await BinaryClient.open(port);
  const order = { t: 'new', id: `${prefix}-binary`, symbol: 'SYM1', side: 'B', price: 1000, qty: 10 } as const;
  client.send(encodeSent({ t: 'logon', client: 'binary' }));
  await client.expect(({ t }) => t === 'logon-ok');
  client.send(encodeSent(order));
  await client.expect(({ t }) => t === 'ack');
  client.close();
}

await rehearse();
