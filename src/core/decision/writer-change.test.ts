import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINE, FactsBuilder } from '../../../test/builders/facts.ts';
import type { ReplacedWriter } from '../authority/group-record.ts';
import { seatOf } from '../authority/writer-seat.ts';
import { componentId, epoch, instanceId, runId, siteId } from '../base/ids.ts';
import type { InstanceObservation, StreamObservation } from '../health/instance-observation.ts';
import { writerChange } from './writer-change.ts';

const [alfa, bravo] = [instanceId('alfa-cache'), instanceId('bravo-cache')];
const CACHE = componentId('cache');
const primary: StreamObservation = { primary: true, history: 'first', offset: 900, before: null };
const replica: StreamObservation = { primary: false, history: 'first', offset: 880, before: null };
const promoted: StreamObservation = {
  primary: true,
  history: 'second',
  offset: 890,
  before: { history: 'first', offset: 885 },
};
const figures = (openEpoch: number, ledEpoch = 7) => ({ openEpoch, ledEpoch });
const gone: Partial<InstanceObservation> = { process: 'exited', role: 'closed', health: 'bad' };
const silent: Partial<InstanceObservation> = { health: 'unknown', role: 'unknown' };

/** Writers are let in at alfa, where the engine is; bravo has a copy. */
const well = () =>
  new FactsBuilder({ servers: true })
    .observation(alfa, { role: 'standby', stream: primary, figures: figures(7) })
    .observation(bravo, { role: 'closed', stream: replica, figures: figures(0) });
const cacheOf = ({ facts }: FactsBuilder) => facts.topology.components.find(({ id }) => id === CACHE)!;
const change = (at: FactsBuilder) => writerChange(at.facts, cacheOf(at));
const kept = (at: FactsBuilder) => {
  const found = change(at);
  return found?.kind === 'keep' ? found.reason : JSON.stringify(found);
};
const replaced = (more: Partial<ReplacedWriter> = {}): ReplacedWriter => ({
  component: CACHE,
  instance: null,
  epoch: epoch(8),
  former: alfa,
  besideSite: siteId('alfa'),
  why: 'lost',
  ...more,
});
const record = (at: FactsBuilder, more: Partial<ReplacedWriter> = {}) =>
  at.change({ record: { ...at.record, epoch: epoch(8), writers: { [CACHE]: replaced(more) } } });

test('one that is well, slow or silent stays where it is: silence is no ground', () => {
  assert.equal(change(well()), null);
  assert.equal(change(well().observation(alfa, { health: 'bad' })), null);
  assert.equal(change(well().observation(alfa, silent)), null);
  assert.equal(change(well().instance(alfa, { fresh: false })), null);
});

test('one whose agent saw its process end is closed at once', () => {
  const found = { kind: 'close', former: alfa, why: 'the process of alfa-cache is gone' };
  assert.deepEqual(change(well().observation(alfa, gone)), found);
  assert.equal(change(well().observation(alfa, gone).instance(alfa, { fresh: false })), null, 'an old word of it');
});

test('one that does not answer is closed once another server was promoted over its history', () => {
  const at = well().observation(alfa, silent).observation(bravo, { stream: promoted });
  assert.deepEqual(change(at), {
    kind: 'close',
    former: alfa,
    why: 'alfa-cache does not answer, and bravo-cache was promoted',
  });
  assert.equal(change(at.observation(alfa, { health: 'ok' })), null, 'one that answers is led back by its agent');
});

test('a primary that it was still following is nobody who was promoted over it', () => {
  const at = well()
    .observation(alfa, { ...silent, stream: replica })
    .observation(bravo, { stream: { ...promoted, before: null } });
  assert.equal(change(at), null);
  const other = { ...promoted, before: { history: 'elsewhere', offset: 1 } };
  assert.equal(change(well().observation(alfa, silent).observation(bravo, { stream: other })), null);
});

test('of a machine that is not heard nothing is proved, and that is said', () => {
  const at = well().instance(alfa, { fresh: false }).observation(bravo, { stream: promoted });
  assert.match(kept(at), /its agent is not heard, so nothing proves/);
});

test('it stays while automation is held, where instances do not move, and where nobody could take over', () => {
  const lost = () => well().observation(alfa, gone);
  assert.match(kept(lost().brake('freeze')), /frozen by Grace/);
  assert.match(kept(lost().brake('maintenance')), /in maintenance by Grace/);
  assert.match(kept(lost().group({ instancePolicy: 'approval' })), /\(approval\)/);
  for (const nobody of [silent, { stream: { ...replica, history: 'another' } }] as const)
    assert.match(kept(lost().observation(bravo, nobody)), /no other server/);
  const { eligible: _, ...rest } = lost().facts.instances.get(bravo)!.instance;
  const at = lost();
  const cache = cacheOf(at);
  const instances = cache.instances.map((each) => (each.id === bravo ? { ...rest, eligible: false } : each));
  assert.equal(writerChange(at.facts, { ...cache, instances })?.kind, 'keep');
});

