import type { GroupRecord, LeaseRecord } from '../core/authority/group-record.ts';
import type { Json } from '../core/base/canonical-json.ts';
import type { Epoch, InstanceId } from '../core/base/ids.ts';
import type { Brakes } from '../core/decision/brakes.ts';
import { RULE_IDS } from '../core/decision/safety-rule.ts';
import type { OperatorRequest, Person } from '../core/operator/operator-request.ts';
import type { JournalEntry } from '../core/run/run.ts';
import type { Topology } from '../core/topology/topology.ts';
import type { AgentEffect } from '../engine/agent-effects.ts';
import type { InstanceAction } from '../engine/driver-port.ts';
import type { Command } from '../engine/messages.ts';
import type { Coverage } from './coverage.ts';
import type { InstanceModel } from './instance-model.ts';
import type { Release } from './instance-surroundings.ts';
import { RunChecker } from './run-checker.ts';

/**
 * The architecture's invariants; H5 of the requirements: nobody is deposed who lives and is heard; `assertion`: the code itself
 * found that it is wrong, and in production the process would have stopped.
 */
export type Invariant =
  | 'assertion'
  | 'I1'
  | 'I2'
  | 'I3'
  | 'I4'
  | 'I5'
  | 'I6'
  | 'I7'
  | 'I8'
  | 'I9'
  | 'I10'
  | 'I11'
  | 'H5'
  | 'F5';

export interface Violation {
  readonly invariant: Invariant;
  readonly at: number;
  readonly detail: string;
}

/** What the world knows and no process does. */
export interface Truth {
  now(): number;
  /** Reports of this host reach a majority of the controllers, and have for as long as any detector looks back. */
  steadilyHeard(host: string): boolean;
  /** The gate outside the agent is not running. */
  gateStopped(instance: InstanceModel): boolean;
  /** Its agent is running, and one of its reports was sent or heard a moment ago. */
  agentReachable(instance: InstanceModel): boolean;
}

interface Change {
  readonly key: string;
  readonly value: Json | null;
}

/**
 * Watches a world from outside and knows what must never happen. Written against the architecture's invariants, not against the
 * code: it reads the truth (models, committed transactions, commands as they are taken in, what was performed), never what a
 * controller believes or an agent remembers.
 */
export class Checkers {
  readonly violations: Violation[] = [];
  /** Of what runs are allowed to do. */
  readonly runs: RunChecker;
  readonly #topology: Topology;
  readonly #coverage: Coverage;
  readonly #instances: ReadonlyMap<InstanceId, InstanceModel>;
  readonly #truth: Truth;
  /** Per component: newest epoch that released, and who released in each. */
  readonly #newest = new Map<string, number>();
  readonly #releaser = new Map<string, InstanceId>();
  readonly #acked = new Map<string, Set<number>>();
  readonly #leases = new Map<string, LeaseRecord>();
  /** Highest epoch and term that each host has taken a command of. */
  readonly #taken = new Map<string, { epoch: number; term: number }>();
  #record: GroupRecord | null = null;
  /** Foreign writers that were stopped together with their gates when somebody took over from them. */
  readonly #wasStopped = new Set<InstanceId>();
  /** Since when the record says of some component that it stands still. */
  #haltedSince: number | null = null;
  /** Reigns in which a person let a halted component go on. */
  readonly #acceptedIn = new Set<string>();
  /** A person accepted a loss, or the authority was restored: I4 and what follows from it cannot be claimed. */
  lossAccepted = false;

  constructor(topology: Topology, instances: ReadonlyMap<InstanceId, InstanceModel>, coverage: Coverage, truth: Truth) {
    this.#topology = topology;
    this.#instances = instances;
    this.#coverage = coverage;
    this.#truth = truth;
    this.runs = new RunChecker({
      topology,
      coverage,
      instances,
      truth,
      violated: (invariant, detail) => this.#violated(invariant, detail),
      record: () => this.#record,
      lease: (component) => this.#leases.get(component) ?? null,
      lossAccepted: () => {
        this.lossAccepted = true;
      },
    });
  }

  get takeovers(): number {
    return this.runs.takeovers;
  }

  /** Found by a checker of its own. */
  violated(invariant: Invariant, detail: string): void {
    this.#violated(invariant, detail);
  }

