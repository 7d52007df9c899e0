import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { componentId, type Epoch, instanceId } from '../../core/base/ids.ts';
import { GuardedEpochs } from '../system/guarded-epochs.ts';
import { HaproxyDriver } from './driver.ts';
import { parseInfo, parseServers } from './parse.ts';
import { runtimeSocket } from './runtime-socket.ts';
import { ServedProxy } from './served-proxy.ts';

const fixture = (name: string) => readFileSync(join(import.meta.dirname, 'fixtures', name), 'utf8');
const epoch = (value: number) => value as Epoch;
const soon = { deadlineMs: 200 };

describe('what a proxy prints', () => {
  it('who is behind a backend, who is led to, and how many sessions each has', () => {
    const servers = parseServers('orders', fixture('servers-state-2.6.txt'), fixture('stat-2.6.csv'));
    const chicago = { name: 'front-chi', address: '127.0.3.2', port: 7100, admitted: false, up: false };
    assert.deepEqual(servers, [
      { name: 'front-nyc', address: '127.0.3.1', port: 7100, admitted: true, up: true, sessions: 1, queued: 0 },
      { ...chicago, sessions: 0, queued: 0 },
    ]);
  });

  it('that it has no such backend', () => {
    assert.equal(parseServers('nope', fixture('servers-state-absent-2.6.txt'), fixture('stat-2.6.csv')), null);
  });

  it('what it is', () => {
    const { version, pid, stopping } = parseInfo(fixture('info-2.6.txt'));
    assert.deepEqual([version, Number.isSafeInteger(pid), stopping], ['2.6.12', true, false]);
    assert.throws(() => parseInfo('Unknown command\n'));
  });

  it('nothing is made of half an answer', () => {
    const state = fixture('servers-state-2.6.txt');
    assert.throws(() =>
      parseServers('orders', state.slice(0, state.indexOf('front-chi') + 14), fixture('stat-2.6.csv')),
    );
    assert.throws(() => parseServers('orders', state, '# pxname,svname\n'));
  });
});

/** A proxy that keeps what it is told, in the words of a real one. */
class RecordedProxy {
  readonly said: string[] = [];
  pid = 100;
  version = '2.6.12';
  readonly state = new Map([
    ['front-nyc', { admin: 4, sessions: 3 }],
    ['front-chi', { admin: 5, sessions: 0 }],
  ]);
  /** Sessions stay although they were cut. */
  clings = false;
  refusal = '';
  restartsAfter = '';

  readonly talk = async (line: string) => {
    for (const command of line.split('; ')) if (!command.startsWith('show')) this.said.push(command);
    const text = line.startsWith('show') ? this.#show(line) : this.#change(line);
    if (this.restartsAfter !== '' && line.includes(this.restartsAfter)) this.pid += 1;
    return { kind: 'ok' as const, text };
  };

  #show(line: string): string {
    if (line === 'show info')
      return fixture('info-2.6.txt')
        .replace(/^Pid: .*$/m, `Pid: ${this.pid}`)
        .replace(/^Version: .*$/m, `Version: ${this.version}`);
    return line
      .split('; ')
      .map((command) => this.#showServers(command))
      .join('');
  }

  #showServers(line: string): string {
    if (line.includes('nope')) return fixture('servers-state-absent-2.6.txt');
    const rows = (text: string, change: (name: string, cells: string[]) => void, separator: string) =>
      text.replace(/^.*front-.*$/gm, (row) => {
        const cells = row.split(separator);
        change(cells.find((cell) => cell.startsWith('front-'))!, cells);
        return cells.join(separator);
      });
    if (line.includes('servers state'))
      return rows(
        fixture('servers-state-2.6.txt'),
        (name, cells) => {
          cells[6] = String(this.state.get(name)!.admin);
        },
        ' ',
      );
    return rows(
      fixture('stat-2.6.csv'),
      (name, cells) => {
        cells[4] = String(this.state.get(name)!.sessions);
      },
      ',',
    );
  }

  #change(line: string): string {
    if (this.refusal !== '') return `${this.refusal}\n\n`;
    for (const command of line.split('; ')) {
      const server = this.state.get(command.replace(/ state .*/, '').split('/')[1]!)!;
      if (command.endsWith('state maint')) server.admin = 5;
      if (command.endsWith('state ready')) server.admin = 4;
      if (command.startsWith('shutdown') && !this.clings) server.sessions = 0;
    }
    return '\n';
  }
}