test('I7: while a run is open, or in an authority that was restored, nothing is begun', () => {
  const lost = well().observation(alfa, gone);
  assert.equal(
    change(
      well()
        .observation(alfa, gone)
        .change({ record: { ...lost.record, run: runId('r-1') } }),
    ),
    null,
  );
  const authority = { ...lost.facts.authority, incarnationMatches: false };
  assert.equal(change(lost.change({ authority })), null);
});

test('another one is named only after the former one carried out an order of the new epoch', () => {
  const open = (at: FactsBuilder) => change(record(at));
  assert.equal(open(well()), null);
  assert.equal(open(well().observation(alfa, { ...gone, figures: figures(0, 7) })), null, 'gone before it was told');
  assert.equal(open(well().observation(alfa, { figures: figures(7, 8) })), null, 'it lets writers in');
  assert.equal(open(well().observation(alfa, { ...silent, figures: figures(0, 8) })), null, 'it does not answer');
  const dead = well().observation(alfa, { ...gone, figures: { ledEpoch: 8 } });
  assert.equal(open(dead.instance(alfa, { fresh: false })), null, 'its agent is not heard');
  assert.deepEqual(open(dead.instance(alfa, { fresh: true })), {
    kind: 'open',
    instance: bravo,
    proof: 'the process of alfa-cache is gone',
    formerEnd: { history: 'first', offset: 900, stopped: false },
  });
  const ended = open(
    dead.observation(alfa, { ...gone, stream: { ...primary, endedWithinMs: 640 }, figures: figures(0, 8) }),
  );
  assert.equal(ended?.kind === 'open' && ended.formerEnd?.endedWithinMs, 640);
  const closed = open(well().observation(alfa, { figures: figures(0, 8) }));
  assert.deepEqual(closed?.kind === 'open' && [closed.proof, closed.formerEnd?.stopped], [
    'alfa-cache lets nobody in',
    true,
  ]);
});

test('while any other one lets writers in, or may, nobody is named', () => {
  const told = () => well().observation(alfa, { ...gone, figures: { ledEpoch: 8 } });
  assert.equal(change(record(told().observation(bravo, { figures: figures(7) }))), null);
  const third = instanceId('bravo-cache-2');
  const withThird = (openEpoch: number) => {
    const at = record(told());
    const known = at.facts.instances.get(bravo)!;
    const observation = { ...known.observation!, instance: third, figures: figures(openEpoch) };
    at.facts.instances.set(third, { ...known, instance: { ...known.instance, id: third }, fresh: false, observation });
    const cache = cacheOf(at);
    return writerChange(at.facts, { ...cache, instances: [...cache.instances, { ...known.instance, id: third }] });
  };
  assert.equal(withThird(5), null, 'nobody hears one that was open when it was heard last');
  assert.equal(withThird(0)?.kind, 'open');
});

test('where nobody else is left the former one is named again, under the new epoch: never nobody', () => {
  const at = well()
    .observation(alfa, { figures: figures(0, 8) })
    .observation(bravo, silent);
  const found = change(record(at));
  assert.equal(found?.kind === 'open' && found.instance, alfa);
});

test('its loss is counted once, when it was seen open: a lower bound of one that ended, exact of one that was closed', () => {
  const at = (stopped: boolean, stream = promoted) =>
    record(
      well()
        .observation(alfa, { ...gone, figures: { ledEpoch: 8 } })
        .observation(bravo, { stream, figures: figures(8, 8) }),
      { instance: bravo, formerEnd: { history: 'first', offset: 900, stopped } },
    );
  assert.deepEqual(change(at(false)), { kind: 'count', loss: { kind: 'lost', bytes: 15, exact: false } });
  assert.deepEqual(change(at(true)), { kind: 'count', loss: { kind: 'lost', bytes: 15, exact: true } });
  assert.equal(change(at(true).observation(bravo, { figures: figures(0, 8) })), null);
  const within = at(false, { ...promoted, before: { history: 'first', offset: 930 } });
  const writer = { ...within.record.writers![CACHE]!, formerEnd: { ...primary, stopped: false, endedWithinMs: 640 } };
  within.change({ record: { ...within.record, writers: { [CACHE]: writer } } });
  assert.deepEqual(change(within), { kind: 'count', loss: { kind: 'bounded', lastMs: 640, keptBytes: 30 } });
  const counted = at(true);
  const writers = { [CACHE]: { ...counted.record.writers![CACHE]!, loss: { kind: 'none' } as const } };
  assert.equal(change(counted.change({ record: { ...counted.record, writers } })), null);
});

