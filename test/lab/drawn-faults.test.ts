import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTopology } from '../../lab/demo/demo.ts';
import { checkFault, isOverAtOnce } from '../../lab/fault.ts';
import type { GroupRecord } from '../../src/core/authority/group-record.ts';
import type { SiteId } from '../../src/core/base/ids.ts';
import { forSeeds } from '../builders/for-seeds.ts';
import { drawFaults, faultKindsDrawn, faultList, type Standing, startedAgain, wordsOf } from './drawn-faults.ts';
import { example } from './lab-under-test.ts';

const LEASE_MS = 4000;
const topology = readTopology({ topologyFile: example('three-site.yaml'), overlays: [] });

/** The first instance of each component at a site has it. */
function servedAt(activeSite: SiteId, leader: SiteId): Standing {
  const siteOf = (host: string) => topology.hosts.find(({ id }) => id === host)?.site;
  const grants = Object.fromEntries(
    topology.components
      .filter(({ kind }) => kind === 'trading-engine' || kind === 'postgres')
      .map(({ id, instances }) => [id, { holder: instances.find(({ host }) => siteOf(host) === activeSite)!.id }]),
  );
  return { topology, leader, servers: [], record: { activeSite, grants } as unknown as GroupRecord };
}

const standings: readonly Standing[] = topology.sites
  .filter(({ capabilities }) => capabilities.includes('serve'))
  .flatMap(({ id }) => topology.sites.map((leader) => servedAt(id, leader.id)));

test('a seed draws the same faults again, and another seed others', () => {
  const list = (seed: number) => faultList(drawFaults(seed, 20), LEASE_MS);
  assert.equal(list(7), list(7));
  assert.notEqual(list(7), list(8));
  assert.equal(list(7).split('\n').length, 20);
});

test('the first faults of a longer list are those of a shorter one', () => {
  forSeeds(20, (_, seed) => {
    const words = (count: number) => drawFaults(seed, count).map((fault) => wordsOf(fault, LEASE_MS));
    assert.deepEqual(words(20).slice(0, 4), words(4));
  });
});

test('no kind comes again before each has come', () => {
  const kindsOf = (seed: number) => {
    const [standing] = standings;
    return drawFaults(seed, faultKindsDrawn).map(({ words, aimedAt }) => {
      const fault = aimedAt(standing!);
      const what = 'target' in fault ? fault.target.kind : '';
      return `${fault.kind} ${what} ${what === 'instance' ? words.split(' ').at(-1) : ''}`;
    });
  };
  forSeeds(20, (_, seed) => assert.equal(new Set(kindsOf(seed)).size, faultKindsDrawn));
});

test('a lab takes every fault that is drawn, whoever serves and leads, and it ends', () => {
  forSeeds(200, (_, seed) => {
    for (const { aimedAt, leases } of drawFaults(seed, faultKindsDrawn))
      for (const standing of standings) {
        const fault = aimedAt(standing);
        checkFault(topology, fault, isOverAtOnce(fault) ? null : leases * LEASE_MS);
        if (fault.kind === 'kill') assert.equal(startedAgain(fault) === null, fault.target.kind === 'instance');
      }
  });
});

test('what is said to serve is what serves', () => {
  for (const standing of standings)
    forSeeds(50, (_, seed) => {
      for (const { words, aimedAt } of drawFaults(seed, faultKindsDrawn)) {
        const fault = aimedAt(standing);
        if (!('target' in fault) || fault.target.kind !== 'instance') continue;
        const { instance } = fault.target;
        const host = topology.components.flatMap(({ instances }) => instances).find(({ id }) => id === instance)!.host;
        const holds = Object.values(standing.record.grants).some(({ holder }) => holder === instance);
        const site = topology.hosts.find(({ id }) => id === host)!.site;
        const serves = holds || (/front|order/.test(words) && site === standing.record.activeSite);
        assert.equal(serves, words.includes('the serving'), `${words}: ${instance}`);
      }
    });
});
