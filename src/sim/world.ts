import { delegatedComponents } from '../core/authority/delegated-primary.ts';
import type { GroupRecord } from '../core/authority/group-record.ts';
import type { Digest, Json } from '../core/base/canonical-json.ts';
import type { HostId, InstanceId, SiteId } from '../core/base/ids.ts';
import type { PeerOpinion } from '../core/health/verdict.ts';
import type { OperatorAnswer, OperatorRequest, Person } from '../core/operator/operator-request.ts';
import type { Runbook, RunbookId } from '../core/plan/runbook.ts';
import type { JournalEntry } from '../core/run/run.ts';
import type { Topology } from '../core/topology/topology.ts';
import { indexOf } from '../core/topology/topology-index.ts';
import type { ControllerEvidence } from '../engine/controller-effects.ts';
import type { Command } from '../engine/messages.ts';
import { AgentProcess } from './agent-process.ts';
import { AuthorityModel } from './authority-model.ts';
import { drawShape, GROUP, type Shape, topologyOf } from './build-topology.ts';
import { Checkers } from './checkers.ts';
import { ControllerProcess, STEADY } from './controller-process.ts';
import { Coverage } from './coverage.ts';
import { DelegateChecker } from './delegate-checker.ts';
import { DelegateModel } from './delegate-model.ts';
import { delegateSurroundings } from './delegate-surroundings.ts';
import { EventQueue } from './event-queue.ts';
import { GateModel } from './gate-model.ts';
import { InstanceModel } from './instance-model.ts';
import { MachineClock } from './machine-clock.ts';
import { Network } from './network.ts';
import { otherVersion } from './other-version.ts';
import { Random } from './random.ts';
import { buildRedisSets } from './redis-set-model.ts';
import { incompleteIn, unservedIn } from './service-verdict.ts';
import { WorldStory } from './world-story.ts';

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
  /** Gets one line per event; without it no line is ever made. */
  readonly trace?: (line: string) => void;
  /** Gets what people would tell each other afterwards: faults, diagnoses, decisions, what was done. */
  readonly story?: (line: string) => void;
  readonly shape?: Shape;
}

export interface WorldWatch {
  released(component: string, cancel: boolean): void;
  /** Its own agent stops it, or its process ends. */
  stopped(instance: string): void;
  promoted(instance: string): void;
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
  readonly delegates: readonly DelegateModel[];
  readonly hosts: SimulatedHost[] = [];
  readonly controllers: ControllerProcess[] = [];
  readonly coverage = new Coverage();
  readonly checkers: Checkers;
  /** A line of the trace is wanted: ask before making one. */
  readonly tracing: boolean;
  readonly #trace: ((line: string) => void) | null;
  readonly #story: ((line: string) => void) | null;
  readonly #told = new WorldStory({ say: (line) => this.say(line), story: (line) => this.#story?.(line) });
  readonly #delegateChecker: DelegateChecker;
  readonly #onAnswer = new Map<number, (answer: OperatorAnswer) => void>();
  #tickets = 0;
  #opinions = 0;
  readonly #opinionHeard = new Map<string, number>();
  #writes = 0;
  #orders = 0;
  /** Set by faults: the next batch of effects of this process is cut in the middle. */
  readonly doomed = new Map<object, number>();
  /** Hosts whose reports get lost; their answers to commands do not. */
  readonly unreported = new Set<string>();
  /** Called when a leader journals that a step begins. */
  onStep: ((step: string, leader: ControllerProcess) => void) | null = null;
  /** Told what happens to instances, at the moment at which it does. */
  watch: WorldWatch | null = null;
  writesAcknowledged = 0;
  #load = false;

  constructor({ seed, runbooks, trace, story, shape }: WorldOptions) {
    this.random = new Random(seed);
    this.#trace = trace ?? null;
    this.#story = story ?? null;
    this.tracing = trace !== undefined || story !== undefined;
    this.shape = shape ?? drawShape(this.random);
    this.topology = topologyOf(this.shape);
    this.network = new Network(this.queue, this.random, this.topology);
    this.authority = new AuthorityModel(this.queue, this.random, this.network, this.topology);
    this.checkers = new Checkers(this.topology, this.instances, this.coverage, {
      now: () => this.queue.now,
      steadilyHeard: (host) => this.#steadilyHeard(host),
      gateStopped: (instance) => this.hosts.find((host) => host.id === instance.place.host)?.gate.running === false,
      agentReachable: (instance) => this.#agentReachable(instance),
    });
    this.authority.onCommit = (changes) => this.#committed(changes);
    if (trace) this.authority.tell = (line) => this.say(line);
    for (const host of this.topology.hosts) this.hosts.push(this.#buildHost(host.id));
    this.delegates = delegatedComponents(this.topology, this.topology.groups[0]!).map((component) =>
      this.#buildDelegate(component),
    );
    this.#delegateChecker = new DelegateChecker({
      delegates: this.delegates,
      instances: this.instances,
      coverage: this.coverage,
      now: () => this.queue.now,
      violated: (detail) => this.checkers.violated('I3', detail),
    });
    buildRedisSets(this);
    const elsewhere = this.shape.mixedVersions ? otherVersion(runbooks) : runbooks;
    for (const site of this.topology.sites)
      if (site.voter)
        this.controllers.push(this.#buildController(site.id, this.controllers.length === 0 ? elsewhere : runbooks));
  }

