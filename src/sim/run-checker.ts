import type { GroupRecord, LeaseRecord } from '../core/authority/group-record.ts';
import { gateBinds } from '../core/authority/proof-suffices.ts';
import type { InstanceId } from '../core/base/ids.ts';
import type { Brakes } from '../core/decision/brakes.ts';
import { type OperatorRequest, type Person, ROLES, type Role } from '../core/operator/operator-request.ts';
import type { RecoveryPlan } from '../core/plan/recovery-plan.ts';
import type { JournalEntry, RunEvent } from '../core/run/run.ts';
import type { Topology } from '../core/topology/topology.ts';
import type { Command } from '../engine/messages.ts';
import type { Invariant, Truth } from './checkers.ts';
import type { Coverage } from './coverage.ts';
import type { InstanceModel } from './instance-model.ts';

/** What a run is judged by. */
export interface Watched {
  readonly topology: Topology;
  readonly coverage: Coverage;
  readonly instances: ReadonlyMap<InstanceId, InstanceModel>;
  readonly truth: Truth;
  violated(invariant: Invariant, detail: string): void;
  record(): GroupRecord | null;
  /** Newest renewal of a component. */
  lease(component: string): LeaseRecord | null;
  /** From now on acknowledged writes may be missing. */
  lossAccepted(): void;
}

/** A holder that changed its state a moment ago may be seen as it was. */
const SETTLED_MS = 3000;

/**
 * Watches the journal: who opened which run and was allowed to, that no two may act, that nothing is commanded which it did not
 * announce (I5, I7, I8), and that nobody is deposed who serves or cannot be proved silent (H5, I3).
 */
export class RunChecker {
  readonly #watched: Watched;
  readonly #begun = new Set<string>();
  /** Runs whose drain ended well. */
  readonly #drained = new Set<string>();
  readonly #plans = new Map<string, RecoveryPlan>();
  readonly #asked: { readonly by: string; readonly role: Role; readonly request: OperatorRequest }[] = [];
  readonly #refused = new Set<OperatorRequest>();
  #open: { readonly run: string; readonly scope: string } | null = null;
  #superseded: { readonly run: string; readonly scope: string } | null = null;
  /** Of the leader that the authority names. */
  term = 0;
  brakes: Brakes | null = null;
  takeovers = 0;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  /** Nothing came of it. */
  refused(request: OperatorRequest): void {
    this.#refused.add(request);
  }

  asked(person: Person, request: OperatorRequest): void {
    if (person.role !== 'observer') this.#asked.push({ by: person.name, role: person.role, request });
  }

  wasFencedByHand(instance: InstanceId): boolean {
    return this.#asked.some(({ request }) => request.kind === 'fence' && request.instance === instance);
  }

  /** The run that a restored authority showed is over. */
  adopted(): void {
    this.#open = null;
  }

