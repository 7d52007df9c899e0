import { controllerId, type HostId, type InstanceId, type SiteId } from '../core/base/ids.ts';
import type { GroupRecord } from '../core/authority/group-record.ts';
import type { Digest, Json } from '../core/base/canonical-json.ts';
import type { Runbook, RunbookId } from '../core/plan/runbook.ts';
import { currentStep, isOpen } from '../core/run/run.ts';
import { indexOf, ownedComponents } from '../core/topology/topology-index.ts';
import type { Topology } from '../core/topology/topology.ts';
import type { OperatorAnswer, OperatorRequest, Person } from '../engine/operator-request.ts';
import type { Command } from '../engine/messages.ts';
import { AgentProcess } from './agent-process.ts';
import { AuthorityModel } from './authority-model.ts';
import { drawShape, GROUP, topologyOf, type Shape } from './build-topology.ts';
import { Checkers } from './checkers.ts';
import { ControllerProcess } from './controller-process.ts';
import { Coverage } from './coverage.ts';
import { EventQueue } from './event-queue.ts';
import { GateModel } from './gate-model.ts';
import { InstanceModel } from './instance-model.ts';
import { MachineClock } from './machine-clock.ts';
import { Network } from './network.ts';
import { Random } from './random.ts';

export interface SimulatedHost {
  readonly id: HostId;
  readonly site: SiteId;
  readonly agent: AgentProcess;
  readonly gate: GateModel;
  readonly instances: readonly InstanceModel[];
}

export interface WorldOptions {
  readonly seed: number;
  readonly runbooks: ReadonlyMap<RunbookId, Runbook>;
  readonly trace?: (line: string) => void;
  readonly shape?: Shape;
}

/** FNV-1a: enough to tell plans apart, and quick; production uses SHA-256. */
const quickDigest: Digest = (text) => {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return (hash >>> 0).toString(16).padStart(16, '0');
};

/** One simulated firm: real controllers and agents over modelled machines, network and authority, with clients and checkers. */
export class World {
  readonly queue = new EventQueue();
  readonly random: Random;
  readonly shape: Shape;
  readonly topology: Topology;
  readonly network: Network;
  readonly authority: AuthorityModel;
  readonly instances = new Map<InstanceId, InstanceModel>();
  readonly hosts: SimulatedHost[] = [];
  readonly controllers: ControllerProcess[] = [];
  readonly coverage = new Coverage();
  readonly checkers: Checkers;
  readonly #trace: ((line: string) => void) | null;
  readonly #onAnswer = new Map<number, (answer: OperatorAnswer) => void>();
  #tickets = 0;
  #writes = 0;
  /** Set by faults: the next batch of effects of this process is cut in the middle. */
  readonly doomed = new Map<object, number>();
  /** When a leader begins this step, it (or an agent) is hurt. */
  onStep: ((step: string, leader: ControllerProcess) => void) | null = null;
  takeovers = 0;
  writesAcknowledged = 0;
  #load = false;

