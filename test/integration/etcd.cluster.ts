import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  type EtcdAuthority,
  type EtcdAuthorityOptions,
  openEtcdAuthority,
} from '../../src/adapters/etcd/etcd-authority.ts';
import { freePort } from '../../trading/testing/free-ports.ts';
import type { AuthorityHarness, OpenOptions } from '../contract/authority-harness.ts';
import { freezeProcess } from '../contract/freeze-process.ts';
import { TcpRelay } from '../contract/tcp-relay.ts';
import { eventually } from '../contract/watch-log.ts';

const run = promisify(execFile);

interface Server {
  readonly name: string;
  readonly host: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly relay: TcpRelay;
  process: ChildProcess | null;
}

/** Null when this machine has no etcd. */
export function etcdVersion(): string | null {
  try {
    return /etcd Version: (\S+)/.exec(execFileSync('etcd', ['--version'], { encoding: 'utf8' }))?.[1] ?? null;
  } catch {
    return null;
  }
}

/** Three real etcd servers on addresses of their own, each behind a relay, in a directory that `close` removes. */
export class EtcdCluster implements AuthorityHarness {
  readonly kind = 'etcd';
  readonly voters = 3;
  readonly directory = mkdtempSync(join(tmpdir(), 'holdfast-etcd-'));
  readonly servers: Server[] = [];
  readonly #clients: EtcdAuthority[] = [];
  #token = 'holdfast-test';
  #opened = 0;
  #generation = 0;

  static async start(): Promise<EtcdCluster> {
    const cluster = new EtcdCluster();
    const net = 64 + (process.pid % 160);
    for (const number of [1, 2, 3]) {
      const host = `127.0.${net}.${number}`;
      const [clientPort, peerPort] = [await freePort(host), await freePort(host)];
      const relay = await TcpRelay.open({ host, port: clientPort });
      cluster.servers.push({ name: `voter-${number}`, host, clientPort, peerPort, relay, process: null });
    }
    await cluster.#startAll();
    return cluster;
  }

  /** Clients take turns in which server they ask first. */
  open(options: OpenOptions & Partial<EtcdAuthorityOptions> = {}): EtcdAuthority {
    const first = this.#opened++ % this.servers.length;
    const order = [...this.servers.slice(first), ...this.servers.slice(0, first)];
    return this.openThrough(order, options);
  }

  openThrough(order: readonly Server[], options: Partial<EtcdAuthorityOptions> = {}): EtcdAuthority {
    const client = openEtcdAuthority({
      endpoints: order.map((server) => `127.0.0.1:${server.relay.port}`),
      ...options,
    });
    this.#clients.push(client);
    return client;
  }

  async leader(): Promise<Server> {
    for (const server of this.servers) {
      const client = this.openThrough([server]);
      const [found] = await client.maintenance.status({ deadlineMs: 2000 });
      await client.close();
      if (typeof found === 'object' && found.memberId === found.leaderId) return server;
    }
    throw new Error('no leader');
  }

  async freeze(servers: readonly Server[] = this.servers): Promise<void> {
    await Promise.all(servers.map((server) => freezeProcess(server.process)));
  }

  thaw(): void {
    for (const server of this.servers) server.process?.kill('SIGCONT');
  }

  async restart(): Promise<void> {
    await this.#stopAll();
    await this.#startAll();
  }

  cutConnections(): void {
    for (const server of this.servers) server.relay.cut();
  }

  blackHole(): void {
    for (const server of this.servers) server.relay.blackHole();
  }

  heal(): void {
    for (const server of this.servers) server.relay.heal();
  }

  async compact(): Promise<void> {
    const { stdout } = await this.etcdctl('get', 'holdfast/tip', '--write-out=json');
    await this.etcdctl('compact', String((JSON.parse(stdout) as { header: { revision: number } }).header.revision));
  }

  async snapshot(): Promise<void> {
    rmSync(this.#snapshotFile, { force: true });
    const outcome = await this.open().maintenance.saveSnapshot(this.#snapshotFile, { deadlineMs: 10_000 });
    if (outcome.kind !== 'ok') throw new Error(`no snapshot: ${outcome.reason}`);
  }

  /** The hard case by default: same names, same token, so that the restored cluster even has the old cluster id. */
  async rollBack(options: { readonly token?: string } = {}): Promise<void> {
    await this.#stopAll();
    this.#token = options.token ?? this.#token;
    this.#generation++;
    for (const server of this.servers) {
      await run(
        'etcdctl',
        [
          'snapshot',
          'restore',
          this.#snapshotFile,
          ...['--name', server.name, '--data-dir', this.#dataDirectory(server)],
          ...['--initial-cluster', this.#peers(), '--initial-cluster-token', this.#token],
          ...['--initial-advertise-peer-urls', peerUrl(server)],
        ],
        { env: { ...process.env, ETCDCTL_API: '3' } },
      );
    }
    await this.#startAll();
  }

  etcdctl(...args: string[]): Promise<{ stdout: string }> {
    const endpoints = this.servers.map((server) => `${server.host}:${server.clientPort}`).join(',');
    return run('etcdctl', [`--endpoints=${endpoints}`, ...args], {
      env: { ...process.env, ETCDCTL_API: '3' },
      timeout: 10_000,
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.servers.map((server) => server.relay.close()));
    await this.#stopAll();
    rmSync(this.directory, { recursive: true, force: true });
  }

  get #snapshotFile(): string {
    return join(this.directory, 'snapshot.db');
  }

  #dataDirectory(server: Server): string {
    return join(this.directory, `${server.name}-${this.#generation}`);
  }

  #peers(): string {
    return this.servers.map((server) => `${server.name}=${peerUrl(server)}`).join(',');
  }

  async #startAll(): Promise<void> {
    for (const server of this.servers) this.#start(server);
    await eventually(() => this.#healthy(), 'the cluster serves', 20_000);
  }

  async #healthy(): Promise<boolean> {
    for (const server of this.servers)
      if (server.process?.exitCode !== null)
        throw new Error(`${server.name} ended:\n${readFileSync(this.#log(server), 'utf8').slice(-2000)}`);
    const client = openEtcdAuthority({
      endpoints: this.servers.map((server) => `${server.host}:${server.clientPort}`),
      namespace: 'health/',
    });
    try {
      return (await client.range('', { deadlineMs: 1000 })).kind === 'ok';
    } finally {
      await client.close();
    }
  }

  #log(server: Server): string {
    return join(this.directory, `${server.name}.log`);
  }

  #start(server: Server): void {
    const clientUrl = `http://${server.host}:${server.clientPort}`;
    const log = openSync(this.#log(server), 'a');
    server.process = spawn(
      'etcd',
      [
        ...['--name', server.name, '--data-dir', this.#dataDirectory(server)],
        ...['--listen-client-urls', clientUrl, '--advertise-client-urls', clientUrl],
        ...['--listen-peer-urls', peerUrl(server), '--initial-advertise-peer-urls', peerUrl(server)],
        ...['--initial-cluster', this.#peers(), '--initial-cluster-token', this.#token, '--pre-vote'],
      ],
      { stdio: ['ignore', log, log] },
    );
  }

  async #stopAll(): Promise<void> {
    await Promise.all(this.servers.map((server) => killed(server.process)));
  }
}

const peerUrl = (server: Server) => `http://${server.host}:${server.peerPort}`;

/** Ends a process that the test started, and waits for it. */
export async function killed(child: ChildProcess | null): Promise<void> {
  if (child === null || child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await exited;
}
