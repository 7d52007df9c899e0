import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { tryCommand } from '../../lab/netns/run-command.ts';
import { PatroniFounding } from '../../lab/netns/servers/patroni-founding.ts';
import { type AskMachine, serverDirectory } from '../../lab/netns/servers/server.ts';
import { createPki, dnsName, type LabPki } from '../../lab/pki.ts';
import { observeCluster } from '../../src/adapters/etcd/cluster-health.ts';
import { openEtcdAuthority } from '../../src/adapters/etcd/etcd-authority.ts';
import { type Revision, revision } from '../../src/core/base/ids.ts';
import type { AuthorityPort, TransactionOutcome } from '../../src/engine/authority-port.ts';
import { readTlsFiles } from '../../src/wire/peer-identity.ts';
import { freePort } from '../../trading/testing/free-ports.ts';
import { authorityContract, commit, read } from '../contract/authority-contract.ts';
import { eventually, WatchLog } from '../contract/watch-log.ts';
import { EtcdCluster, etcdVersion, killed } from './etcd.cluster.ts';

const version = etcdVersion();
const absent = revision(0);
const put = (key: string, value: string, at: Revision) => ({ compare: [{ key, revision: at }], put: [{ key, value }] });

if (version === null) test('etcd', { skip: 'not applicable: no etcd on the PATH' }, () => {});
else {
  authorityContract(`three etcd servers ${version}`, () => EtcdCluster.start());
  describe(`etcd ${version} only`, { concurrency: false }, etcdOnly);
  describe(`etcd ${version} with client certificates`, { concurrency: false }, withCertificates);
}

