import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlannedNode } from '../../../lab/netns/network-plan.ts';
import { lanAddress } from '../../../lab/netns/servers/placement.ts';
import { createPki, createToken } from '../../../lab/pki.ts';
import { waitFor } from '../../../lab/wait.ts';
import type { GroupRecord } from '../../../src/core/authority/group-record.ts';
import { type InstanceId, siteId } from '../../../src/core/base/ids.ts';
import type { InstanceObservation } from '../../../src/core/health/instance-observation.ts';
import type { Topology } from '../../../src/core/topology/topology.ts';
import type { Command, CommandOutcome } from '../../../src/engine/messages.ts';
import { type NamespaceLabUnderTest, projectRoot } from '../netns-lab.under-test.ts';
import type { DeskConfig, DeskOrder, DeskWord } from './agent-desk.ts';

const ports = { authority: 7910, peers: 7911 };
const node = [process.execPath, '--disable-warning=ExperimentalWarning'] as const;

export interface DeskPlace {
  readonly under: NamespaceLabUnderTest;
  readonly topology: Topology;
  /** Of the test's own. */
  readonly home: string;
  /** Where the desk is. */
  readonly desk: PlannedNode;
}

/** An agent process on a machine. */
export interface AgentPlace {
  /** As the topology calls it. */
  readonly host: string;
  /** The lab's machine. */
  readonly node: string;
  /** As the agent's configuration has them. */
  readonly instances: readonly object[];
}

/** A stand-in for controllers and their authority on a machine of a lab, and agent processes that take it for them. */
export class DeskUnderTest {
  readonly #place: DeskPlace;
  readonly #words: DeskWord[] = [];
  readonly #children: ChildProcess[] = [];
  #desk: ChildProcess | null = null;
  #keys = 0;

  constructor(place: DeskPlace) {
    this.#place = place;
    mkdirSync(place.home, { recursive: true, mode: 0o700 });
  }

  async up(agents: readonly AgentPlace[]): Promise<void> {
    const { home, desk: place, topology, under } = this.#place;
    const pki = await createPki({
      directory: join(home, 'pki'),
      organisation: 'test',
      machines: [
        { name: 'controller/nyc', role: 'controller', ips: [] },
        ...agents.map(({ host }) => ({ name: `agent/${host}`, role: 'agent' as const, ips: [] })),
      ],
      operators: [],
      evidenceOwners: [],
    });
    const tokenFile = createToken(join(home, 'token'));
    const address = lanAddress(under.context.plan, place);
    const desk: DeskConfig = {
      address,
      authorityPort: ports.authority,
      peerPort: ports.peers,
      site: siteId('nyc'),
      database: join(home, 'authority.db'),
      tokenFile,
      tls: pki.identity('controller/nyc'),
    };
    const script = join(import.meta.dirname, 'agent-desk.ts');
    this.#desk = this.#track(under.spawn(place.id, ...node, script, this.written('desk.json', desk)));
    this.#hear(this.#desk);
    await waitFor('the desk', () => this.#words.some((word) => 'ready' in word), 10_000);
    for (const { host, node: machine, instances } of agents) {
      const config = {
        host,
        topology,
        stateDir: join(home, host),
        tls: pki.identity(`agent/${host}`),
        controllers: [{ site: 'nyc', host: address, port: ports.peers }],
        authority: { kind: 'lab-only', host: address, port: ports.authority, client: 'nyc', tokenFile },
        instances,
      };
      const file = this.written(`${host}.json`, config);
      const child = this.#track(under.spawn(machine, ...node, join(projectRoot, 'src/agent/main.ts'), file));
      child.stdout?.resume();
    }
  }

  async down(): Promise<void> {
    for (const child of this.#children.toReversed()) {
      if (child === this.#desk) child.stdin?.end();
      else child.kill('SIGTERM');
      await waitFor('a process to end', () => child.exitCode !== null || child.signalCode !== null, 10_000);
    }
  }

  /** A file of the test's own, for nobody else. */
  written(name: string, what: unknown): string {
    const file = join(this.#place.home, name);
    writeFileSync(file, typeof what === 'string' ? `${what}\n` : JSON.stringify(what), { mode: 0o600 });
    return file;
  }

  async record(record: Omit<GroupRecord, 'incarnation'>): Promise<void> {
    const before = this.#words.filter((word) => 'recorded' in word).length;
    this.#tell({ record });
    await waitFor('the record', () => this.#words.filter((word) => 'recorded' in word).length > before, 10_000);
  }

  /** What its agent said last of an instance. */
  seen(instance: string): InstanceObservation | null {
    for (const word of this.#words.toReversed()) {
      const found = 'report' in word && word.report.instances.find((each) => each.instance === instance);
      if (found) return found.observation;
    }
    return null;
  }

  /** As a controller orders it: the outcome, by the deadline and some time for the way. */
  async order(at: number, order: Extract<Command['order'], { instance: InstanceId }>, deadlineMs = 3_000) {
    this.#keys += 1;
    const key = `run/step/${this.#keys}`;
    const { host } = this.#place.topology.components
      .flatMap(({ instances }) => instances)
      .find(({ id }) => id === order.instance)!;
    const command = {
      key,
      group: 'trading',
      run: 'run',
      step: 'move-traffic',
      term: 1,
      epoch: at,
      attempt: 1,
      deadlineMs,
      order,
    };
    this.#tell({ to: host, command: command as unknown as Command });
    const answer = (): CommandOutcome['outcome'] | undefined => {
      for (const word of this.#words) if ('outcome' in word && word.outcome.key === key) return word.outcome.outcome;
      return undefined;
    };
    await waitFor(`an answer to ${order.kind}`, () => answer() !== undefined, deadlineMs + 3_000);
    return answer()!;
  }

  #track(child: ChildProcess): ChildProcess {
    this.#children.push(child);
    return child;
  }

  #hear(child: ChildProcess): void {
    let rest = '';
    child.stdout?.on('data', (bytes: Buffer) => {
      const lines = (rest + bytes.toString('utf8')).split('\n');
      rest = lines.pop()!;
      for (const line of lines) this.#words.push(JSON.parse(line) as DeskWord);
    });
  }

  #tell(order: DeskOrder): void {
    this.#desk?.stdin?.write(`${JSON.stringify(order)}\n`);
  }
}
