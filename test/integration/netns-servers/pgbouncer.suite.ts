import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import pg from 'pg';
import type { PlannedNode } from '../../../lab/netns/network-plan.ts';
import {
  databasesFile,
  pgbouncerName,
  pgbouncerNodes,
  pgbouncerPort,
  pgbouncerSecrets,
  pooledDatabase,
} from '../../../lab/netns/servers/pgbouncer.ts';
import { dataNodes, lanAddress, tradingSites } from '../../../lab/netns/servers/placement.ts';
import { serverKey } from '../../../lab/netns/servers/server.ts';
import { serverState } from '../../../lab/netns/servers/server-process.ts';
import { waitFor } from '../../../lab/wait.ts';
import { poolerConsole } from '../../../src/adapters/pgbouncer/console.ts';
import { PgbouncerDriver, type PoolerAction } from '../../../src/adapters/pgbouncer/driver.ts';
import { locateBinaries } from '../../../src/adapters/postgres/binaries.ts';
import { codeOf, epoch, type ServersUnderTest, withinDeadline } from './servers-under-test.ts';

/** Beside the one under Patroni, which is not this suite's to write to. */
const postgresPort = 5532;

/** As its own machine drives it. */
export function pgbouncerDriver(servers: ServersUnderTest, node: PlannedNode): PgbouncerDriver {
  const { under, ground } = servers;
  const address = { host: lanAddress(ground.plan, node), port: pgbouncerPort };
  const login = { address, user: 'holdfast', password: ground.secret(pgbouncerSecrets.admin) };
  return new PgbouncerDriver({
    console: poolerConsole(login, servers.dialFrom(node.id)),
    databasesFile: join(serverState(under.context, { name: pgbouncerName, node }), databasesFile),
    epochs: servers.newEpochs(),
  });
}