function etcdOnly(): void {
  let cluster: EtcdCluster;
  before(async () => {
    cluster = await EtcdCluster.start();
  });
  after(async () => cluster?.close());

  test('with its leader frozen it serves again after an election, and a watch through the leader has no gap', async () => {
    const leader = await cluster.leader();
    const others = cluster.servers.filter((server) => server !== leader);
    const throughLeader = cluster.openThrough([leader, ...others]);
    const at = (await read(throughLeader, 'leader/')).revision;
    const log = new WatchLog(throughLeader, 'leader/', at);
    const first = await commit(throughLeader, put('leader/a', 'before', absent));
    await log.until((seen) => seen.changes.length === 1, 'the first change');
    await cluster.freeze([leader]);
    const frozenAtMs = performance.now();
    const frozenAfterMs = log.livedMs;
    try {
      const elsewhere = cluster.openThrough(others);
      let outcome: TransactionOutcome = { kind: 'unknown', reason: '' };
      const second = await commitWithin(elsewhere, 'leader/a', 'during', first, 60_000, (latest) => {
        outcome = latest;
      });
      assert.notEqual(outcome.kind, 'refused');
      const servedAgainMs = Math.round(performance.now() - frozenAtMs);
      await log.until((seen) => seen.revisions.at(-1) === second, 'the change made under the new leader');
      assert.deepEqual(log.revisions, [first, second]);
      assert.deepEqual(log.kinds.slice(0, 3), ['changed', 'lost', 'resumed']);
      const lostAfterMs = log.events[1]!.livedMs - frozenAfterMs;
      assert.ok(lostAfterMs < 2000, `lost after ${lostAfterMs} ms`);
      console.log(`leader frozen: served again after ${servedAgainMs} ms; the watch was lost after ${lostAfterMs} ms`);
    } finally {
      cluster.thaw();
      log.close();
    }
  });

  test('without a quorum nothing is ever reported as committed or conflicting, and nothing is read', async () => {
    const client = cluster.open();
    const key = 'quorum/a';
    const before = await commitWithin(client, key, 'before', absent, 60_000);
    const log = new WatchLog(client, 'quorum/', before);
    await read(client, 'quorum/');
    const outcomes: TransactionOutcome[] = [];
    await cluster.freeze(cluster.servers.slice(1));
    try {
      for (const server of cluster.servers) {
        const single = cluster.openThrough([server]);
        outcomes.push(await single.transact(put(key, `through ${server.name}`, before), { deadlineMs: 700 }));
        assert.equal((await single.range('quorum/', { deadlineMs: 700 })).kind, 'unknown');
      }
      outcomes.push(await client.transact(put(key, 'during', before), { deadlineMs: 700 }));
      assert.equal((await client.range('quorum/', { deadlineMs: 700 })).kind, 'unknown');
      await log.until((seen) => seen.kinds.includes('lost'), 'lost');
    } finally {
      cluster.thaw();
    }
    assert.ok(
      outcomes.every((outcome) => outcome.kind === 'unknown' || outcome.kind === 'refused'),
      JSON.stringify(outcomes),
    );
    await eventually(
      async () => (await client.range('', { deadlineMs: 1000 })).kind === 'ok',
      'an answer after the thaw',
    );
    log.close();
  });

  test('a write that is under way when the quorum is lost is unknown, and reading tells later', async () => {
    const client = cluster.open();
    const key = 'under-way/a';
    const before = await commitWithin(client, key, 'before', absent, 60_000);
    const [, ...majority] = cluster.servers;
    await cluster.freeze(majority);
    const outcome = await client.transact(put(key, 'during', before), { deadlineMs: 600 });
    cluster.thaw();
    assert.equal(outcome.kind, 'unknown', JSON.stringify(outcome));
    const settled = await commitWithin(client, key, 'after', null, 60_000);
    const found = await read(client, key);
    assert.deepEqual(found.entries[key], { value: 'after', revision: settled });
  });

  test('under a frozen leader no acknowledged increment is lost and none counts twice', async () => {
    const key = 'counter/a';
    const acknowledged: string[] = [];
    const attempted = new Set<string>();
    let writing = true;
    const writer = async (name: string, client: AuthorityPort) => {
      for (let count = 0; writing; count++) {
        const found = await client.range(key, { deadlineMs: 1000 });
        if (found.kind !== 'ok') continue;
        const stored = found.entries[key];
        const mark = `${name}${count}`;
        attempted.add(mark);
        const value = [...((stored?.value as string[] | undefined) ?? []), mark];
        const compare = [{ key, revision: stored?.revision ?? absent }];
        const outcome = await client.transact({ compare, put: [{ key, value }] }, { deadlineMs: 400 });
        if (outcome.kind === 'committed') acknowledged.push(mark);
      }
    };
    const writers = ['a', 'b', 'c'].map((name) => writer(name, cluster.open()));
    await eventually(() => acknowledged.length > 20, 'twenty increments');
    const leader = await cluster.leader();
    await cluster.freeze([leader]);
    const before = acknowledged.length;
    await eventually(() => acknowledged.length > before + 20, 'twenty increments under a new leader', 60_000).finally(
      () => cluster.thaw(),
    );
    const afterThaw = acknowledged.length;
    await eventually(() => acknowledged.length > afterThaw + 20, 'twenty increments after the thaw', 60_000);
    writing = false;
    await Promise.all(writers);
    const stored = (await read(cluster.open(), key)).entries[key]?.value as string[];
    assert.equal(new Set(stored).size, stored.length, 'none counts twice');
    assert.ok(stored.every((mark) => attempted.has(mark)));
    assert.deepEqual(
      acknowledged.filter((mark) => !stored.includes(mark)),
      [],
    );
  });

  test('an operator who names the data anew stops every client that knows the old name', async () => {
    const key = 'named/a';
    const client = cluster.open();
    const original = await read(client, 'named/');
    const first = await commit(client, put(key, 'one', absent));
    const log = new WatchLog(client, 'named/', first);
    const renamed = await cluster.open().renewIncarnation({ deadlineMs: 15_000 });
    assert.equal(renamed.kind, 'ok');
    const outcome = await client.transact(put(key, 'two', first), { deadlineMs: 15_000 });
    assert.equal(outcome.kind, 'refused', JSON.stringify(outcome));
    await log.until((seen) => seen.kinds.includes('compacted'), 'the watch ends');
    const found = await read(client, 'named/');
    assert.notEqual(found.incarnation, original.incarnation);
    await commit(client, put(key, 'two', found.entries[key]!.revision));
  });

  test('a value that something else wrote is named, not guessed at', async () => {
    await cluster.etcdctl('put', 'holdfast/state/foreign/a', 'not json {');
    const outcome = await cluster.open().range('foreign/', { deadlineMs: 15_000 });
    assert.ok(outcome.kind === 'unknown' && outcome.reason.includes('foreign/a'), JSON.stringify(outcome));
    const written = await cluster.open().transact(put('foreign/a', 'mine', absent), { deadlineMs: 15_000 });
    assert.ok(written.kind === 'refused' && written.reason.includes('foreign/a'), JSON.stringify(written));
    await cluster.etcdctl('del', 'holdfast/state/foreign/a');
  });

  test('members and server status are told, with what is known against them', async () => {
    const { maintenance } = cluster.open();
    const members = await maintenance.members({ deadlineMs: 15_000 });
    assert.deepEqual(members?.map((member) => member.name).sort(), ['voter-1', 'voter-2', 'voter-3']);
    const servers = await maintenance.status({ deadlineMs: 15_000 });
    assert.equal(servers.length, 3);
    for (const server of servers) {
      assert.ok(typeof server === 'object' && server.version === version, JSON.stringify(server));
      assert.ok(server.databaseBytes > 0 && server.leaderId !== '0');
    }
  });

  test('a living server is seen also where no quorum is left, which is told of, and an alarm is while there is one', async () => {
    const { maintenance } = cluster.open();
    const whole = await observeCluster(maintenance, { deadlineMs: 15_000 });
    assert.deepEqual([whole.serves, whole.spareVoters, whole.problems], [true, 1, []]);
    assert.ok(whole.leader !== null);
    const [memberId] = whole.servers.flatMap((server) => (typeof server === 'string' ? [] : [server.memberId]));
    const alarm = (action: string) =>
      raiseAlarm(cluster.servers[0]!, { action, memberID: memberId!, alarm: 'NOSPACE' });
    await alarm('ACTIVATE');
    const full = await observeCluster(maintenance, { deadlineMs: 15_000 });
    assert.ok(
      full.problems.some((problem) => problem.endsWith('alarm NOSPACE')),
      full.problems.join('; '),
    );
    await alarm('DEACTIVATE');
    await cluster.freeze(cluster.servers.slice(0, 2));
    try {
      const begun = performance.now();
      const half = await observeCluster(maintenance, { deadlineMs: 1_500 });
      assert.ok(performance.now() - begun < 4_000);
      assert.deepEqual([half.serves, half.leader], [null, null]);
      assert.equal(half.servers.filter((server) => typeof server === 'object').length, 1, half.problems.join('; '));
      assert.ok(half.problems.some((problem) => problem.includes('its alarms were not found out')));
    } finally {
      cluster.thaw();
    }
    await eventually(
      async () => (await observeCluster(maintenance, { deadlineMs: 5_000 })).spareVoters === 1,
      'all of them serve again',
      20_000,
    );
  });

  test('a restore into a cluster of another id is another incarnation even when nothing was lost', async () => {
    const client = cluster.open();
    const original = await read(client, 'moved/');
    await commit(client, put('moved/a', 'one', absent));
    await cluster.snapshot();
    await cluster.rollBack({ token: 'another-cluster' });
    const found = await read(client, 'moved/');
    assert.notEqual(found.incarnation, original.incarnation);
    assert.equal(found.entries['moved/a']?.value, 'one');
  });
}

