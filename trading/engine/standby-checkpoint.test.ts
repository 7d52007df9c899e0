import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { OrderStream } from '../testing/order-stream.ts';
import { TradingWorld, untilReleasing } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';

let world: TradingWorld | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

test('a standby takes checkpoints, starts again from one, and is equal to its primary', async () => {
  world = await TradingWorld.open();
  const settings = { checkpoints: { everyEntries: 2000 } };
  const [a, b] = await Promise.all([world.engine('a', settings), world.engine('b', settings)]);
  await a.promote(1, ['b']);
  await b.follow(1, a);
  await untilReleasing(a);
  const stream = new OrderStream(await a.client('load'), { prefix: 'one', ordersPerSecond: 1500 });
  await waitUntil('two checkpoints were taken', async () => {
    const { checkpoint } = (await b.status()).business;
    return (checkpoint as number) > 0 && readdirSync(join(b.dataDir, 'checkpoints')).length === 2;
  });
  stream.stop();
  assert.equal((await a.status()).business['checkpoint'], 0, 'the primary takes none');
  await b.process.kill();
  // The newest is damaged meanwhile: the one before it does.
  const directory = join(b.dataDir, 'checkpoints');
  const [older, newest] = readdirSync(directory).sort();
  writeFileSync(join(directory, newest!), 'damaged');
  const again = await world.engine('b', settings);
  assert.equal((await again.status()).business['checkpoint'], Number(/\d{16}/.exec(older!)![0]));
  await again.follow(1, a);
  await waitUntil('they are equal', async () => {
    const [mine, theirs] = [await again.status(), await a.status()];
    return mine.business['chainCrc'] === theirs.business['chainCrc'] && theirs.business['inDoubt'] === 0;
  });
  const hashOf = (engine: typeof a) => {
    const tool = join(import.meta.dirname, 'replay.ts');
    const args = [tool, '--journal', join(engine.dataDir, 'journal'), '--from-start', '--json'];
    return (JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as { stateHash: string }).stateHash;
  };
  assert.equal(hashOf(again), hashOf(a));
  const figures = async (engine: typeof a) => {
    const { activeOrders, orders, fills, breaks } = (await engine.status()).business;
    return { activeOrders, orders, fills, breaks };
  };
  assert.deepEqual(await figures(again), await figures(a));
});