  /** For the trace only. */
  say(line: string): void {
    this.#trace?.(`${(this.queue.now / 1000).toFixed(3).padStart(9)}  ${line}`);
  }

  /** For the trace and the story. */
  tell(line: string): void {
    this.say(line);
    this.#story?.(line);
  }

  #clock(): MachineClock {
    const { clockRatePpm } = this.topology.timing;
    return new MachineClock(
      1 + (this.random.between(-1, 1) * clockRatePpm) / 1_000_000,
      this.random.between(1000, 1_000_000),
    );
  }

  #buildHost(id: HostId): SimulatedHost {
    const host = indexOf(this.topology).host.get(id)!;
    const clock = this.#clock();
    const gate = new GateModel(this.queue, this.random, clock, this.topology.timing.stopWithinMs);
    const mine: InstanceModel[] = [];
    const agent: AgentProcess = new AgentProcess(host, clock, gate, {
      queue: this.queue,
      random: this.random,
      topology: this.topology,
      authority: this.authority,
      instances: () => mine,
      peer: (id) => this.instances.get(id) ?? null,
      report: (report, from) => {
        if (this.tracing)
          this.say(
            `${host.id} reports ${report.instances.map((each) => `${each.instance} ${each.observation?.process ?? 'unseen'} ${each.observation?.role ?? ''}`).join(', ')}`,
          );
        if (this.unreported.has(host.id)) return;
        for (const controller of this.controllers)
          this.network.send(from, controller.place, () => controller.deliver({ kind: 'report', report }));
      },
      answer: (outcome, from) => {
        if (this.tracing)
          this.say(`${host.id} answers ${outcome.key}: ${outcome.outcome.kind}${outcome.repeated ? ' (again)' : ''}`);
        for (const controller of this.controllers)
          if (controller.leading)
            this.network.send(from, controller.place, () => controller.deliver({ kind: 'command-outcome', outcome }));
      },
      performing: (instance, action, leaseLeft) => {
        // What comes late to a process that has ended is refused, and promotes nothing.
        const promotes = action.kind === 'promote' && instance.process === 'running';
        if (promotes) {
          this.checkers.promoting(instance, action, leaseLeft);
          this.watch?.promoted(instance.id);
        }
        if (action.kind === 'kill')
          this.checkers.killing(instance, instance.leaseUntilLocal - clock.local(this.queue.now));
        if (this.tracing && promotes) this.tell(`${instance.id} is promoted at epoch ${action.epoch}`);
        else if (this.tracing && action.kind !== 'lease')
          this.say(`${instance.id} ${action.kind}${'epoch' in action ? ` epoch ${action.epoch}` : ''}`);
        if (action.kind === 'set-ack-set' || action.kind === 'promote')
          this.queue.after(0, () => this.checkers.acknowledgementSetsIntersect());
      },
      opening: (instance, leaseLeft) => this.checkers.opening(instance, leaseLeft),
      tooLate: () => this.coverage.count('I3: a promotion outlasted its lease'),
      judged: (_agent, command, effects) => this.checkers.taken(host.id, command, effects),
      fenced: (instance, reason) => {
        this.watch?.stopped(instance);
        if (this.tracing) this.tell(`${host.id} fences its own ${instance}: ${reason}`);
      },
      led: (instance, routes) => {
        const where = Object.entries(routes).map(([name, target]) => `${name} to ${target ?? 'nobody'}`);
        if (this.tracing) this.tell(`${instance} leads ${where.join(', ')}`);
      },
      diesNow: (process) => this.#diesNow(process),
    });
    for (const component of this.topology.components)
      for (const each of component.instances)
        if (each.host === id) mine.push(this.#buildInstance(each, component, agent, clock));
    for (const instance of mine) this.instances.set(instance.id, instance);
    return { id, site: host.site, agent, gate, instances: mine };
  }

  #buildInstance(
    instance: Topology['components'][number]['instances'][number],
    component: Topology['components'][number],
    agent: AgentProcess,
    clock: MachineClock,
  ): InstanceModel {
    return new InstanceModel(instance, component, agent.place, clock, {
      queue: this.queue,
      network: this.network,
      peer: (peer) => this.instances.get(peer) ?? null,
      released: (release) => {
        this.writesAcknowledged += 1;
        this.queue.mix(release.id);
        this.watch?.released(release.component, release.cancel);
        this.checkers.released(release);
      },
      changed: (changed) => agent.observeSoon(changed),
      riskApproved: (engine) => this.#riskApproved(engine),
      died: (dead) => {
        this.watch?.stopped(dead.id);
        if (this.tracing) this.tell(`${dead.id} ends`);
        agent.sawExit(dead);
      },
    });
  }

  #buildDelegate(component: Topology['components'][number]): DelegateModel {
    const promoted = (holder: InstanceId) => this.#delegateChecker.promoted(component.id, holder);
    const delegate = new DelegateModel(component, delegateSurroundings(this, component, promoted));
    for (const { id } of component.instances) this.instances.get(id)!.delegate = delegate;
    return delegate;
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
        this.#opinions += 1;
        const number = this.#opinions;
        for (const other of this.controllers)
          if (other !== from)
            this.network.send(from.place, other.place, () => this.#tellOpinion(from, other, opinion, number));
      },
      evidence: (from, entry) => this.#evidence(from, entry),
      answered: (ticket, answer) => {
        this.#onAnswer.get(ticket)?.(answer);
        this.#onAnswer.delete(ticket);
      },
      diesNow: (controller) => this.#diesNow(controller),
    });
  }

  /** Controllers speak over one connection each: what was said earlier is never heard after what was said later. */
  #tellOpinion(from: ControllerProcess, to: ControllerProcess, opinion: PeerOpinion, number: number): void {
    const path = `${from.site}>${to.site}`;
    if (number < (this.#opinionHeard.get(path) ?? 0)) return;
    this.#opinionHeard.set(path, number);
    to.deliver({ kind: 'peer-opinion', opinion });
  }

  #diesNow(process: object): boolean {
    if (this.doomed.size === 0) return false;
    const left = this.doomed.get(process);
    if (left === undefined) return false;
    if (left > 0) {
      this.doomed.set(process, left - 1);
      return false;
    }
    this.doomed.delete(process);
    if (this.tracing) this.say('a process dies between two effects');
    return true;
  }

  #command(from: ControllerProcess, hostId: string, command: Command): void {
    this.checkers.runs.commanded(command);
    const host = this.hosts.find((each) => each.id === hostId);
    if (!host) return;
    if (this.tracing)
      this.say(
        `${from.site} commands ${hostId}: ${command.key} (epoch ${command.epoch}, term ${command.term}, attempt ${command.attempt})`,
      );
    this.network.send(from.place, host.agent.place, () => host.agent.deliver({ kind: 'command', command }));
  }

  #evidence(from: ControllerProcess, entry: ControllerEvidence): void {
    const { kind, data } = entry;
    if (kind === 'decision') {
      this.checkers.receipt(data);
      if (this.tracing) this.#told.decision(from.site, data);
    }
    if (kind === 'diagnosis') {
      const { diagnoses } = data as { diagnoses: { kind: string; host: string | null; summary: string }[] };
      this.checkers.diagnosed(diagnoses);
      for (const diagnosis of diagnoses) this.coverage.count(`diagnosis: ${diagnosis.kind}`);
      const kinds = [...new Set(diagnoses.map((diagnosis) => diagnosis.kind))];
      if (this.tracing && diagnoses.length > 0)
        this.say(`${from.site} sees ${diagnoses.map((each) => `${each.kind} (${each.summary})`).join(', ')}`);
      if (this.tracing) this.#story?.(`${from.site} sees ${kinds.join(', ') || 'nothing wrong'}`);
    }
    if (kind === 'leadership' && this.tracing)
      this.tell(`${from.site} ${(data as { leading: boolean }).leading ? 'leads' : 'no longer leads'}`);
    if (kind === 'delegate-adopted' && this.tracing) {
      const { component, holder, asked } = data as { component: string; holder: string; asked: string };
      this.tell(`${from.site} adopts ${holder} as primary of ${component}: asked for ${asked}`);
    }
    if (kind.startsWith('writer-') && this.tracing) this.#told.writer(from.site, kind, data);
    if (kind === 'step-started') this.onStep?.((data as { step: string }).step, from);
  }

  #committed(changes: readonly { readonly key: string; readonly value: Json | null }[]): void {
    this.checkers.committed(changes);
    this.queue.mix(changes.length);
    for (const { key, value } of this.delegates.length === 0 ? [] : changes) {
      if (key === 'group/trading') this.#delegateChecker.recorded(value as unknown as GroupRecord);
      if (key.startsWith('journal/trading/0') && value !== null)
        this.#delegateChecker.journalled(value as unknown as JournalEntry);
    }
    if (!this.tracing) return;
    for (const { key, value } of changes) {
      if (key === 'group/trading') this.#told.record(value as unknown as GroupRecord);
      if (key.startsWith('journal/trading/0') && value !== null) this.#told.journal(value as unknown as JournalEntry);
    }
  }

  #steadilyHeard(host: string): boolean {
    const { silenceFloorMs, silenceCeilingMs } = this.topology.timing;
    const { now } = this.queue;
    const hearing = this.controllers.filter((controller) => {
      const heard = controller.hears.get(host);
      return (
        controller.running &&
        heard !== undefined &&
        now - heard.lastAt < STEADY * silenceFloorMs &&
        heard.steadySince < now - 3 * silenceCeilingMs
      );
    });
    return hearing.length > this.controllers.length / 2;
  }

  #agentReachable(instance: InstanceModel): boolean {
    const host = this.hosts.find((each) => each.id === instance.place.host);
    if (!host) return false;
    if (
      host.agent.running &&
      this.controllers.some((controller) => controller.running && this.network.open(controller.place, host.agent.place))
    )
      return true;
    const { now } = this.queue;
    return this.controllers.some(
      (controller) =>
        now - (controller.hears.get(host.id)?.lastAt ?? -Infinity) < this.topology.timing.silenceCeilingMs,
    );
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
    for (const delegate of this.delegates) delegate.boot();
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
      this.ask({ kind: 'activate', group: GROUP, site: this.topology.sites[0]!.id }, { name: 'ada', role: 'admin' });
      this.#activate();
    });
  }

  /** A person speaks to whoever leads. False = nobody does. */
  ask(request: OperatorRequest, person: Person, then: (answer: OperatorAnswer) => void = () => {}): boolean {
    const leader = this.leader;
    if (leader === null) return false;
    this.#tickets += 1;
    if (this.tracing) this.say(`${person.name} (${person.role}) asks ${leader.site}: ${request.kind}`);
    this.checkers.asked(person, request);
    this.#onAnswer.set(this.#tickets, (answer) => {
      if (answer.kind === 'refused') this.checkers.refused(request);
      this.coverage.count(`answer: ${request.kind} ${answer.kind === 'refused' ? answer.code : answer.kind}`);
      if (this.tracing)
        this.say(
          `${person.name} is answered: ${answer.kind}${answer.kind === 'refused' ? ` ${answer.code} ${answer.found}` : ''}`,
        );
      then(answer);
    });
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
        for (const [, routes] of host.agent.driver.routes)
          for (const target of Object.values(routes)) {
            const instance = target === null ? null : this.instances.get(target);
            if (!instance) continue;
            this.#writes += 1;
            const id = this.#writes;
            this.network.send(host.agent.place, instance.place, () => this.#written(instance, id));
          }
      this.#write();
    });
  }

  /** Every fourth request to an engine is a cancel. */
  #written(instance: InstanceModel, id: number): void {
    const engine = instance.component.kind === 'trading-engine';
    if (engine) this.#orders += 1;
    const cancel = engine && this.#orders % 4 === 0;
    const answer = instance.write(id, cancel);
    if (answer === 'halted') this.coverage.count('halt: an order was refused');
    if (answer === 'draining') this.coverage.count('drain: an order was refused');
  }

  /** The bound of its silence is 0 here: what an engine would go on taking for that long is not taken. */
  #riskApproved({ instance: { id } }: InstanceModel): boolean {
    const { siteOfInstance } = indexOf(this.topology);
    const risk = this.topology.components.find(({ kind }) => kind === 'risk-engine');
    if (risk === undefined) return true;
    return risk.instances.some((each) => {
      const model = this.instances.get(each.id)!;
      return (
        siteOfInstance.get(each.id) === siteOfInstance.get(id) &&
        model.process === 'running' &&
        model.couldRelease &&
        !model.inRecovery
      );
    });
  }

  /** Null when every run has ended and each component has one serving holder; else what is missing. */
  unserved(): string | null {
    return unservedIn(this);
  }

  /** Null when, beside that, all that can stand by does, durability is as asked for and nobody else believes to be primary; else what is missing. */
  incomplete(): string | null {
    return incompleteIn(this);
  }
}
