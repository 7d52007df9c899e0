import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forSeeds } from '../../../test/builders/for-seeds.ts';
import { siteId } from '../base/ids.ts';
import type { Opinion } from './failure-detector.ts';
import { hostVerdict, type Observer, siteVerdict, type Verdict } from './verdict.ts';

const observer = (site: string, opinion: Opinion, silentMs = 0): Observer => ({
  name: `controller ${site}`,
  site: siteId(site),
  opinion,
  silentMs,
});
const said = (...opinions: readonly (readonly [string, Opinion])[]): Observer[] =>
  opinions.map(([site, opinion]) => observer(site, opinion));

/** Written without looking at the shipped one: counts heads, one rule per line. */
function dumbVerdict(observers: readonly Observer[], voters: number): Verdict['state'] {
  let silent = 0;
  let alive = 0;
  const places: string[] = [];
  for (const each of observers) {
    if (each.opinion === 'alive') alive++;
    if (each.opinion === 'silent') silent++;
    if (each.opinion === 'silent' && !places.includes(each.site)) places.push(each.site);
  }
  const majority = Math.floor(voters / 2) + 1;
  if (alive === 0 && silent >= majority && places.length >= 2) return 'failed';
  if (silent > 0) return 'suspect';
  return alive > 0 ? 'healthy' : 'unknown';
}

test('H5: the verdict on a host is that of a head count, whatever the observers say', () => {
  const seen = new Map<string, number>();
  forSeeds(3000, (random) => {
    const voters = random.whole(1, 7);
    const sites = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].slice(0, random.whole(1, voters));
    const mood = random.pick<readonly Opinion[]>([
      ['alive', 'silent', 'unknown'],
      ['silent', 'unknown'],
      ['alive', 'unknown'],
      ['silent'],
    ]);
    const observers = Array.from({ length: random.whole(0, voters) }, () =>
      observer(random.pick(sites), random.pick(mood), random.whole(0, 900)),
    );
    const verdict = hostVerdict(observers, voters);
    assert.equal(verdict.state, dumbVerdict(observers, voters), JSON.stringify({ voters, observers }));
    assert.equal(verdict.basis, verdict.state === 'failed' ? 'quorum' : null);
    assert.equal(verdict.evidence.length, observers.length);
    seen.set(verdict.state, (seen.get(verdict.state) ?? 0) + 1);
  });
  for (const state of ['healthy', 'suspect', 'failed', 'unknown']) assert.ok((seen.get(state) ?? 0) > 100, state);
});

test('H5: one observer more that does not know never makes a host fail', () => {
  forSeeds(500, (random) => {
    const observers = Array.from({ length: random.whole(0, 4) }, () =>
      observer(random.pick(['a', 'b', 'c']), random.pick<Opinion>(['alive', 'silent', 'unknown'])),
    );
    const before = hostVerdict(observers, 5).state;
    const after = hostVerdict([...observers, observer('d', 'unknown')], 5).state;
    assert.equal(after, before);
  });
});

test('half of the voters is no majority', () => {
  assert.equal(hostVerdict(said(['b', 'silent'], ['c', 'silent']), 4).state, 'suspect');
  assert.equal(hostVerdict(said(['b', 'silent'], ['c', 'silent']), 3).state, 'failed');
});

test('observers in one site are one place to look from', () => {
  assert.equal(hostVerdict(said(['b', 'silent'], ['b', 'silent']), 3).state, 'suspect');
});

test('one observer that hears it is enough not to act', () => {
  assert.equal(hostVerdict(said(['b', 'silent'], ['c', 'silent'], ['a', 'alive']), 3).state, 'suspect');
});

test('what an observer beside the host says counts as much as that of any other', () => {
  assert.equal(hostVerdict(said(['a', 'silent'], ['b', 'silent'], ['c', 'unknown']), 3).state, 'failed');
});

test('each observer is quoted, with how long it has heard nothing', () => {
  const { evidence } = hostVerdict([observer('b', 'silent', 312.4), observer('c', 'unknown')], 3);
  assert.deepEqual(evidence, ['controller b: silent for 312 ms', 'controller c: unknown']);
});

const verdict = (state: Verdict['state']): Verdict => ({ state, basis: null, evidence: [] });
const SITES: readonly (readonly [claim: string, hosts: readonly Verdict['state'][], expected: Verdict['state']])[] = [
  ['a site fails only when every host in it has', ['failed', 'failed'], 'failed'],
  ['one host that is not known to have failed keeps its site from failing', ['failed', 'unknown'], 'degraded'],
  ['a suspected host makes its site suspect', ['healthy', 'suspect'], 'suspect'],
  ['a site with one healthy host is healthy', ['healthy', 'unknown'], 'healthy'],
  ['nothing is said of a site of which nothing is known', ['unknown', 'unknown'], 'unknown'],
  ['nothing is said of a site without hosts', [], 'unknown'],
];
for (const [claim, hosts, expected] of SITES)
  test(claim, () => {
    assert.equal(siteVerdict(hosts.map(verdict)).state, expected);
  });
