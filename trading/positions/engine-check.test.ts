import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ContractError } from '../control/contract.ts';
import { EpochStore } from '../control/epoch-store.ts';
import { StandInEngine } from '../load/stand-in-engine.ts';
import { LineClient } from '../testing/line-client.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { KeeperInstance } from './keeper-instance.ts';
import { KeeperServer } from './keeper-server.ts';

test('the position keeper as a component', async (suite) => {
  let engine: StandInEngine;
  let keeper: KeeperServer;
  let instance: KeeperInstance;
  let client: LineClient;
  let number = 0;
  before(async () => {
    engine = await StandInEngine.listen();
    keeper = new KeeperServer({
      instance: 'keeper',
      engines: [engine.address],
      listen: { host: '127.0.0.1', port: 0 },
      instruments: {},
      marketData: [],
      control: null,
      reconcile: null,
      keepEveryMs: 0,
      checkEveryMs: 600_000,
      checkDeadlineMs: 5000,
    });
    await keeper.listen();
    instance = new KeeperInstance({
      keeper,
      epochs: EpochStore.open('/nowhere'),
      checkEveryMs: 600_000,
      checkDeadlineMs: 5000,
      statusChanged: () => {},
    });
    client = await LineClient.open(engine.address.port);
    client.send({ t: 'logon', client: 'c1' });
  });
  after(async () => {
    client.close();
    instance.close();
    await keeper.close();
    await engine.close();
  });
  const trade = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++)
      client.send({ t: 'new', id: `o${++number}`, symbol: 'ABC', side: n % 2 === 0 ? 'B' : 'S', price: 10, qty: 3 });
    await client.expect(({ t, id }) => t === 'ack' && id === `o${number}`);
    await waitUntil('it has everything', () => keeper.book.through === engine.journal.length);
  };
  const check = async (): Promise<string> => {
    try {
      await instance.handlers.testOrder!({ epoch: 1 });
      return 'agrees';
    } catch (error) {
      assert.ok(error instanceof ContractError);
      return error.message;
    }
  };

  await suite.test('is a standby of the engine that it hears, and agrees with it', async () => {
    await trade(1200);
    const { role, health, releasing } = instance.handlers.status();
    assert.deepEqual([role, health, releasing], ['standby', 'ok', false]);
    assert.equal(await check(), 'agrees');
    assert.equal(keeper.book.trades.length > 300, true);
  });

  await suite.test('agrees also while executions come in faster than it asks', async () => {
    const before = keeper.book.through;
    const flow = trade(600);
    assert.equal(await check(), 'agrees');
    await flow;
    assert.ok(keeper.book.through > before);
    assert.equal(await check(), 'agrees');
  });

  await suite.test(
    'names the order of which the engine knows another execution, and is degraded until they agree',
    async () => {
      await trade(1);
      const order = engine.requests.get(`o${number}`)!;
      const [filled, state] = [order['filled'], order['state']];
      Object.assign(order, { filled: Number(filled) + 1, state: 'open' });
      assert.match(await check(), new RegExp(`o${number}: ${Number(filled) + 1} lots executed at the engine`));
      assert.equal(instance.handlers.status().health, 'degraded');
      Object.assign(order, { filled, state });
      assert.equal(await check(), 'agrees');
      assert.equal(instance.handlers.status().health, 'ok');
    },
  );

  await suite.test('says that nothing could be compared when no engine is primary', async () => {
    engine.primary = false;
    engine.cutConnections();
    await waitUntil('it says so', () => instance.handlers.status().role === 'closed');
    assert.match(await check(), /nothing could be compared: no engine of this site is primary/);
    assert.equal(instance.handlers.status().health, 'ok');
  });
});