  #violated(invariant: Invariant, detail: string): void {
    if (this.violations.length < 20) this.violations.push({ invariant, at: Math.round(this.#truth.now()), detail });
  }

  /** A core threw. */
  crashed(error: unknown): void {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const lines = stack.split('\n').filter((line) => !line.includes('/core/base/assert'));
    this.#violated(
      'assertion',
      lines
        .slice(0, 4)
        .map((line) => line.trim().replace(/\(?file:.*\/(src\/[^)]*)\)?/, '$1'))
        .join(' '),
    );
  }

  get record(): GroupRecord | null {
    return this.#record;
  }

  acked(component: string): ReadonlySet<number> {
    return this.#acked.get(component) ?? new Set();
  }

  /** I1, and I9 at the only moment that counts: whoever may be promoted has what is acknowledged, on its disk. */
  released(release: Release): void {
    const { component, instance, epoch, id, index } = release;
    const newest = this.#newest.get(component) ?? 0;
    if (epoch < newest && !this.#conceded(instance) && !this.#alreadyHeld(component, instance, index, id))
      this.#violated('I1', `${instance} released ${id} in epoch ${epoch} after ${newest} had released`);
    if (epoch > newest) {
      this.#newest.set(component, epoch);
      if (newest > 0) this.#coverage.count('I1: a newer epoch released');
    }
    const key = `${component}@${epoch}`;
    const first = this.#releaser.get(key);
    if (first === undefined) this.#releaser.set(key, instance);
    else if (first !== instance)
      this.#violated('I1', `${instance} and ${first} both released in epoch ${epoch} of ${component}`);
    let acked = this.#acked.get(component);
    if (!acked) {
      acked = new Set();
      this.#acked.set(component, acked);
    }
    acked.add(id);
    this.#alone(release);
    const grant = this.#record?.grants[component as never];
    if (!grant || grant.holder !== instance || grant.epoch !== epoch || this.lossAccepted) return;
    for (const member of grant.promotable)
      if (!this.#instances.get(member)?.holds(index, id))
        this.#violated('I9', `${instance} acknowledged ${id}; ${member} may be promoted and does not have it`);
  }

  /**
   * I4 where the policy is to halt: an order, or a commit, that a client is told of is on a disk at another site at that moment,
   * unless somebody accepted that it need not be. Cancels pass; and new risk ends soon after any component of the group stands still.
   */
  #alone({ component, instance, epoch, id, index, cancel }: Release): void {
    const model = this.#instances.get(instance)!;
    const { durability } = model.component;
    if (cancel) {
      if (model.halted) this.#coverage.count('halt: a cancel passed');
      return;
    }
    const now = this.#truth.now();
    if (model.selfGated && this.#haltedSince !== null && now - this.#haltedSince > this.#haltBoundMs)
      this.#violated(
        'I4',
        `${instance} acknowledges order ${id} although the group has stood still for ${Math.round(now - this.#haltedSince)} ms`,
      );
    if (durability?.afterPeerLoss !== 'halt' || epoch < (this.#newest.get(component) ?? 0)) return;
    if (this.#acceptedIn.has(`${component}@${epoch}`)) return this.#coverage.count('halt: ended by a person');
    this.#coverage.count('halt: a write with a copy elsewhere');
    const elsewhere = model.component.instances.filter((each) => this.#siteOf(each.id) !== this.#siteOf(instance));
    if (!elsewhere.some((each) => this.#instances.get(each.id)?.holds(index, id)))
      this.#violated(
        'I4',
        `${instance} acknowledged ${id}, which nobody at another site has, and the policy is to halt`,
      );
  }

  #siteOf(instance: InstanceId): string | undefined {
    return this.#instances.get(instance)?.place.site;
  }

  /** The engine is told by its agent, which cannot renew the lease without knowing the record; a lost answer is asked for again. */
  get #haltBoundMs(): number {
    const { selfFenceAfterMs, stopWithinMs, stepDeadlineMs } = this.#topology.timing;
    return selfFenceAfterMs + stopWithinMs + 2 * stepDeadlineMs;
  }

  #noteHalts(record: GroupRecord): void {
    const grants = Object.values(record.grants);
    const halted = grants.some((grant) => grant.mode.kind === 'halted');
    this.#haltedSince = halted ? (this.#haltedSince ?? this.#truth.now()) : null;
    for (const { component, epoch, mode } of grants)
      if (mode.kind !== 'strict' && mode.accepted) this.#acceptedIn.add(`${component}@${epoch}`);
  }

  /**
   * A foreign writer that was stopped together with its gate finds, when it is thawed, answers of its replicas from before they learnt
   * of the newer epoch, and tells its client. Nothing is lost by that: whoever released in the newer epoch has the write.
   */
  #alreadyHeld(component: string, instance: InstanceId, index: number, id: number): boolean {
    const model = this.#instances.get(instance);
    if (!model || model.selfGated || !this.#truth.gateStopped(model)) return false;
    const successor = this.#releaser.get(`${component}@${this.#newest.get(component)}`);
    return successor !== undefined && this.#instances.get(successor)?.holds(index, id) === true;
  }

  /**
   * What nothing can prevent: a foreign writer whose gate is stopped with it, and which waits for nobody (it acknowledges alone by
   * its own policy, or a person accepted the loss), may acknowledge once more when it is thawed. Only receivers stop a paused machine.
   */
  #conceded(instance: InstanceId): boolean {
    const model = this.#instances.get(instance);
    if (!model || model.selfGated || model.ackSet.length > 0) return false;
    return (
      this.lossAccepted ||
      (model.component.durability === null && (this.#truth.gateStopped(model) || this.#wasStopped.has(instance)))
    );
  }

  /** I3, I4: at the moment of a promotion nobody else could still release, and what is promoted holds everything acknowledged. */
  promoting(instance: InstanceModel, action: Extract<InstanceAction, { kind: 'promote' }>, leaseLeft: boolean): void {
    this.#coverage.count('I3: a promotion');
    const component = instance.component.id;
    const grant = this.#record?.grants[component];
    if (action.epoch < instance.epoch) return;
    if (instance.role === 'primary' && instance.grantEpoch === action.epoch) return;
    if (!grant || grant.epoch < action.epoch || (grant.epoch === action.epoch && grant.holder !== instance.id))
      this.#violated('I3', `${instance.id} is promoted at epoch ${action.epoch} without a grant`);
    for (const other of this.#instances.values()) {
      if (other === instance || other.component.id !== component) continue;
      if (other.couldRelease && other.grantEpoch < action.epoch) {
        if (this.#conceded(other.id)) this.#wasStopped.add(other.id);
        else
          this.#violated(
            'I3',
            `${instance.id} is promoted at epoch ${action.epoch} while ${other.id} of epoch ${other.grantEpoch} could still release`,
          );
      }
      if (this.#outlivedItsGate(other, action.epoch) && !this.#conceded(other.id))
        this.#violated(
          'I3',
          `${instance.id} is promoted at epoch ${action.epoch} while ${other.id} of epoch ${other.grantEpoch} is still open, and its gate runs`,
        );
      if (leaseLeft && other.role === 'primary' && other.grantEpoch > action.epoch)
        this.#violated(
          'I3',
          `${instance.id} is promoted at epoch ${action.epoch} although ${other.id} is primary at epoch ${other.grantEpoch}`,
        );
    }
    // Too late for its own deadline it is refused, and nothing was promoted.
    if (!leaseLeft || instance.component.durability === null || this.lossAccepted) return;
    const has = new Set(instance.log.map((entry) => entry.id));
    const acked = this.acked(component);
    if (acked.size > 0) this.#coverage.count('I4: a promotion after acknowledgements');
    for (const id of acked)
      if (!has.has(id)) {
        this.#violated(
          'I4',
          `${instance.id} is promoted at epoch ${action.epoch} without acknowledged write ${id} of ${component}`,
        );
        return;
      }
  }

  /** Ended by nobody although its gate is there to end it: whoever waited for that did not wait long enough. */
  #outlivedItsGate(other: InstanceModel, epoch: Epoch): boolean {
    const open = other.process !== 'exited' && other.role === 'primary' && other.opened;
    const older = other.grantEpoch > 0 && other.grantEpoch < epoch;
    return open && older && !other.selfGated && !this.#truth.gateStopped(other);
  }

  /** I3: what became primary is opened for writing only under a right to write that still runs. */
  opening(instance: InstanceModel, leaseLeft: boolean): void {
    if (!leaseLeft)
      this.#violated('I3', `${instance.id} is opened at epoch ${instance.grantEpoch} after its lease has run out`);
  }

  /** I2: a host that has taken in a newer command refuses this one at once, whatever it remembers of it. */
  taken(host: string, command: Command, effects: readonly AgentEffect[]): void {
    const before = this.#taken.get(`${host}/${command.group}`) ?? { epoch: 0, term: 0 };
    if (command.epoch >= before.epoch && command.term >= before.term) {
      this.#taken.set(`${host}/${command.group}`, { epoch: command.epoch, term: command.term });
      return;
    }
    const refused = effects.some(
      (effect) =>
        effect.kind === 'answer' && effect.outcome.key === command.key && effect.outcome.outcome.kind === 'refused',
    );
    if (refused) this.#coverage.count('I2: a stale command was refused');
    else
      this.#violated(
        'I2',
        `${host} took ${command.key} of epoch ${command.epoch}, term ${command.term} after epoch ${before.epoch}, term ${before.term}`,
      );
  }