/** Two plain databases that have nothing to do with each other stand behind the poolers: whoever answers is known by its address. */
export function pgbouncerSuite(servers: () => ServersUnderTest): void {
  const soon = { deadlineMs: 3_000 };
  const database = pooledDatabase;
  const addressOf = (node: PlannedNode) => lanAddress(servers().ground.plan, node);
  const databaseAt = (site: string) => {
    const { ground } = servers();
    const node = dataNodes(ground, tradingSites(ground.topology).find(({ id }) => id === site)!)[0]!;
    return { node, target: { host: addressOf(node), port: postgresPort } };
  };
  const poolerAt = (site: string) => pgbouncerNodes(servers().ground).find((node) => node.site === site)!;

  const driver = (node: PlannedNode) => pgbouncerDriver(servers(), node);

  async function connected(
    from: string,
    to: { readonly host: string; readonly port: number },
    user: string,
    name: string,
  ) {
    const socket = await servers().dialFrom(from)(to, soon);
    socket.connect = () => {
      queueMicrotask(() => socket.emit('connect'));
      return socket;
    };
    const password = servers().ground.secret(pgbouncerSecrets.writer);
    const client = new pg.Client({ user, password, database: name, stream: () => socket } as pg.ClientConfig);
    client.on('error', () => {});
    await client.connect();
    return client;
  }
  const asWriter = (site: string) =>
    connected('observer/nyc', { host: addressOf(poolerAt(site)), port: pgbouncerPort }, 'writer', database);
  const whoAnswers = async (client: pg.Client) =>
    (await client.query<{ address: string }>('select host(inet_server_addr()) as address')).rows[0]?.address;

  /** Ends with its input. */
  async function startDatabase(site: string): Promise<ChildProcess> {
    const { under, directory } = servers();
    const { node, target } = databaseAt(site);
    const binaries = await locateBinaries({ binDir: null, workDir: directory });
    const words = (program: 'initdb' | 'postgres', ...args: readonly string[]) => {
      const { command, args: rest } = binaries.launch(program, args);
      return [command, ...rest].map((word) => `'${word}'`).join(' ');
    };
    const data = '/run/suite-postgres';
    const settings = [
      `port=${postgresPort}`,
      'fsync=off',
      'unix_socket_directories=',
      'shared_buffers=8MB',
      'dynamic_shared_memory_type=mmap',
    ];
    const listen = [`listen_addresses=${target.host}`, ...settings].flatMap((each) => ['-c', each]);
    const script = `${words('initdb', '-D', data, '-U', 'holdfast', '-A', 'trust', '--no-sync')} >/dev/null
echo 'host all all all trust' >> ${data}/pg_hba.conf
${words('postgres', '-D', data, ...listen)} >/run/suite-postgres.log 2>&1 &
echo ready
cat >/dev/null
kill -INT $!
wait`;
    const environment = Object.entries(binaries.env).map(([key, value]) => `${key}=${value}`);
    const child = await under.start(node.id, 'env', ...environment, 'sh', '-c', script);
    const administered = async () => {
      try {
        const client = await connected(node.id, target, 'holdfast', 'postgres');
        await client.query('create role writer login');
        await client.query(`create database ${database} owner writer`);
        await client.end();
        return true;
      } catch {
        return false;
      }
    };
    await waitFor(`the database in ${site}`, administered, 20_000);
    return child;
  }

  it('has one in each trading site, which leads nowhere', async () => {
    assert.deepEqual(
      pgbouncerNodes(servers().ground).map(({ site }) => site),
      ['nyc', 'chi'],
    );
    const seen = await driver(poolerAt('nyc')).observe(soon);
    assert.deepEqual([seen.version, seen.reasons], ['1.18.0', []]);
    assert.deepEqual(
      seen.databases?.map(({ name, target, servers: open }) => [name, target, open]),
      [[database, { host: '127.0.0.1', port: 1 }, {}]],
    );
  });

  it('leads to one database, then to the other: no transaction is cut, an older epoch moves nothing, a restart leads nowhere', async (context: TestContext) => {
    const databases = [await startDatabase('nyc'), await startDatabase('chi')];
    const node = poolerAt('nyc');
    const pooler = driver(node);
    const [here, there] = [databaseAt('nyc').target, databaseAt('chi').target];
    const all = async (actions: readonly PoolerAction[]) => {
      for (const action of actions) assert.equal(codeOf(await pooler.perform(action, soon)), 'ok', action.kind);
    };
    const move = (at: number, target: typeof here): readonly PoolerAction[] => [
      { kind: 'pause', epoch: epoch(at), database },
      { kind: 'point', epoch: epoch(at), database, target },
      { kind: 'resume', epoch: epoch(at), database },
    ];
    try {
      await all(move(1, here));
      const client = await asWriter('nyc');
      assert.equal(await whoAnswers(client), here.host);
      await client.query('begin');
      assert.equal(await whoAnswers(client), here.host);
      const early = await pooler.perform({ kind: 'pause', epoch: epoch(2), database }, { deadlineMs: 600 });
      assert.equal(codeOf(early), 'busy');
      await client.query('commit');
      const waiting = whoAnswers(client);
      const begun = performance.now();
      await all(move(2, there));
      assert.equal(await waiting, there.host);
      context.diagnostic(
        `paused, pointed and resumed in ${Math.round(performance.now() - begun)} ms; the client waited`,
      );
      const stale = { kind: 'pause', epoch: epoch(1), database } as const;
      assert.equal(codeOf(await pooler.perform(stale, soon)), 'stale-epoch');

      await client.query('begin');
      assert.equal(codeOf(await pooler.perform({ kind: 'cut', epoch: epoch(3), database }, soon)), 'ok');
      await assert.rejects(client.query('commit'));
      await all(move(3, here).slice(1));
      const another = await asWriter('nyc');
      assert.equal(await whoAnswers(another), here.host);

      const key = serverKey({ name: pgbouncerName, node });
      const leads = { kind: 'leads-to', database, target: here } as const;
      const late = { deadlineMs: 400 };
      const frozen = await servers().freeze(key);
      const pause = { kind: 'pause', epoch: epoch(4), database } as const;
      assert.equal(codeOf(await withinDeadline(400, pooler.perform(pause, late))), 'unknown');
      assert.equal(await withinDeadline(400, pooler.confirm(leads, late)), 'unknown');
      assert.equal((await withinDeadline(400, pooler.observe(late))).databases, null);
      await servers().thaw(frozen);
      await waitFor('the pooler to answer', async () => (await pooler.confirm(leads, soon)) !== 'unknown', 5_000);

      await servers().kill(key);
      assert.equal(codeOf(await withinDeadline(400, pooler.perform(pause, late))), 'unknown');
      await servers().restart(key);
      await waitFor('it to be back', async () => (await pooler.confirm(leads, soon)) !== 'unknown', 10_000);
      assert.equal(await pooler.confirm(leads, soon), 'does-not-hold');
      await all(move(4, there));
      const last = await asWriter('nyc');
      assert.equal(await whoAnswers(last), there.host);
      for (const each of [another, last]) await each.end();
    } finally {
      for (const child of databases) await servers().under.end(child);
    }
  });
}
