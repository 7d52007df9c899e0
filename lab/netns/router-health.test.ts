import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readTopologyFile } from '../../src/wire/topology-file/read-topology-file.ts';
import { planNetwork } from './network-plan.ts';
import { missingSessions } from './router-health.ts';

const root = join(import.meta.dirname, '..', '..');
const fixture = (name: string) => readFileSync(join(root, 'src', 'adapters', 'frr', 'fixtures', name), 'utf8');
const parsed = readTopologyFile(join(root, 'examples', 'three-site.yaml'));
if (!parsed.ok) throw new Error('the example does not parse');
const router = planNetwork(parsed.value.topology, { prefix: 'hf-x-' }).routers[0]!;
const bgp = fixture('bgp-summary-8.4.json');
const bfd = fixture('bfd-peers-8.4.json');

describe('sessions of a router of a lab', () => {
  it('nothing is missing where every one is up', () => {
    assert.deepEqual(missingSessions(router, bgp, bfd), []);
  });

  it('one that is not up is named with its link, how it is in the router\u2019s own words, and how often it was lost', () => {
    const summary = JSON.parse(bgp);
    Object.assign(summary.ipv4Unicast.peers['172.16.0.2'], { state: 'Idle', connectionsDropped: 2 });
    const paths = JSON.parse(bfd);
    paths.find(({ peer }: { peer: string }) => peer === '172.16.0.2').status = 'down';
    assert.deepEqual(missingSessions(router, JSON.stringify(summary), JSON.stringify(paths)), [
      'router/nyc/1 has no BGP (Idle, lost 2 times) and BFD (down) with 172.16.0.2 (nyc-chi-north)',
    ]);
  });

  it('of a router that does not answer nothing is known', () => {
    const missing = missingSessions(router, null, 'not json');
    assert.equal(missing.length, router.neighbours.length);
    assert.match(missing[0]!, /has no BGP \(not known\) and BFD \(not known\)/);
  });
});
