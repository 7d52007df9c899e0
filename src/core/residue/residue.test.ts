import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, drawFacts, ENGINE, FactsBuilder, observationOf } from '../../../test/builders/facts.ts';
import { forSeeds } from '../../../test/builders/for-seeds.ts';
import type { Random } from '../../sim/random.ts';
import { epoch, type InstanceId, instanceId, runId } from '../base/ids.ts';
import type { Facts } from '../decision/facts.ts';
import { RESIDUE_LOOK_IDS, type ResidueLookId, residueOf } from './residue.ts';

/** After a run that left nothing: copies copy, everybody else is known to be silent, one exchange is near both sites. */
function clean(): FactsBuilder {
  const builder = new FactsBuilder();
  const { facts } = builder;
  for (const [id, known] of facts.instances) {
    const holder = builder.record.grants[known.instance.component]?.holder;
    if (holder === undefined || holder === id) continue;
    const upstream = { instance: known.instance.upstream ?? holder!, connected: true, silentMs: 5 };
    const copies = known.instance.replication !== 'none';
    builder.instance(id, { provedDead: true }).observation(id, copies ? { upstream } : { role: 'closed' });
  }
  builder.observation('bravo-front', { role: 'closed' }).observation('alfa-eng1', { figures: { venueReady: 1 } });
  const venue = { rttMsBySite: { alfa: 1, bravo: 1 } } as unknown as Facts['topology']['venues'][number];
  return builder.change({ topology: { ...facts.topology, venues: [venue] } });
}

const looksOf = (facts: Facts, outcome: 'residue' | 'inconclusive') =>
  residueOf(facts)
    .looks.filter((each) => each.outcome === outcome)
    .map(({ look }) => look);

test('a run that left nothing is clean in every look', () => {
  const report = residueOf(clean().facts);
  assert.equal(report.verdict, 'clean', JSON.stringify(report, null, 1));
  assert.deepEqual(
    report.looks.map(({ look }) => look),
    RESIDUE_LOOK_IDS,
  );
});

const planted: readonly (readonly [
  what: string,
  look: ResidueLookId,
  place: string,
  plant: (builder: FactsBuilder) => unknown,
])[] = [
  ['an old writer is still primary', 'process', 'bravo-db', (b) => b.observation('bravo-db', { role: 'primary' })],
  ['an old writer is frozen', 'process', 'bravo-eng1', (b) => b.observation('bravo-eng1', { process: 'frozen' })],
  [
    'an old writer ended and nobody saw its tree empty',
    'process',
    'bravo-eng1',
    (b) => b.instance('bravo-eng1', { provedDead: false }).observation('bravo-eng1', { process: 'exited' }),
  ],
  ['an agent does not vouch for one', 'gate', 'bravo-db', (b) => b.instance('bravo-db', { provedDead: false })],
  ['the holder has no armed gate', 'gate', 'alfa-eng1', (b) => b.lease(ENGINE, { gate: null })],
  ['a front is open elsewhere', 'gate', 'bravo-front', (b) => b.observation('bravo-front', { role: 'standby' })],
  ['the front here is closed', 'gate', 'alfa-front', (b) => b.observation('alfa-front', { role: 'closed' })],
  [
    'the record names a run that is not under way',
    'authority',
    'group/trading',
    (b) => b.change({ record: { ...b.record, run: runId('trading-9') } }),
  ],
  ['nobody holds a component', 'authority', 'group/trading', (b) => b.revoke(DB)],
  [
    'the maintenance of a run that ended still holds',
    'authority',
    'brakes/trading',
    (b) => b.brake('maintenance', { run: runId('trading-9') }),
  ],
  ['a copy has stored an older epoch', 'epoch', 'bravo-db', (b) => b.observation('bravo-db', { epoch: epoch(6) })],
  ['a front has stored a newer epoch', 'epoch', 'alfa-front', (b) => b.observation('alfa-front', { epoch: epoch(8) })],
  [
    'a lease is that of a former holder',
    'lease',
    'lease/trading/db',
    (b) => b.lease(DB, { holder: instanceId('bravo-db') }),
  ],
  ['a lease is of an older epoch', 'lease', 'lease/trading/db', (b) => b.lease(DB, { epoch: epoch(6) })],
  [
    'an engine that does not hold has a session at an exchange',
    'exchange',
    'bravo-eng1',
    (b) => b.observation('bravo-eng1', { figures: { venueReady: 1 } }),
  ],
  ['a copy copies nobody', 'detached', 'bravo-db', (b) => b.observation('bravo-db', { upstream: null })],
  [
    'a copy copies somebody who does not hold',
    'detached',
    'bravo-eng1',
    (b) =>
      b.observation('bravo-eng1', { upstream: { instance: instanceId('bravo-eng2'), connected: true, silentMs: 1 } }),
  ],
];

