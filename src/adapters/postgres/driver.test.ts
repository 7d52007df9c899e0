import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { LivedTime } from '../../../test/builders/lived-time.ts';
import { PostgresWorld } from '../../../test/builders/postgres-world.ts';
import { epoch, type InstanceId, instanceId } from '../../core/base/ids.ts';
import { Deadline } from '../process/deadline.ts';
import { findTree, signalProcess } from '../process/process-tree.ts';
import { parseLsn } from './lsn.ts';
import { Session } from './session.ts';

const id = (name: string): InstanceId => instanceId(name);

describe('three instances: primary, synchronous standby, asynchronous cascade', { timeout: 180_000 }, () => {
  const world = new PostgresWorld();
  after(() => world.down());

  test('a fresh cluster comes up closed and refuses writes', async () => {
    await world.add(['a', 'b', 'c'], { c: 'b' });
    const seen = await world.untilSeen('a', 'a answers', (observed) => observed.role === 'closed');
    assert.equal(seen.releasing, false);
    await assert.rejects(world.sql('a', `insert into trades values (1, 'x')`), /read-only/);
    assert.equal((await world.look('b')).process, 'stopped');
  });

  test('a promoted instance waits for every member of its acknowledgement set', async () => {
    await world.promote('a', 1, ['b']);
    const seen = await world.look('a');
    assert.deepEqual([seen.role, seen.epoch, seen.releasing], ['primary', 1, false]);
    assert.deepEqual(
      seen.replicas.map((replica) => [replica.instance, replica.state]),
      [['b', 'lost']],
    );
    await assert.rejects(world.sql('a', `insert into trades values (1, 'nobody confirms')`, 400), {
      name: 'DeadlineExceeded',
    });
    const cloned = await world.follow('b', 1, 'a');
    assert.equal(cloned.rebuilt, 'there was no cluster yet');
    await world.untilSeen('a', 'b in sync', (observed) => observed.releasing);
    await world.sql('a', `insert into trades values (2, 'confirmed')`);
    assert.equal(
      (await world.sql('b', 'select count(*) as n from trades'))[0]?.n,
      '2',
      'applied before it was acknowledged',
    );
  });

  test('a cascade follows its configured upstream, and lag is 0 on an idle system', async () => {
    const followed = await world.ok('c', { kind: 'follow', epoch: epoch(1), upstream: id('a'), mode: 'async' });
    assert.equal(followed.upstream, 'b');
    await world.sql('a', `insert into trades values (3, 'cascaded')`);
    await world.until('c has it', async () =>
      (await world.sql('c', 'select 1 from trades where id = 3')).length === 1 ? true : null,
    );
    const seen = await world.untilSeen('c', 'c caught up', (observed) => observed.figures.lagBytes === 0);
    assert.deepEqual([seen.role, seen.upstream?.instance, seen.upstream?.connected], ['standby', 'b', true]);
    assert.equal((await world.look('b')).figures.lagBytes, 0);
    assert.equal(
      await world
        .site('c')
        .driver.confirm({ kind: 'following', epoch: epoch(1), upstream: id('a') }, { deadlineMs: 2_000 }),
      'holds',
    );
  });

  test('an action with an older epoch is refused, also after the agent was restarted', async () => {
    await world.ok('c', { kind: 'fence', epoch: epoch(2) });
    const late = await world.perform('c', { kind: 'follow', epoch: epoch(1), upstream: id('a'), mode: 'async' });
    assert.deepEqual([late.kind, late.kind === 'failed' && late.code], ['failed', 'stale-epoch']);
    await world.site('c').driver.close();
    const again = world.build('c', 'b');
    world.sites.set('c', again);
    await again.driver.start({
      observed: (seen) => again.observations.push(seen),
      exited: (exit) => again.exits.push(exit),
    });
    const seen = await world.look('c');
    assert.deepEqual([seen.process, seen.role, seen.epoch], ['running', 'standby', 2], 'adopted, not restarted');
    assert.equal((await world.perform('c', { kind: 'demote', epoch: epoch(1) })).kind, 'failed');
  });

  test('an acknowledgement set that grows is in effect when the action returns', async () => {
    await world.ok('a', { kind: 'set-ack-set', epoch: epoch(1), ackSet: [] });
    assert.deepEqual((await world.look('a')).ackSet, []);
    await world.ok('a', { kind: 'set-ack-set', epoch: epoch(1), ackSet: [id('b'), id('z')] });
    await assert.rejects(world.sql('a', `insert into trades values (4, 'z is nobody')`, 300), {
      name: 'DeadlineExceeded',
    });
    await world.ok('a', { kind: 'set-ack-set', epoch: epoch(1), ackSet: [id('b')] });
    await world.untilSeen('a', 'a releases', (observed) => observed.releasing);
  });

  test('failover keeps every acknowledged commit, and the divergent tail of the old primary is kept before it is rebuilt', async () => {
    // b stops listening to a; a then writes what nobody ever confirms, and dies.
    const standby = world.site('b');
    const acknowledged = await acknowledgeUntilKilled(world, 'a', async () => {
      const before = await world.look('a');
      await standby.driver.perform({ kind: 'fence', epoch: epoch(2) }, { deadlineMs: 2_000 });
      assert.ok(before.releasing);
      await world.ok('a', { kind: 'kill' });
    });
    const promoted = await world.promote('b', 3, []);
    assert.equal(promoted.timeline, 3);
    const ids = new Set((await world.sql('b', 'select id from trades')).map((row) => Number(row.id)));
    assert.deepEqual(
      acknowledged.filter((written) => !ids.has(written)),
      [],
      'nothing acknowledged is missing',
    );
    assert.equal(await standby.driver.confirm({ kind: 'primary-at', epoch: epoch(3) }, { deadlineMs: 2_000 }), 'holds');

    // a comes back closed, is promoted on its own by an accident outside Holdfast, and writes: a real divergence.
    await world.ok('a', { kind: 'start' });
    assert.equal((await world.look('a')).role, 'closed');
    const superuser = await superuserOf(world.site('a').port);
    await superuser.query('select pg_promote(true, 10)', new Deadline({ afterMs: 12_000 }));
    assert.equal((await world.look('a')).reason, 'promoted by somebody else than Holdfast');
    await superuser.query('set synchronous_commit = local', new Deadline({ afterMs: 1_000 }));
    await superuser.query(`insert into trades values (999999, 'divergent')`, new Deadline({ afterMs: 3_000 }));
    superuser.cut();
    const followed = await world.follow('a', 3, 'b');
    assert.match(String(followed.rebuilt), /diverged/);
    const manifest = JSON.parse(readFileSync(String(followed.kept), 'utf8')) as {
      from: string;
      to: string;
      files: { name: string }[];
    };
    assert.ok(parseLsn(manifest.to) > parseLsn(manifest.from));
    assert.ok(manifest.files.some((file) => /^[0-9A-F]{24}$/.test(file.name)));
    const tail = manifest.files.map((file) => readFileSync(join(dirname(String(followed.kept)), file.name)));
    assert.ok(
      tail.some((bytes) => bytes.includes('divergent')),
      'the divergent row is in the kept segments',
    );
    const seen = await world.untilSeen(
      'a',
      'a is a standby',
      (observed) => observed.role === 'standby' && observed.upstream?.connected === true,
    );
    assert.ok((seen.divergence?.count ?? 0) > 0);
    assert.deepEqual(await world.sql('a', 'select 1 from trades where id = 999999'), []);
  });

  test('the cascade follows the new timeline by itself', async () => {
    await world.sql('b', `insert into trades values (1000001, 'after failover')`);
    await world.until('c has it', async () =>
      (await world.sql('c', 'select 1 from trades where id = 1000001')).length === 1 ? true : null,
    );
    await world.untilSeen('c', 'c reports timeline 3', (observed) => observed.position?.generation === 3);
  });

  test('a planned switchover loses nothing and rebuilds nothing', async () => {
    await world.ok('b', { kind: 'set-ack-set', epoch: epoch(3), ackSet: [id('a')] });
    await world.untilSeen('b', 'a in sync', (observed) => observed.releasing);
    await world.sql('b', `insert into trades values (1000002, 'before switchover')`);
    await world.ok('b', { kind: 'drain', epoch: epoch(4) });
    await assert.rejects(world.sql('b', `insert into trades values (1000003, 'draining')`), /read-only transaction/);
    await world.ok('b', { kind: 'demote', epoch: epoch(4) });
    await world.promote('a', 4, []);
    assert.equal((await world.sql('a', 'select 1 from trades where id = 1000002')).length, 1);
    const followed = await world.follow('b', 4, 'a');
    assert.equal(followed.rebuilt, undefined, JSON.stringify(followed));
    await world.sql('a', `insert into trades values (1000004, 'after switchover')`);
  });
});

