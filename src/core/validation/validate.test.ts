import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DB, FactsBuilder } from '../../../test/builders/facts.ts';
import { instanceId, siteId } from '../base/ids.ts';
import type { Facts } from '../decision/facts.ts';
import { CHECK_IDS, type CheckId } from './check.ts';
import { validate, verdictInWords } from './validate.ts';

const well = () =>
  new FactsBuilder()
    .observation('alfa-eng1', { figures: { activeOrders: 3, breaks: 0, venueReady: 1 } })
    .observation('bravo-front', { role: 'closed' });
const of = (facts: Facts, check: CheckId) => validate(facts).checks.find((each) => each.check === check)!;

test('all ten checks are made, and a firm on which all is well passes with what does not apply named', () => {
  const { verdict, checks } = validate(well().facts);
  assert.deepEqual(
    checks.map(({ check }) => check),
    CHECK_IDS,
  );
  assert.equal(verdict, 'pass', JSON.stringify(checks));
  const none = checks.filter(({ outcome }) => outcome === 'not-applicable').map(({ check }) => check);
  assert.deepEqual(none, ['redis', 'market-data', 'risk', 'positions']);
});

test('one failed check makes the verdict fail, whatever the others say', () => {
  const { facts } = well().observation('alfa-eng1', { tradingEnabled: false, figures: { breaks: 0 } });
  assert.equal(validate(facts).verdict, 'fail');
  assert.match(verdictInWords(validate(facts)), /^validation fail: .*engine fail: alfa-eng1 takes no new risk/);
});

test('I6: a check that cannot be made is inconclusive, and so is the verdict', () => {
  const { facts } = well().observation('alfa-oms', { health: 'unknown' });
  assert.deepEqual([of(facts, 'order-management').outcome, validate(facts).verdict], ['inconclusive', 'inconclusive']);
});

test('a survivor without a copy elsewhere fails the replication check until somebody has caught up', () => {
  const { facts } = well();
  const grant = facts.record!.grants[DB]!;
  const degraded = {
    ...grant,
    mode: { kind: 'degraded', sinceEpoch: grant.epoch, lost: [instanceId('bravo-db')] },
  } as const;
  const record = { ...facts.record!, grants: { ...facts.record!.grants, [DB]: degraded } };
  assert.match(of({ ...facts, record }, 'replication').measured, /db is degraded without bravo-db/);
});

test('two journals that differ at one position fail integrity, and an open front elsewhere fails the network', () => {
  const differ = well()
    .observation('alfa-eng1', { figures: { chainCrc: 1, breaks: 0 } })
    .observation('bravo-eng1', { figures: { chainCrc: 2 } });
  assert.match(of(differ.facts, 'integrity').measured, /alfa-eng1 and bravo-eng1 differ at 7\/100/);
  const { facts } = well();
  const record = { ...facts.record!, traffic: siteId('bravo') };
  assert.equal(of({ ...facts, record }, 'network').outcome, 'fail');
});
