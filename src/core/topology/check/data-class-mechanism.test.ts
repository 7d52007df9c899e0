import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plainShape } from '../../../../test/builders/facts.ts';
import { topologyOf } from '../../../sim/build-topology.ts';
import { componentId } from '../../base/ids.ts';
import { type DataMechanism, noPlanning } from '../planning.ts';
import { dataClassMechanism } from './data-class-mechanism.ts';

const topology = topologyOf(plainShape);

function check(rpoMs: number, keptBy: Partial<DataMechanism> & Pick<DataMechanism, 'kind'>, on = topology) {
  const store = componentId('db');
  const mechanism = { of: [store], everyMs: null, stated: true, ...keptBy };
  const dataClasses = [{ id: 'orders', rpoMs, store, keptBy: mechanism }];
  return dataClassMechanism.check({ topology: on, planning: { ...noPlanning, dataClasses } });
}

const messageOf = (...args: Parameters<typeof check>) => check(...args)[0]?.message ?? 'kept';

test('synchronous copies at two sites keep a class that may lose nothing', () => {
  assert.equal(messageOf(0, { kind: 'synchronous' }), 'kept');
  assert.equal(messageOf(0, { kind: 'journal', of: [componentId('engine')] }), 'kept');
});

test('a component that acknowledges alone keeps nothing synchronously, whatever the RPO', () => {
  const local = {
    ...topology,
    components: topology.components.map((each) => ({
      ...each,
      durability: { acknowledge: 'local', afterPeerLoss: 'degrade' } as const,
    })),
  };
  for (const rpoMs of [0, 5000]) {
    const [hit] = check(rpoMs, { kind: 'synchronous' }, local);
    assert.match(hit!.message, /synchronous copies of db, but it acknowledges with local durability/);
    assert.match(hit!.remedy, /acknowledge: remote-site/);
  }
});

test('the journal is that of an engine', () =>
  assert.match(messageOf(0, { kind: 'journal' }), /which is no trading engine/));

test('what is copied afterwards keeps an RPO above 0, and never 0', () => {
  assert.match(messageOf(0, { kind: 'asynchronous' }), /may lose nothing and is kept by an asynchronous copy of db/);
  assert.match(messageOf(0, { kind: 'cascade' }), /by a cascade/);
  assert.equal(messageOf(5000, { kind: 'asynchronous' }), 'kept');
});

test('a cascade needs an instance with an upstream', () => {
  const flat = {
    ...topology,
    components: topology.components.map((each) => ({
      ...each,
      instances: each.instances.map((one) => ({ ...one, upstream: null })),
    })),
  };
  assert.equal(messageOf(5000, { kind: 'cascade' }), 'kept');
  assert.match(messageOf(5000, { kind: 'cascade' }, flat), /of which there is none at another site/);
});

test('a backup is made as often as the RPO says, and somebody says how often', () => {
  assert.equal(messageOf(300_000, { kind: 'backup', everyMs: 300_000 }), 'kept');
  assert.match(messageOf(300_000, { kind: 'backup', everyMs: 600_000 }), /is backed up every 10min/);
  assert.match(messageOf(300_000, { kind: 'backup' }), /nobody says how often/);
  assert.match(messageOf(0, { kind: 'backup', everyMs: 1000 }), /may lose nothing/);
});

test('what is recomputed loses what its inputs may lose', () => {
  assert.match(messageOf(0, { kind: 'recomputed', of: [] }), /says from nothing/);
  assert.equal(messageOf(0, { kind: 'recomputed' }), 'kept');
});

test('what nobody looks at cannot be promised to lose nothing', () => {
  assert.match(messageOf(0, { kind: 'outside' }), /nobody can prove it/);
  assert.equal(messageOf(5000, { kind: 'outside' }), 'kept');
});

test('where the file names no mechanism there is nothing to compare', () =>
  assert.equal(messageOf(0, { kind: 'outside', stated: false }), 'kept'));
