import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createPki } from '../../lab/pki.ts';
import { epoch, instanceId } from '../core/base/ids.ts';
import type { ServerOptions } from '../core/topology/served.ts';
import type { AgentConfigFile } from '../wire/agent-config.ts';
import { readTopologyFile } from '../wire/topology-file/read-topology-file.ts';
import { servedDriver } from './served-drivers.ts';

const directory = mkdtempSync(join(tmpdir(), 'served-drivers-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const parsed = readTopologyFile(join(import.meta.dirname, '../../examples/three-site-patroni.yaml'));
assert.ok(parsed.ok);
const authority = { kind: 'etcd', namespace: null };
const agent = { topology: parsed.value.topology, stateDir: directory, authority } as unknown as AgentConfigFile;

function file(name: string, text: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}
const driverOf = (instance: string, server: ServerOptions = {}) =>
  servedDriver({ kind: 'served', instance: instanceId(instance), server, lookEveryMs: null, lookWithinMs: 100 }, agent);

/** Nobody answers at any of it. */
const underPatroni = (secret: string): ServerOptions => ({
  api: 'http://127.0.0.1:1',
  endpoints: 'https://127.0.0.1:1',
  passwordFile: secret,
  caFile: secret,
  certFile: secret,
  keyFile: secret,
});

test('an instance that a service manager keeps running has its orders go there, and only that', async () => {
  const own = { socket: join(directory, 'none.sock') };
  const plain = await driverOf('proxy-nyc-1', own);
  const kept = await driverOf('proxy-nyc-1', { ...own, service: 'supervisord:nobody-of-that-name' });
  const order = { kind: 'service', epoch: epoch(2), order: 'start' } as const;
  const refused = await plain.perform(order, { deadlineMs: 1000 });
  assert.equal(refused.kind === 'failed' && refused.code, 'not-ours');
  const stale = { ...order, epoch: epoch(1) };
  await kept.perform(order, { deadlineMs: 1000 });
  const outcome = await kept.perform(stale, { deadlineMs: 1000 });
  assert.equal(outcome.kind === 'failed' && outcome.code, 'stale-epoch');
  await assert.rejects(driverOf('proxy-nyc-1', { ...own, service: 'upstart:x' }), /HF-3305/);
});

test('every server of the example has its driver; what is not there is unknown, never well', async () => {
  const secret = file('password', 'secret\n');
  const nobody = { address: '127.0.0.1:1' };
  const pki = await createPki({
    directory: join(directory, 'pki'),
    organisation: 'test',
    machines: [{ name: 'agent/nyc-edge-1', role: 'agent', ips: [] }],
    operators: [],
    evidenceOwners: [],
  });
  const { ca, cert, key } = pki.identity('agent/nyc-edge-1');
  const drivers = await Promise.all([
    driverOf('proxy-nyc-1', { socket: join(directory, 'none.sock') }),
    driverOf('pooler-nyc', { ...nobody, passwordFile: secret, databasesFile: secret }),
    driverOf('names-nyc', { ...nobody, keyFile: secret }),
    driverOf('router-nyc-1'),
    driverOf('address-nyc-1'),
    driverOf('discovery-nyc', { ...nobody, caFile: ca, certFile: cert, keyFile: key }),
    driverOf('redis-nyc', {
      ...nobody,
      passwordFile: secret,
      writerPasswordFile: secret,
      sentinelPasswordFile: secret,
    }),
    driverOf('database-nyc', underPatroni(secret)),
  ]);
  for (const driver of drivers) {
    const seen = await driver.observe({ deadlineMs: 300 });
    assert.deepEqual([seen?.health, seen?.role], ['unknown', 'unknown'], driver.instance);
  }
});

test('a secret that others may read, an empty one, or none at all is refused (HF-3305)', async () => {
  const databasesFile = file('databases.ini', '');
  const refused = (passwordFile: string, found: RegExp) =>
    assert.rejects(driverOf('pooler-nyc', { passwordFile, databasesFile }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'HF-3305');
      assert.match(JSON.stringify({ ...error, message: error.message }), found);
      return true;
    });
  await refused(file('open', 'secret', 0o640), /may be read by others/);
  await refused(file('empty', '\n'), /is empty/);
  await refused(join(directory, 'absent'), /ENOENT/);
});

test('what Patroni and its store are shown may not be read by others, and has to be there (HF-3305)', async () => {
  const secret = file('patroni-password', 'secret\n');
  const refused = (server: ServerOptions, found: RegExp) =>
    assert.rejects(driverOf('database-nyc', { ...underPatroni(secret), ...server }), (error: Error) => {
      assert.match(JSON.stringify({ ...error, message: error.message }), found);
      return true;
    });
  const open = file('patroni-open', 'secret', 0o644);
  await refused({ passwordFile: open }, /passwordFile.*may be read by others/);
  await refused({ keyFile: open }, /keyFile.*may be read by others/);
  await refused({ caFile: join(directory, 'absent') }, /caFile.*ENOENT/);
  await refused({ store: 'consul' }, /is none of etcd, etcd3/);
  await refused({ endpoints: '127.0.0.1:1' }, /HOST:PORT/);
});

test('services are kept apart from the keys of the authority (HF-3305)', async () => {
  const refused = (keyPrefix: string) =>
    assert.rejects(driverOf('discovery-nyc', { keyPrefix }), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'HF-3305');
      assert.match(JSON.stringify({ ...error, message: error.message }), /meets the keys of the authority/);
      return true;
    });
  await refused('holdfast/services/');
  await refused('hold');
});

test('an instance that is no server is refused', async () => {
  await assert.rejects(driverOf('engine-nyc-1'), { code: 'HF-3305' });
});
