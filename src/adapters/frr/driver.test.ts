import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Epoch } from '../../core/base/ids.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { FrrDriver } from './driver.ts';
import { parseBfdPeers, parseBgpSummary, parsePreference, parsePrefix, parseVersion } from './parse.ts';
import type { Vty, VtyAnswer } from './vty.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');
const prefix = '10.255.0.0/24';
const nextHop = '10.1.0.13';
const epoch = (value: number) => value as Epoch;
const soon = { deadlineMs: 200 };

describe('what a router prints', () => {
  it('sessions with their numbers, what they are for and how often they were lost', () => {
    const sessions = parseBgpSummary(fixture('bgp-summary-8.4.json'));
    assert.equal(sessions.length, 5);
    assert.deepEqual(sessions[1], {
      neighbour: '172.16.0.2',
      as: 65_002,
      description: 'link nyc-chi-north',
      established: true,
      state: 'Established',
      upMs: 16_000,
      prefixesReceived: 3,
      dropped: 2,
    });
  });

  it('paths that carry packets both ways', () => {
    const peers = parseBfdPeers(fixture('bfd-peers-8.4.json'));
    assert.equal(peers.length, 5);
    assert.ok(peers.every(({ status, diagnostic }) => status === 'up' && diagnostic === 'ok'));
  });

  it('a prefix of its own, one that others told it of, and one that nobody has', () => {
    const own = parsePrefix(fixture('bgp-prefix-announced-8.4.json'));
    assert.equal(own.sourced, true);
    assert.equal(own.advertisedTo.length, 5);
    const learnt = parsePrefix(fixture('bgp-prefix-elsewhere-8.4.json'));
    assert.equal(learnt.sourced, false);
    assert.equal(learnt.learnt[0]?.best, true);
    assert.equal(learnt.learnt[0]?.asPath, '65001');
    assert.deepEqual(parsePrefix(fixture('bgp-prefix-absent-8.4.json')), {
      sourced: false,
      advertisedTo: [],
      learnt: [],
    });
  });

  it('its version, and the preference of one rule', () => {
    assert.equal(parseVersion(fixture('version-8.4.txt')), '8.4.4');
    assert.equal(parseVersion('Quagga 1.2'), null);
    const running = fixture('running-bgp-closed-8.4.txt');
    assert.equal(parsePreference(running, { routeMap: 'from-172-17-0-10-in', sequence: 10 }), 280);
    assert.equal(parsePreference(running, { routeMap: 'from-172-17-0-10-in', sequence: 20 }), null);
    assert.equal(parsePreference(running, { routeMap: 'nobody', sequence: 10 }), null);
  });
});