describe('a former primary that is ahead of its successor', { timeout: 120_000 }, () => {
  const world = new PostgresWorld();
  after(() => world.down());

  test('does not follow before that is promoted, and is rebuilt then, its tail kept', async () => {
    await world.add(['a', 'b']);
    await world.promote('a', 1, []);
    await world.follow('b', 1, 'a');
    await world.sql('a', `insert into trades values (1, 'both have it')`);
    await world.until('b has it', async () =>
      (await world.sql('b', 'select 1 from trades where id = 1')).length === 1 ? true : null,
    );
    await world.ok('b', { kind: 'kill' });
    await world.sql('a', `insert into trades values (2, 'nobody else has it')`);
    await world.ok('a', { kind: 'kill' });
    await world.ok('b', { kind: 'start' });
    const early = await world.perform('a', { kind: 'follow', epoch: epoch(2), upstream: id('b'), mode: 'sync' });
    assert.ok(early.kind === 'failed', JSON.stringify(early));
    assert.equal(early.code, 'not-promoted-yet');
    assert.match(early.reason, /is followed once it is primary/);
    await world.promote('b', 2, []);
    const followed = await world.follow('a', 2, 'b');
    assert.match(String(followed.rebuilt), /diverged/);
    assert.ok(existsSync(String(followed.kept)));
  });
});