/** It led until sentinels promoted bravo, and copies that now; it lets writers of its epoch in still, who may not write. */
const gaveWay = (left: StreamObservation['left'] = { history: 'first', offset: 900, endedWithinMs: 700 }) =>
  well()
    .observation(alfa, {
      stream: { primary: false, history: 'second', offset: 895, before: null, ...(left === undefined ? {} : { left }) },
    })
    .observation(bravo, { stream: promoted });

test('one that gave way to another with what it led is closed, and what the other lacks of that is counted', () => {
  const why = 'alfa-cache gave way to bravo-cache, which sentinels promoted';
  assert.deepEqual(change(gaveWay()), { kind: 'close', former: alfa, why });
  assert.match(kept(gaveWay().brake('freeze')), /gave way to bravo-cache.*frozen by Grace/);
  const closed = change(record(gaveWay().observation(alfa, { figures: figures(0, 8) })));
  assert.deepEqual(closed, {
    kind: 'open',
    instance: bravo,
    proof: 'alfa-cache lets nobody in',
    formerEnd: { history: 'first', offset: 900, stopped: false, endedWithinMs: 700 },
  });
});

test('one that never led under this epoch, or follows what has nothing of it, gave way to nobody: its agent moves it', () => {
  assert.equal(change(gaveWay().observation(alfa, { figures: figures(0) })), null, 'it is about to take over');
  assert.equal(change(gaveWay().observation(alfa, { figures: figures(6) })), null, 'that was another epoch');
  const foreign = { ...promoted, before: { history: 'elsewhere', offset: 1 } };
  assert.equal(change(gaveWay().observation(bravo, { stream: foreign })), null);
});

test('what it had is not known of one that follows and does not say what it led', () => {
  const at = record(gaveWay(undefined).observation(alfa, { figures: figures(0, 8) }));
  const stream = { ...replica, history: 'second' };
  const found = change(at.observation(alfa, { stream }));
  assert.equal(found?.kind === 'open' && found.formerEnd, null);
});

test('one that lets writers in with another history than it led is counted once, as what it is', () => {
  const left = { history: 'first', offset: 900, endedWithinMs: 700 };
  const restarted: StreamObservation = { primary: true, history: 'third', offset: 20, before: null, left };
  const formerEnd = { ...left, stopped: false };
  const at = () => well().observation(alfa, { stream: restarted });
  assert.deepEqual(change(at()), {
    kind: 'diverged',
    instance: alfa,
    formerEnd,
    loss: { kind: 'unknown', reason: 'the successor does not come from that history' },
  });
  const derived = { ...restarted, before: { history: 'first', offset: 880 } };
  const shorter = change(well().observation(alfa, { stream: derived }));
  assert.deepEqual(shorter?.kind === 'diverged' && shorter.loss, { kind: 'lost', bytes: 20, exact: false });
  assert.equal(change(at().observation(alfa, { figures: figures(0) })), null, 'it lets nobody in yet');
  const counted = record(at().observation(alfa, { figures: figures(8, 8) }), {
    instance: alfa,
    formerEnd,
    loss: { kind: 'none' },
  });
  assert.equal(change(counted), null);
});

test('one that was named and is lost as well gives way again', () => {
  const at = record(
    well()
      .observation(alfa, { role: 'closed', stream: { ...replica, history: 'second' }, figures: figures(0, 8) })
      .observation(bravo, { ...gone, stream: promoted, figures: { ledEpoch: 8 } }),
    { instance: bravo },
  );
  assert.deepEqual(change(at), { kind: 'close', former: bravo, why: 'the process of bravo-cache is gone' });
});

test('it stays while its writer stays at the site, under the newer of both epochs, and a grant elsewhere ends it', () => {
  const at = record(well(), { instance: bravo });
  const seat = () => seatOf(at.record, cacheOf(at), at.facts.topology);
  assert.deepEqual([seat().instance, seat().epoch], [bravo, 8]);
  at.grant(ENGINE, { holder: instanceId('alfa-eng2'), epoch: epoch(9) });
  assert.deepEqual([seat().instance, seat().epoch], [bravo, 9]);
  at.grant(ENGINE, { holder: instanceId('bravo-eng1'), epoch: epoch(10) });
  assert.deepEqual(seat(), { instance: bravo, epoch: 10, replaced: null });
  at.grant(ENGINE, { holder: null, epoch: epoch(11) });
  assert.deepEqual(seat(), { instance: null, epoch: 11, replaced: null });
});