describe('driver of one router', () => {
  let directory: string;
  const said: string[] = [];
  let answers: (line: string) => VtyAnswer | string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'frr-driver-'));
    said.length = 0;
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  function driver(): FrrDriver {
    const vty: Vty = async (daemon, lines) => {
      const line = [daemon, ...lines].join(' | ');
      said.push(line);
      const answer = answers(line);
      return typeof answer === 'string' ? { kind: 'ok', text: answer } : answer;
    };
    return new FrrDriver({ vty, as: 65_001, epochs: new GuardedEpochs(join(directory, 'epochs.json')) });
  }
  const ways = (...hops: readonly string[]) => hops.map((hop) => `ip route ${prefix} ${hop}\n`).join('');
  const shows =
    (name: string, statics = '') =>
    (line: string) =>
      isQuestion(line) ? (line.startsWith('staticd') ? statics : fixture(name)) : '';
  const isQuestion = (line: string) => line.includes('show') || line.endsWith('write terminal');
  const silent = (): VtyAnswer => ({ kind: 'unknown', reason: 'no answer' });

  it('announces what it leads to, the way first, and says ok when neighbours were told', async () => {
    answers = shows('bgp-prefix-announced-8.4.json', ways(nextHop));
    const outcome = await driver().perform({ kind: 'announce', epoch: epoch(3), prefix, nextHop }, soon);
    assert.equal(outcome.kind, 'ok');
    assert.deepEqual(said, [
      `staticd | configure terminal | ip route ${prefix} ${nextHop}`,
      `bgpd | configure terminal | router bgp 65001 | address-family ipv4 unicast | network ${prefix}`,
      `bgpd | show bgp ipv4 unicast ${prefix} json`,
      'staticd | write terminal',
    ]);
  });

  it('a way that it had before is taken away after the new one is there, and two ways are not announced', async () => {
    let statics = ways('10.1.0.14', nextHop);
    answers = (line) => {
      if (line.includes('| no ip route')) statics = ways(nextHop);
      return shows('bgp-prefix-announced-8.4.json', statics)(line);
    };
    const announce = { kind: 'announce', epoch: epoch(3), prefix, nextHop } as const;
    assert.equal(await driver().confirm({ kind: 'announced', prefix, nextHop }, soon), 'does-not-hold');
    assert.equal((await driver().perform(announce, soon)).kind, 'ok');
    const removed = said.filter((line) => line.includes('| no '));
    assert.deepEqual(removed, [`staticd | configure terminal | no ip route ${prefix} 10.1.0.14`]);
    assert.ok(said.indexOf(removed[0]!) > said.findIndex((line) => line.includes('| network')));
  });

  it('withdraws first and takes every way away, wherever it led; one that stays is not withdrawn', async () => {
    let statics = fixture('running-static-8.4.txt');
    answers = (line) => {
      const gone = /no (ip route .*)$/.exec(line)?.[1];
      if (gone !== undefined) statics = statics.replace(`${gone}\n`, '');
      return shows('bgp-prefix-absent-8.4.json', statics)(line);
    };
    assert.equal(await driver().confirm({ kind: 'withdrawn', prefix }, soon), 'does-not-hold');
    const outcome = await driver().perform({ kind: 'withdraw', epoch: epoch(3), prefix }, soon);
    assert.equal(outcome.kind, 'ok');
    assert.deepEqual(
      said.filter((line) => line.includes('| no ')).map((line) => line.split(' | ').at(-1)),
      [`no network ${prefix}`, `no ip route ${prefix} 10.1.0.13`, `no ip route ${prefix} 10.1.0.14`],
    );
  });

  it('an older epoch is refused, also by the next driver after a restart, and nothing is said to the router', async () => {
    answers = shows('bgp-prefix-absent-8.4.json');
    await driver().perform({ kind: 'withdraw', epoch: epoch(5), prefix }, soon);
    said.length = 0;
    const outcome = await driver().perform({ kind: 'announce', epoch: epoch(4), prefix, nextHop }, soon);
    assert.equal(outcome.kind === 'failed' ? outcome.code : outcome.kind, 'stale-epoch');
    assert.deepEqual(said, []);
  });

  it('withdrawing what is not announced is done', async () => {
    answers = (line) =>
      isQuestion(line)
        ? fixture('bgp-prefix-absent-8.4.json')
        : { kind: 'refused', reason: "Can't find static route specified" };
    const outcome = await driver().perform({ kind: 'withdraw', epoch: epoch(1), prefix }, soon);
    assert.equal(outcome.kind, 'ok');
  });

  it('a router that refuses is a failure with its own words', async () => {
    answers = (line) =>
      isQuestion(line)
        ? fixture('bgp-prefix-absent-8.4.json')
        : { kind: 'refused', reason: 'Unknown command: network' };
    const outcome = await driver().perform({ kind: 'announce', epoch: epoch(1), prefix, nextHop }, soon);
    assert.deepEqual(outcome, { kind: 'failed', code: 'refused', reason: 'staticd: Unknown command: network' });
  });

  it('a router that was told and does not show it is unknown, never ok', async () => {
    answers = shows('bgp-prefix-absent-8.4.json');
    const outcome = await driver().perform({ kind: 'announce', epoch: epoch(1), prefix, nextHop }, soon);
    assert.equal(outcome.kind, 'unknown');
  });

  it('a frozen router is unknown in everything', async () => {
    answers = silent;
    const frozen = driver();
    const outcome = await frozen.perform({ kind: 'withdraw', epoch: epoch(1), prefix }, soon);
    assert.equal(outcome.kind, 'unknown');
    assert.equal(await frozen.confirm({ kind: 'withdrawn', prefix }, soon), 'unknown');
    const { bgp, bfd, prefixes, reasons } = await frozen.observe({ ...soon, prefixes: [prefix] });
    assert.deepEqual([bgp, bfd, prefixes[prefix]], [null, null, null]);
    assert.equal(reasons.length, 5);
  });

  it('a half dead router still says what its living half knows', async () => {
    answers = (line) => {
      if (line.startsWith('bfdd')) return { kind: 'unknown', reason: 'it does not run, or cannot be reached' };
      return fixture(line.includes('summary') ? 'bgp-summary-8.4.json' : 'version-8.4.txt');
    };
    const seen = await driver().observe({ ...soon, prefixes: [] });
    assert.equal(seen.bgp?.length, 5);
    assert.equal(seen.bfd, null);
    assert.match(seen.reasons.join(), /^bfdd: it does not run/);
  });

  it('another version is named', async () => {
    answers = (line) => (line.includes('version') ? 'FRRouting 10.2 (r1) on Linux.\n' : '[]');
    const { version, reasons } = await driver().observe({ ...soon, prefixes: [] });
    assert.equal(version, '10.2');
    assert.ok(reasons.some((reason) => reason.includes('10.2 has not been tried')));
  });

  it('nothing that is not a prefix, an address or a name gets into a line', async () => {
    answers = () => '';
    const wrong = [
      { kind: 'announce', epoch: epoch(1), prefix: '10.0.0.0/24\nno router bgp 65001', nextHop },
      { kind: 'announce', epoch: epoch(1), prefix, nextHop: 'blackhole' },
      { kind: 'prefer', epoch: epoch(1), routeMap: 'a b', sequence: 10, localPreference: 1 },
    ] as const;
    for (const action of wrong) {
      const outcome = await driver().perform(action, soon);
      assert.equal(outcome.kind === 'failed' ? outcome.code : outcome.kind, 'bad-value');
    }
    assert.deepEqual(said, []);
  });

  it('prefers by an absolute value and reads it back', async () => {
    answers = shows('running-bgp-closed-8.4.txt');
    const rule = { routeMap: 'from-172-16-0-2-in', sequence: 10 };
    const prefer = (localPreference: number) =>
      driver().perform({ kind: 'prefer', epoch: epoch(1), ...rule, localPreference }, { deadlineMs: 60 });
    assert.equal((await prefer(300)).kind, 'ok');
    assert.equal((await prefer(250)).kind, 'unknown');
  });
});
