import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { PostgresWorld } from '../../../test/builders/postgres-world.ts';
import { epoch, instanceId } from '../../core/base/ids.ts';
import type { TailAnswer } from '../../core/replication/divergent-tail.ts';
import { Deadline } from '../process/deadline.ts';
import { parseSegmentName } from './lsn.ts';

/** `a` is cut off with everything that `write` does there, killed, and `b` promoted in its place. */
async function cutOff(world: PostgresWorld, write: (world: PostgresWorld) => Promise<void>): Promise<void> {
  await world.add(['a', 'b']);
  await world.promote('a', 1, []);
  await world.follow('b', 1, 'a');
  await world.sql('a', `create table orders (id text primary key, qty int, note text)`);
  await world.sql('a', `create table notes (text text)`);
  await world.sql('a', `insert into orders select 'o' || n, n, 'before' from generate_series(1, 300) n`);
  await world.sql('a', `insert into trades values (1, 'both have it'), (2, 'both have it'), (3, 'both have it')`);
  await world.until('b has them', async () =>
    (await world.sql('b', 'select 1 from trades where id = 3').catch(() => [])).length === 1 ? true : null,
  );
  await world.ok('b', { kind: 'kill' });
  await write(world);
  await world.ok('a', { kind: 'kill' });
  await world.ok('b', { kind: 'start' });
  await world.promote('b', 2, []);
}

async function tailOf(world: PostgresWorld): Promise<TailAnswer> {
  const told = await world.site('a').driver.ask('tail');
  assert.equal(told.kind, 'ok', JSON.stringify(told));
  return JSON.parse(told.kind === 'ok' ? String(told.detail['answer']) : '') as TailAnswer;
}

const told = (tail: TailAnswer) =>
  tail.entries.map(({ kind, table, id, change, atNewPrimary }) => [kind, table, id, change, atNewPrimary].join(' '));

describe('an old primary that was cut off and acknowledged alone', { timeout: 180_000 }, () => {
  let world: PostgresWorld;
  beforeEach(() => {
    world = new PostgresWorld(null, { listDiverged: true });
  });
  afterEach(() => world.down());

  test('is rebuilt after every divergent row was listed, and none else', async () => {
    await cutOff(world, async (cut) => {
      await cut.sql('a', `insert into orders values ('o900', 1, 'alone'), ('o901', 2, 'alone')`);
      await cut.sql('a', `update orders set qty = 77 where id = 'o1'`);
      await cut.sql('a', `update orders set id = 'o2-renamed' where id = 'o2'`);
      await cut.sql('a', `delete from orders where id in ('o3', 'o4')`);
      await cut.sql('a', `begin; insert into orders values ('o902', 3, 'rolled back'); rollback`);
      await cut.sql('a', `insert into orders values ('o903', 3, 'came'); delete from orders where id = 'o903'`);
      await cut.sql('a', `begin; savepoint s; insert into trades values (90, 'in a part'); release s; commit`);
      await cut.sql('a', `begin; savepoint s; insert into trades values (91, 'part undone'); rollback to s; commit`);
      await cut.sql('a', `insert into notes values ('no key')`);
      await cut.sql('a', `insert into trades select n, repeat('much ', 4000) from generate_series(100, 140) n`);
      await cut.sql('a', `delete from trades where id = 3; insert into trades values (3, 'again')`);
    });
    await world.sql('b', `insert into orders values ('o901', 2, 'alone'), ('o900', 5, 'other')`);
    await world.sql('b', `insert into orders values ('o950', 1, 'of the new reign')`);
    const followed = await world.follow('a', 2, 'b');
    assert.match(String(followed.rebuilt), /diverged/);
    const tail = await tailOf(world);
    assert.deepEqual(tail.inconclusive, []);
    const noKey = tail.entries.filter(({ table }) => table === 'trading.public.notes');
    assert.deepEqual(
      noKey.map(({ kind, change, atNewPrimary }) => [kind, change, atNewPrimary]),
      [['other', 'inserted', 'absent']],
    );
    const many = Array.from({ length: 41 }, (_, at) => `execution trading.public.trades ${100 + at} inserted absent`);
    assert.deepEqual(
      told(tail)
        .filter((line) => !line.includes('.notes '))
        .sort(),
      [
        'order trading.public.orders o1 changed differs',
        'order trading.public.orders o2 deleted present',
        'order trading.public.orders o2-renamed changed absent',
        'order trading.public.orders o3 deleted present',
        'order trading.public.orders o4 deleted present',
        'order trading.public.orders o900 inserted differs',
        'order trading.public.orders o901 inserted same',
        'execution trading.public.trades 3 inserted differs',
        'execution trading.public.trades 90 inserted absent',
        ...many,
      ].sort(),
    );
    const seen = await world.look('a');
    assert.deepEqual(seen.divergence?.list, { digest: tail.digest, entries: tail.entries.length, inconclusive: 0 });
    assert.deepEqual(await world.sql('a', `select 1 from orders where id = 'o2-renamed'`), []);
    assert.equal((await world.sql('a', `select 1 from orders where id = 'o950'`)).length, 1, 'it follows');
  });
});

