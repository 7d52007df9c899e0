import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hostId, linkId, siteId } from '../../src/core/base/ids.ts';
import type { Fault } from '../fault.ts';
import { firm, threeSites } from '../lab-fixtures.ts';
import type { Where } from '../layout.ts';
import { type Conditions, PathModel, quorumRttMs } from './path-model.ts';

const at = (place: string, host: string | null = null): Where => ({ place, host: host === null ? null : hostId(host) });
const [east, west, far] = [siteId('east'), siteId('west'), siteId('far')];

/** Faults that began long ago, judged now. */
const settled = (...faults: readonly Fault[]): Conditions => since(100_000, ...faults);
const since = (ageMs: number, ...faults: readonly Fault[]): Conditions => ({
  faults: faults.map((fault, index) => ({ id: `${index}`, fault, startedAt: 1_000, expiresAt: 1e9 })),
  nowMs: 1_000 + ageMs,
});

describe('paths between places', () => {
  const model = new PathModel(threeSites(), { rerouteMs: 300 });
  const path = (from: string, to: string, conditions: Conditions) => model.path(at(from), at(to), conditions);

  it('uses the link of the highest priority and half its round trip each way', () => {
    const state = path('east', 'west', settled());
    assert.deepEqual([state.open, state.oneWayMs, state.via], [true, 4, ['east-west-1']]);
  });

  it('is silent for the time that routing needs, then uses the next link, and at last none', () => {
    const down = (link: string): Fault => ({ kind: 'link-down', link: linkId(link) });
    assert.equal(path('east', 'west', since(299, down('east-west-1'))).open, false);
    assert.deepEqual(path('east', 'west', since(300, down('east-west-1'))).via, ['east-west-2']);
    assert.deepEqual(path('east', 'west', settled(down('east-west-1'), { kind: 'path-down', pathGroup: 'b' })).via, [
      'east-west-3',
    ]);
    const all = ['east-west-1', 'east-west-2', 'east-west-3'].map(down);
    assert.equal(path('east', 'west', settled(...all)).open, false);
    assert.equal(path('east', 'far', settled(...all)).open, true);
  });

  it('says when a re-route ends, so that nobody has to poll', () => {
    assert.equal(model.nextChangeAt(since(100, { kind: 'link-down', link: linkId('east-west-1') })), 1_300);
    assert.equal(model.nextChangeAt(settled({ kind: 'link-down', link: linkId('east-west-1') })), null);
  });

  it('cuts one direction only when asked to', () => {
    const conditions = settled({ kind: 'one-way', from: 'east', to: 'west' });
    assert.equal(path('east', 'west', conditions).open, false);
    assert.equal(path('west', 'east', conditions).open, true);
  });

  it('isolates a site from everything, or leaves its clients and venues when they are kept', () => {
    const all = settled({ kind: 'site-isolated', site: east });
    for (const other of ['west', 'far', 'outside', 'exchange', 'authority'])
      assert.deepEqual([path('east', other, all).open, path(other, 'east', all).open], [false, false], other);
    const kept = settled({ kind: 'site-isolated', site: east, keep: ['outside', 'venues'] });
    for (const other of ['west', 'far', 'authority']) assert.equal(path('east', other, kept).open, false, other);
    for (const other of ['outside', 'exchange']) assert.equal(path('east', other, kept).open, true, other);
  });

  it('silences one host and leaves its neighbours', () => {
    const conditions = settled({ kind: 'host-silent', host: hostId('east-h1') });
    assert.equal(model.path(at('west', 'west-h1'), at('east', 'east-h1'), conditions).open, false);
    assert.equal(model.path(at('east', 'east-h1'), at('exchange'), conditions).open, false);
    assert.equal(model.path(at('outside'), at('east', 'east-h2'), conditions).open, true);
  });

  it('adds latency and loss to the pair that they are asked for', () => {
    const slow = path('east', 'west', settled({ kind: 'extra-latency', between: ['west', 'east'], addRttMs: 50 }));
    assert.equal(slow.oneWayMs, 29);
    assert.equal(path('west', 'east', settled({ kind: 'loss', between: ['east', 'west'], percent: 5 })).lossPercent, 5);
    assert.equal(path('east', 'exchange', settled()).oneWayMs, 1);
  });

  it('goes the shortest way between sites without a link, and only while every hop holds', () => {
    const chain = firm({
      sites: { a: { hosts: 1 }, b: { hosts: 1 }, c: { hosts: 1 } },
      links: [
        ['a', 'b', 10],
        ['b', 'c', 6],
      ],
    });
    const chained = new PathModel(chain, { rerouteMs: 0 });
    assert.equal(chained.path(at('a'), at('c'), settled()).oneWayMs, 8);
    assert.equal(chained.path(at('a'), at('c'), settled({ kind: 'cut', between: ['b', 'c'] })).open, false);
  });
});

describe('reachability of the authority', () => {
  const model = new PathModel(threeSites(), { rerouteMs: 0 });
  const reaching = (...faults: readonly Fault[]) =>
    [east, west, far].filter((site) => model.reachesAuthority(site, settled(...faults)));

  it('needs a majority of voters that a site reaches itself, its own vote included', () => {
    assert.deepEqual(reaching(), [east, west, far]);
    assert.deepEqual(reaching({ kind: 'cut', between: ['east', 'west'] }), [east, west, far]);
    assert.deepEqual(reaching({ kind: 'site-isolated', site: east }), [west, far]);
    assert.deepEqual(reaching({ kind: 'site-power-off', site: west }), [east, far]);
    assert.deepEqual(reaching({ kind: 'site-power-off', site: west }, { kind: 'cut', between: ['east', 'far'] }), []);
  });

  it('needs both directions', () => {
    const oneWay: Fault[] = [
      { kind: 'one-way', from: 'east', to: 'west' },
      { kind: 'one-way', from: 'far', to: 'east' },
    ];
    assert.deepEqual(reaching(...oneWay), [west, far]);
  });

  it('counts no vote of a site that has none', () => {
    const topology = firm({
      sites: { a: { hosts: 1 }, b: { hosts: 1 }, c: { hosts: 1 }, archive: { hosts: 1, voter: false } },
      links: [
        ['a', 'b', 10],
        ['a', 'c', 10],
        ['b', 'c', 30],
        ['archive', 'a', 5],
        ['archive', 'b', 50],
      ],
    });
    const four = new PathModel(topology, { rerouteMs: 0 });
    const archive = siteId('archive');
    assert.equal(four.reachesAuthority(archive, settled()), true);
    assert.equal(four.reachesAuthority(archive, settled({ kind: 'cut', between: ['archive', 'a'] })), false);
    assert.equal(quorumRttMs(topology, siteId('a')), 10);
    assert.equal(quorumRttMs(topology, archive), 15);
  });
});