for (const [what, look, place, plant] of planted)
  test(`${what}: found, with its place and a remedy`, () => {
    const builder = clean();
    plant(builder);
    const report = residueOf(builder.facts);
    assert.equal(report.verdict, 'residue');
    const found = report.looks.find((each) => each.look === look)!.findings.filter((each) => each.place === place);
    assert.equal(found[0]?.certainty, 'residue', JSON.stringify(report));
    assert.ok(found[0].remedy.length > 0);
  });

test('a detached copy is no residue once its being so is said: by the mode, by a fence, by maintenance', () => {
  const detached = () => clean().observation('bravo-db', { upstream: null });
  assert.deepEqual(looksOf(detached().facts, 'residue'), ['detached']);
  const lost = [instanceId('bravo-db')];
  const said = [
    detached().grant(DB, { mode: { kind: 'degraded', sinceEpoch: epoch(7), lost } }),
    detached().change({ brakes: { ...detached().facts.brakes, fenced: lost } }),
    detached().brake('maintenance'),
  ];
  for (const each of said) assert.equal(residueOf(each.facts).verdict, 'clean');
});

test('I6: nothing is clean while the authority is silent, a run is under way, or nothing was ever granted', () => {
  const unclear = [
    clean().change({ authority: { ...clean().facts.authority, silentMs: null } }),
    clean().change({ authority: { ...clean().facts.authority, silentMs: 5_000 } }),
    clean().change({ record: null }),
    clean().change({
      record: { ...clean().record, run: runId('trading-9') },
      run: { run: runId('trading-9'), result: null } as Facts['run'],
    }),
  ];
  for (const { facts } of unclear) assert.deepEqual(looksOf(facts, 'inconclusive'), RESIDUE_LOOK_IDS);
});

test('a holder that does not say that its sessions are ready leaves the exchange inconclusive', () => {
  assert.deepEqual(looksOf(clean().observation('alfa-eng1', { figures: {} }).facts, 'inconclusive'), ['exchange']);
});

/** Somebody who holds nothing and could have: an old writer, as far as anybody knows. */
function oldWriter({ facts, record }: FactsBuilder, random: Random): InstanceId {
  const others = [...facts.instances].filter(([id, { instance }]) => {
    const grant = record.grants[instance.component];
    return grant !== undefined && grant.holder !== id;
  });
  return random.pick(others)[0];
}

test('I6: of whatever facts, with an old writer that cannot be seen the report is never clean', () => {
  forSeeds(500, (random) => {
    const builder = drawFacts(random);
    const { looks, verdict } = residueOf(builder.instance(oldWriter(builder, random), { fresh: false }).facts);
    assert.notEqual(verdict, 'clean');
    for (const { outcome, findings } of looks) assert.equal(outcome === 'clean', findings.length === 0);
  });
});

test('whatever else is wrong, an old writer that is seen to be primary is found, and its lease', () => {
  let looked = 0;
  forSeeds(500, (random) => {
    const builder = drawFacts(random);
    const { silentMs, staleAfterMs } = builder.facts.authority;
    if (silentMs === null || silentMs > staleAfterMs) return;
    const place = oldWriter(builder, random);
    builder
      .instance(place, { fresh: true, observation: observationOf(place, true) })
      .observation(place, { health: random.pick(['ok', 'bad']) });
    const { component } = builder.facts.instances.get(place)!.instance;
    const held = builder.record.grants[component]!.holder !== null && builder.facts.leases.has(component);
    if (held) builder.lease(component, { holder: place });
    const found = residueOf(builder.facts).looks.flatMap(({ look, findings }) =>
      findings.filter(({ certainty }) => certainty === 'residue').map((each) => `${look} ${each.place}`),
    );
    assert.ok(found.includes(`process ${place}`), String(found));
    if (held) assert.ok(found.includes(`lease lease/${builder.facts.group.id}/${component}`), String(found));
    looked += 1;
  });
  assert.ok(looked > 250, `${looked}`);
});