describe('a tail that cannot be decoded whole', { timeout: 240_000 }, () => {
  let world: PostgresWorld;
  beforeEach(() => {
    world = new PostgresWorld(null, { listDiverged: true });
  });
  afterEach(() => world.down());

  const follow = () =>
    world.until(
      'an answer that is no time-out',
      async () => {
        const outcome = await world.perform('a', {
          kind: 'follow',
          epoch: epoch(2),
          upstream: instanceId('b'),
          mode: 'sync',
        });
        return outcome.kind === 'unknown' ? null : outcome;
      },
      60_000,
    );

  test('of a damaged log blocks, and the old data directory stays', async () => {
    await cutOff(world, async (cut) => {
      await cut.sql('a', `insert into trades values (90, 'alone')`);
      await cut.sql('a', `insert into trades select n, 'longer' from generate_series(100, 900) n`);
      await cut.sql('a', `insert into trades values (91, 'the last one')`);
    });
    damage(world.site('a').dataDir, 'the last one', 'the lost one');
    const outcome = await follow();
    assert.equal(outcome.kind, 'failed', JSON.stringify(outcome));
    assert.equal(outcome.kind === 'failed' && outcome.code, 'undecoded-tail');
    assert.match(outcome.kind === 'failed' ? outcome.reason : '', /HF-6133 .*no record/s);
    const tail = await tailOf(world);
    assert.ok(told(tail).includes('execution trading.public.trades 90 inserted absent'), 'what can be read is listed');
    assert.ok(existsSync(join(world.site('a').dataDir, 'PG_VERSION')));
    assert.equal(existsSync(join(world.site('a').dataDir, '.s.PGSQL.5432')), false);
    assert.equal((await world.look('a')).process, 'stopped');
    const seen = await world.look('a');
    assert.equal(seen.divergence?.list?.inconclusive, tail.inconclusive.length);
  });

  test('of changed definitions and an emptied table blocks, with both named', async () => {
    await cutOff(world, async (cut) => {
      await cut.sql('a', `truncate trades`);
      await cut.sql('a', `alter table orders add column venue text`);
    });
    const outcome = await follow();
    assert.equal(outcome.kind === 'failed' && outcome.code, 'undecoded-tail', JSON.stringify(outcome));
    const { inconclusive } = await tailOf(world);
    assert.ok(
      inconclusive.some((why) => why === 'trading.public.trades was emptied, dropped or rewritten'),
      String(inconclusive),
    );
    assert.ok(
      inconclusive.some((why) => why === 'definitions changed: pg_attribute'),
      String(inconclusive),
    );
  });

  test('of a row that the new primary has deleted too blocks', async () => {
    await cutOff(world, (cut) => cut.sql('a', `delete from trades where id = 2`).then(() => undefined));
    await world.sql('b', `delete from trades where id = 2`);
    const outcome = await follow();
    assert.equal(outcome.kind === 'failed' && outcome.code, 'undecoded-tail', JSON.stringify(outcome));
    assert.deepEqual((await tailOf(world)).inconclusive, [
      'a row that was deleted from trading.public.trades cannot be seen at the new primary',
    ]);
  });
});

describe('a transaction that began before the fork', { timeout: 120_000 }, () => {
  let world: PostgresWorld;
  beforeEach(() => {
    world = new PostgresWorld(null, { listDiverged: true });
  });
  afterEach(() => world.down());

  test('and committed behind it is listed with what it had written before', async () => {
    await world.add(['a', 'b']);
    await world.promote('a', 1, []);
    await world.follow('b', 1, 'a');
    const session = await world.connect('a');
    const ask = (text: string) => session.query(text, new Deadline({ afterMs: 5_000 }));
    await ask('begin');
    await ask(`insert into trades values (50, 'began before')`);
    await world.sql('a', `insert into trades values (2, 'both have it')`);
    await world.until('b has it', async () =>
      (await world.sql('b', 'select 1 from trades where id = 2')).length === 1 ? true : null,
    );
    await world.ok('b', { kind: 'kill' });
    await ask('commit');
    await world.ok('a', { kind: 'kill' });
    await world.ok('b', { kind: 'start' });
    await world.promote('b', 2, []);
    await world.follow('a', 2, 'b');
    const tail = await tailOf(world);
    assert.deepEqual(tail.inconclusive, []);
    assert.deepEqual(told(tail), ['execution trading.public.trades 50 inserted absent']);
  });
});

/** Changes bytes of the log where these words stand last. */
function damage(dataDir: string, words: string, other: string): void {
  assert.equal(words.length, other.length);
  const folder = join(dataDir, 'pg_wal');
  const names = readdirSync(folder).filter((name) => parseSegmentName(name, 16 * 2 ** 20) !== null);
  for (const name of names) {
    const bytes = readFileSync(join(folder, name));
    const at = bytes.lastIndexOf(words);
    if (at < 0) continue;
    bytes.write(other, at);
    writeFileSync(join(folder, name), bytes);
    return;
  }
  assert.fail(`no segment has "${words}"`);
}
