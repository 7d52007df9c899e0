import assert from 'node:assert/strict';
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { componentId, type Epoch, instanceId } from '../../core/base/ids.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { type ConsoleAnswer, type ConsoleRow, poolerConsole } from './console.ts';
import { targetIn, withTarget } from './databases-file.ts';
import { PgbouncerDriver, type PoolerAction } from './driver.ts';
import { parseDatabases, parseVersion } from './parse.ts';
import { ServedPooler } from './served-pooler.ts';

type Shown = Readonly<Record<'VERSION' | 'DATABASES' | 'SERVERS' | 'POOLS', readonly ConsoleRow[]>>;
const fixture = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures', `${name}-1.18.json`), 'utf8')) as Shown;
const seen = (name: string) => {
  const { DATABASES, SERVERS, POOLS } = fixture(name);
  return parseDatabases(DATABASES, SERVERS, POOLS)[0]!;
};
const epoch = (value: number) => value as Epoch;
const soon = { deadlineMs: 400 };
const first = { host: '127.0.6.1', port: 5432 };
const second = { host: '127.0.6.2', port: 5432 };

describe('what a pooler shows', () => {
  it('where a database leads, who is at work there, and who waits', () => {
    const { DATABASES, SERVERS, POOLS } = fixture('leading');
    assert.deepEqual(parseDatabases(DATABASES, SERVERS, POOLS), [
      {
        name: 'trading',
        target: first,
        paused: false,
        disabled: false,
        servers: { '127.0.6.1:5432': 1 },
        active: 0,
        clientsWaiting: 0,
      },
    ]);
    assert.equal(seen('active').active, 1);
  });

  it('a pause that waits for a transaction, and one that has come to its end', () => {
    const waiting = seen('pausing');
    assert.deepEqual([waiting.paused, waiting.active], [true, 1]);
    const ended = seen('paused');
    assert.deepEqual([ended.paused, ended.servers], [true, {}]);
  });

  it('what it is', () => {
    assert.equal(parseVersion(fixture('closed').VERSION), '1.18.0');
    assert.equal(parseVersion([{ version: 'PostgreSQL 15' }]), null);
    assert.throws(() => parseDatabases([{ name: 'trading' }], [], []));
  });
});

describe('the file that says where databases are', () => {
  const file = '; by hand\n[databases]\nother = host=10.0.0.9 port=1\ntrading = dbname=t host=10.0.0.1\n';

  it('one line is led elsewhere, and everything else stays', () => {
    const changed = withTarget(file, 'trading', { host: '10.0.0.2', port: 6000 });
    assert.equal(changed, file.replace('host=10.0.0.1', 'host=10.0.0.2 port=6000'));
    assert.deepEqual(targetIn(changed!, 'trading'), { host: '10.0.0.2', port: 6000 });
    assert.deepEqual(targetIn(file, 'trading'), { host: '10.0.0.1', port: 5432 });
  });

  it('what is not understood is left to people', () => {
    assert.equal(withTarget(file, 'absent', second), null);
    assert.equal(withTarget("trading = host='10.0.0.1' port=5432\n", 'trading', second), null);
    assert.equal(withTarget('trading = host=10.0.0.1,10.0.0.2\n', 'trading', second), null);
  });
});

/** A pooler that keeps what it is told, in the words of a real one. */
class RecordedPooler {
  readonly said: string[] = [];
  shows = 'leading';
  /** A transaction goes on. */
  busy = false;
  frozen = false;
  refusal: string | null = null;
  version: string | null = null;
  readonly file: string;

  constructor(file: string) {
    this.file = file;
  }

  readonly console = async (commands: readonly string[]): Promise<ConsoleAnswer> => {
    if (this.frozen) return { kind: 'unknown', reason: 'no answer within 400 ms' };
    const results: (readonly ConsoleRow[])[] = [];
    for (const command of commands) {
      if (command.startsWith('SHOW ')) {
        results.push(this.#show(command.slice(5) as keyof Shown));
        continue;
      }
      this.said.push(command);
      if (this.refusal !== null) return { kind: 'refused', reason: this.refusal };
      if (command.startsWith('PAUSE')) this.shows = this.busy ? 'pausing' : 'paused';
      if (command.startsWith('KILL')) this.shows = 'paused';
      if (command.startsWith('RESUME')) this.shows = 'leading';
      results.push([]);
    }
    return { kind: 'ok', results };
  };

  #show(what: keyof Shown): readonly ConsoleRow[] {
    const rows = fixture(this.shows)[what];
    if (what === 'VERSION' && this.version !== null) return [{ version: this.version }];
    const target = targetIn(readFileSync(this.file, 'utf8'), 'trading');
    return rows.map((row) => ({
      ...row,
      ...(row['name'] === 'trading' ? { host: target?.host ?? null, port: String(target?.port) } : {}),
      ...(row['addr'] === undefined ? {} : { addr: target?.host ?? null }),
    }));
  }
}

