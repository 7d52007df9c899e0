import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openLabAuthority } from '../../src/adapters/lab-authority/client.ts';
import type { AuthorityPort } from '../../src/engine/authority-port.ts';
import { authorityContract, commit, read } from './authority-contract.ts';
import type { AuthorityHarness, OpenOptions } from './authority-harness.ts';
import { freezeProcess } from './freeze-process.ts';
import { TcpRelay } from './tcp-relay.ts';

const main = join(import.meta.dirname, '../../src/adapters/lab-authority/main.ts');
const historyRevisions = 200;

/** One real server process, with a relay between it and its clients. */
class LabHarness implements AuthorityHarness {
  readonly kind = 'lab-only';
  readonly voters = 1;
  readonly #directory = mkdtempSync(join(tmpdir(), 'holdfast-lab-authority-'));
  readonly #clients: AuthorityPort[] = [];
  #server: ChildProcess | null = null;
  #relay: TcpRelay | null = null;
  #port = 0;

  async start(): Promise<this> {
    await this.#startServer();
    this.#relay = await TcpRelay.open({ host: '127.0.0.1', port: this.#port });
    return this;
  }

  open(options: OpenOptions = {}): AuthorityPort {
    const { port } = this.#relay!;
    const client = openLabAuthority({ host: '127.0.0.1', port, client: 'test', token: 'secret', ...options });
    this.#clients.push(client);
    return client;
  }

  freeze(): Promise<void> {
    return freezeProcess(this.#server);
  }

  thaw(): void {
    this.#server?.kill('SIGCONT');
  }

  async restart(): Promise<void> {
    await this.#stopServer();
    await this.#startServer();
  }

  cutConnections(): void {
    this.#relay?.cut();
  }

  blackHole(): void {
    this.#relay?.blackHole();
  }

  heal(): void {
    this.#relay?.heal();
  }

  async compact(): Promise<void> {
    const writer = this.open();
    for (let value = 0; value < historyRevisions * 2; value++)
      await commit(writer, { compare: [], put: [{ key: 'filler', value }] });
  }

  async snapshot(): Promise<void> {
    await this.#stopServer();
    this.#copyData('', 'kept-');
    await this.#startServer();
    await read(this.open(), 'none/');
  }

  async rollBack(): Promise<void> {
    await this.#stopServer();
    this.#copyData('kept-', '');
    await this.#startServer();
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await this.#relay?.close();
    await this.#stopServer();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #copyData(from: string, to: string): void {
    for (const name of ['authority.db', 'authority.db-wal']) {
      const source = join(this.#directory, from + name);
      if (existsSync(source)) copyFileSync(source, join(this.#directory, to + name));
      else rmSync(join(this.#directory, to + name), { force: true });
    }
  }

  async #startServer(): Promise<void> {
    const config = join(this.#directory, 'config.json');
    const clients = [{ name: 'test', token: 'secret', quorumRttMs: 0 }];
    const database = join(this.#directory, 'authority.db');
    writeFileSync(config, JSON.stringify({ host: '127.0.0.1', port: this.#port, database, historyRevisions, clients }));
    const server = spawn(process.execPath, [main, '--config', config], { stdio: ['ignore', 'pipe', 'ignore'] });
    this.#server = server;
    for await (const line of createInterface({ input: server.stdout })) {
      this.#port = (JSON.parse(line) as { port: number }).port;
      return;
    }
    throw new Error(`the lab authority ended before it was ready: exit ${server.exitCode}`);
  }

  async #stopServer(): Promise<void> {
    const server = this.#server;
    if (server === null || server.exitCode !== null || server.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
    server.kill('SIGKILL');
    await exited;
  }
}

authorityContract('lab-only service', () => new LabHarness().start());