function withCertificates(): void {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-etcd-tls-'));
  let server: ChildProcess | null = null;
  let pki: LabPki;
  let endpoint = '';

  before(async () => {
    const machines = ['etcd/one', 'controller/one'].map((name) => ({
      name,
      role: 'authority' as const,
      ips: ['127.0.0.1'],
    }));
    pki = await createPki({ directory, organisation: 'test', machines, operators: [], evidenceOwners: [] });
    const [clientPort, peerPort] = [await freePort('127.0.0.1'), await freePort('127.0.0.1')];
    endpoint = `127.0.0.1:${clientPort}`;
    const { cert, key } = pki.identity('etcd/one');
    const peer = `http://127.0.0.1:${peerPort}`;
    server = spawn(
      'etcd',
      [
        ...['--name', 'one', '--data-dir', join(directory, 'data'), '--enable-v2'],
        ...['--listen-client-urls', `https://${endpoint}`, '--advertise-client-urls', `https://${endpoint}`],
        ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `one=${peer}`],
        ...['--client-cert-auth', '--trusted-ca-file', pki.caFile, '--cert-file', cert, '--key-file', key],
      ],
      { stdio: 'ignore' },
    );
  });
  after(async () => {
    await killed(server);
    rmSync(directory, { recursive: true, force: true });
  });

  test('a client with a certificate of the authority is served, under another host name too', async () => {
    const tls = { ...readTlsFiles(pki.identity('controller/one')), serverName: dnsName('etcd/one') };
    const client = openEtcdAuthority({ endpoints: [endpoint], tls });
    try {
      await eventually(async () => (await client.range('', { deadlineMs: 1000 })).kind === 'ok', 'an answer', 60_000);
      await commit(client, put('a', 'one', absent));
    } finally {
      await client.close();
    }
  });

  test('a client without a certificate is not served', async () => {
    const client = openEtcdAuthority({ endpoints: [endpoint] });
    try {
      assert.equal((await client.range('', { deadlineMs: 1000 })).kind, 'unknown');
      assert.equal((await client.transact(put('a', 'two', absent), { deadlineMs: 1000 })).kind, 'refused');
    } finally {
      await client.close();
    }
  });

  test('a claim to found a database that nobody stands behind is taken away, and the founder claims anew; one that names a cluster stays', async () => {
    const server = 'patroni-database';
    const founder = join(directory, server);
    mkdirSync(founder);
    const { cert, key } = pki.identity('controller/one');
    for (const [name, file] of Object.entries({ ca: pki.caFile, cert, key }))
      copyFileSync(file, join(founder, `${name}.pem`));
    // The founder's machine, whose directory lies here.
    const ask: AskMachine = async ([program, ...args]) => {
      const here = args.map((word) => word.replace(serverDirectory(server), founder));
      const { code, stdout } = await tryCommand(program!, here, { deadlineMs: 5_000 });
      return code === 0 ? stdout : null;
    };
    const claim = `/service/database/initialize`;
    const etcdctl = (...words: readonly string[]) =>
      ask([
        ...['env', 'ETCDCTL_API=2', 'etcdctl', '--no-sync', `--endpoints=https://${endpoint}`],
        ...['ca', 'cert', 'key'].map((name) => `--${name}-file=${serverDirectory(server)}/${name}.pem`),
        ...words,
      ]);
    let nowMs = 0;
    const founding = new PatroniFounding({ server, stores: [endpoint], scope: 'database', nowMs: () => nowMs });
    const looks = async () => {
      const said: (string | null)[] = [];
      for (const at of [0, 14_000, 15_000]) {
        nowMs = at;
        said.push(await founding.look(ask));
      }
      return said;
    };
    await eventually(async () => (await etcdctl('ls', '/')) !== null, 'an answer', 60_000);
    // As Patroni claims: only where there is none. Whoever was not told that it succeeded is refused for ever.
    assert.notEqual(await etcdctl('mk', claim, ''), null);
    assert.equal(await etcdctl('mk', claim, ''), null);
    const [first, second, third] = await looks();
    assert.deepEqual([first, second], [null, null]);
    assert.match(String(third), /claimed and not founded/);
    assert.notEqual(await etcdctl('mk', claim, ''), null);
    await etcdctl('set', claim, '7710766784036270121');
    assert.deepEqual(await looks(), [null, null, null]);
    assert.equal((await etcdctl('get', claim))?.trim(), '7710766784036270121');
  });
}