  constructor({ seed, runbooks, trace, shape }: WorldOptions) {
    this.random = new Random(seed);
    this.#trace = trace ?? null;
    this.shape = shape ?? drawShape(this.random);
    this.topology = topologyOf(this.shape);
    this.network = new Network(this.queue, this.random, this.topology);
    this.authority = new AuthorityModel(this.queue, this.random, this.network, this.topology);
    this.checkers = new Checkers(this.topology, this.instances, this.coverage, () => this.queue.now);
    this.authority.onCommit = (changes) => this.#committed(changes);
    for (const host of this.topology.hosts) this.hosts.push(this.#buildHost(host.id));
    for (const site of this.topology.sites) if (site.voter) this.controllers.push(this.#buildController(site.id, runbooks));
  }

  say(line: string): void {
    this.#trace?.(`${(this.queue.now / 1000).toFixed(3).padStart(9)}  ${line}`);
  }

  #clock(): MachineClock {
    const { clockRatePpm } = this.topology.timing;
    return new MachineClock(1 + (this.random.between(-1, 1) * clockRatePpm) / 1_000_000, this.random.between(1000, 1_000_000));
  }

  #buildHost(id: HostId): SimulatedHost {
    const host = indexOf(this.topology).host.get(id)!;
    const clock = this.#clock();
    const gate = new GateModel(this.queue, this.random, clock, this.topology.timing.stopWithinMs);
    const agent: AgentProcess = new AgentProcess(host, clock, gate, {
      queue: this.queue,
      random: this.random,
      topology: this.topology,
      authority: this.authority,
      instances: (name) => [...this.instances.values()].filter((each) => each.place.host === name),
      report: (report, from) => {
        for (const controller of this.controllers) this.network.send(from, controller.place, () => controller.deliver({ kind: 'report', report }));
      },
      answer: (outcome, from) => {
        this.checkers.answered(host.id, outcome);
        for (const controller of this.controllers) if (controller.leading) this.network.send(from, controller.place, () => controller.deliver({ kind: 'command-outcome', outcome }));
      },
      performing: (_agent, instance, action) => {
        if (action.kind === 'promote') this.checkers.promoting(instance, action);
        if (action.kind !== 'lease') this.say(`${instance.id} ${action.kind}${'epoch' in action ? ` epoch ${action.epoch}` : ''}`);
        if (action.kind === 'set-ack-set' || action.kind === 'promote') this.queue.after(0, () => this.checkers.acknowledgementSetsIntersect());
      },
      diesNow: (agentProcess) => this.#diesNow(agentProcess),
    });
    const instances = this.topology.components.flatMap((component) =>
      component.instances.filter((each) => each.host === id).map((each) => new InstanceModel(each, component, agent.place, clock, {
        queue: this.queue,
        network: this.network,
        peer: (peer) => this.instances.get(peer) ?? null,
        released: (release) => {
          this.writesAcknowledged += 1;
          this.checkers.released(release);
        },
        changed: (instance) => agent.observeSoon(instance),
        died: (instance) => {
          this.say(`${instance.id} exited`);
          agent.sawExit(instance);
        },
      })),
    );
    for (const instance of instances) this.instances.set(instance.id, instance);
    return { id, site: host.site, agent, gate, instances };
  }

