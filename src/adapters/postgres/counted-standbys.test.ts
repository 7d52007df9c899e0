import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { PostgresWorld } from '../../../test/builders/postgres-world.ts';
import { epoch, instanceId } from '../../core/base/ids.ts';
import type { InstanceObservation } from '../../core/health/instance-observation.ts';

const stateOf = (seen: InstanceObservation, name: string) =>
  seen.replicas.find((replica) => replica.instance === name)?.state;

describe('a standby counts in a reign after it has stored the epoch of it, and not before', {
  timeout: 180_000,
}, () => {
  const world = new PostgresWorld();
  after(() => world.down());

  test('a follow under way gives up before it replaces anything when a newer one arrives, which then takes place', async () => {
    await world.add(['a', 'b', 'c']);
    await world.promote('a', 1, ['b']);
    const { dataDir } = world.site('b');
    const older = world.perform('b', { kind: 'follow', epoch: epoch(1), upstream: instanceId('a'), mode: 'sync' });
    await world.until('the clone to begin', async () => (existsSync(`${dataDir}.clone`) ? true : null));
    const newer = world.perform('b', { kind: 'follow', epoch: epoch(2), upstream: instanceId('a'), mode: 'sync' });
    const given = await older;
    assert.deepEqual([given.kind, given.kind === 'failed' && given.code], ['failed', 'stale-epoch']);
    const taken = await newer;
    assert.equal(taken.kind, 'ok', JSON.stringify(taken));
  });

  test('I9: it follows by itself when its upstream is promoted again, and no commit is acknowledged on its word', async () => {
    await world.ok('a', { kind: 'demote', epoch: epoch(2) });
    await world.promote('a', 2, ['b']);
    await world.untilSeen('a', 'b in sync', (seen) => seen.releasing);
    await world.sql('a', `insert into trades values (1, 'confirmed in the reign of epoch 2')`);

    await world.ok('a', { kind: 'demote', epoch: epoch(3) });
    await world.promote('a', 4, ['b']);
    const seen = await world.untilSeen('a', 'b streams', (observed) =>
      ['catching-up', 'in-sync'].includes(stateOf(observed, 'b') ?? ''),
    );
    assert.deepEqual(seen.ackSet, ['b']);
    assert.deepEqual([stateOf(seen, 'b'), seen.releasing], ['catching-up', false]);
    await assert.rejects(world.sql('a', `insert into trades values (2, 'b was told nothing of this reign')`, 1_500), {
      name: 'DeadlineExceeded',
    });
    await world.until('b has it all the same', async () =>
      (await world.sql('b', 'select 1 from trades where id = 2')).length === 1 ? true : null,
    );
    assert.equal((await world.look('a')).releasing, false);
  });

  test('told of the reign it counts, and what belongs to an earlier one is refused from then on', async () => {
    await world.follow('b', 4, 'a');
    const seen = await world.untilSeen('a', 'b in sync', (observed) => observed.releasing);
    assert.deepEqual(
      seen.replicas.map(({ instance, state }) => [instance, state]),
      [['b', 'in-sync']],
    );
    await world.sql('a', `insert into trades values (3, 'confirmed in the reign of epoch 4')`);
    const late = await world.perform('b', {
      kind: 'follow',
      epoch: epoch(3),
      upstream: instanceId('c'),
      mode: 'sync',
    });
    assert.deepEqual([late.kind, late.kind === 'failed' && late.code], ['failed', 'stale-epoch']);
    assert.equal((await world.sql('b', 'select 1 from trades where id = 3')).length, 1);
  });

  test('a set that changes within a reign names whom it has and whom it gets in that reign', async () => {
    await world.ok('c', { kind: 'follow', epoch: epoch(4), upstream: instanceId('a'), mode: 'async' });
    await world.ok('a', { kind: 'set-ack-set', epoch: epoch(4), ackSet: [instanceId('b'), instanceId('c')] });
    const seen = await world.untilSeen('a', 'both in sync', (observed) => observed.releasing);
    assert.deepEqual([...seen.ackSet].sort(), ['b', 'c']);
    await world.sql('a', `insert into trades values (4, 'confirmed by both')`);
    assert.equal((await world.sql('c', 'select 1 from trades where id = 4')).length, 1);
  });
});