  /** A person spoke to the leader. */
  asked(person: Person, request: OperatorRequest): void {
    this.runs.asked(person, request);
  }

  /** And was told that nothing comes of it. */
  refused(request: OperatorRequest): void {
    this.runs.refused(request);
  }

  /** I5, I7, I8: one transaction as it was committed. */
  committed(changes: readonly Change[]): void {
    const entries = changes.flatMap(({ key, value }) =>
      key.startsWith('journal/trading/0') && value !== null ? [value as unknown as JournalEntry] : [],
    );
    for (const entry of entries) this.runs.journalled(entry);
    for (const { key, value } of changes) {
      if (key === 'group/trading') this.#recordChanged(value as unknown as GroupRecord, entries);
      if (key === 'leader') this.runs.term = (value as unknown as { term: number }).term;
      if (key === 'brakes/trading') this.runs.brakes = value as unknown as Brakes;
      if (key.startsWith('lease/trading/') && value !== null) this.#renewed(value as unknown as LeaseRecord);
    }
  }

  /** I2: a renewal is a claim under a grant, or of a gate for whom the record names; one of a revoked grant is stale. */
  #renewed(lease: LeaseRecord): void {
    this.#leases.set(lease.component, lease);
    const grant = this.#record?.grants[lease.component] ?? this.#record?.delegates?.[lease.component];
    if (grant?.holder !== lease.holder || grant.epoch !== lease.epoch)
      this.#violated(
        'I2',
        `a renewal of ${lease.holder} in epoch ${lease.epoch} was accepted; ${lease.component} is held by ${grant?.holder ?? 'nobody'} in epoch ${grant?.epoch ?? 0}`,
      );
  }

  #recordChanged(record: GroupRecord, entries: readonly JournalEntry[]): void {
    const before = this.#record;
    const events = entries.flatMap((entry) => entry.events);
    // A person's word about a restored authority takes every grant; it is its own record, and gives none.
    const adopting = record.adopted !== undefined && record.incarnation !== before?.incarnation;
    if (adopting) this.runs.adopted();
    if (before && record.epoch < before.epoch)
      this.#violated('I1', `the group's epoch went back from ${before.epoch} to ${record.epoch}`);
    for (const grant of Object.values(record.grants)) {
      const old = before?.grants[grant.component];
      if (grant.holder !== (old?.holder ?? null)) {
        const announced = grant.holder === null ? 'revoke' : 'grant';
        if (
          !(adopting && grant.holder === null) &&
          !events.some((event) => event.kind === 'step-finished' && event.step === announced)
        )
          this.#violated('I8', `${grant.component} changed hands without a journal entry`);
        if (grant.holder !== null && grant.epoch <= (old?.revoked?.epoch ?? 0))
          this.#violated(
            'I1',
            `${grant.component} is granted to ${grant.holder} in epoch ${grant.epoch}, which was given out before`,
          );
      }
      if (grant.mode.kind !== 'strict') this.#coverage.count(`mode: ${grant.mode.kind}`);
    }
    this.#record = record;
    this.#noteHalts(record);
    this.acknowledgementSetsIntersect();
  }

  /** H5: what is told to be silent by a quorum is not heard by one. */
  diagnosed(diagnoses: readonly { readonly kind: string; readonly host: string | null }[]): void {
    for (const { kind, host } of diagnoses)
      if (kind === 'HostSilent' && host !== null && this.#truth.steadilyHeard(host))
        this.#violated('H5', `${host} is said to be silent by a quorum, and a majority hears it`);
  }

  /** H5: an agent does not stop what holds the grant, and its lease, and serves, unless a person says so. */
  killing(instance: InstanceModel, leaseLeftMs: number): void {
    const grant = this.#record?.grants[instance.component.id];
    if (
      !grant ||
      grant.holder !== instance.id ||
      instance.role !== 'primary' ||
      instance.process !== 'running' ||
      instance.grantEpoch !== grant.epoch
    )
      return;
    if (leaseLeftMs < this.#topology.timing.selfFenceAfterMs / 2 || this.runs.wasFencedByHand(instance.id)) return;
    this.#violated('H5', `its own agent kills ${instance.id}, which holds the grant and its lease and serves`);
  }

  /** I6: from every receipt. */
  receipt(data: Json): void {
    const { verdict, rules, prerequisites, overridden } = data as unknown as {
      verdict: string;
      rules: { rule: string; outcome: string }[];
      prerequisites: { prerequisite: string; outcome: string }[];
      overridden: string[];
    };
    this.#coverage.count(`decision: ${verdict}`);
    if (new Set(rules.map(({ rule }) => rule)).size !== RULE_IDS.length)
      this.#violated('I6', `a decision asked ${rules.length} of ${RULE_IDS.length} rules`);
    for (const { rule, outcome } of rules) {
      this.#coverage.count(`${rule} ${outcome}`);
      if (outcome === 'cannot-evaluate') this.#coverage.count('I6: a rule could not be evaluated');
      if (verdict === 'proceed' && outcome !== 'pass' && !overridden.includes(rule))
        this.#violated('I6', `proceeded although ${rule} says ${outcome}`);
    }
    for (const { prerequisite, outcome } of prerequisites) {
      this.#coverage.count(`${prerequisite} ${outcome}`);
      const held = outcome === 'fail' || outcome === 'cannot-evaluate';
      if (verdict === 'proceed' && held && !overridden.includes(prerequisite))
        this.#violated('I6', `proceeded although ${prerequisite} says ${outcome}`);
    }
  }

  /** I9: whoever the holder waits for covers everybody whom the record allows to be promoted. */
  acknowledgementSetsIntersect(): void {
    if (this.#record === null) return;
    for (const grant of Object.values(this.#record.grants)) {
      if (grant.holder === null) continue;
      const holder = this.#instances.get(grant.holder);
      if (holder?.role !== 'primary' || holder.grantEpoch !== grant.epoch || holder.process === 'exited') continue;
      if (grant.promotable.length > 0) this.#coverage.count('I9: a promotable set');
      for (const member of grant.promotable)
        if (!holder.ackSet.includes(member))
          this.#violated('I9', `${member} may be promoted, but ${holder.id} does not wait for it`);
    }
  }

  /** I4 again, after everything has healed: the truth is what the serving primary holds. */
  finalState(): void {
    if (this.lossAccepted || this.#record === null) return;
    for (const grant of Object.values(this.#record.grants)) {
      const holder = grant.holder === null ? null : this.#instances.get(grant.holder);
      if (!holder || holder.component.durability === null) continue;
      const has = new Set(holder.log.map((entry) => entry.id));
      for (const id of this.acked(grant.component))
        if (!has.has(id)) {
          this.#violated('I4', `after the heal ${holder.id} lacks acknowledged write ${id}`);
          break;
        }
    }
  }

  /** I10: after the heal every run has ended, every component has one serving holder, and all that can stand by does. */
  recovered(detail: string | null): void {
    this.#coverage.count('I10: a healed world');
    if (detail !== null) this.#violated('I10', detail);
  }

  /** I3: a restored authority names nobody before a person has adopted it. */
  blockedUntilAdopted(epochRestored: number, epochNow: number): void {
    if (epochNow !== epochRestored)
      this.#violated('I3', `a restored authority was acted upon: epoch ${epochRestored} became ${epochNow}`);
  }

  /** I11 */
  siteRecoveredIn(ms: number | null, rtoMs: number): void {
    this.#coverage.count('I11: a single lost site under automatic policy');
    if (ms === null || ms > rtoMs)
      this.#violated(
        'I11',
        ms === null ? 'a single lost site was not recovered' : `recovered in ${Math.round(ms)} ms, more than ${rtoMs}`,
      );
  }
}
