import type { GroupRecord } from '../core/authority/group-record.ts';
import type { Json } from '../core/base/canonical-json.ts';
import type { InstanceId } from '../core/base/ids.ts';
import type { JournalEntry } from '../core/run/run.ts';
import type { Topology } from '../core/topology/topology.ts';
import type { InstanceAction } from '../engine/driver-port.ts';
import type { Command, CommandOutcome } from '../engine/messages.ts';
import type { Coverage } from './coverage.ts';
import type { InstanceModel, Release } from './instance-model.ts';

export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I6' | 'I7' | 'I8' | 'I9' | 'I10' | 'I11';

export interface Violation {
  readonly invariant: Invariant;
  readonly at: number;
  readonly detail: string;
}

/**
 * Watches a world from outside and knows what must never happen. Written against the architecture's invariants, not against the
 * code: it reads the truth (models, committed transactions, what was performed), never what a controller believes.
 */
export class Checkers {
  readonly violations: Violation[] = [];
  readonly #topology: Topology;
  readonly #coverage: Coverage;
  readonly #instances: ReadonlyMap<InstanceId, InstanceModel>;
  readonly #now: () => number;
  /** Per component: newest epoch that released, and who released in each. */
  readonly #newest = new Map<string, number>();
  readonly #releaser = new Map<string, InstanceId>();
  readonly #acked = new Map<string, Set<number>>();
  readonly #accepted = new Map<string, { epoch: number; term: number }>();
  readonly #commands = new Map<string, Command>();
  readonly #begun = new Set<string>();
  #openRun: string | null = null;
  #record: GroupRecord | null = null;
  /** A person accepted a loss, or the authority was restored: I4 and what follows from it cannot be claimed. */
  lossAccepted = false;

  constructor(topology: Topology, instances: ReadonlyMap<InstanceId, InstanceModel>, coverage: Coverage, now: () => number) {
    this.#topology = topology;
    this.#instances = instances;
    this.#coverage = coverage;
    this.#now = now;
  }

