import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { hostId, linkId, siteId } from '../../src/core/base/ids.ts';
import { readTopologyFile } from '../../src/wire/topology-file/read-topology-file.ts';
import type { Fault } from '../fault.ts';
import { cutEnds, unheardAt, worsenedEnds } from './cut-ends.ts';
import { planNetwork } from './network-plan.ts';

const parsed = readTopologyFile(join(import.meta.dirname, '..', '..', 'examples', 'three-site.yaml'));
assert.ok(parsed.ok);
const { topology } = parsed.value;
const plan = planNetwork(topology, { prefix: 'hf-0-' });
const cut = (fault: Fault) => new Set(cutEnds(plan, topology, fault).map(({ at, interface: name }) => `${at} ${name}`));

describe('faults of the network, as ends that receive nothing', () => {
  it('a link that is down is silent at both ends, and no other is', () => {
    assert.deepEqual(
      cut({ kind: 'link-down', link: linkId('nyc-chi-north') }),
      new Set(['router/nyc/1 w0', 'router/chi/1 w0']),
    );
    assert.deepEqual(
      cut({ kind: 'path-down', pathGroup: 'lake-shore' }),
      new Set(['router/nyc/1 w0', 'router/chi/1 w0']),
    );
  });

  it('a one-way loss is silent only where it is sent to', () => {
    assert.deepEqual(
      cut({ kind: 'one-way', from: 'nyc', to: 'chi' }),
      new Set(['router/chi/1 w0', 'router/chi/2 w1', 'router/chi/1 u2']),
    );
    assert.deepEqual(cut({ kind: 'one-way', from: 'nyc', to: 'exchange' }), new Set(['venue/exchange lan0']));
  });

  it('what is cut over every way leaves all wires open, and is lost at both routers of whoever should hear it', () => {
    const both = { kind: 'cut', between: ['nyc', 'chi'], over: 'any-way' } as const;
    const oneWay = { kind: 'one-way', from: 'nyc', to: 'chi', over: 'any-way' } as const;
    const lost = (fault: Fault) => unheardAt(plan, fault).map(({ namespace, network }) => `${network} ${namespace}`);
    assert.deepEqual([...cut(both), ...cut(oneWay)], []);
    const atChi = ['10.1.0.0 hf-0-router-chi-1', '10.1.0.0 hf-0-router-chi-2'];
    assert.deepEqual(lost(oneWay), atChi);
    assert.deepEqual(lost(both), [...atChi, '10.2.0.0 hf-0-router-nyc-1', '10.2.0.0 hf-0-router-nyc-2']);
    assert.deepEqual(lost({ kind: 'cut', between: ['nyc', 'chi'] }), []);
  });

  it('an isolated site hears nobody outside, and may keep its clients or its exchanges', () => {
    const all = cut({ kind: 'site-isolated', site: siteId('nyc') });
    assert.equal([...all].filter((end) => end.startsWith('router/nyc')).length, 4 + 2);
    assert.ok(all.has('venue/exchange lan0') && all.has('router/outside s0'));
    const kept = cut({ kind: 'site-isolated', site: siteId('nyc'), keep: ['outside', 'venues'] });
    assert.ok(![...kept].some((end) => end.includes('exchange') || end.includes('outside')));
    assert.ok(![...all].some((end) => end.startsWith('router/ldn/2')));
  });

  it('a silent host is cut off at its own interface and at the port of its switch', () => {
    const ends = [...cut({ kind: 'host-silent', host: hostId('nyc-edge-1') })];
    assert.equal(ends.length, 2);
    assert.ok(ends.includes('host/nyc-edge-1 lan'));
    const router = [...cut({ kind: 'host-power-off', host: hostId('router/nyc/1') })];
    assert.equal(router.filter((end) => end.startsWith('router/nyc/1')).length, 5);
    assert.ok(router.includes('router/chi/1 w0') && router.includes('router/outside s0'));
  });

  it('latency is added half each way between sites, and on one way to an exchange', () => {
    const added = (between: readonly [string, string]) =>
      worsenedEnds(plan, topology, { kind: 'extra-latency', between, addRttMs: 10 }).map(({ addMs }) => addMs);
    assert.deepEqual(added(['nyc', 'ldn']), [5, 5]);
    assert.deepEqual(added(['exchange', 'nyc']), [10]);
  });
});
