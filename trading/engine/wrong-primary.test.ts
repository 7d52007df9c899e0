import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Journal } from '../journal/journal.ts';
import { applyEntries, journalEntries } from '../testing/journalled.ts';
import { randomEntries } from '../testing/random-entries.ts';
import { TradingWorld } from '../testing/trading-world.ts';
import { waitUntil } from '../testing/wait-until.ts';
import { writeCheckpoint } from './checkpoint.ts';
import { KeptFixSessions } from './kept-fix-sessions.ts';
import { OrderState } from './order-state.ts';
import { ENGINE_VERSION } from './version.ts';

const ENTRIES = 2500;
const AT = 2048;

let world: TradingWorld | null = null;
after(() => world?.close());

/** Two directories with one journal; the first also has a checkpoint whose every checksum is right, of a state that is not the journal's. */
const plant = async (directory: string): Promise<void> => {
  const journal = join(directory, 'a', 'journal');
  mkdirSync(journal, { recursive: true });
  await journalEntries(journal, randomEntries(21, ENTRIES));
  mkdirSync(join(directory, 'b'));
  cpSync(journal, join(directory, 'b', 'journal'), { recursive: true });
  let base = { sequence: 0, crc: 0 };
  const onFailure = (error: Error) => assert.fail(error);
  const options = { directory: journal, sync: 'none', onDurable: () => {}, onFailure } as const;
  const read = await Journal.open(options, ({ header }) => {
    const sequence = header.firstSequence + header.count - 1;
    if (sequence < AT - 100) base = { sequence, crc: header.crc };
  });
  read.close();
  const state = new OrderState();
  applyEntries(state, randomEntries(22, base.sequence));
  const checkpoints = join(directory, 'a', 'checkpoints');
  mkdirSync(checkpoints);
  writeCheckpoint(
    checkpoints,
    { state, sessions: new KeptFixSessions('every') },
    {
      instance: 'a',
      sequence: base.sequence,
      epoch: 1,
      chainCrc: base.crc,
      stateHash: state.hash,
      codeVersion: ENGINE_VERSION,
      takenAt: 1,
    },
  );
};

test('a primary whose state is wrong is named by its standby, which waits for the next reign; that one begins with what the journal amounts to', async () => {
  world = await TradingWorld.open({ fillShare: 0 });
  await plant(world.directory);
  const [a, b] = [await world.engine('a'), await world.engine('b')];
  await a.promote(2, ['b']);
  await b.follow(2, a);
  await waitUntil('the standby has a verdict', async () => (await b.status()).difference?.wrong === 'upstream');
  const found = await b.status();
  assert.deepEqual(found.difference, { sequence: AT, upstream: 'a', epoch: 2, wrong: 'upstream' });
  assert.deepEqual([found.health, found.upstream?.connected], ['degraded', false], 'it may be promoted');
  await b.follow(2, a);
  assert.equal((await b.status()).upstream?.connected, false, 'told again in the same reign it does not follow');

  await a.must('demote', { epoch: 3 });
  await waitUntil('its state is computed anew', async () => (await a.call('promote', promotion)).kind === 'ok');
  await b.follow(3, a);
  await waitUntil('they are in step', async () => (await a.status()).replicas[0]?.state === 'in-sync');
  const [primary, standby] = [await a.status(), await b.status()];
  assert.equal(standby.difference, null);
  assert.doesNotMatch(standby.reason ?? '', /HF-7209/);
  assert.deepEqual(
    [primary.position, primary.business['stateHash']],
    [standby.position, standby.business['stateHash']],
  );
});

const promotion = {
  epoch: 3,
  leaseUntilNs: String(2n ** 62n),
  ackSet: ['b'],
  tradingEnabled: true,
};
