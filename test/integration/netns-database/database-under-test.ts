import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { PlannedNode } from '../../../lab/netns/network-plan.ts';
import { etcdVoters } from '../../../lab/netns/servers/etcd.ts';
import { upstreamFileOf } from '../../../lab/netns/servers/led-patroni.ts';
import { identitiesOf } from '../../../lab/netns/servers/machine-identities.ts';
import { configFile } from '../../../lab/netns/servers/patroni.ts';
import {
  type PatroniMember,
  patroniIdentityOf,
  patroniMembers,
  restUser,
  scopeOf,
} from '../../../lab/netns/servers/patroni-members.ts';
import { serverDirectory, serverKey } from '../../../lab/netns/servers/server.ts';
import { serverState } from '../../../lab/netns/servers/server-process.ts';
import { pkiOf } from '../../../lab/pki.ts';
import { waitFor } from '../../../lab/wait.ts';
import { PatroniDriver } from '../../../src/adapters/patroni/driver.ts';
import type { AskHttp, HttpAnswer, HttpIdentity } from '../../../src/adapters/patroni/http.ts';
import type { StoreLocation } from '../../../src/adapters/patroni/store.ts';
import { UpstreamKeeper } from '../../../src/adapters/patroni/upstream-keeper.ts';
import { GuardedEpochs } from '../../../src/adapters/system/guarded-epochs.ts';
import type { ServerOptions } from '../../../src/core/topology/served.ts';
import type { Topology } from '../../../src/core/topology/topology.ts';
import { type NamespaceLabUnderTest, projectRoot } from '../netns-lab.under-test.ts';
import type { WriterReport, WriterWish } from './ledger-writer.ts';

const nodeScript = (name: string) => [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  join(projectRoot, 'test', 'integration', 'netns-database', name),
];
/** Outside every site, with an interface in each that trades there. */
const outside = 'venue/exchange';
const reportWithinMs = 10_000;

interface MemberFile {
  readonly restapi: { readonly authentication: { readonly password: string } };
  /** Where the cluster was founded. */
  readonly bootstrap?: { readonly users: { readonly application: { readonly password: string } } };
}

/** The database of a running lab, as its tests drive it from outside and write to it. */
export class DatabaseUnderTest {
  readonly members: readonly PatroniMember[];
  readonly store: StoreLocation;
  readonly #under: NamespaceLabUnderTest;
  readonly #directory: string;
  readonly #children: ChildProcess[] = [];
  #nextWrite = 0;

  /** @param directory of the test's own, for the drivers' epochs */
  constructor(under: NamespaceLabUnderTest, topology: Topology, directory: string) {
    const ground = { topology, plan: under.context.plan };
    const component = topology.components.find(({ kind }) => kind === 'postgres' || kind === 'patroni')!;
    this.#under = under;
    this.#directory = directory;
    this.members = patroniMembers(ground, component);
    this.store = {
      api: 'etcd',
      endpoints: etcdVoters(ground).map(({ client }) => `https://${client}`),
      namespace: '/service/',
      scope: scopeOf(component),
    };
  }

  member(name: string): PatroniMember {
    return this.members.find((each) => each.name === name)!;
  }

  /** Of the process that a fault is aimed at. */
  keyOf(name: string): string {
    const { server, node } = this.member(name);
    return serverKey({ name: server, node });
  }

