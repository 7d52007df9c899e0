import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FactsBuilder } from '../../../test/builders/facts.ts';
import { networkCheck } from './platform-checks.ts';
import { redisCheck } from './server-checks.ts';

/** alfa is active; everything leads there. */
const well = () =>
  new FactsBuilder({ servers: true })
    .observation('bravo-front', { role: 'closed' })
    .observation('bravo-proxy', { role: 'closed' })
    .observation('bravo-pooler', { role: 'closed' })
    .observation('alfa-cache', { figures: { openEpoch: 7 } })
    .observation('bravo-cache', { role: 'closed', figures: { openEpoch: 0 } })
    .observation('alfa-gateway', shares(true))
    .observation('bravo-gateway', shares(true));

const shares = (holds: boolean, runs = true) => ({
  leads: { orders: null },
  figures: { holds: holds ? 1 : 0, runs: runs ? 1 : 0 },
});

/** With a second machine beside alfa's gateway, for the same address. */
function paired(first: ReturnType<typeof shares>, second: ReturnType<typeof shares> | null) {
  const at = well().observation('alfa-gateway', first);
  const component = at.facts.topology.components.find(({ kind }) => kind === 'keepalived')!;
  const { sharedAddress } = component.served!.servers[component.instances[0]!.id]!;
  (component.served!.servers as Record<string, object>)[component.instances[1]!.id] = { sharedAddress };
  return second === null ? at.instance('bravo-gateway', { fresh: false }) : at.observation('bravo-gateway', second);
}

test('a set that takes writes beside its writer under the epoch of the grant passes', () => {
  assert.deepEqual(redisCheck(well().facts), { outcome: 'pass', measured: 'alfa-cache takes writes of epoch 7' });
  assert.equal(redisCheck(new FactsBuilder().facts).outcome, 'not-applicable');
});

test('a set that is open for another epoch, elsewhere, nowhere or for two fails', () => {
  const open = (id: string, openEpoch: number) => redisCheck(well().observation(id, { figures: { openEpoch } }).facts);
  assert.match(open('alfa-cache', 6).measured, /open for epoch 6, not 7/);
  assert.equal(open('alfa-cache', 0).outcome, 'fail');
  assert.match(open('bravo-cache', 7).measured, /bravo-cache lets writers in, and the record names alfa-cache/);
});

test('a set that is not heard beside its writer is inconclusive, and elsewhere it does not matter', () => {
  assert.equal(redisCheck(well().observation('alfa-cache', { health: 'unknown' }).facts).outcome, 'inconclusive');
  assert.equal(redisCheck(well().instance('bravo-cache', { fresh: false }).facts).outcome, 'pass');
});

test('one of each kind leads at the active site, or clients do not come there', () => {
  assert.equal(networkCheck(well().facts).outcome, 'pass');
  const closed = networkCheck(well().observation('alfa-proxy', { role: 'closed' }).facts);
  assert.deepEqual(closed, { outcome: 'fail', measured: 'proxy leads nowhere at alfa' });
  assert.equal(networkCheck(well().observation('alfa-pooler', { health: 'unknown' }).facts).outcome, 'inconclusive');
});

test('a server anywhere that does not do what it was told fails the network; one that is away does not', () => {
  const reason = 'bravo-proxy does not lead where it was told';
  const wrong = networkCheck(well().observation('bravo-proxy', { health: 'bad', reason }).facts);
  assert.deepEqual(wrong, { outcome: 'fail', measured: reason });
  assert.equal(networkCheck(well().instance('bravo-proxy', { fresh: false }).facts).outcome, 'pass');
});

test('a shared address that two machines have, or one on which nothing moves it, fails the network; who is not heard may have it', () => {
  const outcome = (...pair: Parameters<typeof paired>) => networkCheck(paired(...pair).facts);
  assert.equal(outcome(shares(true), shares(false)).outcome, 'pass');
  assert.deepEqual(outcome(shares(true), shares(true)), {
    outcome: 'fail',
    measured: '10.0.1.9 is at alfa-gateway and bravo-gateway',
  });
  assert.match(outcome(shares(true, false), shares(false)).measured, /alfa-gateway, where nothing moves it/);
  assert.match(outcome(shares(false), shares(false)).measured, /at no machine of alfa/);
  assert.equal(outcome(shares(true), null).outcome, 'inconclusive');
});
