import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createPki, dnsName } from '../../../lab/pki.ts';
import { eventually, WatchLog } from '../../../test/contract/watch-log.ts';
import { revision } from '../../core/base/ids.ts';
import { readTlsFiles } from '../../wire/peer-identity.ts';
import { type LabAuthority, openLabAuthority } from './client.ts';
import { type LabClient, LabServer } from './server.ts';

const directory = mkdtempSync(join(tmpdir(), 'holdfast-lab-server-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const deadlineMs = 15_000;
let databases = 0;

const started = (clients: readonly LabClient[], more: Partial<Parameters<typeof LabServer.start>[0]> = {}) =>
  LabServer.start({ host: '127.0.0.1', port: 0, database: join(directory, `${++databases}.db`), clients, ...more });
const near: LabClient = { name: 'near', token: 'n', quorumRttMs: 0, admin: true };
const far: LabClient = { name: 'far', token: 'f', quorumRttMs: 60 };
const opened = (server: LabServer, client: LabClient, token = client.token) =>
  openLabAuthority({ host: '127.0.0.1', port: server.port, client: client.name, token });
const write = (client: LabAuthority, value: number) =>
  client.transact({ compare: [], put: [{ key: 'a', value }] }, { deadlineMs });

test('each operation costs its client the quorum round trip, and writes keep their order', async () => {
  const server = await started([near, far]);
  const [nearby, distant] = [opened(server, near), opened(server, far)];
  await nearby.range('', { deadlineMs });
  const from = await distant.range('', { deadlineMs });
  assert.ok(from.kind === 'ok');
  const log = new WatchLog(nearby, '', from.revision);
  const startedMs = performance.now();
  const slow = write(distant, 1).then((outcome) => ({ outcome, tookMs: performance.now() - startedMs }));
  await eventually(async () => {
    const found = await nearby.range('a', { deadlineMs });
    return found.kind === 'ok' && found.entries.a !== undefined;
  }, 'the distant write arrived');
  const quick = await write(nearby, 2);
  const { outcome, tookMs } = await slow;
  assert.ok(tookMs >= 59, `${tookMs} ms`);
  assert.ok(outcome.kind === 'committed' && quick.kind === 'committed' && outcome.revision < quick.revision);
  await log.until((seen) => seen.changes.length === 2, 'both changes');
  assert.deepEqual(log.revisions, [outcome.revision, quick.revision]);
  assert.ok(log.events[0]!.atMs - startedMs >= 55, 'a watch sees a write no earlier than its writer could know of it');
  await Promise.all([nearby.close(), distant.close()]);
  await server.close();
});

test('a wrong token is never served', async () => {
  const server = await started([near]);
  const intruder = opened(server, near, 'guess');
  await eventually(async () => {
    const outcome = await intruder.transact({ compare: [], put: [{ key: 'a', value: 1 }] }, { deadlineMs: 300 });
    assert.ok(outcome.kind === 'refused', JSON.stringify(outcome));
    return outcome.reason.includes('unauthorized');
  }, 'it is told why');
  await intruder.close();
  await server.close();
});

test('backup and restore need the right to, yield another incarnation and end watches', async () => {
  const server = await started([near, far]);
  const [admin, other] = [opened(server, near), opened(server, far)];
  const backup = join(directory, 'backup.db');
  assert.equal((await other.backup(backup, { deadlineMs })).kind, 'refused');
  await write(admin, 1);
  assert.equal((await admin.backup(backup, { deadlineMs })).kind, 'ok');
  const second = await write(admin, 2);
  const before = await other.range('', { deadlineMs });
  assert.ok(before.kind === 'ok' && second.kind === 'committed');
  const log = new WatchLog(other, '', before.revision);
  const restored = await admin.restore(backup, { deadlineMs });
  assert.ok(restored.kind === 'ok' && restored.incarnation !== before.incarnation);
  await log.until((seen) => seen.kinds.includes('compacted'), 'the watch ends');
  const stale = await other.transact({ compare: [{ key: 'a', revision: second.revision }], put: [] }, { deadlineMs });
  assert.equal(stale.kind, 'refused');
  const found = await other.range('', { deadlineMs });
  assert.ok(found.kind === 'ok' && found.entries.a?.value === 1 && found.revision > before.revision);
  await Promise.all([admin.close(), other.close()]);
  await server.close();
});

test('a client certificate identifies its client, and no other', async () => {
  const names = ['authority/lab', 'agent/one', 'agent/two'];
  const machines = names.map((name) => ({ name, role: 'agent' as const, ips: ['127.0.0.1'] }));
  const pki = await createPki({
    directory: join(directory, 'pki'),
    organisation: 'test',
    machines,
    operators: [],
    evidenceOwners: [],
  });
  const tls = (name: string) => readTlsFiles(pki.identity(name));
  const server = await started([{ name: 'one', token: null, quorumRttMs: 0 }], { tls: tls('authority/lab') });
  const open = (certificate: string) =>
    openLabAuthority({
      host: '127.0.0.1',
      port: server.port,
      client: 'one',
      token: null,
      tls: { ...tls(certificate), serverName: dnsName('authority/lab') },
    });
  const [rightful, pretender] = [open('agent/one'), open('agent/two')];
  assert.equal((await rightful.range('', { deadlineMs })).kind, 'ok');
  assert.equal((await pretender.range('', { deadlineMs: 400 })).kind, 'unknown');
  await Promise.all([rightful.close(), pretender.close()]);
  await server.close();
});

test('repeated, late and unasked answers and repeated events are dropped', async () => {
  const hello = { kind: 'lab-only', voters: 1, notice: '', incarnation: 'i', revision: 5 };
  const fake = createServer((socket) => {
    const send = (frame: unknown) => socket.write(`${JSON.stringify(frame)}\n`);
    let rest = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      const lines = (rest + chunk.toString('utf8')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const request = JSON.parse(line) as { id: number; op: string; prefix?: string };
        if (request.op === 'hello') send({ id: request.id, ok: true, result: hello });
        if (request.op === 'watch')
          send({ id: request.id, ok: true, result: { kind: 'watching', incarnation: 'i', revision: 5 } });
        if (request.op !== 'range') continue;
        const result = {
          revision: 5,
          incarnation: 'i',
          entries: { [request.prefix ?? '']: { value: request.id, revision: 5 } },
        };
        for (const id of [request.id, request.id, request.id - 1, 99_999]) send({ id, ok: true, result });
        for (const watch of [1, 1, 1, 77]) send({ watch, change: { revision: 6, changes: [{ key: 'k', value: 1 }] } });
      }
    });
  });
  await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve));
  const { port } = fake.address() as AddressInfo;
  const client = openLabAuthority({ host: '127.0.0.1', port, client: 'x', token: null });
  const log = new WatchLog(client, '', revision(5));
  for (const prefix of ['a', 'b', 'c']) {
    const found = await client.range(prefix, { deadlineMs });
    assert.ok(found.kind === 'ok');
    assert.deepEqual(Object.keys(found.entries), [prefix]);
  }
  await log.until((seen) => seen.changes.length > 0, 'the event');
  assert.deepEqual(log.revisions, [6]);
  await client.close();
  await new Promise<void>((resolve) => fake.close(() => resolve()));
});

test('what was never sent is refused; what was sent into a lost connection is unknown', async () => {
  const server = await started([far]);
  const client = opened(server, far);
  await client.range('', { deadlineMs });
  const underWay = write(client, 1);
  await new Promise((resolve) => setImmediate(resolve));
  await server.close();
  assert.equal((await underWay).kind, 'unknown');
  const later = await client.transact({ compare: [], put: [{ key: 'a', value: 1 }] }, { deadlineMs: 200 });
  assert.equal(later.kind, 'refused');
  await client.close();
});