  async driver(name: string, change: { readonly password?: string; readonly store?: StoreLocation } = {}) {
    const { node, restPort } = this.member(name);
    const password = change.password ?? this.#file(name).restapi.authentication.password;
    return new PatroniDriver({
      member: name,
      url: `http://127.0.0.1:${restPort}`,
      command: await this.#http(node.id, { credentials: { user: restUser, password } }),
      look: await this.#http(node.id, { tls: this.#identity(node) }),
      store: change.store ?? this.store,
      epochs: new GuardedEpochs(join(this.#directory, `epochs-${name}.json`)),
    });
  }

  /** What its agent would keep of an archive, by the looks of that driver. */
  upstreamKeeper(name: string, driver: PatroniDriver): UpstreamKeeper {
    const member = this.member(name);
    const file = upstreamFileOf(member);
    if (file === null) throw new Error(`${name} is no archive`);
    return new UpstreamKeeper({
      member: name,
      file: this.#under.inside(member.node.id, file),
      reload: (options) => driver.reload(options),
    });
  }

  /** What an agent's configuration says of the member beside it. */
  serverOptions(name: string, written: (name: string, text: string) => string): ServerOptions {
    const member = this.member(name);
    const { node, restPort } = member;
    const { ca, cert, key } = this.#identity(node);
    const upstreamFile = upstreamFileOf(member);
    const file = (what: string, text: string) => written(`${name}.${what}`, text);
    return {
      api: `http://127.0.0.1:${restPort}`,
      passwordFile: file('password', this.#file(name).restapi.authentication.password),
      user: restUser,
      scope: this.store.scope,
      store: this.store.api,
      endpoints: this.store.endpoints.join(','),
      caFile: file('ca', ca),
      certFile: file('cert', cert),
      keyFile: file('key', key),
      ...(upstreamFile === null ? {} : { upstreamFile }),
    };
  }

  /** What a query prints on a member, as its superuser; null when it does not answer. */
  async query(name: string, sql: string): Promise<string | null> {
    const { node, server, postgresPort } = this.member(name);
    const socket = ['-h', serverDirectory(server), '-p', String(postgresPort), '-U', 'postgres', '-d', 'postgres'];
    const text = await this.#under.run(node.id, 'timeout', '5', 'psql', '-XAtq', ...socket, '-c', sql);
    return text === '' ? null : text.trim();
  }

  /** The member that one streams from, by its own word; null while it streams from nobody. */
  async upstreamOf(name: string): Promise<string | null> {
    const host = await this.query(name, "select sender_host from pg_stat_wal_receiver where status = 'streaming'");
    return this.members.find(({ address }) => address === host)?.name ?? null;
  }

  /** Writes from outside every site while the work is done. */
  async written(work: () => Promise<void>): Promise<WriterReport> {
    const [program, ...args] = nodeScript('ledger-writer.ts');
    const { member, child, lines } = this.#startWriter([program!, ...args]);
    try {
      child.stdin?.write(`${JSON.stringify(member)}\n`);
      await waitFor('the first acknowledged write', () => lines.includes('ready'), 30_000);
      await work();
      child.stdin?.end();
      await waitFor('the writer’s report', () => lines.at(-1)?.startsWith('{') === true, reportWithinMs);
      const report = JSON.parse(lines.at(-1)!) as WriterReport;
      this.#nextWrite += report.sent;
      return report;
    } finally {
      child.stdin?.end();
    }
  }

  /** Acknowledged and not there; and there, but never sent, or twice. */
  async compare(name: string, reports: readonly WriterReport[]) {
    const text = (await this.query(name, 'select id from ledger order by id')) ?? '';
    const there = text.split('\n').map(Number);
    const present = new Set(there);
    return {
      missing: reports.flatMap(({ acknowledged }) => acknowledged.filter((id) => !present.has(id))),
      surplus: there.filter((id) => id > this.#nextWrite),
      twice: there.length - present.size,
    };
  }

  close(): void {
    // Each ends with its input.
    for (const child of this.#children) child.stdin?.end();
  }

  #startWriter(command: readonly string[]) {
    const lines: string[] = [];
    const member: WriterWish = {
      places: this.members
        .filter(({ instance }) => instance.eligible)
        .map(({ address, postgresPort }) => ({ host: address, port: postgresPort })),
      // No superuser: those keep connections free for Patroni.
      user: 'application',
      password: this.#password,
      database: 'postgres',
      first: this.#nextWrite,
    };
    const child = this.#under.spawn(outside, ...command);
    this.#children.push(child);
    createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line));
    return { member, child, lines };
  }

  /** What the member's machine shows to etcd. */
  #identity(node: PlannedNode) {
    return identitiesOf(pkiOf(join(this.#under.context.directory, 'pki')))(patroniIdentityOf(node));
  }

  async #http(node: string, identity: HttpIdentity): Promise<AskHttp> {
    const child = this.#under.spawn(node, ...nodeScript('http-within.ts'));
    this.#children.push(child);
    const waiting = new Map<number, (answer: HttpAnswer) => void>();
    let started = false;
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (line === 'ready') {
        started = true;
        return;
      }
      const { id, answer } = JSON.parse(line) as { id: number; answer: HttpAnswer };
      waiting.get(id)?.(answer);
      waiting.delete(id);
    });
    child.stdin?.on('error', () => {});
    child.stdin?.write(`${JSON.stringify(identity)}\n`);
    await waitFor(`somebody to ask from ${node}`, () => started || child.exitCode !== null, 15_000);
    let next = 0;
    return (question, { deadlineMs }) =>
      new Promise((resolve) => {
        next += 1;
        waiting.set(next, resolve);
        child.stdin?.write(`${JSON.stringify({ id: next, question, deadlineMs })}\n`);
      });
  }

  get #password(): string {
    const found = this.members.flatMap(({ name }) => this.#file(name).bootstrap?.users.application.password ?? []);
    return found[0] ?? '';
  }

  #file(name: string): MemberFile {
    const { server, node } = this.member(name);
    const file = join(serverState(this.#under.context, { name: server, node }), configFile);
    return JSON.parse(readFileSync(file, 'utf8')) as MemberFile;
  }
}
