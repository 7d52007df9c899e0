import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, ENGINE, FactsBuilder } from '../../../test/builders/facts.ts';
import { instanceId, wallMs } from '../base/ids.ts';
import { exposureIn, exposureText, namesExposure, resumed } from './resume.ts';

const [away, farther] = [instanceId('bravo-eng1'), instanceId('bravo-eng2')];
const by = { by: 'rhea', role: 'risk-officer', reason: 'flooded', at: wallMs(5) };
const halted = () =>
  new FactsBuilder({ afterPeerLoss: 'halt' })
    .grant(DB, { mode: { kind: 'halted', lost: [instanceId('bravo-db')] } })
    .grant(ENGINE, {
      ackSet: [instanceId('alfa-eng2')],
      promotable: [instanceId('alfa-eng2')],
      mode: { kind: 'halted', lost: [away, farther] },
    }).record;

test('an exposure is named by component and by who is missing, in any order', () => {
  const exposure = exposureIn(halted());
  assert.equal(exposureText(exposure), 'db:bravo-db,engine:bravo-eng1+bravo-eng2');
  assert.ok(namesExposure('engine:bravo-eng2+bravo-eng1, db:bravo-db', exposure));
});

test('less, more or another exposure is not this one, and nothing names nothing', () => {
  const exposure = exposureIn(halted());
  for (const words of [
    '',
    'db:bravo-db',
    'engine:bravo-eng1,db:bravo-db',
    'engine:bravo-eng1+bravo-eng2+x,db:bravo-db',
  ])
    assert.equal(namesExposure(words, exposure), false, words);
  assert.equal(namesExposure('', exposureIn(new FactsBuilder().record)), false);
});

test('I4, I9: what goes on waits for nobody who is lost, and none of them is promotable any more', () => {
  const record = resumed(halted(), by);
  const { [DB]: db, [ENGINE]: engine } = record.grants;
  assert.deepEqual([db!.ackSet, db!.promotable], [[], []]);
  assert.deepEqual([engine!.ackSet, engine!.promotable], [[instanceId('alfa-eng2')], [instanceId('alfa-eng2')]]);
  const lost = [away, farther];
  assert.deepEqual(engine!.mode, { kind: 'degraded', sinceEpoch: 7, lost, accepted: { lost, ...by } });
  assert.deepEqual(exposureIn(record), []);
});