describe('a standby that received a record without its end', { timeout: 120_000 }, () => {
  const world = new PostgresWorld();
  after(() => world.down());

  test('is promoted with all that was acknowledged, and does not wait for the rest', async () => {
    await world.add(['a', 'b']);
    await world.promote('a', 1, ['b']);
    await world.follow('b', 1, 'a');
    await world.untilSeen('a', 'b in sync', (observed) => observed.releasing);
    await world.sql('a', `insert into trades values (1, 'acknowledged')`);
    const [primary, standby] = [await superuserOf(world.site('a').port), await superuserOf(world.site('b').port)];
    // What nobody waits for is written to the disk, and sent, by whole pages.
    await world.until('half of a record is there', async () => {
      const within = () => new Deadline({ afterMs: 3_000 });
      await primary.query(`select pg_logical_emit_message(false, 'test', repeat('x', 50000))`, within());
      for (let look = 0; look < 20; look += 1) {
        const [seen] = await standby.query(
          `select pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn() and pg_sleep(0.3) is not null
             and pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn() as half`,
          within(),
        );
        if (seen?.['half'] === 't') return true;
      }
      return null;
    });
    await world.ok('a', { kind: 'kill' });
    primary.cut();
    standby.cut();
    await world.promote('b', 2, []);
    assert.equal((await world.sql('b', 'select 1 from trades where id = 1')).length, 1);
    await world.sql('b', `insert into trades values (2, 'after')`);
  });
});

describe('a standby that ended, while nobody is there to be followed', { timeout: 120_000 }, () => {
  const world = new PostgresWorld();
  after(() => world.down());

  test('comes up closed all the same, with what it has, and is not taken for following', async () => {
    await world.add(['a', 'b']);
    await world.promote('a', 1, ['b']);
    await world.follow('b', 1, 'a');
    await world.untilSeen('a', 'b in sync', (observed) => observed.releasing);
    await world.sql('a', `insert into trades values (1, 'both have it')`);
    for (const name of ['a', 'b']) await world.ok(name, { kind: 'kill' });
    const told = await world.perform('b', { kind: 'follow', epoch: epoch(1), upstream: id('a'), mode: 'sync' });
    assert.notEqual(told.kind, 'ok');
    const seen = await world.look('b');
    assert.deepEqual([seen.process, seen.role, seen.releasing, seen.upstream], ['running', 'closed', false, null]);
    assert.equal((await world.sql('b', 'select 1 from trades where id = 1')).length, 1);
  });
});

