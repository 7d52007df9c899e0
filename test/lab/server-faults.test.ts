import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readTopology } from '../../lab/demo/demo.ts';
import { checkFault, isOverAtOnce } from '../../lab/fault.ts';
import { cutEnds, worsenedEnds } from '../../lab/netns/cut-ends.ts';
import { planNetwork } from '../../lab/netns/network-plan.ts';
import type { GroupRecord } from '../../src/core/authority/group-record.ts';
import type { SiteId } from '../../src/core/base/ids.ts';
import { forSeeds } from '../builders/for-seeds.ts';
import { drawFaults, type Standing, startedAgain } from './drawn-faults.ts';
import { example } from './lab-under-test.ts';
import { serverGroundKinds, serverPlaces } from './server-faults.ts';

const LEASE_MS = 4000;
const firms = [
  ['postgres', 'three-site-servers.yaml'],
  ['patroni', 'three-site-patroni.yaml'],
] as const;

for (const [database, file] of firms)
  describe(`faults for ${file}`, () => {
    const overlays = [join(import.meta.dirname, 'led-servers.yaml')];
    const topology = readTopology({ topologyFile: example(file), overlays });
    const plan = planNetwork(topology, { prefix: 'hf-0-' });
    const servers = serverPlaces({ topology, plan });
    const kinds = serverGroundKinds(database);
    const siteOf = (host: string) => topology.hosts.find(({ id }) => id === host)!.site;
    const componentOf = (kind: string) => topology.components.find((each) => each.kind === kind)!;
    const standings: readonly Standing[] = (['nyc', 'chi'] as SiteId[]).map((activeSite) => {
      const here = (kind: string) => componentOf(kind).instances.find(({ host }) => siteOf(host) === activeSite)!.id;
      const engine = { holder: here('trading-engine'), epoch: 1 };
      const data = { holder: here(database), epoch: 1 };
      const grants = {
        [componentOf('trading-engine').id]: engine,
        ...(database === 'postgres' ? { [componentOf(database).id]: data } : {}),
      };
      const delegates =
        database === 'patroni' ? { [componentOf(database).id]: { holder: data.holder, lock: 'x' } } : {};
      const record = { activeSite, grants, delegates, epoch: 1 } as unknown as GroupRecord;
      return { topology, leader: 'ldn' as SiteId, servers, record };
    });

    it('the ground takes every fault that is drawn, and each changes something and can be ended', () => {
      const keys = servers.map(({ key }) => key);
      forSeeds(100, (_, seed) => {
        for (const { aimedAt, leases } of drawFaults(seed, kinds.length, kinds))
          for (const standing of standings) {
            const fault = aimedAt(standing);
            checkFault(topology, fault, isOverAtOnce(fault) ? null : leases * LEASE_MS);
            if (!('target' in fault))
              assert.ok(
                cutEnds(plan, topology, fault).length + worsenedEnds(plan, topology, fault).length > 0,
                JSON.stringify(fault),
              );
            else if (fault.target.kind === 'process') {
              assert.ok(keys.includes(fault.target.key), fault.target.key);
              assert.equal(startedAgain(fault), fault.kind === 'kill' ? fault.target.key : null);
            }
          }
      });
    });

    it('what is said to serve has the writers, and what is said to be at the active site is there', () => {
      let looked = 0;
      for (const standing of standings)
        forSeeds(50, (_, seed) => {
          for (const { words, aimedAt } of drawFaults(seed, kinds.length, kinds)) {
            const fault = aimedAt(standing);
            if (!('target' in fault) || fault.target.kind !== 'process') continue;
            const { key } = fault.target;
            const { host, name } = servers.find((each) => each.key === key)!;
            assert.ok(words.includes(name), words);
            assert.equal(siteOf(host) === standing.record.activeSite, /the (serving|active)/.test(words), words);
            looked += 1;
          }
        });
      assert.ok(looked > 1000, `${looked}`);
    });

    it('no kind comes again before each has come', () => {
      forSeeds(20, (_, seed) => {
        const named = drawFaults(seed, kinds.length, kinds).map(({ words }) =>
          words.replace(/the serving |another |the active |^\d+ /g, '').replace(/ between .*/, ''),
        );
        for (const name of new Set(servers.map((each) => each.name)))
          for (const verb of ['kill', 'freeze'])
            assert.equal(named.filter((each) => each.startsWith(`${verb} ${name}`)).length, 1, `${verb} ${name}`);
      });
    });
  });
