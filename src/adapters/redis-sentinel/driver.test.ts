import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { RecordedDrivers } from '../../../test/builders/recorded-drivers.ts';
import { chi, nyc, type RecordedSet } from '../../../test/builders/recorded-redis.ts';
import type { Epoch } from '../../core/base/ids.ts';
import { switchPrimary } from './planned-switch.ts';

const epoch = (value: number) => value as Epoch;
const soon = { deadlineMs: 200 };
const codeOf = (outcome: { readonly kind: string; readonly code?: string }) =>
  outcome.kind === 'failed' ? outcome.code : outcome.kind;

describe('drivers of a set', () => {
  let drivers: RecordedDrivers;
  let set: RecordedSet;

  beforeEach(() => {
    drivers = new RecordedDrivers();
    set = drivers.set;
  });
  afterEach(() => drivers.close());

  const driver = (host?: string, file?: string) => drivers.server(host, file);
  const sentinel = () => drivers.sentinel();
  const open = (at: number) => ({ kind: 'open', epoch: epoch(at) }) as const;
  const server = (host: string) => set.servers.get(host)!;

  it('opens one epoch and closes the one before', async () => {
    server(nyc.host).users.add('writer-3');
    assert.equal(codeOf(await driver().perform(open(4), soon)), 'ok');
    assert.deepEqual((await driver().observe(soon)).openFor, [4]);
    assert.equal(await driver().confirm({ kind: 'open-at', epoch: epoch(4) }, soon), 'holds');
    assert.equal(await driver().confirm({ kind: 'open-at', epoch: epoch(3) }, soon), 'does-not-hold');
    assert.deepEqual(
      set.said.map((line) => line.replace(/ reset .*/, '')),
      [
        `${nyc.host} EVAL 1 holdfast:epoch 4`,
        `${nyc.host} CONFIG SET replica-priority 0`,
        `${nyc.host} ACL DELUSER writer-3`,
        `${nyc.host} ACL SETUSER writer-4`,
      ],
    );
  });

  it('an older epoch is refused by what the driver stored, by who may write, and by the data', async () => {
    const first = driver(nyc.host, 'one.json');
    await first.perform(open(5), soon);
    set.said.length = 0;
    assert.equal(
      codeOf(await driver(nyc.host, 'one.json').perform({ kind: 'close', epoch: epoch(4) }, soon)),
      'stale-epoch',
    );
    assert.equal(codeOf(await driver().perform({ kind: 'close', epoch: epoch(4) }, soon)), 'stale-epoch');
    server(nyc.host).users.delete('writer-5');
    assert.equal(codeOf(await driver().perform(open(4), soon)), 'stale-epoch');
    assert.deepEqual(set.said, []);
  });

  it('a replica is not opened, and a primary without replicas neither', async () => {
    assert.equal(codeOf(await driver(chi.host).perform(open(1), soon)), 'not-primary');
    server(nyc.host).noReplicas = 1;
    assert.equal(codeOf(await driver().perform(open(1), soon)), 'no-replicas');
    assert.deepEqual((await driver().observe(soon)).openFor, []);
  });

  it('a former primary that follows and still has writers is told of, and can be closed', async () => {
    server(chi.host).users.add('writer-2');
    const one = driver(chi.host);
    assert.match((await one.observe(soon)).reasons.join(), /writers of epoch 2 in if it were promoted/);
    assert.equal(codeOf(await one.perform({ kind: 'close', epoch: epoch(3) }, soon)), 'ok');
    assert.deepEqual((await one.observe(soon)).reasons, []);
  });

  it('a frozen server is unknown in everything', async () => {
    server(nyc.host).frozen = true;
    assert.equal(codeOf(await driver().perform({ kind: 'close', epoch: epoch(1) }, soon)), 'unknown');
    assert.equal(await driver().confirm({ kind: 'closed' }, soon), 'unknown');
    const seen = await driver().observe(soon);
    assert.deepEqual([seen.replication, seen.openFor, seen.storedEpoch], [null, null, null]);
  });

  it('values that are none are not said, and another version is named', async () => {
    const bad = [
      { kind: 'open', epoch: epoch(0) },
      { kind: 'pause-writes', epoch: epoch(1), forMs: 0.5 },
      { kind: 'follow', epoch: epoch(1), upstream: { host: 'NO', port: 1 } },
    ] as const;
    for (const action of bad) assert.equal(codeOf(await driver().perform(action, soon)), 'bad-value');
    assert.deepEqual(set.said, []);
    set.version = '8.2.1';
    assert.ok((await driver().observe(soon)).reasons.some((reason) => reason.includes('8.2.1 has not been tried')));
  });

  it('a sentinel says where the primary is, and an older epoch moves nothing', async () => {
    const one = sentinel();
    const seen = await one.observe(soon);
    assert.deepEqual([seen.version, seen.quorate, seen.replicas?.length, seen.reasons], ['7.0.15', true, 2, []]);
    const move = (at: number, from = nyc, to = chi) =>
      one.perform({ kind: 'failover', epoch: epoch(at), from, to }, soon);
    assert.equal(codeOf(await move(2)), 'ok');
    assert.equal(codeOf(await move(2)), 'ok');
    assert.equal(set.said.length, 1);
    assert.equal(codeOf(await move(1, chi, nyc)), 'stale-epoch');
    assert.equal(codeOf(await move(3, nyc, { host: '127.0.4.9', port: 6379 })), 'moved');
    set.sentinelFreezes = true;
    assert.equal(codeOf(await move(4, chi, nyc)), 'unknown');
    assert.equal((await one.observe(soon)).primary, null);
  });

  const planned = (at = 2) =>
    switchPrimary(
      {
        epoch: epoch(at),
        from: { address: nyc, driver: driver(nyc.host) },
        to: { address: chi, driver: driver(chi.host) },
        sentinel: sentinel(),
        catchUpWithinMs: 50,
      },
      { deadlineMs: 500 },
    );

  it('a planned switch closes the former primary before the sentinels are asked, and opens the new one last', async () => {
    server(nyc.host).users.add('writer-1');
    server(chi.host).noReplicas = 2;
    assert.deepEqual(await planned(), { kind: 'ok' });
    assert.deepEqual(
      set.said.map((line) =>
        line
          .replace(/127\.0\.4\.1 /, 'nyc ')
          .replace(/^127\.0\.4\.2 /, 'chi ')
          .replace(/ reset .*/, ''),
      ),
      [
        'nyc CLIENT PAUSE 2050 WRITE',
        'nyc CONFIG SET replica-priority 0',
        'nyc ACL DELUSER writer-1',
        'sentinel FAILOVER',
        'nyc REPLICAOF 127.0.4.2 6379',
        'nyc CLIENT UNPAUSE',
        ...Array.from({ length: 3 }, () => 'chi EVAL 1 holdfast:epoch 2'),
        'chi CONFIG SET replica-priority 0',
        'chi ACL SETUSER writer-2',
      ],
    );
  });

  it('a replica that stays behind gives the switch up, and the former primary goes on', async () => {
    server(nyc.host).users.add('writer-1');
    server(chi.host).behind = 14;
    const outcome = await planned();
    assert.deepEqual([outcome.kind, outcome.kind === 'ok' ? null : outcome.step], ['given-up', 'catch up']);
    assert.deepEqual(
      await driver()
        .observe(soon)
        .then(({ openFor }) => openFor),
      [1],
    );
    assert.equal(set.said.at(-1), `${nyc.host} CLIENT UNPAUSE`);
  });

  it('sentinels that do not answer leave it closed, and it says so', async () => {
    server(nyc.host).users.add('writer-1');
    set.sentinelFreezes = true;
    const outcome = await planned();
    assert.deepEqual([outcome.kind, outcome.kind === 'ok' ? null : outcome.step], ['closed', 'failover']);
    assert.equal(await driver().confirm({ kind: 'closed' }, soon), 'holds');
  });
});