describe('one instance under faults', { timeout: 120_000 }, () => {
  const world = new PostgresWorld();
  after(() => world.down());

  test('a primary that was killed with SIGKILL from outside is reported with an empty tree and boots closed', async () => {
    await world.add(['a']);
    await world.promote('a', 1, []);
    await world.sql('a', `insert into trades values (1, 'kept')`);
    const { driver, dataDir, exits } = world.site('a');
    const [postmaster] = findTree({ root: null, directory: dataDir, environment: null }).filter((entry) =>
      readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').startsWith(`${entry.pid}\n`),
    );
    assert.ok(postmaster);
    signalProcess(postmaster, 'SIGKILL');
    const exit = await world.until('the exit', async () => exits[0] ?? null);
    assert.deepEqual([exit.signal, exit.reaped, exit.treeEmpty], ['SIGKILL', true, true]);
    assert.equal((await world.look('a')).process, 'exited');
    assert.equal(await driver.confirm({ kind: 'process-gone' }, { deadlineMs: 1_000 }), 'holds');
    await world.ok('a', { kind: 'start' });
    const seen = await world.look('a');
    assert.deepEqual([seen.role, seen.releasing], ['closed', false]);
    await assert.rejects(world.sql('a', `insert into trades values (2, 'x')`), /read-only/);
    assert.equal((await world.sql('a', 'select count(*) as n from trades'))[0]?.n, '1');
  });

  test('a start that is asked for while an agent that has just begun brings the server up starts no second one', async () => {
    await world.ok('a', { kind: 'kill' });
    await world.site('a').driver.close();
    const again = world.build('a', null);
    world.sites.set('a', again);
    const [asked] = await Promise.all([
      world.perform('a', { kind: 'start' }),
      again.driver.start({
        observed: (seen) => again.observations.push(seen),
        exited: (exit) => again.exits.push(exit),
      }),
    ]);
    assert.equal(asked.kind, 'ok', JSON.stringify(asked));
    assert.equal((await world.look('a')).process, 'running');
    assert.deepEqual(again.exits, []);
  });

  test('a frozen server is frozen and its role unknown by the deadline, and it can be killed while frozen', async () => {
    await world.promote('a', 2, []);
    const { driver, dataDir } = world.site('a');
    const members = findTree({ root: null, directory: dataDir, environment: null });
    for (const member of members) signalProcess(member, 'SIGSTOP');
    const lived = new LivedTime();
    const seen = await world.until('a frozen report', async () => {
      const observed = await driver.observe({ deadlineMs: 500 });
      return observed?.process === 'frozen' && observed.role === 'unknown' ? observed : null;
    });
    assert.ok(lived.stop() < 1_500, `took ${lived.elapsedMs} ms`);
    assert.deepEqual([seen.role, seen.health, seen.releasing], ['unknown', 'unknown', false]);
    assert.equal(await driver.confirm({ kind: 'not-primary', epoch: epoch(2) }, { deadlineMs: 500 }), 'unknown');
    const timedOut = await world.perform('a', { kind: 'set-ack-set', epoch: epoch(2), ackSet: [] }, 500);
    assert.equal(timedOut.kind, 'unknown');
    const killed = await world.ok('a', { kind: 'kill' });
    assert.equal(killed.treeEmpty, true);
    assert.deepEqual(findTree({ root: null, directory: dataDir, environment: null }), []);
  });

  test('after kill has answered ok nothing is acknowledged any more', async () => {
    for (let round = 0; round < 3; round++) {
      await world.promote('a', 3 + round, []);
      const writers = await Promise.all(Array.from({ length: 6 }, () => world.connect('a')));
      let acknowledged = 0;
      const loops = writers.map(async (writer, index) => {
        for (let n = 0; ; n++) {
          const key = (round + 1) * 1_000_000_000 + index * 1_000_000 + n;
          await writer.query(`insert into trades values (${key}, 'load')`, new Deadline({ afterMs: 5_000 }));
          acknowledged += 1;
        }
      });
      for (const loop of loops) loop.catch(() => undefined);
      await world.until('load', async () => (acknowledged > 50 ? true : null));
      assert.ok(openServerSockets(world.site('a').port) >= 6);
      const killed = await world.ok('a', { kind: 'kill' });
      assert.equal(openServerSockets(world.site('a').port), 0, 'nobody is left who could send an acknowledgement');
      await Promise.allSettled(loops);
      assert.ok(Number(killed.killed) >= 7, `killed ${killed.killed}`);
      assert.equal(existsSync(join(world.site('a').dataDir, 'postmaster.pid')), false);
    }
  });
});

/** Connections that a server process on this port still holds open: TCP state 01 in /proc/net/tcp. */
const openServerSockets = (port: number): number => {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[1] === local && fields[3] === '01').length;
};

/** Writes rows one after the other until the server dies, `disturb` runs meanwhile; the ids that were acknowledged. */
async function acknowledgeUntilKilled(
  world: PostgresWorld,
  name: string,
  disturb: () => Promise<void>,
): Promise<number[]> {
  const writer = await world.connect(name);
  const acknowledged: number[] = [];
  const writing = (async () => {
    for (let key = 10_000; ; key++) {
      await writer.query(`insert into trades values (${key}, 'load')`, new Deadline({ afterMs: 5_000 }));
      acknowledged.push(key);
    }
  })();
  writing.catch(() => undefined);
  await world.until('some acknowledged writes', async () => (acknowledged.length >= 50 ? true : null));
  await disturb();
  await assert.rejects(writing);
  return acknowledged;
}

const superuserOf = (port: number): Promise<Session> =>
  Session.connect(
    {
      host: '127.0.0.1',
      port,
      user: 'holdfast',
      password: `pw holdfast:\\'é`,
      database: 'trading',
      applicationName: 'test',
    },
    new Deadline({ afterMs: 3_000 }),
  );
