import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, FactsBuilder } from '../../../test/builders/facts.ts';
import { epoch, instanceId, runId } from '../base/ids.ts';
import { noBrakes } from '../decision/brakes.ts';
import { indexOf } from '../topology/topology-index.ts';
import type { AdoptedPrimary, GroupRecord } from './group-record.ts';
import { asksBeforePromotion, notRead, type PermitFacts, promotionPermit } from './promotion-permit.ts';

const [alfa, bravo, archive] = [instanceId('alfa-db'), instanceId('bravo-db'), instanceId('wit-db')];
const run = runId('trading-8');
const world = new FactsBuilder({ delegatedDatabase: true, gatedDatabase: true, askingDatabase: true });
const component = indexOf(world.facts.topology).component.get(DB)!;
const brake = { by: 'ann', reason: 'work', at: world.facts.wallMs, until: null };

function facts(seat: Partial<AdoptedPrimary> | null, change: Partial<GroupRecord> = {}): PermitFacts {
  const named: AdoptedPrimary = { component: DB, holder: alfa, lock: 20, epoch: epoch(7), ...seat };
  const record = {
    ...world.record,
    incarnation: 'one',
    ...(seat === null ? {} : { delegates: { [DB]: named } }),
    ...change,
  };
  return { record, brakes: noBrakes, incarnation: 'one' };
}
const moving = (to: typeof alfa, change: Partial<GroupRecord> = {}) =>
  facts({ holder: null, moving: { run, to } }, { run, ...change });
function answer(about: PermitFacts, member = bravo): string {
  const permit = promotionPermit(about, component, member);
  return permit.kind === 'granted' ? 'granted' : permit.code;
}

test('Patroni asks where every member of a topology has a socket for it', () => {
  assert.ok(asksBeforePromotion(component));
  const gated = new FactsBuilder({ delegatedDatabase: true, gatedDatabase: true });
  assert.ok(!asksBeforePromotion(indexOf(gated.facts.topology).component.get(DB)!));
});

test('while a run moves the database only the member that it names may be promoted, whoever had it before', () => {
  assert.equal(answer(moving(bravo)), 'granted');
  assert.equal(answer(moving(bravo), alfa), 'moved-elsewhere');
  assert.equal(answer(moving(alfa)), 'moved-elsewhere');
});

test('what Patroni decides by itself is its own: no run, a run that moves something else, a primary that has arrived, a run that is over', () => {
  assert.equal(answer(facts({})), 'granted');
  assert.equal(answer(facts({}), alfa), 'granted', 'its own primary comes back');
  assert.equal(answer(facts(null)), 'granted', 'nobody was ever adopted');
  assert.equal(answer(facts({}, { run })), 'granted');
  assert.equal(answer(facts({ holder: null, moving: { run, to: alfa } })), 'granted', 'the run has ended');
  assert.equal(answer(moving(alfa, { run: runId('trading-9') })), 'granted', 'another run leaves it alone');
  assert.equal(answer({ record: null, brakes: null, incarnation: 'one' }), 'granted');
});

test('a run whose target the record does not say permits nobody', () => {
  assert.equal(answer(facts({ holder: null }, { run })), 'target-unknown');
});

test('an archive that may never lead is refused, also where a run names it and before there is a record', () => {
  assert.equal(answer(moving(archive), archive), 'not-eligible');
  assert.equal(answer({ record: null, brakes: null, incarnation: 'one' }, archive), 'not-eligible');
  assert.equal(answer(facts({}), instanceId('nobody')), 'not-eligible');
});

test('who is fenced by a person is refused, also where a run names it, and nobody else', () => {
  const fenced = { ...noBrakes, fenced: [bravo] };
  for (const about of [facts({}), moving(bravo)]) assert.equal(answer({ ...about, brakes: fenced }), 'fenced');
  assert.equal(answer({ ...facts({}), brakes: fenced }, alfa), 'granted');
});

test('a freeze and a maintenance hold what Holdfast begins, and forbid no member', () => {
  const braked = { ...noBrakes, freeze: brake, maintenance: brake };
  assert.equal(answer({ ...facts({}), brakes: braked }), 'granted');
  assert.equal(answer({ ...moving(alfa), brakes: braked }), 'moved-elsewhere');
});

test('a record of another incarnation than the authority’s permits nobody', () => {
  assert.equal(answer({ ...facts({}), incarnation: 'two' }), 'other-incarnation');
  assert.equal(answer({ ...moving(bravo), incarnation: 'two' }), 'other-incarnation');
});

test('what was not read permits nobody, and says why', () => {
  assert.deepEqual(notRead('no quorum'), {
    kind: 'refused',
    code: 'unread',
    reason: 'the authority was not read: no quorum',
  });
});