  #violated(invariant: Invariant, detail: string): void {
    if (this.violations.length < 20) this.violations.push({ invariant, at: Math.round(this.#now()), detail });
  }

  get record(): GroupRecord | null {
    return this.#record;
  }

  acked(component: string): ReadonlySet<number> {
    return this.#acked.get(component) ?? new Set();
  }

  /** I1 */
  released(release: Release): void {
    const { component, instance, epoch, id } = release;
    const newest = this.#newest.get(component) ?? 0;
    if (epoch < newest) this.#violated('I1', `${instance} released ${id} in epoch ${epoch} after ${newest} had released`);
    if (epoch > newest) {
      this.#newest.set(component, epoch);
      if (newest > 0) this.#coverage.count('I1: a newer epoch released');
    }
    const key = `${component}@${epoch}`;
    const first = this.#releaser.get(key);
    if (first === undefined) this.#releaser.set(key, instance);
    else if (first !== instance) this.#violated('I1', `${instance} and ${first} both released in epoch ${epoch} of ${component}`);
    let acked = this.#acked.get(component);
    if (!acked) this.#acked.set(component, (acked = new Set()));
    acked.add(id);
  }

  /** I3, I4: at the moment of a promotion nobody else could still release, and what is promoted holds everything acknowledged. */
  promoting(instance: InstanceModel, action: Extract<InstanceAction, { kind: 'promote' }>): void {
    this.#coverage.count('I3: a promotion');
    const component = instance.component.id;
    const grant = this.#record?.grants[component];
    if (action.epoch < instance.epoch) return;
    if (instance.role === 'primary' && instance.grantEpoch === action.epoch) return;
    if (!grant || grant.epoch < action.epoch || (grant.epoch === action.epoch && grant.holder !== instance.id))
      this.#violated('I3', `${instance.id} is promoted at epoch ${action.epoch} without a grant`);
    for (const other of this.#instances.values())
      if (other !== instance && other.component.id === component && other.couldRelease && other.grantEpoch < action.epoch)
        this.#violated('I3', `${instance.id} is promoted at epoch ${action.epoch} while ${other.id} of epoch ${other.grantEpoch} could still release`);
    if (instance.component.durability === null || this.lossAccepted) return;
    const has = new Set(instance.log.map((entry) => entry.id));
    const acked = this.acked(component);
    if (acked.size > 0) this.#coverage.count('I4: a promotion after acknowledgements');
    for (const id of acked)
      if (!has.has(id)) {
        this.#violated('I4', `${instance.id} is promoted at epoch ${action.epoch} without acknowledged write ${id} of ${component}`);
        return;
      }
  }

  /** I8: nothing is commanded that the journal did not announce. */
  commanded(command: Command): void {
    this.#commands.set(`${command.key}#${command.attempt}`, command);
    if (command.run.startsWith('operator-')) return;
    this.#coverage.count('I8: a command');
    if (!this.#begun.has(`${command.run}/${command.step}`)) this.#violated('I8', `${command.key} was sent before the journal says that its step began`);
  }

  /** I2 */
  answered(host: string, outcome: CommandOutcome): void {
    const command = this.#commands.get(`${outcome.key}#${outcome.attempt}`);
    if (!command) return;
    const before = this.#accepted.get(host) ?? { epoch: 0, term: 0 };
    const stale = command.epoch < before.epoch || command.term < before.term;
    if (outcome.outcome.kind === 'refused') {
      if (stale) this.#coverage.count('I2: a stale command was refused');
      return;
    }
    // An answer to what was accepted before a newer command came is not an acceptance.
    if (outcome.repeated && stale) this.#violated('I2', `${host} answered stale ${outcome.key} (epoch ${command.epoch}, term ${command.term})`);
  }

  /** I2: at the moment of acceptance. */
  accepted(host: string, command: Command, performed: boolean): void {
    const before = this.#accepted.get(host) ?? { epoch: 0, term: 0 };
    if (performed && (command.epoch < before.epoch || command.term < before.term))
      this.#violated('I2', `${host} carried out ${command.key} of epoch ${command.epoch}, term ${command.term} after ${before.epoch}, ${before.term}`);
    this.#accepted.set(host, { epoch: Math.max(before.epoch, command.epoch), term: Math.max(before.term, command.term) });
  }

  /** I5, I7, I8: what was committed at the authority. */
  committed(changes: readonly { readonly key: string; readonly value: Json | null }[]): void {
    for (const { key, value } of changes) {
      if (key === 'group/trading') this.#recordChanged(value as unknown as GroupRecord);
      if (key.startsWith('journal/trading/0') && value !== null) this.#journalled(value as unknown as JournalEntry);
    }
  }

  #recordChanged(record: GroupRecord): void {
    const before = this.#record;
    if (before && record.epoch < before.epoch) this.#violated('I1', `the group's epoch went back from ${before.epoch} to ${record.epoch}`);
    this.#record = record;
    for (const grant of Object.values(record.grants)) if (grant.mode.kind === 'degraded') this.#coverage.count('mode: degraded');
      else if (grant.mode.kind === 'halted') this.#coverage.count('mode: halted');
    this.acknowledgementSetsIntersect();
  }

  #journalled(entry: JournalEntry): void {
    for (const event of entry.events) {
      switch (event.kind) {
        case 'opened': {
          this.#coverage.count(`plan: ${event.plan.runbook}`);
          this.#coverage.count('I7: a run was opened');
          if (this.#openRun !== null && this.#openRun !== entry.run) this.#violated('I7', `${entry.run} opened while ${this.#openRun} is open`);
          this.#openRun = entry.run;
          const { plan } = event;
          const group = this.#topology.groups[0]!;
          const policy = plan.scope === 'instance' ? group.instancePolicy : group.sitePolicy;
          const approved = event.by !== `policy ${policy}`;
          this.#coverage.count(event.automatic ? (approved ? 'I5: run by approval' : 'I5: run by policy') : 'I5: run by a person');
          if (event.automatic && policy !== 'automatic' && !approved) this.#violated('I5', `${entry.run} ran automatically under policy ${policy}`);
          break;
        }
        case 'step-started':
          this.#begun.add(`${entry.run}/${event.step}`);
          this.#coverage.count(`step: ${event.step}`);
          break;
        case 'closed':
          this.#coverage.count(`run: ${event.result}`);
          if (this.#openRun === entry.run) this.#openRun = null;
          break;
        case 'step-finished':
          for (const proof of event.proofs ?? []) this.#coverage.count(`proof: ${proof.method}`);
      }
    }
  }

  /** I6: from every receipt. */
  receipt(data: Json): void {
    const { verdict, rules, overridden } = data as unknown as { verdict: string; rules: { rule: string; outcome: string }[]; overridden: string[] };
    this.#coverage.count(`decision: ${verdict}`);
    for (const { rule, outcome } of rules) {
      this.#coverage.count(`${rule} ${outcome}`);
      if (outcome === 'cannot-evaluate') this.#coverage.count('I6: a rule could not be evaluated');
      if (verdict === 'proceed' && outcome !== 'pass' && !overridden.includes(rule)) this.#violated('I6', `proceeded although ${rule} says ${outcome}`);
    }
  }

  /** I9: whoever the holder waits for covers everybody whom the record allows to be promoted. */
  acknowledgementSetsIntersect(): void {
    if (this.#record === null) return;
    for (const grant of Object.values(this.#record.grants)) {
      if (grant.holder === null) continue;
      const holder = this.#instances.get(grant.holder);
      if (!holder || holder.role !== 'primary' || holder.grantEpoch !== grant.epoch || holder.process === 'exited') continue;
      if (grant.promotable.length > 0) this.#coverage.count('I9: a promotable set');
      for (const member of grant.promotable)
        if (!holder.ackSet.includes(member)) this.#violated('I9', `${member} may be promoted, but ${holder.id} does not wait for it`);
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

  /** I10: after the heal every run has ended and every component has one serving holder. */
  recovered(detail: string | null): void {
    this.#coverage.count('I10: a healed world');
    if (detail !== null) this.#violated('I10', detail);
  }

  /** I11 */
  siteRecoveredIn(ms: number | null, rtoMs: number): void {
    this.#coverage.count('I11: a single lost site under automatic policy');
    if (ms === null || ms > rtoMs) this.#violated('I11', ms === null ? 'a single lost site was not recovered' : `recovered in ${Math.round(ms)} ms, more than ${rtoMs}`);
  }
}