describe('driver of one pooler', () => {
  let directory: string;
  let pooler: RecordedPooler;
  let names = 0;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pgbouncer-driver-'));
    const file = join(directory, 'databases.ini');
    writeFileSync(file, '[databases]\ntrading = host=127.0.6.1 port=5432 dbname=trading\n');
    pooler = new RecordedPooler(file);
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const driver = (file = `epochs-${++names}.json`) =>
    new PgbouncerDriver({
      console: pooler.console,
      databasesFile: pooler.file,
      epochs: new GuardedEpochs(join(directory, file)),
    });
  const database = 'trading';
  const pause = (at: number): PoolerAction => ({ kind: 'pause', epoch: epoch(at), database });
  const cut = (at: number): PoolerAction => ({ kind: 'cut', epoch: epoch(at), database });
  const resume = (at: number): PoolerAction => ({ kind: 'resume', epoch: epoch(at), database });
  const point = (at: number): PoolerAction => ({ kind: 'point', epoch: epoch(at), database, target: second });
  const codeOf = (outcome: Awaited<ReturnType<PgbouncerDriver['perform']>>) =>
    outcome.kind === 'failed' ? outcome.code : outcome.kind;

  describe('led by an agent', () => {
    const [nyc, chi] = [instanceId('nyc'), instanceId('chi')];
    const as = { [nyc]: '127.0.6.1:5432', [chi]: '127.0.6.2:5432' };
    const led = () => new ServedPooler(driver(), { trading: { to: componentId('database'), as, ttlSeconds: null } });
    const leadsTo = async () => {
      const look = await led().look(soon);
      return look.kind === 'seen' ? look.leads['trading'] : look.kind;
    };

    it('is paused, pointed and resumed; where it leads there already nothing is stopped', async () => {
      assert.equal(await leadsTo(), nyc);
      assert.equal((await led().lead(epoch(1), { trading: nyc }, soon)).kind, 'ok');
      assert.deepEqual(pooler.said, []);
      assert.equal((await led().lead(epoch(2), { trading: chi }, soon)).kind, 'ok');
      assert.deepEqual(pooler.said, ['PAUSE trading', 'RELOAD', 'RESUME trading']);
      assert.equal(await leadsTo(), chi);
    });

    it('led to nobody its clients wait, and a transaction that does not end is cut', async () => {
      pooler.busy = true;
      assert.equal((await led().lead(epoch(1), { trading: null }, { deadlineMs: 1500 })).kind, 'ok');
      assert.deepEqual(pooler.said, ['PAUSE trading', 'KILL trading']);
      assert.equal(await leadsTo(), null);
    });

    it('connected to somebody whom the topology does not name it is elsewhere; frozen it is unknown', async () => {
      writeFileSync(pooler.file, '[databases]\ntrading = host=127.0.6.9 port=5432 dbname=trading\n');
      assert.equal(await leadsTo(), 'elsewhere');
      pooler.frozen = true;
      assert.equal(await leadsTo(), 'unknown');
      assert.equal((await led().lead(epoch(1), { trading: chi }, soon)).kind, 'unknown');
    });
  });

  it('pauses, is led elsewhere and resumes', async () => {
    const one = driver();
    for (const action of [pause(2), point(2), resume(2)]) assert.equal(codeOf(await one.perform(action, soon)), 'ok');
    assert.deepEqual(pooler.said, ['PAUSE trading', 'RELOAD', 'RESUME trading']);
    assert.equal(await one.confirm({ kind: 'leads-to', database, target: second }, soon), 'holds');
    assert.equal(await one.confirm({ kind: 'leads-to', database, target: first }, soon), 'does-not-hold');
  });

  it('is not led elsewhere while anybody is still connected', async () => {
    assert.equal(codeOf(await driver().perform(point(1), soon)), 'not-stopped');
    assert.deepEqual(targetIn(readFileSync(pooler.file, 'utf8'), database), first);
    assert.deepEqual(pooler.said, []);
  });

  it('a transaction that goes on is named; it can be cut off', async () => {
    pooler.busy = true;
    const one = driver();
    const outcome = await one.perform(pause(1), soon);
    assert.deepEqual(outcome, { kind: 'failed', code: 'busy', reason: '1 transactions go on; everybody else waits' });
    assert.equal(await one.confirm({ kind: 'stopped', database }, soon), 'does-not-hold');
    assert.equal(codeOf(await one.perform(cut(1), soon)), 'ok');
    assert.equal(await one.confirm({ kind: 'stopped', database }, soon), 'holds');
  });

  it('an older epoch is refused, also by the next driver after a restart, and nothing is said to the pooler', async () => {
    await driver('one.json').perform(pause(5), soon);
    pooler.said.length = 0;
    assert.equal(codeOf(await driver('one.json').perform(resume(4), soon)), 'stale-epoch');
    assert.deepEqual(pooler.said, []);
  });

  it('the file stays its owner’s', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
    chownSync(pooler.file, 65_534, 65_534);
    await driver().perform(pause(1), soon);
    await driver().perform(point(1), soon);
    const { uid, mode } = statSync(pooler.file);
    assert.deepEqual([uid, mode & 0o777], [65_534, 0o600]);
  });

  it('a frozen pooler is unknown in everything', async () => {
    pooler.frozen = true;
    for (const action of [pause(1), cut(1), point(1), resume(1)])
      assert.equal(codeOf(await driver().perform(action, soon)), 'unknown');
    assert.equal(await driver().confirm({ kind: 'stopped', database }, soon), 'unknown');
    assert.equal((await driver().observe(soon)).databases, null);
  });

  it('a refusal is a failure in the pooler’s own words, and an unknown database is none', async () => {
    pooler.refusal = 'admin access needed';
    const outcome = await driver().perform(pause(1), soon);
    assert.deepEqual(outcome, { kind: 'failed', code: 'refused', reason: 'admin access needed' });
    const absent = { kind: 'pause', epoch: epoch(1), database: 'absent' } as const;
    assert.equal(codeOf(await driver().perform(absent, soon)), 'unknown-database');
  });

  it('nothing that is not a name or a host gets into a command or the file', async () => {
    const wrong: readonly PoolerAction[] = [
      { kind: 'pause', epoch: epoch(1), database: 'trading; SHUTDOWN' },
      { kind: 'point', epoch: epoch(1), database, target: { host: '127.0.0.1 user=postgres', port: 5432 } },
      { kind: 'point', epoch: epoch(1), database, target: { host: '127.0.0.1', port: 0 } },
    ];
    for (const action of wrong) assert.equal(codeOf(await driver().perform(action, soon)), 'bad-value');
    assert.deepEqual(pooler.said, []);
  });

  it('another version is named', async () => {
    pooler.version = 'PgBouncer 1.24.1';
    assert.deepEqual((await driver().observe(soon)).reasons, ['version 1.24.1 has not been tried; 1.18 has']);
  });

  it('over a connection: one that is frozen, hangs up or does not run is unknown, by the deadline', async () => {
    const sockets: Socket[] = [];
    let answer: (socket: Socket) => void = () => {};
    const server = createServer((socket) => {
      sockets.push(socket.on('error', () => {}));
      socket.on('data', () => answer(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const asks = poolerConsole({ address: { host: '127.0.0.1', port }, user: 'holdfast', password: 'p' });
    const begun = performance.now();
    assert.deepEqual(await asks(['SHOW VERSION'], soon), { kind: 'unknown', reason: 'no answer within 400 ms' });
    answer = (socket) => socket.destroy();
    assert.equal((await asks(['SHOW VERSION'], soon)).kind, 'unknown');
    for (const socket of sockets) socket.destroy();
    server.close();
    assert.equal((await asks(['SHOW VERSION'], soon)).kind, 'unknown');
    assert.ok(performance.now() - begun < 2_000);
  });
});