describe('driver of one proxy', () => {
  let directory: string;
  let proxy: RecordedProxy;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'haproxy-driver-'));
    proxy = new RecordedProxy();
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const driver = (talk: HaproxyTalk = proxy.talk) =>
    new HaproxyDriver({ talk, epochs: new GuardedEpochs(join(directory, 'epochs.json')) });
  type HaproxyTalk = ConstructorParameters<typeof HaproxyDriver>[0]['talk'];
  const route = (server: string | null, at = 1, backend = 'orders') =>
    ({ kind: 'route', epoch: epoch(at), backend, server }) as const;
  const codeOf = (outcome: Awaited<ReturnType<HaproxyDriver['perform']>>) =>
    outcome.kind === 'failed' ? outcome.code : outcome.kind;

  describe('led by an agent', () => {
    const [nyc, chi] = [instanceId('nyc'), instanceId('chi')];
    const as = { [nyc]: 'front-nyc', [chi]: 'front-chi' };
    const led = () => new ServedProxy(driver(), { orders: { to: componentId('front'), as, ttlSeconds: null } });
    const leadsTo = async () => {
      const look = await led().look(soon);
      return look.kind === 'seen' ? look.leads['orders'] : look.kind;
    };

    it('each instance is the server that the topology calls so; nobody is nobody', async () => {
      assert.equal(await leadsTo(), nyc);
      assert.equal((await led().lead(epoch(1), { orders: chi }, soon)).kind, 'ok');
      assert.equal(await leadsTo(), chi);
      assert.equal((await led().lead(epoch(2), { orders: null }, soon)).kind, 'ok');
      assert.equal(await leadsTo(), null);
    });

    it('two that are led to, or one that is closed and keeps a session, are elsewhere', async () => {
      proxy.state.set('front-chi', { admin: 4, sessions: 0 });
      assert.equal(await leadsTo(), 'elsewhere');
      proxy.state.set('front-chi', { admin: 5, sessions: 1 });
      proxy.state.set('front-nyc', { admin: 5, sessions: 0 });
      assert.equal(await leadsTo(), 'elsewhere');
    });

    it('a server that is down by its checks is a concern, and an instance without a name is refused', async () => {
      await led().lead(epoch(1), { orders: chi }, soon);
      const look = await led().look(soon);
      assert.ok(look.kind === 'seen' && look.concerns[0]?.includes('front-chi, which is down'));
      const outcome = await led().lead(epoch(1), { orders: instanceId('ldn') }, soon);
      assert.equal(codeOf(outcome), 'unnamed');
    });

    it('one that does not answer is unknown', async () => {
      const silent = driver(async () => ({ kind: 'unknown', reason: 'no answer within 200 ms' }));
      assert.deepEqual(await new ServedProxy(silent, {}).look(soon), {
        kind: 'unknown',
        reason: 'process: no answer within 200 ms',
      });
    });
  });

  it('cuts the others before it leads to the new one', async () => {
    assert.equal(codeOf(await driver().perform(route('front-chi'), soon)), 'ok');
    assert.deepEqual(proxy.said, [
      'set server orders/front-nyc state maint',
      'shutdown sessions server orders/front-nyc',
      'set server orders/front-chi state ready',
    ]);
    assert.equal(await driver().confirm({ kind: 'routed', backend: 'orders', server: 'front-chi' }, soon), 'holds');
    assert.equal(await driver().confirm({ kind: 'routed', backend: 'orders', server: null }, soon), 'does-not-hold');
  });

  it('closes to everybody', async () => {
    assert.equal(codeOf(await driver().perform(route(null), soon)), 'ok');
    assert.equal(await driver().confirm({ kind: 'routed', backend: 'orders', server: null }, soon), 'holds');
  });

  it('while an old session stays the new server is not led to, and nothing is ok', async () => {
    proxy.clings = true;
    assert.equal(codeOf(await driver().perform(route('front-chi'), soon)), 'unknown');
    assert.ok(!proxy.said.some((line) => line.endsWith('state ready')));
  });

  it('an older epoch is refused, also by the next driver after a restart, and nothing is said to the proxy', async () => {
    await driver().perform(route('front-chi', 5), soon);
    proxy.said.length = 0;
    assert.equal(codeOf(await driver().perform(route('front-nyc', 4), soon)), 'stale-epoch');
    assert.deepEqual(proxy.said, []);
  });

  it('a proxy that was started anew meanwhile has forgotten it: unknown', async () => {
    proxy.restartsAfter = 'state ready';
    assert.equal(codeOf(await driver().perform(route('front-chi'), soon)), 'unknown');
  });

  it('a refusal is a failure in the proxy’s own words', async () => {
    proxy.refusal = 'Permission denied';
    const outcome = await driver().perform(route('front-chi'), soon);
    assert.deepEqual(outcome, { kind: 'failed', code: 'refused', reason: 'Permission denied' });
  });

  it('names that a proxy does not have, or that are none, change nothing', async () => {
    assert.equal(codeOf(await driver().perform(route('front-ldn'), soon)), 'unknown-server');
    assert.equal(codeOf(await driver().perform(route(null, 1, 'nope'), soon)), 'unknown-backend');
    assert.equal(codeOf(await driver().perform(route('x state ready; disable frontend orders'), soon)), 'bad-value');
    assert.deepEqual(proxy.said, []);
  });

  it('another version is named', async () => {
    proxy.version = '3.1.2-aaaa';
    const { process: seen, reasons } = await driver().observe({ ...soon, backends: [] });
    assert.equal(seen?.version, '3.1.2');
    assert.ok(reasons.some((reason) => reason.includes('3.1.2 has not been tried')));
  });

  it('looks at several backends, and says which is not there', async () => {
    const seen = await driver().observe({ ...soon, backends: ['orders', 'nope'] });
    assert.equal(seen.backends['orders']?.length, 2);
    assert.equal(seen.backends['nope'], null);
    assert.deepEqual(seen.reasons, ['there is no backend nope']);
  });

  describe('over a socket', () => {
    let server: Server;
    const path = () => join(directory, 'admin.sock');
    const listen = (answer: (line: string) => string | null) => {
      server = createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', () => {});
        socket.once('data', (bytes) => {
          const text = answer(bytes.toString('utf8'));
          if (text !== null) socket.end(text);
        });
      });
      return new Promise<void>((resolve) => server.listen(path(), resolve));
    };
    afterEach(() => server?.close());

    it('a frozen proxy is unknown in everything, by the deadline', async () => {
      const sockets: unknown[] = [];
      server = createServer((socket) => sockets.push(socket.on('error', () => {})));
      await new Promise<void>((resolve) => server.listen(path(), resolve));
      const frozen = driver(runtimeSocket(path()));
      const begun = performance.now();
      assert.equal(codeOf(await frozen.perform(route('front-chi'), soon)), 'unknown');
      assert.equal(await frozen.confirm({ kind: 'routed', backend: 'orders', server: null }, soon), 'unknown');
      const { process: seen, backends } = await frozen.observe({ ...soon, backends: ['orders'] });
      assert.deepEqual([seen, backends['orders']], [null, null]);
      assert.ok(performance.now() - begun < 2_000);
    });

    it('one that does not run, and an answer that breaks off, are unknown', async () => {
      const gone = await runtimeSocket(path())('show info', soon);
      assert.deepEqual(gone, { kind: 'unknown', reason: 'it does not run, or cannot be reached' });
      await listen(() => 'Name: HAProxy\nVersion: 2');
      assert.equal((await runtimeSocket(path())('show info', soon)).kind, 'unknown');
    });

    it('an answer is taken whole', async () => {
      await listen((line) => `${line.trim()}: yes\n`);
      assert.deepEqual(await runtimeSocket(path())('show info', soon), { kind: 'ok', text: 'show info: yes\n' });
    });
  });
});