/** Keeps trying through an election; `at` null = over whatever is there. */
async function commitWithin(
  client: AuthorityPort,
  key: string,
  value: string,
  at: Revision | null,
  withinMs: number,
  onOutcome: (outcome: TransactionOutcome) => void = () => {},
): Promise<Revision> {
  let written: Revision | null = null;
  let expected = at;
  await eventually(
    async () => {
      const found = await client.range(key, { deadlineMs: 1000 });
      if (found.kind !== 'ok') return false;
      const stored = found.entries[key];
      if (at !== null && stored !== undefined && stored.revision > at) {
        assert.equal(stored.value, value);
        written = stored.revision;
        return true;
      }
      expected = at ?? stored?.revision ?? absent;
      const outcome = await client.transact(put(key, value, expected), { deadlineMs: 1000 });
      onOutcome(outcome);
      if (outcome.kind === 'committed') written = outcome.revision;
      return written !== null;
    },
    `${key} = ${value}`,
    withinMs,
  );
  return written!;
}

/** By etcd's own gateway for JSON: nothing in this repository raises alarms. */
async function raiseAlarm(
  { host, clientPort }: { readonly host: string; readonly clientPort: number },
  request: object,
): Promise<void> {
  const url = `http://${host}:${clientPort}/v3/maintenance/alarm`;
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(request) });
  assert.ok(answer.ok, await answer.text());
}