  #buildController(site: SiteId, runbooks: WorldOptions['runbooks']): ControllerProcess {
    return new ControllerProcess(site, this.#clock(), {
      queue: this.queue,
      topology: this.topology,
      authority: this.authority,
      runbooks,
      digest: quickDigest,
      command: (from, host, command) => this.#command(from, host, command),
      opinion: (from, opinion) => {
        for (const other of this.controllers) if (other !== from) this.network.send(from.place, other.place, () => other.deliver({ kind: 'peer-opinion', opinion }));
      },
      evidence: (from, entry) => this.#evidence(from, entry.kind, entry.data),
      answered: (ticket, answer) => {
        this.#onAnswer.get(ticket)?.(answer);
        this.#onAnswer.delete(ticket);
      },
      diesNow: (controller) => this.#diesNow(controller),
    });
  }

  #diesNow(process: object): boolean {
    const left = this.doomed.get(process);
    if (left === undefined) return false;
    if (left > 0) {
      this.doomed.set(process, left - 1);
      return false;
    }
    this.doomed.delete(process);
    this.say(`a process dies between two effects`);
    return true;
  }

  #command(from: ControllerProcess, hostId: string, command: Command): void {
    this.checkers.commanded(command);
    const host = this.hosts.find((each) => each.id === hostId);
    if (!host) return;
    this.network.send(from.place, host.agent.place, () => {
      if (!host.agent.alive()) return;
      // Acceptance is judged by what the agent remembers afterwards: it has to have stored at least this much, or refused.
      const before = host.agent.core?.memory.highest[command.group] ?? { epoch: 0, term: 0 };
      const stale = command.epoch < before.epoch || command.term < before.term;
      const operations = host.agent.core?.memory.done.length ?? 0;
      host.agent.deliver({ kind: 'command', command });
      const performed = host.agent.running && (host.agent.core?.memory.done.length ?? 0) > operations;
      if (host.agent.running) this.checkers.accepted(host.id, command, stale && performed);
    });
  }

  #evidence(from: ControllerProcess, kind: string, data: Json): void {
    if (kind === 'decision') {
      this.checkers.receipt(data);
      const receipt = data as { verdict: string; reason: string; toSite: string };
      this.say(`${from.site} decides ${receipt.verdict} → ${receipt.toSite}: ${receipt.reason}`);
    }
    if (kind === 'diagnosis') {
      const { diagnoses } = data as { diagnoses: { kind: string; summary: string }[] };
      for (const diagnosis of diagnoses) this.coverage.count(`diagnosis: ${diagnosis.kind}`);
      if (diagnoses.length > 0) this.say(`${from.site} sees ${diagnoses.map((each) => `${each.kind} (${each.summary})`).join(', ')}`);
    }
    if (kind === 'leadership') this.say(`${from.site} ${(data as { leading: boolean }).leading ? 'leads' : 'no longer leads'}`);
    if (kind === 'step-started') this.onStep?.((data as { step: string }).step, from);
  }

  #committed(changes: readonly { readonly key: string; readonly value: Json | null }[]): void {
    const before = this.record?.epoch ?? 0;
    this.checkers.committed(changes);
    for (const { key, value } of changes) {
      if (key === 'group/trading') {
        const record = value as unknown as GroupRecord;
        if (record.epoch > before && before > 0) this.takeovers += 1;
        const holders = Object.values(record.grants).map((grant) => `${grant.component}=${grant.holder ?? '–'}[${grant.promotable.join(' ')}]`);
        this.say(`record: epoch ${record.epoch}, ${holders.join(' ')}${record.run ? `, ${record.run}` : ''}`);
      }
      if (key.startsWith('journal/trading/0') && value !== null)
        for (const event of (value as { events: { kind: string; step?: string; outcome?: string; reason?: string; detail?: string }[] }).events)
          this.say(`journal: ${event.kind} ${event.step ?? ''} ${event.outcome ?? ''} ${event.detail ?? event.reason ?? ''}`.trimEnd());
    }
  }

  get record(): GroupRecord | null {
    return this.checkers.record;
  }

  get leader(): ControllerProcess | null {
    return this.controllers.find((controller) => controller.leading && controller.running) ?? null;
  }

  /** Everything is started, closed; then a person activates the first site. */
  start(): void {
    for (const host of this.hosts) {
      for (const instance of host.instances) instance.boot();
      host.agent.start();
    }
    for (const controller of this.controllers) controller.start();
    this.#beatAuthority();
    this.#activate();
  }

  #beatAuthority(): void {
    this.authority.beat();
    this.queue.after(400, () => this.#beatAuthority());
  }

  #activate(): void {
    this.queue.after(500, () => {
      if (this.record !== null) return;
      this.ask({ kind: 'activate', group: GROUP, site: this.topology.sites[0]!.id }, { name: 'ada', role: 'admin' }, () => {});
      this.#activate();
    });
  }

  ask(request: OperatorRequest, person: Person, then: (answer: OperatorAnswer) => void): boolean {
    const leader = this.leader;
    if (leader === null) return false;
    this.#tickets += 1;
    this.#onAnswer.set(this.#tickets, then);
    leader.deliver({ kind: 'operator', request, person, ticket: this.#tickets });
    return true;
  }

  /** Clients write to whatever the open fronts lead to, and go on until told to stop. */
  load(on: boolean): void {
    const begin = on && !this.#load;
    this.#load = on;
    if (begin) this.#write();
  }

  #write(): void {
    this.queue.after(this.random.between(60, 140), () => {
      if (!this.#load) return;
      for (const host of this.hosts)
        for (const [, routes] of host.agent.routes)
          for (const target of Object.values(routes)) {
            const instance = target === null ? null : this.instances.get(target);
            if (!instance) continue;
            this.#writes += 1;
            const id = this.#writes;
            this.network.send(host.agent.place, instance.place, () => void instance.write(id));
          }
      this.#write();
    });
  }

  /** Null when every run has ended and each component has one serving holder; else what is missing. */
  unserved(): string | null {
    const { record } = this;
    if (record === null) return 'never activated';
    if (record.run !== null) return `run ${record.run} is still open`;
    for (const component of ownedComponents(this.topology, this.topology.groups[0]!)) {
      const holder = record.grants[component.id]?.holder ?? null;
      if (holder === null) return `${component.id}: nobody holds it`;
      const instance = this.instances.get(holder)!;
      if (!instance.couldRelease || instance.process !== 'running' || instance.grantEpoch !== record.grants[component.id]!.epoch) return `${component.id}: ${holder} is ${instance.process} ${instance.role}`;
      if (component.kind === 'trading-engine' && !record.tradingEnabled) return 'trading is not enabled';
    }
    return null;
  }

  /** Step of the open run, if any. */
  get step(): string | null {
    const core = this.leader?.core;
    const run = core ? [...core.groups.values()][0]!.run() : null;
    return isOpen(run) ? (currentStep(run)?.step.id ?? null) : null;
  }

  controllerAt(site: SiteId): ControllerProcess | undefined {
    return this.controllers.find((controller) => controller.site === controllerId(site) as unknown as SiteId || controller.site === site);
  }
}