  /** I5, I8: nothing is commanded that the journal did not announce, and nobody is promoted who is not in the plan. */
  commanded(command: Command): void {
    if (command.run.startsWith('operator-')) return;
    this.#watched.coverage.count('I8: a command');
    if (!this.#begun.has(`${command.run}/${command.step}`))
      this.#watched.violated('I8', `${command.key} was sent before the journal says that its step began`);
    const { order } = command;
    if (order.kind === 'promote' && !this.#plans.get(command.run)?.moves.some((move) => move.to === order.instance))
      this.#watched.violated(
        'I5',
        `${command.key} promotes ${order.instance}, which is not in the plan of ${command.run}`,
      );
  }

  journalled(entry: JournalEntry): void {
    if (entry.term < this.term)
      this.#watched.violated(
        'I2',
        `journal entry ${entry.number} of term ${entry.term} was accepted in term ${this.term}`,
      );
    for (const event of entry.events) {
      switch (event.kind) {
        case 'opened':
          this.#opened(entry, event);
          break;
        case 'step-started':
          if (!this.#plans.get(entry.run)?.steps.some((step) => step.id === event.step))
            this.#watched.violated('I5', `${entry.run} began ${event.step}, which its plan does not have`);
          this.#begun.add(`${entry.run}/${event.step}`);
          this.#watched.coverage.count(`step: ${event.step}`);
          break;
        case 'closed':
          this.#watched.coverage.count(`run: ${event.result}`);
          if (event.result === 'completed' && this.#plans.get(entry.run)?.runbook !== 'activate-site')
            this.takeovers += 1;
          if (this.#open?.run === entry.run) {
            this.#superseded = event.result === 'superseded' ? this.#open : null;
            this.#open = null;
          }
          break;
        case 'abandoned':
          this.#begun.add(`${entry.run}/resume`);
          this.#watched.coverage.count('drain: given up');
          break;
        case 'step-finished':
          if (event.step === 'drain') this.#drainEnded(entry.run, event.outcome);
          if (event.step === 'revoke') this.#revoked(entry.run);
          for (const proof of event.proofs ?? []) this.#watched.coverage.count(`proof: ${proof.method}`);
      }
    }
  }

  #drainEnded(run: string, outcome: string): void {
    if (outcome === 'ok') this.#drained.add(run);
    if (outcome === 'unknown') this.#watched.coverage.count('drain: went on in spite of its deadline');
  }

  /** F5: when a planned move takes the right to write away, the engine that it leaves has no order in flight. */
  #revoked(run: string): void {
    const plan = this.#plans.get(run);
    if (plan?.runbook !== 'switchover-site') return;
    for (const { from } of plan.moves) {
      const engine = from === null ? undefined : this.#watched.instances.get(from);
      if (engine?.component.kind !== 'trading-engine' || engine.role !== 'primary' || !this.#drained.has(run)) continue;
      this.#watched.coverage.count('F5: a drained engine was revoked');
      if (!engine.draining) this.#watched.violated('F5', `${run} revokes ${engine.id}, which still takes orders`);
      if (engine.ordersInFlight > 0)
        this.#watched.violated('F5', `${run} revokes ${engine.id} with ${engine.ordersInFlight} orders in flight`);
    }
  }

  #opened(entry: JournalEntry, event: Extract<RunEvent, { kind: 'opened' }>): void {
    const { plan } = event;
    this.#watched.coverage.count(`plan: ${plan.runbook}`);
    this.#watched.coverage.count('I7: a run was opened');
    if (this.#open !== null && this.#open.run !== entry.run)
      this.#watched.violated('I7', `${entry.run} opened while ${this.#open.run} is open`);
    if (this.#superseded !== null && !(this.#superseded.scope === 'instance' && plan.scope === 'site'))
      this.#watched.violated(
        'I7',
        `${entry.run} (${plan.scope}) superseded ${this.#superseded.run} (${this.#superseded.scope}), which is not narrower`,
      );
    this.#superseded = null;
    this.#open = { run: entry.run, scope: plan.scope };
    this.#plans.set(entry.run, plan);
    this.#allowed(entry, event);
    this.#prepared(event);
    if (event.automatic && (plan.trigger === 'PrimaryDown' || plan.trigger === 'SiteDown'))
      this.#needed(entry.run, plan);
    if (event.automatic) this.#fencable(entry.run, plan);
  }

  /** I5, and I4's exception: by a policy, by an approval of this very plan, or by a person who asked for it. */
  #allowed(entry: JournalEntry, { plan, automatic, by }: Extract<RunEvent, { kind: 'opened' }>): void {
    const group = this.#watched.topology.groups[0]!;
    const wide = plan.scope === 'site' || plan.toSite !== (this.#watched.record()?.activeSite ?? plan.toSite);
    const policy = wide ? group.sitePolicy : group.instancePolicy;
    const approval = this.brakes?.approvals.find((each) => each.digest === plan.digest) ?? null;
    const request =
      this.#asked.find(
        (each) =>
          each.by === by &&
          ((each.request.kind === 'activate' && this.#watched.record() === null) ||
            each.request.kind === 'recover' ||
            (each.request.kind === 'move' && (each.request.toSite ?? plan.toSite) === plan.toSite)),
      )?.request ?? null;
    if (automatic) {
      this.#watched.coverage.count(policy === 'automatic' ? 'I5: run by policy' : 'I5: run by approval');
      if (policy !== 'automatic' && !(policy === 'approval' && approval !== null))
        this.#watched.violated(
          'I5',
          `${entry.run} ran automatically under policy ${policy}, without an approval of ${plan.digest}`,
        );
    } else {
      this.#watched.coverage.count('I5: run by a person');
      if (request === null) this.#watched.violated('I5', `${entry.run} ran for ${by}, who did not ask for it`);
    }
    if (plan.predicted.lossBound.kind === 'none') return;
    const accepted = automatic
      ? approval !== null && approval.acceptsLoss !== null
      : request?.kind === 'move' &&
        this.#asked.some(
          (each) => each.by === by && each.request.kind === 'move' && each.request.acceptDataLoss !== null,
        );
    if (accepted) this.#watched.coverage.count('I4: a loss was accepted by name');
    else this.#watched.violated('I4', `${entry.run} may lose acknowledged writes and nobody accepted that`);
    this.#watched.lossAccepted();
  }

  /** F5: a planned move was approved, has its ticket and was announced, as the policy asks, or a person overrode that by name. */
  #prepared({ run, plan, by, at }: Extract<RunEvent, { kind: 'opened' }>): void {
    if (plan.runbook !== 'switchover-site') return;
    const policy = this.#watched.topology.groups[0]!.plannedMove;
    const authorised = (role: string) => ROLES.indexOf(role as Role) >= ROLES.indexOf('approver');
    const moves = this.#asked.filter((each) => each.by === by && each.request.kind === 'move');
    // Whoever was refused since meant something else by it, e.g. the same move by less than it needs.
    const request = moves.findLast((each) => !this.#refused.has(each.request)) ?? moves.at(-1);
    if (request?.request.kind !== 'move') return;
    const { overrides, ticket = null } = request.request;
    const approved =
      authorised(request.role) ||
      this.brakes?.approvals.some((each) => each.digest === plan.digest && authorised(each.role));
    const announced = this.brakes?.notices?.some((each) => each.ticket === ticket && at - each.at >= policy.noticeMs);
    const unmet = [
      ...(policy.approval && !approved ? ['P-APPROVAL'] : []),
      ...(policy.ticket && ticket === null ? ['P-TICKET'] : []),
      ...(policy.noticeMs > 0 && !announced ? ['P-NOTICE'] : []),
    ].filter((each) => !overrides.includes(each));
    this.#watched.coverage.count('F5: a planned move was prepared');
    if (unmet.length > 0) this.#watched.violated('F5', `${run} was begun by ${by} without ${unmet.join(', ')}`);
  }

  /** H5: somebody who is deposed as failed is not alive, serving and heard by a majority. */
  #needed(run: string, plan: RecoveryPlan): void {
    const deposed = plan.moves.flatMap((move) => (move.from === null ? [] : [this.#watched.instances.get(move.from)!]));
    if (deposed.length === 0 || plan.moves.some((move) => move.from === null)) return;
    this.#watched.coverage.count('H5: a holder was deposed as failed');
    const now = this.#watched.truth.now();
    const well = (each: InstanceModel) =>
      each.process === 'running' &&
      each.role === 'primary' &&
      each.couldRelease &&
      now - each.changedAt > SETTLED_MS &&
      each.ill === null &&
      each.place.host !== null &&
      this.#watched.truth.steadilyHeard(each.place.host);
    if (deposed.every(well))
      this.#watched.violated(
        'H5',
        `${run} deposes ${deposed.map((each) => each.id).join(', ')}, alive, serving and heard by a majority`,
      );
  }

  /** I3: nobody is deposed by automation who cannot be proved silent: its gate does not bind it and nobody can reach it. */
  #fencable(run: string, plan: RecoveryPlan): void {
    for (const { component, from } of plan.moves) {
      const grant = this.#watched.record()?.grants[component];
      const lease = this.#watched.lease(component);
      const holder = from === null ? null : this.#watched.instances.get(from)!;
      if (
        !grant ||
        !lease ||
        holder === null ||
        !holder.couldRelease ||
        lease.holder !== from ||
        lease.epoch !== grant.epoch
      )
        continue;
      if (
        (lease.gate === null || !gateBinds(holder.component.kind, lease.gate.kind)) &&
        !this.#watched.truth.agentReachable(holder)
      )
        this.#watched.violated('I3', `${run} deposes ${from}, which nothing can prove silent`);
    }
  }
}
